"""OpenDSS circuits written for tests: each kind of element that once read wrong, and mixtures."""

from __future__ import annotations

CODES = """
new linecode.abc nphases=3 units=km rmatrix=(0.30 | 0.10 0.31 | 0.09 0.11 0.32)
~ xmatrix=(0.90 | 0.40 0.91 | 0.35 0.41 0.92) cmatrix=(10 | -2 11 | -1 -3 12)
new linecode.ab nphases=2 units=km rmatrix=(0.8 | 0.15 0.82) xmatrix=(0.9 | 0.4 0.92)
~ cmatrix=(0 | 0 0)
new linecode.a nphases=1 units=km rmatrix=(0.9) xmatrix=(0.95) cmatrix=(0)
new linecode.bal nphases=3 units=km r1=0.25 x1=0.4 r0=0.6 x0=1.2 c1=0 c0=0
"""


def script(body: str, *, source: str = "mvasc3=2000 mvasc1=2100", bases: str = "12.47") -> str:
    """Return a whole script around the elements."""
    return (
        f"clear\nnew circuit.t bus1=s basekv=12.47 pu=1.02 {source}\n{CODES}{body}\n"
        # Loads keep their nominal power at any voltage that occurs.
        f"batchedit load..* vminpu=0.8 vmaxpu=1.2\n"
        f"set voltagebases=[{bases}]\ncalcvoltagebases\nsolve\n"
    )


