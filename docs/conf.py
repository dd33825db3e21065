"""Configuration of the documentation: ``sphinx-build -W docs docs/_build``."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "pygridjl"
author = "the pygridjl developers"
copyright = author
release = metadata.version("pygridjl")
version = release

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_gallery.gen_gallery",
    "from_code",
    "math_as_markup",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "_examples"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
html_math_renderer = "markup"

numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autodoc_typehints = "none"

html_theme = "furo"
html_title = f"pygridjl {release}"
html_show_sourcelink = False
html_copy_source = False
html_static_path: list[str] = []

# Examples are run at every build, where what they write lies in nobody's way.
_EXAMPLES = HERE / "_examples"
for _made in (_EXAMPLES, HERE / "examples"):
    shutil.rmtree(_made, ignore_errors=True)
_EXAMPLES.mkdir()
for _script in (HERE.parent / "examples").glob("*.py"):
    shutil.copy(_script, _EXAMPLES)
(_EXAMPLES / "README.rst").write_text(
    "Examples\n========\n\nEach is a short script that was run when this page was built.\n",
    encoding="utf-8",
)


sphinx_gallery_conf = {
    "examples_dirs": str(_EXAMPLES),
    "gallery_dirs": "examples",
    "filename_pattern": r"\.py",
    "image_scrapers": ("saved_pictures",),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 1e6,
    "show_memory": False,
    "write_computation_times": False,
    "reset_modules": (),
}
exclude_patterns.append("sg_execution_times.rst")
source_suffix[".rst"] = "restructuredtext"
# A progress line belongs on a terminal.
os.environ.setdefault("TQDM_DISABLE", "1")
