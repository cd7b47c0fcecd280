"""One HTML page of a dataset's figures: its plots are inside, nothing is loaded from outside."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Mapping

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from muze.data.names import short
from muze.data.stats import NUMBERS, Spread, Stats
from muze.pipelines.page import page, table, text

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
STYLE = "svg text { fill: currentColor }"
BLACK, INK = "#000000", "currentColor"
TAG, COMMENT, METADATA = r"<[a-zA-Z][^<>]*>", r"<!--.*?-->", r"<metadata>.*?</metadata>"
IDENTITY, REFERENCE = r' id="([^"]*)"', r'(?:href="|url\()#([^")]+)'


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
    missing = table(
        ("field", "missing in", "share", "why"),
        (
            (m.field, m.tracks, f"{m.share:.1%}", "; ".join(f"{why} ({n})" for why, n in m.reasons))
            for m in stats.missing
        ),
    )
    makers = table(
        ("method", "version", "tracks", "fields"),
        ((m.backend, m.version, m.tracks, ", ".join(m.fields) or "all") for m in stats.makers),
    )
    heading = f"{stats.tracks} tracks, {stats.seconds / 3600:.2f} hours"
    body = f"""<p>{text(heading)}</p>
<div class="plots">
{"".join(plots)}
</div>
<h2>What is missing</h2>
{missing}
<h2>Who told it</h2>
{makers}"""
    return page(title, body, STYLE)


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
        figure.savefig(buffer, format="svg", metadata=nothing, transparent=True)
    return f"<figure><h2>{text(title)}</h2>\n{_inlined(buffer.getvalue())}</figure>\n"


def _inlined(svg: str) -> str:
    """Return a file's SVG as a part of a page: in the page's ink, without names nobody uses.

    Several plots on a page have parts of the same name.
    """
    svg = re.sub(METADATA, "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(COMMENT, "", svg, flags=re.DOTALL)
    used = set(re.findall(REFERENCE, svg))

    def mended(tag: re.Match[str]) -> str:
        told = re.sub(IDENTITY, lambda name: name[0] if name[1] in used else "", tag[0])
        return told.replace(BLACK, INK)

    return re.sub(TAG, mended, svg)