TRUNK = "new line.trunk bus1=s bus2=m linecode=abc length=2 units=km normamps=300\n"
LOADS = (
    "new load.a bus1=m.1 phases=1 kv=7.2 kw=900 kvar=300\n"
    "new load.b bus1=m.2 phases=1 kv=7.2 kw=500 kvar=250\n"
    "new load.c bus1=m.3 phases=1 kv=7.2 kw=300 kvar=50\n"
)
SPUR = (
    "new line.spur bus1=m.3.1 bus2=e.3.1 phases=2 linecode=ab length=1.5 units=km\n"
    "new line.end bus1=e.1 bus2=f.1 phases=1 linecode=a length=1 units=km\n"
)
ZIP = (
    "new load.z bus1=m.2 phases=1 kv=7.2 kw=400 kvar=200 model=2\n"
    "new load.i bus1=m.3 phases=1 kv=7.2 kw=300 kvar=100 model=5\n"
    "new load.d bus1=m phases=3 kv=12.47 conn=delta kw=600 kvar=200\n"
    "new load.zd bus1=m.1.2 phases=1 kv=12.47 conn=delta kw=300 kvar=150 model=2\n"
    "new load.id bus1=m.3.1 phases=1 kv=12.47 conn=delta kw=200 kvar=60 model=5\n"
)
SHARES_OF_THREE = (
    "new load.s1 bus1=m.1 phases=1 kv=7.2 kw=700 kvar=300 model=8 "
    "zipv=(0.5 0.3 0.2 0.2 0.2 0.6 0.5)\n"
    "new load.s2 bus1=m phases=3 conn=delta kv=12.47 kw=900 kvar=300 model=8 "
    "zipv=(0.9 -0.4 0.5 1.5 -1 0.5 0)\n"
)
CVR = (
    "new load.v1 bus1=m.1 phases=1 kv=7.2 kw=700 kvar=300 model=4\n"
    "new load.v2 bus1=m phases=3 conn=delta kv=12.47 kw=900 kvar=300 model=4 cvrwatts=0.8 "
    "cvrvars=3\n"
)
STEP_DOWN = (
    "new transformer.t phases=3 windings=2 buses=[m low] conns=[{conns}] kvs=[12.47 4.16] "
    "kvas=[3000 3000] xhl=6 %rs=[0.5 0.5] %noloadloss=0.4 %imag=1.5 taps=[1 1.025] ppm=0\n"
)
LOW = (
    "new load.la bus1=low.1 phases=1 kv=2.4 kw=400 kvar=150\n"
    "new load.lb bus1=low.2 phases=1 kv=2.4 kw=350 kvar=150\n"
    "new load.lc bus1=low.3 phases=1 kv=2.4 kw=300 kvar=100\n"
)
REGULATORS = "".join(
    f"new transformer.r{n} phases=1 windings=2 buses=[m.{n} r.{n}] conns=[wye wye] kvs=[7.2 7.2] "
    "kvas=[2000 2000] xhl=1 %loadloss=0.1 ppm=0\n"
    f"new regcontrol.c{n} transformer=r{n} winding=2 vreg={vreg} band=2 ptratio=60\n"
    for n, vreg in ((1, 124), (2, 123), (3, 122))
)
AFTER = (
    "new load.ra bus1=r.1 phases=1 kv=7.2 kw=400 kvar=100\n"
    "new load.rb bus1=r.2 phases=1 kv=7.2 kw=500 kvar=200\n"
    "new load.rc bus1=r.3 phases=1 kv=7.2 kw=300 kvar=100\n"
)
DELTA_WYE_BANK = "".join(
    f"new transformer.u{k} phases=1 windings=2 buses=[m.{i}.{j} low.{i}] conns=[delta wye] "
    "kvs=[12.47 2.4] kvas=[500 500] xhl=3 %rs=[0.6 0.6] %noloadloss=0.3 ppm=0\n"
    for k, (i, j) in enumerate(((1, 2), (2, 3), (3, 1)))
)
DELTA_DELTA_BANK = "".join(
    f"new transformer.u{k} phases=1 windings=2 buses=[m.{i}.{j} low.{i}.{j}] conns=[delta delta] "
    "kvs=[12.47 4.16] kvas=[500 500] xhl=3 %rs=[0.6 0.6]\n"
    for k, (i, j) in enumerate(((1, 2), (2, 3), (3, 1)))
)
OPEN_DELTA = (
    "new transformer.ra phases=1 windings=2 buses=[m.1.2 r.1.2] conns=[delta delta] "
    "kvs=[12.47 12.47] kvas=[2000 2000] xhl=0.5 %loadloss=0.01 taps=[1 1.025]\n"
    "new transformer.rc phases=1 windings=2 buses=[m.3.2 r.3.2] conns=[delta delta] "
    "kvs=[12.47 12.47] kvas=[2000 2000] xhl=0.5 %loadloss=0.01 taps=[1 1.0125]\n"
    "new line.jumper phases=1 bus1=m.2 bus2=r.2 r1=1e-3 r0=1e-3 x1=0 x0=0 c1=0 c0=0\n"
    "new load.r bus1=r phases=3 conn=delta kv=12.47 kw=900 kvar=300\n"
)
NEUTRAL = (
    "new line.four phases=4 bus1=m.1.2.3.4 bus2=n.1.2.3.4 length=1 units=km\n"
    "~ rmatrix=(0.4 | 0.1 0.4 | 0.1 0.1 0.4 | 0.1 0.1 0.1 0.6)\n"
    "~ xmatrix=(0.9 | 0.4 0.9 | 0.4 0.4 0.9 | 0.35 0.35 0.35 1.0)\n"
    "~ cmatrix=(0 | 0 0 | 0 0 0 | 0 0 0 0)\n"
    "new reactor.g1 bus1=m.4 phases=1 r=0.0001 x=0\n"
    "new reactor.g2 bus1=n.4 phases=1 r=0.0001 x=0\n"
    "new load.na bus1=n.1.4 phases=1 kv=7.2 kw=300 kvar=100\n"
    "new load.nb bus1=n.2.4 phases=1 kv=7.2 kw=200 kvar=100\n"
    "new load.nc bus1=n.3.4 phases=1 kv=7.2 kw=100 kvar=50\n"
)
PARALLEL = (
    "new line.p1 bus1=m bus2=p linecode=abc length=1 units=km normamps=300\n"
    "new line.p2 bus1=m bus2=p linecode=bal length=2 units=km normamps=200\n"
    "new load.p bus1=p phases=3 kv=12.47 kw=1200 kvar=500\n"
)
RING = (
    "new line.r1 bus1=m bus2=x linecode=abc length=1 units=km\n"
    "new line.r2 bus1=x bus2=y linecode=bal length=1 units=km\n"
    "new line.r3 bus1=y bus2=m linecode=abc length=2 units=km\n"
    "new load.x bus1=x.1 phases=1 kv=7.2 kw=400 kvar=150\n"
    "new load.y bus1=y phases=3 kv=12.47 kw=900 kvar=300\n"
)
PHASE_LOOP = (
    "new line.pa bus1=m.1 bus2=x.1 phases=1 linecode=a length=1 units=km\n"
    "new line.pb bus1=m.2 bus2=y.2 phases=1 linecode=a length=1 units=km\n"
    "new line.pc bus1=y.2 bus2=x.2 phases=1 linecode=a length=1 units=km\n"
    "new load.x1 bus1=x.1 phases=1 kv=7.2 kw=200 kvar=80\n"
    "new load.x2 bus1=x.2 phases=1 kv=7.2 kw=150 kvar=50\n"
)
CAPACITORS = (
    "new capacitor.wye bus1=m phases=3 kv=12.47 kvar=600\n"
    "new capacitor.delta bus1=m phases=3 conn=delta kv=12.47 kvar=300\n"
    "new capacitor.ll bus1=m.1.2 phases=1 conn=delta kv=12.47 kvar=200\n"
    "new capacitor.one bus1=m.3 phases=1 kv=7.2 kvar=100\n"
    "new capacitor.steps bus1=m phases=3 kv=12.47 kvar=(100 200) numsteps=2 states=(1 0)\n"
    "new reactor.shunt bus1=m phases=3 kv=12.47 kvar=150\n"
)
UNITS = (
    "new generator.g bus1=m phases=3 kv=12.47 kw=500 pf=0.95\n"
    "new pvsystem.p bus1=m.1 phases=1 kv=7.2 kva=300 pmpp=280 irradiance=0.9 %pmpp=80 pf=-0.98\n"
    "new storage.s bus1=m phases=3 kv=12.47 kva=200 kwhrated=500 kwrated=200 state=idling\n"
)
IDLE = (
    "new fault.f bus1=m.1 r=0.01 enabled=no\n"
    "new isource.i bus1=m phases=3 amps=0\n"
    "new monitor.mo element=line.trunk terminal=1 mode=0\n"
    "new energymeter.em element=line.trunk terminal=1\n"
    "new storage.s bus1=m phases=3 kv=12.47 kva=200 kwhrated=500 kwrated=200 state=idling\n"
)
SHARES = (
    "new load.fixed bus1=m.1 phases=1 kv=7.2 kw=400 kvar=100 status=fixed\n"
    "new load.exempt bus1=m.2 phases=1 kv=7.2 kw=400 kvar=100 status=exempt\n"
    "new load.free bus1=m.3 phases=1 kv=7.2 kw=400 kvar=100\n"
    "set loadmult=0.7\n"
)
SERIES = (
    "new reactor.ser bus1=m bus2=v phases=3 r=0.2 x=1.5\n"
    "new capacitor.ser bus1=v bus2=w phases=3 kv=12.47 kvar=60000\n"
    "new load.w bus1=w phases=3 kv=12.47 kw=900 kvar=400\n"
)
TRIANGLE = "new load.t bus1=low phases=3 conn=delta kv=4.16 kw=900 kvar=300\n"

