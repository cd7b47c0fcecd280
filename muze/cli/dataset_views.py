"""Tables on the terminal: a dataset's tracks, one of them, and figures of all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from muze.cli.tables import console
from muze.data.names import printable, short

if TYPE_CHECKING:
    from rich.console import Console

    from muze.data.stats import Stats
    from muze.data.store import Record

IN_TABLE = ("title", "artist", "tempo", "key", "genre", "has_vocals", "prompt")
"""Fields that a table of tracks shows, besides audio_path and duration."""
MOST = 12
"""Values that are told of a field; what is rarer is counted."""
LONGEST = {"name": 28, "artist": 18, "genre": 20, "prompt": 44, "reason": 60}
"""Letters of a cell."""


def show_tracks(records: Iterable[Record]) -> None:
    """Print a line for each track, numbered from 0."""
    table = _table(
        ("track", True), ("title", False), ("artist", False), ("duration", True), ("tempo", True),
        ("key", False), ("genre", False), ("vocals", False), ("prompt", False),
    )  # fmt: skip
    for column in table.columns:
        column.no_wrap = column.header not in ("title", "artist", "key", "genre", "prompt")
    for number, record in enumerate(records):
        genre, tempo = record.get("genre") or "", record.get("tempo")
        vocals = record.get("has_vocals")
        table.add_row(
            str(number),
            _cell(record.get("title") or record["audio_path"], "name"),
            _cell(record.get("artist"), "artist"),
            clock(record["duration"]),
            f"{tempo:.4g}" if tempo else "",
            _cell(record.get("key"), "genre"),
            _cell(genre if isinstance(genre, str) else ", ".join(map(str, genre)), "genre"),
            "yes" if vocals is True else "no" if vocals is False else "",
            _cell(record.get("prompt"), "prompt"),
        )
    console(to_stderr=False).print(table)


def show_card(number: int, record: Record) -> None:
    """Print all that is known of one track, and who told it or why it is not known."""
    from muze.pipelines.track_card import track_card

    out = console(to_stderr=False)
    name = printable(str(record.get("title") or record["audio_path"]))
    out.print(Text(f"track {number}: {name}"), style="bold")
    table = _table(("field", False), ("value", False), ("told by, or why not", False))
    for told in track_card(record):
        table.add_row(Text(told.field), Text(told.value), Text(told.source))
    out.print(table)


def show_stats(stats: Stats) -> None:
    """Print figures of a dataset: numbers, names, sections, what is missing, who told it."""
    out = console(to_stderr=False)
    out.print(Text(f"{stats.tracks} tracks, {stats.seconds / 3600:.2f} hours"), style="bold")
    if stats.numbers:
        marks = ("lowest", "p5", "median", "mean", "p95", "highest")
        table = _table(("", False), ("tracks", True), *((mark, True) for mark in marks))
        for name, spread in stats.numbers.items():
            table.add_row(
                name, str(spread.tracks), *(f"{getattr(spread, mark):.4g}" for mark in marks)
            )
        out.print(table)
    for name, counts in stats.counts.items():
        out.print(Text(f"{name}: {_commonest(counts)}"))
    if stats.sections:
        parts = (f"{k} {s.count} ({s.seconds / 60:.0f} min)" for k, s in stats.sections.items())
        out.print(Text(f"segments: {', '.join(parts)}"))
    _show_lacks(out, stats)


def _show_lacks(out: Console, stats: Stats) -> None:
    if stats.missing:
        table = _table(("missing", False), ("tracks", True), ("share", True), ("why", False))
        for lack in stats.missing:
            for index, (reason, count) in enumerate(lack.reasons):
                first = index == 0
                table.add_row(
                    Text(printable(lack.field) if first else ""),
                    str(lack.tracks) if first else "",
                    f"{lack.share:.1%}" if first else "",
                    Text(f"{_shortened(reason, 'reason')} ({count})"),
                )
        out.print(table)
    if stats.makers:
        table = _table(("told by", False), ("version", False), ("tracks", True), ("fields", False))
        for maker in stats.makers:
            fields = printable(", ".join(maker.fields)) or "all"
            table.add_row(
                _cell(maker.backend, "reason"),
                _cell(maker.version, "artist"),
                str(maker.tracks),
                Text(fields),
            )
        out.print(table)


def clock(seconds: float) -> str:
    """Return minutes and seconds, ``3:05``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _commonest(counts: Mapping[str, int]) -> str:
    told = [f"{_shortened(name, 'name')} {count}" for name, count in counts.items()]
    more = f", and {len(told) - MOST} more" if len(told) > MOST else ""
    return ", ".join(told[:MOST]) + more


def _table(*columns: tuple[str, bool]) -> Table:
    """Return a table of columns, and whether each stands to the right."""
    table = Table(box=None, pad_edge=False)
    for title, right in columns:
        table.add_column(title, justify="right" if right else "left")
    return table


def _cell(value: Any, kind: str) -> Text:  # Any: JSON
    told = "" if value is None else _shortened(str(value), kind)
    return Text(told, no_wrap=True, overflow="ellipsis")


def _shortened(text: str, kind: str) -> str:
    return short(text, LONGEST[kind])
