"""Tables of evaluations on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from muze.cli.tables import DECIDED, console

FIGURES = ("value", "chance", "dropped", "ceiling", "a", "b", "difference", "told", "words alone",
           "gain", "best of", "gain of best")  # fmt: skip
"""Columns that stand to the right."""
WIDE = 200
"""Columns of the table of a suite where nobody tells how wide the terminal is."""


def show_recording(adherence: Mapping[str, Any]) -> None:
    """Print the figures of a recording; ``*`` marks what muze decided itself.

    What of a singer could not be measured stands below, with the reason.
    """
    from muze.evaluation.rows import all_rows, missing, told_missing

    rows = all_rows(adherence)
    table = _table("stream", "figure", "value", "unit", "chance", "dropped", "ceiling")
    for row in rows:
        star = "*" if row.get("origin") == "decided" else ""
        ceiling = row.get("ceiling")
        table.add_row(
            Text(f"{row['stream']}{star}"),
            Text(str(row["name"])),
            _number(row["value"]),
            Text(str(row["unit"])),
            _number(row.get("floor")),
            _number(row.get("dropped")),
            _number(ceiling["mean"] if ceiling else None),
        )
    out = console(to_stderr=False)
    out.print(table)
    if any(row.get("origin") == "decided" for row in rows):
        out.print(Text(DECIDED))
    for row in missing([adherence.get("voice", ())]):
        out.print(Text(told_missing(row)))
    _tell_listeners(rows)


def show_suite(found: Mapping[str, Any]) -> None:
    """Print the figures of a suite, each mean with its 95 % interval.

    What of singers could not be measured stands below, with the reason.
    """
    from muze.evaluation.rows import told_missing

    best = found["best_of"] > 1
    titles = ["figure", "told", "words alone", "gain", "ceiling", "chance"]
    titles[4:4] = ["best of", "gain of best"] if best else []
    table = _table(*titles)
    for row in found["figures"]:
        cells = [_interval(row[name]) for name in ("told", "dropped", "gain")]
        cells += [_interval(row[name]) for name in ("best", "gain of best")] if best else []
        cells += [_interval(row["ceiling"]), _number(row["floor"])]
        table.add_row(Text(f"{row['name']} ({row['unit']})"), *cells)
    out = console(to_stderr=False)
    if not out.is_terminal:
        out.width = WIDE
    tries = f", best of {found['best_of']}" if best else ""
    out.print(
        Text(f"{found['model']} on {found['suite']}: {len(found['songs'])} songs{tries}"),
        style="bold",
    )
    out.print(table)
    for row in found.get("missing", ()):
        out.print(Text(told_missing(row, len(found["songs"]))))
    _tell_listeners(found["figures"])
    if "sound" in found:
        out.print(Text(told_of_sound(found["sound"])))
    for line in _told_of_copies(found):
        out.print(Text(line))


def told_of_sound(sound: Mapping[str, Any]) -> str:
    """Return what a suite's evaluation tells of how its renders sound."""
    if "reason" in sound:
        return f"no Frechet distance: {sound['reason']}"
    told, dropped = (sound[kind]["distance"] for kind in ("told", "dropped"))
    return (
        f"Frechet distance to {sound['reference']} ({sound['reference_windows']} windows): "
        f"{told:.3f} told, {dropped:.3f} words alone ({sound['told']['windows']} windows), "
        f"by {sound['embedding']}"
    )


def _told_of_copies(found: Mapping[str, Any]) -> list[str]:
    """Return what a suite's evaluation tells of its vocoder, a line a figure."""
    if "copy_synthesis" not in found:
        return []
    from muze.evaluation.copy_synthesis import FIGURES

    copies = found["copy_synthesis"]
    where = f"copy-synthesis of {len(copies['sounds'])} sounds of {copies['reference']}"
    means = {name: _interval(copies["figures"][key]) for key, name in FIGURES.items()}
    return [f"{copies['vocoder']} {name}: {mean}, {where}" for name, mean in means.items()]


def show_comparison(rows: Sequence[Mapping[str, Any]], first: str, second: str) -> None:
    """Print two sides of each figure, and second less first."""
    table = _table("stream", "figure", "unit", "better is", "a", "b", "difference")
    for row in rows:
        table.add_row(
            Text(str(row["stream"])),
            Text(str(row["name"])),
            Text(str(row["unit"])),
            "more" if row["higher_is_better"] else "less",
            *(_either(row[name]) for name in ("a", "b", "difference")),
        )
    out = console(to_stderr=False)
    out.print(Text(f"a: {first}\nb: {second}\ndifference: b less a"))
    out.print(table)


def _tell_listeners(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print what heard each stream, and its version."""
    heard_by: dict[str, list[str]] = {}
    for row in rows:
        streams = heard_by.setdefault(str(row["extractor"]), [])
        streams += [row["stream"]] if row["stream"] not in streams else []
    out = console(to_stderr=False)
    for extractor, streams in heard_by.items():
        out.print(Text(f"{', '.join(streams)} heard by {extractor}"))


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in titles:
        # figures rather take two lines than be cut off
        right = title in FIGURES
        table.add_column(title, justify="right" if right else "left", no_wrap=not right)
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _interval(found: Mapping[str, float] | None) -> str:
    if found is None:
        return ""
    return f"{found['mean']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


def _either(value: Any) -> str:  # Any: a number, or the JSON of an interval
    return _interval(value) if isinstance(value, Mapping) else _number(value)