# Units whose windings stand between other phases at one side than at the other.
SERVICES_BASES = "12.47 0.48 0.416 0.208"
OPEN_WYE_OPEN_DELTA = (
    "new transformer.t1 phases=1 windings=2 buses=[m.1 low.1.2] conns=[wye delta] kvs=[7.2 0.48] "
    "kvas=[150 150] xhl=3 %rs=[0.6 0.6] %noloadloss=0.3 %imag=1\n"
    "new transformer.t2 phases=1 windings=2 buses=[m.2 low.2.3] conns=[wye delta] kvs=[7.2 0.48] "
    "kvas=[100 100] xhl=2.5 %rs=[0.7 0.7] %noloadloss=0.3 taps=[1 1.025]\n"
    "new load.d3 bus1=low phases=3 conn=delta kv=0.48 kw=90 kvar=40\n"
    "new load.d1 bus1=low.1.2 phases=1 conn=delta kv=0.48 kw=60 kvar=20\n"
)
CORNER = "new reactor.corner bus1=low.2 phases=1 r=0.0001 x=0\n"
OPEN_DELTA_LOW = (
    "new transformer.t1 phases=1 windings=2 buses=[m.1.2 low.1.2] conns=[delta delta] "
    "kvs=[12.47 0.48] kvas=[150 150] xhl=3 %rs=[0.6 0.6]\n"
    "new transformer.t2 phases=1 windings=2 buses=[m.2.3 low.2.3] conns=[delta delta] "
    "kvs=[12.47 0.48] kvas=[100 100] xhl=2.5 %rs=[0.7 0.7]\n"
    "new load.d3 bus1=low phases=3 conn=delta kv=0.48 kw=90 kvar=40\n"
)
OPEN_WYE_OPEN_WYE = (
    "new transformer.w1 phases=1 windings=2 buses=[m.1 lw.1] kvs=[7.2 0.277] kvas=[150 150] xhl=3 "
    "%rs=[0.6 0.6]\n"
    "new transformer.w2 phases=1 windings=2 buses=[m.2 lw.2] kvs=[7.2 0.277] kvas=[100 100] "
    "xhl=2.5 %rs=[0.7 0.7]\n"
    "new load.w1 bus1=lw.1 phases=1 kv=0.277 kw=60 kvar=20\n"
    "new load.wd bus1=lw.1.2 phases=1 conn=delta kv=0.48 kw=30 kvar=10\n"
)
# Four wires on a delta: the middle of one secondary is grounded.
LIGHTING_LEG = (
    "new transformer.l phases=1 windings=3 buses=[m.1 leg.1.0 leg.0.2] kvs=[7.2 0.12 0.12] "
    "kvas=[75 75 75] xhl=2.04 xht=2.04 xlt=1.36 %rs=[0.6 1.2 1.2] %noloadloss=0.2\n"
    "new transformer.p phases=1 windings=2 buses=[m.2 leg.2.3] conns=[wye delta] kvs=[7.2 0.24] "
    "kvas=[50 50] xhl=2.5 %rs=[0.7 0.7] %noloadloss=0.3\n"
    "new load.g3 bus1=leg phases=3 conn=delta kv=0.24 kw=45 kvar=20\n"
    "new load.g1 bus1=leg.1 phases=1 kv=0.12 kw=10 kvar=3\n"
    "new load.g2 bus1=leg.2 phases=1 kv=0.12 kw=6 kvar=3\n"
)
POLES = "".join(
    f"new transformer.p{name} phases=1 windings=2 buses=[m.{at} {name}.{there}] kvs=[7.2 0.24] "
    "kvas=[50 50] xhl=2 %rs=[0.6 0.6] %noloadloss=0.3\n"
    f"new load.p{name} bus1={name}.{there} phases=1 kv=0.24 kw={kw} kvar=12\n"
    for name, at, there, kw in (("la", 1, 1, 40), ("lb", 2, 2, 30), ("lc", 3, 1, 35))
)
POLES_BETWEEN = "".join(
    f"new transformer.p{name} phases=1 windings=2 buses=[m.{at} {name}.{there}] kvs=[12.47 0.24] "
    "conns=[delta wye] kvas=[50 50] xhl=2 %rs=[0.6 0.6] %noloadloss=0.3\n"
    f"new load.p{name} bus1={name}.{there} phases=1 kv=0.24 kw={kw} kvar=12\n"
    for name, at, there, kw in (("lab", "1.2", 1, 40), ("lca", "3.1", 3, 30))
)


