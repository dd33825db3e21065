"""The 3-D page: offline, safe against its data, and alive in a real browser."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from pygridjl.core.errors import InvalidOptionError
from pygridjl.report.page3d import Scene, write_page

BROWSER = shutil.which("chromium")
EVIL = "</script><img src=x onerror=alert(1)>&\u2028@SCENE@'\""


def _scene(n=12, m=3, seed=0, names=None):
    rng = np.random.default_rng(seed)
    before = np.arange(n) % m
    risks = rng.uniform(1, 2, (2, m))
    predicted = rng.uniform(3, 9, n)
    return Scene(
        title="A <b>title</b>",
        lines=("first & foremost", EVIL),
        groups=tuple(f"C{k + 1}" for k in range(m)),
        measure="R",
        measure_before=risks[0],
        measure_after=risks[1],
        total="J",
        total_text="J = Σ R",
        total_before=float(risks[0].sum()),
        total_after=float(risks[1].sum()),
        points=tuple(names or (f"SP{k + 1}" for k in range(n))),
        actual=predicted + rng.normal(size=n),
        predicted=predicted,
        spread=rng.uniform(0.5, 1.5, n),
        before=before,
        after=rng.permutation(before),
    )


def _contents(page):
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script id="scene" type="application/json">(.*?)</script>', text, re.S)
    return text, json.loads(found.group(1))


def test_names_cannot_leave_the_data(tmp_path):
    scene = _scene(names=[EVIL] + [f"p{k}" for k in range(11)])
    text, inside = _contents(write_page(scene, tmp_path / "page.html"))
    assert inside["points"][0] == EVIL
    assert text.count("</script>") == 2
    assert "onerror=alert(1)>" not in text
    assert "<b>title" not in text
    assert "&lt;b&gt;title" in text


def test_nothing_is_loaded_and_nothing_but_our_own_script_may_run(tmp_path):
    scene = dataclasses.replace(_scene(), lines=("plain",))
    text, _ = _contents(write_page(scene, tmp_path / "page.html"))
    assert "http:" not in text
    assert "https:" not in text
    assert "default-src 'none'; script-src 'sha256-" in text
    assert "unsafe" not in text
    assert not re.search(r"\bsrc=|href=|\bimport\b|fetch\(|eval\(|innerHTML", text)


@pytest.mark.parametrize("m", [1, 3, 12])
@pytest.mark.parametrize("embedding", ["symbolic", "pca"])
def test_points_lie_inside_their_groups_and_groups_apart(tmp_path, m, embedding):
    scene = _scene(60, m)
    _, inside = _contents(write_page(scene, tmp_path / "page.html", embedding=embedding))
    centres, radius = np.array(inside["centres"]), inside["radius"]
    for when in ("before", "after"):
        place = np.array(inside["places"][embedding][when]).reshape(-1, 3)
        away = np.linalg.norm(place - centres[getattr(scene, when)], axis=1)
        assert away.max() <= radius
        assert np.unique(place, axis=0).shape[0] == 60
    if m > 1:
        apart = np.linalg.norm(centres[:, None] - centres[None, :], axis=2)
        assert apart[np.triu_indices(m, 1)].min() >= 1.9 * radius


def test_bad_paths_and_embeddings_are_refused(tmp_path):
    with pytest.raises(InvalidOptionError, match=r"must end in \.html"):
        write_page(_scene(), tmp_path / "page.png")
    with pytest.raises(InvalidOptionError, match="neither 'symbolic' nor 'pca'"):
        write_page(_scene(), tmp_path / "page.html", embedding="tsne")


def _browse(page, moment, tmp_path, *more):
    profile = tmp_path / f"profile{moment}{len(more)}"
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={profile}", "--enable-logging=stderr", "--v=0",
            "--window-size=1000,700", "--virtual-time-budget=1500", *more,
            f"{page.as_uri()}{moment}",
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    return done.stdout


@pytest.mark.skipif(BROWSER is None, reason="no chromium here")
def test_a_browser_shows_three_different_moments_without_a_word_on_its_console(tmp_path):
    scene = dataclasses.replace(_scene(), points=(EVIL, *(f"p{k}" for k in range(11))))
    page = write_page(scene, tmp_path / "page.html")
    pictures = []
    for moment in ("#t=0.1", "#t=0.5", "#t=0.9"):
        picture = tmp_path / f"{moment[3:]}.png"
        _browse(page, moment, tmp_path, f"--screenshot={picture}")
        pictures.append(picture.read_bytes())
    assert min(map(len, pictures)) > 50_000
    assert len(set(pictures)) == 3


@pytest.mark.skipif(BROWSER is None, reason="no chromium here")
def test_two_thousand_points_are_drawn_in_time(tmp_path):
    page = write_page(_scene(2000, 12), tmp_path / "page.html")
    document = _browse(page, "", tmp_path, "--dump-dom")
    assert 'data-ready="true"' in document
    # Without a graphics card and beside other work: 30 frames a second need 33 ms.
    assert float(re.search(r'data-frame-ms="([0-9.]+)"', document).group(1)) < 200
    assert ">after<" in document
