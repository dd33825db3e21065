"""Put the Julia package into the wheel, and point its ``juliapkg.json`` there.

In the repository ``pygridjl/juliapkg.json`` names ``../julia/PyGridJL``; an editable installation
uses the repository and needs nothing. Inside a wheel the sources lie in the Python package, so
the path is another one. Files are listed when the wheel is built: what was deleted is not shipped.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSIDE = "_julia/PyGridJL"


class JuliaPackageHook(BuildHookInterface):
    """Adds ``julia/PyGridJL`` to a wheel as ``pygridjl/_julia/PyGridJL``."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """List the files for the wheel; an editable wheel is left alone."""
        if version == "editable":
            return
        root = Path(self.root)
        package = root / "julia" / "PyGridJL"
        files = [
            package / "Project.toml",
            *sorted((package / "src").rglob("*.jl")),
            *sorted((package / "ext").rglob("*.jl")),
        ]
        included = build_data["force_include"]
        for file in files:
            included[str(file)] = f"pygridjl/{INSIDE}/{file.relative_to(package).as_posix()}"
        self._folder = tempfile.TemporaryDirectory()
        rewritten = Path(self._folder.name) / "juliapkg.json"
        needs = json.loads((root / "pygridjl" / "juliapkg.json").read_text(encoding="utf-8"))
        needs["packages"]["PyGridJL"]["path"] = INSIDE
        rewritten.write_text(json.dumps(needs, indent=2) + "\n", encoding="utf-8")
        included[str(rewritten)] = "pygridjl/juliapkg.json"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the rewritten file."""
        if version != "editable":
            self._folder.cleanup()
