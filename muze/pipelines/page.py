"""HTML pages that load nothing from outside and run no script, readable in dark and in light."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from muze.data.names import printable

STYLE = """
:root { color-scheme: light dark; --ink: #222; --faint: #666; --rule: #ddd; --ground: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e4e4; --faint: #a0a0a0; --rule: #444; --ground: #181818 }
}
body { font: 15px/1.5 sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em;
color: var(--ink); background: var(--ground) }
.plots { display: grid; gap: 1em;
grid-template-columns: repeat(auto-fit, minmax(min(24em, 100%), 1fr)) }
figure { margin: 0 } svg, img { width: 100%; height: auto } audio { width: 100% }
h3 { font-size: 1em; margin: .5em 0 }
.wide { overflow-x: auto } table { border-collapse: collapse }
th, td { text-align: left; padding: .2em 1em .2em 0; vertical-align: top;
border-bottom: 1px solid var(--rule) } .number { text-align: right }
"""
SILENT = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser may do with a page that has neither pictures in files nor sound."""


def page(title: str, body: str, style: str = "", policy: str = SILENT) -> str:
    """Return a whole page; ``title`` is text, ``body`` is HTML.

    ``policy`` is its Content-Security-Policy: no script runs, whatever a title says.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{text(title)}</title>
<style>{STYLE}{style}</style>
</head>
<body>
<h1>{text(title)}</h1>
{body}
</body>
</html>
"""


def text(told: str) -> str:
    """Return what shows a text as it is, however it is written."""
    return escape(printable(told))


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; numbers stand to the right, as does a column whose title is of one."""
    head = "".join(f"<th>{text(title)}</th>" for title in titles)
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>\n" for row in rows)
    return f'<div class="wide"><table>\n<tr>{head}</tr>\n{body}</table></div>'


def _cell(cell: object) -> str:
    if isinstance(cell, float):
        return f'<td class="number">{cell:.3g}</td>'
    number = ' class="number"' if isinstance(cell, int) else ""
    return f"<td{number}>{text(str(cell))}</td>"
