"""A real browser without a window, where there is one."""

from __future__ import annotations

import shutil
import subprocess

BROWSER = shutil.which("chromium")


def console_of(page, tmp_path, *more):
    """Open a file; return what the browser wrote to its console, and its standard output."""
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr",
            "--v=0", "--window-size=1200,900", "--virtual-time-budget=1500", *more, page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line], done.stdout
