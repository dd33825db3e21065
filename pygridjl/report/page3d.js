"use strict";
(() => {
  const data = JSON.parse(document.getElementById("scene").textContent);
  const root = document.documentElement;
  const canvas = document.getElementById("view");
  const ctx = canvas.getContext("2d");
  const byId = (id) => document.getElementById(id);
  const n = data.points.length, m = data.groups.length;

  // One round of the animation, s, and when in it the points move.
  const ROUND = 14, LEAVE = 0.4, ARRIVE = 0.6, STAGGER = 0.35;
  // Labels of all points up to this many; beyond, those of the nearest.
  const ALL_LABELS = 60, NEAREST = 28;
  // View from above, steeper where many groups would hide each other.
  const PITCH = m > 7 ? 0.85 : 0.55;
  const clamp = (x, a, b) => Math.min(b, Math.max(a, x));
  const smooth = (x) => { x = clamp(x, 0, 1); return x * x * x * (x * (6 * x - 15) + 10); };
  const signed = (x) => (x < 0 ? "−" : "+") + Math.abs(x).toPrecision(3);
  const short = (x) => (x === null ? "–" : Number(x.toPrecision(4)).toString());

  // ---- state ---------------------------------------------------------------------------------
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const state = {
    t: 0, playing: true, loop: true, labels: true, embedding: data.embedding,
    yaw: 0.2, pitch: PITCH, zoom: 1, turn: !calm, hover: -1, x: -1, y: -1,
  };
  const asked = /^#t=([0-9.]+)$/.exec(location.hash);
  if (asked) {
    // A moment can be linked to: page.html#t=0.5 stands still in the middle.
    state.t = clamp(Number(asked[1]) || 0, 0, 1);
    state.playing = false;
    state.turn = false;
  }

  // ---- colours -------------------------------------------------------------------------------
  const hue = (g) => (205 + (360 * g) / Math.max(m, 1)) % 360;
  const scale = Math.max(...data.d.map(Math.abs), 1e-12);
  const SHADES = 24;
  const mix = (a, b, s) => a.map((v, k) => Math.round(v + (b[k] - v) * s));
  function shade(s) {
    // Below zero blue, zero nearly white, above zero amber to red.
    const size = Math.sqrt(Math.abs(s));
    if (s < 0) return mix([214, 232, 255], [56, 150, 255], size);
    return size < 0.6 ? mix([255, 240, 214], [255, 178, 64], size / 0.6)
      : mix([255, 178, 64], [255, 74, 92], (size - 0.6) / 0.4);
  }
  const sprites = Array.from({ length: SHADES + 1 }, (_, k) => {
    const [r, g, b] = shade((2 * k) / SHADES - 1), size = 96;
    const sprite = document.createElement("canvas");
    sprite.width = sprite.height = size;
    const pen = sprite.getContext("2d"), c = size / 2;
    const glow = pen.createRadialGradient(c, c, 0, c, c, c);
    glow.addColorStop(0, `rgba(${r},${g},${b},.85)`);
    glow.addColorStop(0.22, `rgba(${r},${g},${b},.5)`);
    glow.addColorStop(0.5, `rgba(${r},${g},${b},.13)`);
    glow.addColorStop(1, `rgba(${r},${g},${b},0)`);
    pen.fillStyle = glow;
    pen.fillRect(0, 0, size, size);
    const ball = pen.createRadialGradient(c - 5, c - 6, 1, c, c, 15);
    ball.addColorStop(0, "rgba(255,255,255,1)");
    ball.addColorStop(0.45, `rgba(${r},${g},${b},1)`);
    ball.addColorStop(1, `rgba(${r >> 1},${g >> 1},${b >> 1},.95)`);
    pen.fillStyle = ball;
    pen.beginPath();
    pen.arc(c, c, 14, 0, 7);
    pen.fill();
    return sprite;
  });
  const look = data.d.map((d) => sprites[Math.round(((d / scale + 1) / 2) * SHADES)]);
  // Repeatable spread of departures over the move, 0 to 1.
  const delay = Float32Array.from({ length: n }, (_, j) => (j * 0.618033988749895) % 1);
  // Points shrink as there are more, so that 2,000 stay apart.
  const body = data.radius * clamp(0.62 / Math.cbrt(n / m), 0.05, 0.34);

  // ---- geometry ------------------------------------------------------------------------------
  let width = 1, height = 1, focus = 1, far = 1;
  const cam = { cy: 1, sy: 0, cp: 1, sp: 0 };
  function resize() {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    width = innerWidth;
    height = innerHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  }
  const out = new Float32Array(3);
  function project(x, y, z) {
    const u = x * cam.cy - z * cam.sy, w = x * cam.sy + z * cam.cy;
    const v = y * cam.cp + w * cam.sp, depth = w * cam.cp - y * cam.sp + far;
    const f = focus / Math.max(depth, 1e-3);
    out[0] = centre + u * f;
    out[1] = height * 0.44 - v * f;
    out[2] = depth;
    return f;
  }
  let centre = 0;
  function aim() {
    cam.cy = Math.cos(state.yaw); cam.sy = Math.sin(state.yaw);
    cam.cp = Math.cos(state.pitch); cam.sp = Math.sin(state.pitch);
    // The panel on the left hides part of wide windows.
    const hidden = width > 900 ? 330 : 0;
    centre = hidden / 2 + width / 2;
    focus = Math.min(width - hidden, height * 1.08) * 1.25;
    far = (data.extent * 3.15) / state.zoom;
  }
  const place = new Float32Array(3);
  function where(j, t) {
    const from = data.places[state.embedding].before, to = data.places[state.embedding].after;
    const k = 3 * j;
    const span = ARRIVE - LEAVE, begin = LEAVE + span * STAGGER * delay[j];
    const s = smooth((t - begin) / (span * (1 - STAGGER)));
    const dx = to[k] - from[k], dy = to[k + 1] - from[k + 1], dz = to[k + 2] - from[k + 2];
    const lift = data.from[j] === data.to[j] ? 0
      : 0.3 * Math.hypot(dx, dy, dz) * Math.sin(Math.PI * s);
    place[0] = from[k] + dx * s;
    place[1] = from[k + 1] + dy * s + lift;
    place[2] = from[k + 2] + dz * s;
    return s;
  }

  // ---- drawing -------------------------------------------------------------------------------
  const sx = new Float32Array(n), sy = new Float32Array(n), sz = new Float32Array(n);
  const sr = new Float32Array(n), order = new Uint32Array(n).map((_, j) => j);
  function sphereAlpha(t) {
    const gone = smooth((t - (LEAVE - 0.06)) / 0.08) * (1 - smooth((t - (ARRIVE - 0.04)) / 0.08));
    return 1 - 0.93 * gone;
  }
  function drawGroups(alpha) {
    const shown = data.groups.map((_, g) => g);
    const at = shown.map((g) => {
      const f = project(...data.centres[g]);
      return [out[0], out[1], out[2], data.radius * f];
    });
    shown.sort((a, b) => at[b][2] - at[a][2]);
    for (const g of shown) {
      const [x, y, z, r] = at[g], h = hue(g);
      const fade = alpha * clamp(1.6 - z / (far * 1.6), 0.35, 1);
      const fill = ctx.createRadialGradient(x - r * 0.35, y - r * 0.4, r * 0.05, x, y, r);
      fill.addColorStop(0, `hsla(${h},90%,82%,${0.2 * fade})`);
      fill.addColorStop(0.55, `hsla(${h},80%,55%,${0.09 * fade})`);
      fill.addColorStop(0.93, `hsla(${h},85%,60%,${0.2 * fade})`);
      fill.addColorStop(1, `hsla(${h},90%,70%,${0.42 * fade})`);
      ctx.fillStyle = fill;
      ctx.beginPath();
      ctx.arc(x, y, r, 0, 7);
      ctx.fill();
    }
    return at;
  }
  // Text with a dark rim, which keeps it readable on bright spheres.
  function write(text, x, y) {
    ctx.lineJoin = "round";
    ctx.lineWidth = 3.5;
    ctx.strokeStyle = "rgba(5,8,15,0.85)";
    ctx.strokeText(text, x, y);
    ctx.fillText(text, x, y);
  }
  function drawNames(at, alpha, after) {
    if (m > 24 && state.zoom < 1.6) return;
    ctx.textAlign = "center";
    for (let g = 0; g < m; g++) {
      const [x, y, , r] = at[g];
      const size = clamp(r * 0.2, 10, 17);
      ctx.globalAlpha = alpha;
      ctx.font = `650 ${size}px system-ui, sans-serif`;
      ctx.fillStyle = `hsl(${hue(g)},85%,80%)`;
      write(data.groups[g], x, y + r + size * 1.25);
      ctx.font = `${size * 0.82}px system-ui, sans-serif`;
      ctx.fillStyle = "#b9c6d8";
      const value = after ? data.measure_after[g] : data.measure_before[g];
      write(`${data.measure} ${short(value)}`, x, y + r + size * 2.4);
    }
    ctx.globalAlpha = 1;
  }
  function drawTrails(t) {
    if (t < LEAVE || t > ARRIVE + 0.02) return;
    ctx.globalCompositeOperation = "lighter";
    ctx.lineWidth = 1.4;
    for (let j = 0; j < n; j++) {
      if (data.from[j] === data.to[j]) continue;
      const now = where(j, t);
      if (now <= 0 || now >= 1) continue;
      let f = project(place[0], place[1], place[2]);
      for (let k = 1; k <= 6; k++) {
        const x = out[0], y = out[1];
        where(j, t - 0.007 * k);
        f = project(place[0], place[1], place[2]);
        ctx.strokeStyle = `hsla(${hue(data.to[j])},95%,70%,${0.5 * (1 - k / 7)})`;
        ctx.beginPath();
        ctx.moveTo(x, y);
        ctx.lineTo(out[0], out[1]);
        ctx.stroke();
      }
    }
    ctx.globalCompositeOperation = "source-over";
  }
  function drawPoints(t) {
    for (let j = 0; j < n; j++) {
      where(j, t);
      const f = project(place[0], place[1], place[2]);
      sx[j] = out[0]; sy[j] = out[1]; sz[j] = out[2];
      sr[j] = Math.max(body * f, 1.6);
    }
    order.sort((a, b) => sz[b] - sz[a]);
    for (let k = 0; k < n; k++) {
      const j = order[k];
      // The ball takes 28 of the 96 pixels of a sprite.
      const size = (sr[j] * 96) / 28 * (j === state.hover ? 1.5 : 1);
      ctx.globalAlpha = clamp(1.75 - sz[j] / (far * 1.25), 0.3, 1);
      ctx.drawImage(look[j], sx[j] - size / 2, sy[j] - size / 2, size, size);
    }
    ctx.globalAlpha = 1;
  }
  function drawLabels() {
    const count = n <= ALL_LABELS ? n : NEAREST;
    const taken = [];
    // The nearest first: a label that would lie on another one goes to the left or not at all.
    for (let k = n - 1; k >= n - count; k--) {
      const j = order[k];
      const near = clamp(2.1 - sz[j] / (far * 0.82), 0, 1);
      if (near < 0.05 || (n > ALL_LABELS && sr[j] < 5)) continue;
      // Many points have their names alone; pointing at one tells the rest.
      const text = n > ALL_LABELS ? ""
        : `a ${short(data.a[j])}  p ${short(data.p[j])}  d ${signed(data.d[j])}`;
      const wide = Math.max(5.6 * text.length, 7 * data.points[j].length), y = sy[j];
      const free = (x) => taken.every(
        (r) => x > r[0] + r[2] || x + wide < r[0] || Math.abs(y - r[1]) > 25);
      const right = sx[j] + sr[j] + 5, left = sx[j] - sr[j] - 5 - wide;
      const x = free(right) ? right : free(left) ? left : null;
      if (x === null && j !== state.hover) continue;
      const at = x === null ? right : x;
      taken.push([at, y, wide]);
      ctx.textAlign = at === left ? "right" : "left";
      const edge = at === left ? left + wide : at;
      ctx.globalAlpha = near;
      ctx.font = "650 11px system-ui, sans-serif";
      ctx.fillStyle = "#f3f7ff";
      write(data.points[j], edge, y - 1);
      ctx.font = "10px system-ui, sans-serif";
      ctx.fillStyle = "#aebccf";
      write(text, edge, y + 11);
    }
    ctx.globalAlpha = 1;
  }
  function background() {
    const sky = ctx.createRadialGradient(
      centre, height * 0.42, 0, centre, height * 0.42, Math.max(width, height) * 0.75);
    sky.addColorStop(0, "#142036");
    sky.addColorStop(0.55, "#0a1122");
    sky.addColorStop(1, "#05080f");
    ctx.fillStyle = sky;
    ctx.fillRect(0, 0, width, height);
  }
  function draw() {
    aim();
    background();
    const alpha = sphereAlpha(state.t);
    const at = drawGroups(alpha);
    drawTrails(state.t);
    drawPoints(state.t);
    if (state.labels) drawLabels();
    drawNames(at, Math.max(alpha, 0.15), state.t >= 0.5);
    pick();
    panel();
  }

  // ---- panel ---------------------------------------------------------------------------------
  const make = (tag, text, parent) => {
    const element = document.createElement(tag);
    // Names come from data: always as text, never as markup.
    if (text !== undefined) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  };
  byId("title").textContent = data.title;
  byId("lines").textContent = data.lines.join(" · ");
  const top = Math.max(...data.measure_before, ...data.measure_after, 1e-12);
  const bars = [];
  data.groups.forEach((name, g) => {
    const row = make("tr", undefined, byId("rows"));
    const first = make("td", undefined, row);
    const dot = make("span", undefined, first);
    dot.className = "dot";
    dot.style.background = `hsl(${hue(g)},85%,65%)`;
    first.append(name);
    first.title = name;
    make("td", short(data.measure_before[g]), row);
    make("td", short(data.measure_after[g]), row);
    const bar = make("div", undefined, make("td", undefined, row));
    bar.className = "bar";
    const fill = make("i", undefined, bar);
    fill.style.background = `hsl(${hue(g)},85%,62%)`;
    bars.push(fill);
  });
  byId("measure-before").textContent = `${data.measure} before`;
  const drop = data.total_before > 0
    ? (100 * (data.total_after - data.total_before)) / data.total_before : 0;
  const change = byId("change");
  change.append(`${data.total} ${short(data.total_before)} → ${short(data.total_after)}  `);
  const percent = make("b", `${drop <= 0 ? "−" : "+"}${Math.abs(drop).toFixed(1)} %`, change);
  if (drop > 0) percent.className = "worse";
  let last = -1;
  function panel() {
    const s = smooth((state.t - 0.45) / 0.1);
    byId("done").style.width = `${100 * state.t}%`;
    byId("time").value = String(Math.round(1000 * state.t));
    if (s === last) return;
    last = s;
    const value = data.total_before + (data.total_after - data.total_before) * s;
    byId("number").textContent = short(value);
    byId("phase").textContent = s <= 0 ? "before" : s >= 1 ? "after" : "redistribution";
    bars.forEach((fill, g) => {
      const size = data.measure_before[g] + (data.measure_after[g] - data.measure_before[g]) * s;
      fill.style.width = `${(100 * size) / top}%`;
    });
  }
  const tip = byId("tip");
  function pick() {
    let best = -1, near = Infinity;
    if (state.x >= 0) {
      for (let k = n - 1; k >= 0; k--) {
        const j = order[k], r = Math.max(sr[j] * 1.25, 7);
        const distance = Math.hypot(sx[j] - state.x, sy[j] - state.y);
        if (distance < r && distance < near) { best = j; near = distance; }
      }
    }
    if (best !== state.hover) {
      state.hover = best;
      tip.hidden = best < 0;
      if (best >= 0) {
        byId("tip-name").textContent = data.points[best];
        const from = data.groups[data.from[best]], to = data.groups[data.to[best]];
        byId("tip-text").textContent =
          `actual a ${short(data.a[best])}\nprediction p ${short(data.p[best])}\n` +
          `deviation d ${signed(data.d[best])} (rms ${short(data.rms[best])})\n` +
          (from === to ? `stays on ${from}` : `${from} → ${to}`);
      }
    }
    if (best >= 0) {
      const right = state.x + 300 > width;
      tip.style.left = `${right ? state.x - 18 - tip.offsetWidth : state.x + 18}px`;
      tip.style.top = `${clamp(state.y - 20, 8, height - 130)}px`;
    }
  }

  // ---- control -------------------------------------------------------------------------------
  let queued = false, before = 0, spent = 0, frames = 0;
  function wake() {
    if (!queued) { queued = true; requestAnimationFrame(frame); }
  }
  function frame(now) {
    queued = false;
    const step = Math.min((now - before) / 1000, 0.1);
    before = now;
    if (state.playing) {
      state.t += step / ROUND;
      if (state.t >= 1) {
        state.t = state.loop ? state.t % 1 : 1;
        if (!state.loop) play(false);
      }
    }
    if (state.turn && state.playing) state.yaw += 0.05 * step;
    paint();
    if (state.playing) wake();
  }
  function paint() {
    const begun = performance.now();
    draw();
    spent += performance.now() - begun;
    frames += 1;
    // What a frame takes on average, for whoever measures it.
    root.dataset.frameMs = (spent / frames).toFixed(2);
    root.dataset.ready = "true";
  }
  function play(on) {
    state.playing = on;
    byId("play").textContent = on ? "❚❚" : "►";
    byId("play").setAttribute("aria-label", on ? "Pause" : "Play");
    if (on && state.t >= 1) state.t = 0;
    before = performance.now();
    wake();
  }
  function toggle(id, name) {
    const button = byId(id);
    button.setAttribute("aria-pressed", String(state[name]));
    button.addEventListener("click", () => {
      state[name] = !state[name];
      button.setAttribute("aria-pressed", String(state[name]));
      wake();
    });
  }
  byId("play").addEventListener("click", () => play(!state.playing));
  byId("time").addEventListener("input", (event) => {
    state.t = Number(event.target.value) / 1000;
    play(false);
  });
  toggle("loop", "loop");
  toggle("labels", "labels");
  const embed = byId("embedding");
  const tellEmbedding = () => { embed.textContent = state.embedding === "pca" ? "PCA" : "symbolic"; };
  embed.addEventListener("click", () => {
    state.embedding = state.embedding === "pca" ? "symbolic" : "pca";
    tellEmbedding();
    wake();
  });
  tellEmbedding();
  const fingers = new Map();
  canvas.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    canvas.setPointerCapture(event.pointerId);
    canvas.classList.add("drag");
    state.turn = false;
  });
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  };
  canvas.addEventListener("pointermove", (event) => {
    state.x = event.clientX;
    state.y = event.clientY;
    const last = fingers.get(event.pointerId);
    if (last) {
      const wide = fingers.size === 2 ? spread() : 0;
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
      if (fingers.size === 2) {
        state.zoom = clamp((state.zoom * spread()) / Math.max(wide, 1), 0.4, 8);
      } else {
        state.yaw -= (event.clientX - last[0]) * 0.006;
        state.pitch = clamp(state.pitch + (event.clientY - last[1]) * 0.006, -1.5, 1.5);
      }
    }
    wake();
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => {
      fingers.delete(event.pointerId);
      if (!fingers.size) canvas.classList.remove("drag");
    });
  }
  canvas.addEventListener("pointerleave", () => { state.x = state.y = -1; wake(); });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    state.zoom = clamp(state.zoom * Math.exp(-event.deltaY * 0.0012), 0.4, 8);
    wake();
  }, { passive: false });
  canvas.addEventListener("dblclick", () => {
    Object.assign(state, { yaw: 0.2, pitch: PITCH, zoom: 1 });
    wake();
  });
  addEventListener("keydown", (event) => {
    if (event.target instanceof HTMLButtonElement && event.key === " ") return;
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
    if (event.key === " ") play(!state.playing);
    else if (step) { state.t = clamp(state.t + step, 0, 1); play(false); }
    else return;
    event.preventDefault();
  });
  addEventListener("resize", () => { resize(); wake(); });
  resize();
  // The first picture at once: a browser that prints or is hidden may grant no frame.
  paint();
  play(state.playing);
})();
