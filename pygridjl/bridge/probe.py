"""Ask a Julia in its own process, with a time limit, what it is and what it can load."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from importlib import metadata

from pygridjl.bridge.errors import JuliaNotFoundError, JuliaPackageError
from pygridjl.bridge.locate import Place
from pygridjl.core.result import Result

__all__ = ["OPTIONAL", "REQUIRED", "Package", "Probe", "compile_packages", "probe"]

# What PyGridJL cannot load without, and solvers that it takes up when they are there.
REQUIRED = (
    "PythonCall",
    "PyGridJL",
    "JuMP",
    "HiGHS",
    "Ipopt",
    "Clarabel",
    "PowerModels",
    "PowerModelsDistribution",
)
OPTIONAL = ("Juniper", "SCIP", "Pajarito")
SMALLEST_JULIA = (1, 10, 3)

PROBE_SECONDS = 60.0
COMPILE_SECONDS = 3600.0

# Paths may hold anything but a tabulator or a line end. PyGridJL's own dependencies need not be
# in the project's list, so each name is also looked up in the eyes of PyGridJL.
_SCRIPT = r"""
import Libdl
println("julia\t", VERSION)
println("libjulia\t", abspath(Libdl.dlpath("libjulia")))
println("bindir\t", Sys.BINDIR)
own = Base.identify_package("PyGridJL")
for name in ARGS
    id = Base.identify_package(name)
    if id === nothing && own !== nothing
        id = Base.identify_package(own, name)
    end
    file = id === nothing ? nothing : Base.locate_package(id)
    file === nothing && continue
    folder = dirname(dirname(file))
    version = "unknown"
    for toml in ("Project.toml", "JuliaProject.toml")
        path = joinpath(folder, toml)
        isfile(path) && (version = get(Base.parsed_toml(path), "version", version))
    end
    println("package\t", name, "\t", version, "\t", folder)
end
if own !== nothing && Base.locate_package(own) !== nothing
    println("compiled\t", Base.isprecompiled(own))
end
"""
# An optional solver that does not compile is no reason to stop; PyGridJL then has to load.
_COMPILE = r"""
import Pkg
try
    Pkg.precompile()
catch error
    println(stderr, "Pkg.precompile: ", sprint(showerror, error))
end
using PyGridJL
"""


@dataclass(frozen=True)
class Package(Result):
    """A Julia package: its name, version and folder."""

    name: str
    version: str
    folder: str


@dataclass(frozen=True)
class Probe(Result):
    """What a Julia says of itself.

    Attributes
    ----------
    exe, project, origin : str
        Where it is and who named it.
    julia : str
        Version.
    libjulia, bindir : str
        What juliacall needs to load it into Python.
    packages : tuple of Package
        Those of :data:`REQUIRED` and :data:`OPTIONAL` that were found.
    missing, missing_optional : tuple of str
        Those that were not.
    compiled : bool
        Whether PyGridJL is compiled; if not, the first start takes minutes.
    problems : tuple of str
        Why this Julia cannot be used, in plain words; empty if it can.
    """

    exe: str
    project: str
    origin: str
    julia: str
    libjulia: str
    bindir: str
    packages: tuple[Package, ...]
    missing: tuple[str, ...]
    missing_optional: tuple[str, ...]
    compiled: bool
    problems: tuple[str, ...]

    def version_of(self, package: str) -> str | None:
        """Version of a package, or None if it is missing."""
        return next((p.version for p in self.packages if p.name == package), None)

    def assert_usable(self) -> None:
        """Raise what stands in the way.

        Raises
        ------
        JuliaNotFoundError
            If Julia is too old.
        JuliaPackageError
            If packages are missing or do not fit juliacall.
        """
        if not self.problems:
            return
        text = "; ".join(self.problems)
        if _numbers(self.julia) < SMALLEST_JULIA:
            raise JuliaNotFoundError(text)
        raise JuliaPackageError(text)


def _run(place: Place, code: str, *arguments: str, seconds: float) -> str:
    command = [place.exe, f"--project={place.project}", "--startup-file=no", "-e", code, *arguments]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise JuliaNotFoundError(f"{place.exe} did not answer within {seconds:g} s") from error
    except OSError as error:
        raise JuliaNotFoundError(f"{place.exe} cannot be run ({error})") from error
    if done.returncode != 0:
        reason = _reason(done.stderr) or f"exit code {done.returncode}"
        raise JuliaPackageError(f"Julia at {place.exe} fails: {reason}", done.stderr)
    return done.stdout


def _reason(printed: str) -> str:
    """Return the line that says what went wrong: warnings and progress come before it."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("ERROR")), lines[0] if lines else "")


def probe(place: Place, *, seconds: float = PROBE_SECONDS) -> Probe:
    """Ask a Julia for its version and its packages.

    Parameters
    ----------
    place : Place
        Which Julia.
    seconds : float
        Time limit.

    Returns
    -------
    Probe
        What it answered, with everything that is wrong.

    Raises
    ------
    JuliaNotFoundError
        If the file is not a Julia that runs, or it does not answer in time.
    JuliaPackageError
        If the project folder makes Julia fail.
    """
    wanted = REQUIRED + OPTIONAL
    facts: dict[str, str] = {}
    packages = []
    for line in _run(place, _SCRIPT, *wanted, seconds=seconds).splitlines():
        key, *values = line.split("\t")
        if key == "package" and len(values) == 3:
            packages.append(Package(*values))
        elif len(values) == 1:
            facts[key] = values[0]
    absent = {"julia", "libjulia", "bindir"} - facts.keys()
    if absent:
        raise JuliaNotFoundError(f"{place.exe} does not answer as Julia does")
    found = {p.name for p in packages}
    missing = tuple(name for name in REQUIRED if name not in found)
    return Probe(
        exe=place.exe,
        project=place.project,
        origin=place.origin,
        julia=facts["julia"],
        libjulia=facts["libjulia"],
        bindir=facts["bindir"],
        packages=tuple(packages),
        missing=missing,
        missing_optional=tuple(name for name in OPTIONAL if name not in found),
        compiled=facts.get("compiled") == "true",
        problems=_problems(place, facts["julia"], missing, packages),
    )


def _problems(
    place: Place, julia: str, missing: tuple[str, ...], packages: list[Package]
) -> tuple[str, ...]:
    problems = []
    if _numbers(julia) < SMALLEST_JULIA:
        least = ".".join(map(str, SMALLEST_JULIA))
        problems.append(f"Julia {julia} at {place.exe} is older than {least}")
    if missing:
        problems.append(f"project {place.project} has no {', '.join(missing)}")
    ours = metadata.version("juliacall")
    theirs = next((p.version for p in packages if p.name == "PythonCall"), ours)
    if theirs != ours:
        problems.append(
            f"PythonCall {theirs} in project {place.project} does not match juliacall {ours}: "
            "both must have the same version"
        )
    return tuple(problems)


def _numbers(version: str) -> tuple[int, ...]:
    release = version.split("-")[0].split("+")[0]
    return tuple(int(part) for part in release.split(".") if part.isdigit())


def compile_packages(place: Place, *, seconds: float = COMPILE_SECONDS) -> None:
    """Compile the project's packages in a process of its own; Julia keeps the machine code.

    Parameters
    ----------
    place : Place
        Which Julia.
    seconds : float
        Time limit; compiling everything takes some minutes.

    Raises
    ------
    JuliaNotFoundError
        If it takes longer.
    JuliaPackageError
        If a package does not load.
    """
    _run(place, _COMPILE, seconds=seconds)
