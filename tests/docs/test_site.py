"""The documentation builds without a warning, its links lead somewhere, a browser shows it."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browser import BROWSER, console_of

pytest.importorskip("sphinx")
pytest.importorskip("sphinx_gallery")

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    # A copy of the sources: the build lays the gallery's pages beside them, and another process
    # that builds the site from this checkout would take them away.
    home = tmp_path_factory.mktemp("site")
    for part in ("docs", "examples"):
        shutil.copytree(
            ROOT / part, home / part, ignore=shutil.ignore_patterns("_build", "_examples")
        )
    out = home / "html"
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-E", str(home / "docs"),
         "-d", str(home / "trees"), str(out)],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    # Three minutes, of the processor: a machine that does other things at the same time is slower.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before <= 180
    return out


class Links(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "id" in attrs:
            self.ids.add(attrs["id"])
        for name in ("href", "src"):
            if attrs.get(name):
                self.links.append((tag, attrs[name]))


def test_every_link_inside_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site):
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    assert len(pages) > 25
    broken = []
    for path, page in pages.items():
        for tag, link in page.links:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https"):
                assert tag == "a", f"{path.name} loads {link}"
                continue
            if parts.scheme in ("data", "mailto"):
                continue
            target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            if target.is_dir():
                target /= "index.html"
            ids = pages[target].ids if target in pages and parts.fragment else None
            if not target.exists() or (ids is not None and unquote(parts.fragment) not in ids):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert not broken, "\n".join(broken[:20])


def test_pages_say_what_the_code_says(site):
    from pygridjl.reconfiguration.methods import METHODS
    from pygridjl.siting.registry import METHODS as SITING

    methods = (site / "methods.html").read_text(encoding="utf-8")
    for name in [*METHODS, *SITING]:
        assert f">{name}<" in methods.replace(">+", ">") or name in methods, name
    api = (site / "api.html").read_text(encoding="utf-8")
    for name in ("reconfigure", "site", "opf", "load_network", "PlanningProblem"):
        assert f'id="pygridjl.{name}"' in api
    for example in (ROOT / "examples").glob("*.py"):
        page = (site / "examples" / f"{example.stem}.html").read_text(encoding="utf-8")
        assert "Out:" in page or "sphx-glr-script-out" in page, example.stem
    pictures = (site / "examples" / "reconfigure_feeder.html").read_text(encoding="utf-8")
    assert "sphx_glr_reconfigure_feeder_001.png" in pictures


@pytest.mark.skipif(BROWSER is None, reason="no chromium here")
@pytest.mark.parametrize(
    "page", ["index", "theory/forward", "api", "commands", "examples/reconfigure_feeder"]
)
def test_a_browser_shows_the_pages_without_a_word_on_its_console(site, page, tmp_path):
    picture = tmp_path / "page.png"
    said, _ = console_of(site / f"{page}.html", tmp_path, f"--screenshot={picture}")
    assert said == []
    assert picture.stat().st_size > 20_000
