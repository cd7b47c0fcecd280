"""One HTML page of a dataset's figures: its plots are inside, nothing is loaded from outside."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from muze.data.names import printable, short
from muze.data.stats import NUMBERS, Spread, Stats

MOST = 20
"""Bars of a plot; what is rarer is put together."""
LONGEST = 32
"""Letters of a name beside its bar."""
COLOUR = "#4477aa"
TITLES = {
    "duration": "Duration", "tempo": "Tempo", "loudness": "Loudness", "key": "Keys",
    "sentiment_score": "Sentiment", "time_signature": "Time signatures", "genre": "Genres",
    "language": "Languages", "has_vocals": "Vocals", "artist": "Artists",
}  # fmt: skip
STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em; color: #222 }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(24em, 1fr)); gap: 1em }
figure { margin: 0 } svg { width: 100%; height: auto }
table { border-collapse: collapse } th, td { text-align: left; padding: .2em 1em .2em 0;
vertical-align: top; border-bottom: 1px solid #ddd } td.number { text-align: right }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser may do with the page: no script runs, whatever a title says."""


def stats_page(stats: Stats, title: str) -> str:
    """Return the page: plots of what tracks are like, tables of what is missing and who made it.

    Names are text, however they are written.
    """
    plots = [
        *(_histogram(name, spread) for name, spread in stats.numbers.items()),
        *(_bars(name, counts) for name, counts in stats.counts.items()),
    ]
    if stats.sections:
        minutes = {kind: part.seconds / 60 for kind, part in stats.sections.items()}
        plots.append(_plot("Sections", "minutes", lambda axes: _draw_bars(axes, minutes)))
    missing = _table(
        ("field", "missing in", "share", "why"),
        (
            (m.field, m.tracks, f"{m.share:.1%}", "; ".join(f"{why} ({n})" for why, n in m.reasons))
            for m in stats.missing
        ),
    )
    makers = _table(
        ("method", "version", "tracks", "fields"),
        ((m.backend, m.version, m.tracks, ", ".join(m.fields) or "all") for m in stats.makers),
    )
    heading = f"{stats.tracks} tracks, {stats.seconds / 3600:.2f} hours"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{_text(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{_text(title)}</h1>
<p>{_text(heading)}</p>
<div class="plots">
{"".join(plots)}
</div>
<h2>What is missing</h2>
{missing}
<h2>Who told it</h2>
{makers}
</body>
</html>
"""


def _text(text: str) -> str:
    return escape(printable(text))


def _table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{_text(title)}</th>" for title in titles)
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>\n" for row in rows)
    return f"<table>\n<tr>{head}</tr>\n{body}</table>"


def _cell(cell: object) -> str:
    number = ' class="number"' if isinstance(cell, int) else ""
    return f"<td{number}>{_text(str(cell))}</td>"


def _histogram(name: str, spread: Spread) -> str:
    def draw(axes: Axes) -> None:
        axes.stairs(spread.counts, spread.edges, fill=True, color=COLOUR)
        axes.axvline(spread.median, color="black", linewidth=1, linestyle=":")
        axes.set_ylabel("tracks")

    unit = f"{NUMBERS[name]}; half of the tracks lie below {spread.median:g}"
    return _plot(TITLES[name], unit, draw)


def _bars(name: str, counts: Mapping[str, int]) -> str:
    return _plot(TITLES[name], "tracks", lambda axes: _draw_bars(axes, counts))


def _draw_bars(axes: Axes, values: Mapping[str, float]) -> None:
    named = [*values.items()]
    shown = [(short(name, LONGEST), value) for name, value in named]
    if len(shown) > MOST:
        rest = sum(value for _, value in shown[MOST:])
        shown = [*shown[:MOST], (f"{len(shown) - MOST} others", rest)]
    places = range(len(shown))
    axes.barh(places, [value for _, value in shown], color=COLOUR)
    axes.set_yticks(places, [name for name, _ in shown], fontsize=8, parse_math=False)
    axes.invert_yaxis()


def _plot(title: str, unit: str, draw: Callable[[Axes], None]) -> str:
    """Return a figure of HTML whose picture is SVG with its letters as text."""
    buffer = io.StringIO()
    with (
        # text, so that the reader's own fonts show any script; a salt, so that ids differ by plot
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": title}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # the page's reader has the font
        figure = Figure(figsize=(5.6, 3.6), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.set_xlabel(unit)
        axes.spines[["top", "right"]].set_visible(False)
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing)
    svg = buffer.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    return f"<figure><h2>{_text(title)}</h2>\n{svg}</figure>\n"