def tapped(name: str, at: str, kv: float, kw: float, model: int = 1) -> str:
    """Return a centre-tapped service with its wires and three loads."""
    return (
        f"new transformer.{name} phases=1 windings=3 buses=[{at} {name}.1.0 {name}.0.2] "
        f"kvs=[{kv} 0.12 0.12] kvas=[50 50 50] xhl=2.04 xht=2.04 xlt=1.36 %rs=[0.6 1.2 1.2] "
        "%noloadloss=0.2 %imag=0.5\n"
        f"new line.w{name} bus1={name}.1.2 bus2={name}h.1.2 phases=2 length=0.03 units=km "
        "rmatrix=(0.7 | 0.15 0.7) xmatrix=(0.4 | 0.3 0.4) cmatrix=(0 | 0 0)\n"
        f"new load.{name}d bus1={name}h.1.2 phases=1 kv=0.24 conn=delta kw={kw} kvar={kw / 4} "
        f"model={model}\n"
        f"new load.{name}1 bus1={name}h.1 phases=1 kv=0.12 kw={kw / 5} kvar={kw / 20}\n"
        f"new load.{name}2 bus1={name}h.2 phases=1 kv=0.12 kw={kw / 8} kvar={kw / 20} "
        f"model={model}\n"
    )


TAPPED = tapped("ta", "m.1", 7.2, 20) + tapped("tb", "m.2", 7.2, 15) + tapped("tc", "m.3", 7.2, 25)
TAPPED_BETWEEN = tapped("tab", "m.1.2", 12.47, 20) + tapped("tbc", "m.2.3", 12.47, 12)
TAPPED_ZIP = tapped("ta", "m.1", 7.2, 20, 2) + tapped("tab", "m.1.2", 12.47, 20, 5)

