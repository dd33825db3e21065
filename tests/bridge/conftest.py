"""A Julia that is not one: a program that answers the probe as told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from pygridjl.bridge.probe import REQUIRED

FakeJulia = Callable[..., tuple[str, str]]


@pytest.fixture
def no_julia(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No Julia named by the environment, remembered or installed; returns the config folder."""
    for name in list(os.environ):
        if name.startswith(("PYTHON_JULIACALL_", "PYTHON_JULIAPKG_")):
            monkeypatch.delenv(name)
    config = tmp_path / "config"
    monkeypatch.setenv("PYGRIDJL_CONFIG_DIR", str(config))
    monkeypatch.setattr("juliapkg.deps.can_skip_resolve", lambda: False)
    return config


@pytest.fixture
def fake_julia(tmp_path: Path) -> FakeJulia:
    """Return a maker of executables with a project folder beside them."""
    if os.name == "nt":
        pytest.skip("the stand-in is a script with a shebang line")

    def make(
        *,
        version: str = "1.10.4",
        packages: tuple[str, ...] = REQUIRED,
        python_call: str | None = None,
        body: str | None = None,
    ) -> tuple[str, str]:
        lines = [f"julia\t{version}", "libjulia\t/lib/libjulia.so", "bindir\t/bin"]
        for name in packages:
            number = python_call or metadata.version("juliacall")
            lines.append(f"package\t{name}\t{number}\t/depot/{name}")
        lines.append("compiled\ttrue")
        text = body if body is not None else f"print({chr(10).join(lines)!r})"
        project = tmp_path / "grid env"
        project.mkdir(exist_ok=True)
        (project / "Project.toml").write_text("", encoding="utf-8")
        exe = tmp_path / "julia"
        exe.write_text(f"#!{sys.executable}\n{text}\n", encoding="utf-8")
        exe.chmod(0o755)
        return str(exe), str(project)

    return make
