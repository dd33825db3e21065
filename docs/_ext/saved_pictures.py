"""The gallery shows the pictures that an example wrote."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sphinx_gallery.scrapers import figure_rst


def _saved_pictures(_block: Any, variables: dict[str, Any], configuration: dict[str, Any]) -> str:
    shown = []
    for picture in sorted(Path(variables["src_file"]).parent.glob("*.png")):
        target = next(variables["image_path_iterator"])
        shutil.move(picture, target)
        shown.append(target)
    return str(figure_rst(shown, configuration["src_dir"]))


def _get_sg_image_scraper() -> Callable[..., str]:
    return _saved_pictures