# Name: script.
FEEDERS = {
    "source impedance": script(TRUNK + LOADS, source=""),
    "mutual, unbalanced": script(TRUNK + LOADS + SPUR),
    "iron, wye-wye": script(
        TRUNK + STEP_DOWN.format(conns="wye wye") + LOW, bases="12.47 4.16"
    ),
    "iron, delta-wye": script(
        TRUNK + STEP_DOWN.format(conns="delta wye") + LOW, bases="12.47 4.16"
    ),
    "zip and delta": script(TRUNK + ZIP),
    "cvr": script(TRUNK + CVR),
    "rated at another voltage": script(
        TRUNK
        + (ZIP + CVR + SHARES_OF_THREE).replace("kv=7.2", "kv=7.0").replace("kv=12.47", "kv=12.9")
        + tapped("ta", "m.1", 7.2, 20, 2)
        .replace("kv=0.24", "kv=0.23")
        .replace("kv=0.12", "kv=0.125"),
        bases=SERVICES_BASES,
    ),
    "zip shares": script(TRUNK + SHARES_OF_THREE),
    "bank of regulators": script(TRUNK + REGULATORS + AFTER),
    "bank delta-wye": script(TRUNK + DELTA_WYE_BANK + LOW, bases="12.47 4.16"),
    "bank delta-delta": script(TRUNK + DELTA_DELTA_BANK + TRIANGLE, bases="12.47 4.16"),
    "open delta": script(TRUNK + OPEN_DELTA),
    "neutral": script(TRUNK + NEUTRAL),
    "parallel": script(TRUNK + PARALLEL),
    "ring": script(TRUNK + LOADS + RING),
    "phase loop": script(TRUNK + PHASE_LOOP),
    "capacitors": script(TRUNK + LOADS + CAPACITORS),
    "units": script(TRUNK + LOADS + UNITS),
    "idle": script(TRUNK + LOADS + IDLE),
    "load multiplier": script(TRUNK + SHARES),
    "in series": script(TRUNK + SERIES),
    "50 Hz": script(
        "new linecode.fifty nphases=3 units=km basefreq=50 r1=0.2 x1=0.4 r0=0.5 x0=1.2\n"
        "new line.trunk bus1=s bus2=m linecode=fifty length=2 units=km\n" + LOADS
    ),
    "no bases": script(
        TRUNK + STEP_DOWN.format(conns="wye wye") + LOW
    ).replace("calcvoltagebases\n", "").replace("set voltagebases=[12.47]\n", ""),
    "mixed, radial": script(
        TRUNK + SPUR + ZIP + CAPACITORS + UNITS + IDLE.rsplit("new storage", 1)[0]
        + STEP_DOWN.format(conns="wye wye") + LOW + REGULATORS + AFTER,
        source="", bases="12.47 4.16",
    ),
    "mixed, meshed": script(
        TRUNK + LOADS + SPUR + ZIP + NEUTRAL + PARALLEL + RING + SERIES
        + DELTA_WYE_BANK + LOW, source="", bases="12.47 4.16",
    ),
    "open wye, open delta": script(TRUNK + LOADS + OPEN_WYE_OPEN_DELTA, bases=SERVICES_BASES),
    "open wye, open delta, corner grounded": script(
        TRUNK + LOADS + OPEN_WYE_OPEN_DELTA + CORNER, bases=SERVICES_BASES
    ),
    "open wye, open delta, capacitor": script(
        TRUNK + LOADS + OPEN_WYE_OPEN_DELTA
        + "new capacitor.c bus1=low phases=3 kv=0.48 kvar=30\n", bases=SERVICES_BASES,
    ),
    "floating neutral": script(
        TRUNK + LOADS + TRIANGLE
        + STEP_DOWN.format(conns="wye delta").replace("[m low]", "[m.1.2.3.4 low]")[:-6] + "\n"
        "new load.tt bus1=low.1.2 phases=1 conn=delta kv=4.16 kw=400 kvar=100\n",
        bases="12.47 4.16",
    ),
    "open delta, low voltage": script(TRUNK + LOADS + OPEN_DELTA_LOW, bases=SERVICES_BASES),
    "open wye, open wye": script(TRUNK + LOADS + OPEN_WYE_OPEN_WYE, bases=SERVICES_BASES),
    "lighting leg": script(TRUNK + LOADS + LIGHTING_LEG, bases=SERVICES_BASES),
    "poles": script(TRUNK + LOADS + POLES, bases=SERVICES_BASES),
    "poles between phases": script(TRUNK + LOADS + POLES_BETWEEN, bases=SERVICES_BASES),
    "centre-tapped": script(TRUNK + LOADS + TAPPED, bases=SERVICES_BASES),
    "centre-tapped between phases": script(TRUNK + LOADS + TAPPED_BETWEEN, bases=SERVICES_BASES),
    "centre-tapped, zip": script(TRUNK + LOADS + TAPPED_ZIP, bases=SERVICES_BASES),
    "mixed services": script(
        TRUNK + LOADS + SPUR + ZIP + OPEN_WYE_OPEN_DELTA + OPEN_WYE_OPEN_WYE + LIGHTING_LEG
        + POLES + POLES_BETWEEN + TAPPED + TAPPED_BETWEEN, source="", bases=SERVICES_BASES,
    ),
}  # fmt: skip


