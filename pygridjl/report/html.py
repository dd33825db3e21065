"""Pages that need nothing but themselves: text, tables and pictures in one HTML file."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["html_page", "html_picture", "html_table"]

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#20364b}
body{max-width:72rem;margin:2rem auto;padding:0 1rem}
h1,h2{font-weight:600;line-height:1.2}h2{margin-top:2.5rem}
table{border-collapse:collapse;font-size:13px;margin:1rem 0;display:block;overflow-x:auto}
th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #e3e7ea;white-space:nowrap}
th:first-child,td:first-child{text-align:left}thead th{border-bottom:2px solid #7b858c}
tr:target{background:#fff3c4}a{color:#1f6f8a}figure{margin:1.5rem 0}img{max-width:100%}
figcaption,.note{color:#5b6770;font-size:13px}code{font-size:12px}
"""


def html_page(title: str, parts: Iterable[str]) -> str:
    """Return a page of parts that are HTML already.

    Parameters
    ----------
    title : str
        Plain text.
    parts : iterable of str
        HTML.
    """
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def html_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], ids: Sequence[str] | None = None
) -> str:
    """Return a table of cells that are HTML already; headings are plain text.

    Parameters
    ----------
    header : sequence of str
        Headings.
    rows : iterable of sequence of str
        Cells.
    ids : sequence of str, optional
        An anchor for each row.
    """
    head = "".join(f"<th>{escape(title)}</th>" for title in header)
    lines = []
    for k, row in enumerate(rows):
        anchor = "" if ids is None else f' id="{escape(ids[k])}"'
        lines.append(f"<tr{anchor}>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>")
    body = "\n".join(lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def html_picture(figure: Figure, caption: str) -> str:
    """Return a figure as a picture inside the page."""
    target = io.BytesIO()
    # No date: the same rows give the same page.
    figure.savefig(target, format="svg", bbox_inches="tight", metadata={"Date": None})
    data = base64.b64encode(target.getvalue()).decode("ascii")
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