BALANCED_TRUNK = "new line.trunk bus1=s bus2=m linecode=bal length=3 units=km\n"
BALANCED_LOADS = (
    "new load.m bus1=m phases=3 kv=12.47 kw=1500 kvar=500\n"
    "new line.on bus1=m bus2=n linecode=bal length=2 units=km\n"
    "new load.n bus1=n phases=3 kv=12.47 kw=700 kvar=300\n"
)
BALANCED_LOW = "new load.low bus1=low phases=3 kv=4.16 kw=1200 kvar=400\n"
HOLDING = (
    "new line.back bus1=n bus2=s linecode=bal length=4 units=km\n"
    "new generator.g bus1=n phases=3 kv=12.47 kw=400 model=3 vpu=1.01 maxkvar=2000 minkvar=-2000\n"
)
EQUAL_REGULATORS = (
    "".join(
        f"new transformer.r{n} phases=1 windings=2 buses=[m.{n} r.{n}] conns=[wye wye] "
        "kvs=[7.2 7.2] kvas=[2000 2000] xhl=1 %loadloss=0.1 ppm=0 taps=[1 1.025]\n"
        for n in (1, 2, 3)
    )
    + "new load.r bus1=r phases=3 kv=12.47 kw=600 kvar=200\n"
)
SINGLE = (
    "clear\nnew circuit.t bus1=s.1 basekv=7.2 phases=1 pu=1.01 r1=0.1 x1=0.4\n"
    "new linecode.a nphases=1 units=km rmatrix=(0.4) xmatrix=(0.5) cmatrix=(12)\n"
    "new line.one phases=1 bus1=s.1 bus2=a.1 linecode=a length=2 units=km\n"
    "new line.two phases=1 bus1=a.1 bus2=b.1 linecode=a length=1 units=km\n"
    "new load.a phases=1 bus1=a.1 kv=7.2 kw=600 kvar=200 vminpu=0.8\n"
    "new load.b phases=1 bus1=b.1 kv=7.2 kw=300 kvar=100 vminpu=0.8\n"
    "new capacitor.c phases=1 bus1=b.1 kv=7.2 kvar=150\n"
    "set voltagebases=[12.47]\ncalcvoltagebases\nsolve\n"
)
SECOND = "new vsource.other bus1=n basekv=12.47 pu=1.01 angle=-0.5 phases=3 mvasc3=500 mvasc1=500\n"
PAIR = "".join(
    f"new transformer.t{k} phases=3 windings=2 buses=[m low] conns=[delta wye] kvs=[12.47 4.16] "
    f"kvas=[{kva} {kva}] xhl=6 %rs=[0.5 0.5] ppm=0\n"
    for k, kva in ((1, 2000), (2, 3000))
)

NETWORKS = {
    "source impedance, iron": script(
        BALANCED_TRUNK + BALANCED_LOADS + STEP_DOWN.format(conns="delta wye") + BALANCED_LOW,
        source="", bases="12.47 4.16",
    ),
    "generator holds voltage": script(BALANCED_TRUNK + BALANCED_LOADS + HOLDING),
    "two sources": script(BALANCED_TRUNK + BALANCED_LOADS + SECOND),
    "bank of regulators": script(BALANCED_TRUNK + BALANCED_LOADS + EQUAL_REGULATORS),
    "bank delta-wye": script(
        BALANCED_TRUNK + BALANCED_LOADS + DELTA_WYE_BANK.replace("%noloadloss=0.3 ", "")
        + BALANCED_LOW, bases="12.47 4.16",
    ),
    "two transformers side by side": script(
        BALANCED_TRUNK + BALANCED_LOADS + PAIR + BALANCED_LOW, bases="12.47 4.16"
    ),
    "one phase": SINGLE,
    "capacitors": script(
        BALANCED_TRUNK + BALANCED_LOADS
        + "new capacitor.wye bus1=m phases=3 kv=12.47 kvar=600\n"
        "new capacitor.delta bus1=n phases=3 conn=delta kv=12.47 kvar=300\n"
    ),
    "reactors by ohms": script(
        BALANCED_TRUNK + BALANCED_LOADS
        + "new reactor.wye bus1=m phases=3 r=150 x=900\n"
        "new reactor.delta bus1=n phases=3 conn=delta r=0 x=2500\n"
        "new reactor.core bus1=n phases=3 r=4000 x=0\n"
        "new reactor.kvar bus1=m phases=3 kv=13.2 kvar=90\n"
    ),
    "units": script(
        BALANCED_TRUNK + BALANCED_LOADS
        + "new generator.g bus1=m phases=3 kv=12.47 kw=500 pf=0.95\n"
        "new pvsystem.p bus1=n phases=3 kv=12.47 kva=300 pmpp=280 irradiance=0.9 %pmpp=80\n"
        "~ pf=-0.98\n"
    ),
    "in series": script(
        BALANCED_TRUNK + BALANCED_LOADS + "new reactor.ser bus1=m bus2=v phases=3 r=0.2 x=1.5\n"
        "new load.v bus1=v phases=3 kv=12.47 kw=900 kvar=400\n"
    ),
    "mixed, iron": script(
        BALANCED_TRUNK + BALANCED_LOADS + HOLDING + SECOND.replace("bus1=n", "bus1=m")
        + EQUAL_REGULATORS + STEP_DOWN.format(conns="delta wye") + BALANCED_LOW + IDLE,
        source="", bases="12.47 4.16",
    ),
}  # fmt: skip
