"""Tables on the terminal: what a build did, and what one would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from muze.cli.tables import console

if TYPE_CHECKING:
    from muze.pipelines.built import Built
    from muze.pipelines.forecast import Forecast


def show_built(built: Built) -> None:
    """Print what a build did on stderr: tracks, what was left out, where the time went."""
    out = console(to_stderr=True)
    told = f"{built.tracks} tracks, {built.heard} of them newly heard"
    counted = ((len(built.broken), "broken"), (len(built.refused) - len(built.broken), "left out"))
    told += "".join(f", {count} {what}" for count, what in counted if count)
    out.print(Text(told), style="bold")
    if built.seconds:
        whole = sum(built.seconds.values())
        table = Table(box=None, pad_edge=False)
        for title in ("heard", "seconds", "share"):
            table.add_column(title, justify="left" if title == "heard" else "right")
        for name, seconds in sorted(built.seconds.items(), key=lambda item: -item[1]):
            table.add_row(Text(name), f"{seconds:.1f}", f"{seconds / whole:.0%}")
        out.print(table)
    for refused in built.refused:
        if not refused.broken:
            out.print(Text(f"left out: {refused.path}: {refused.reason}"))
    for note in built.notes:
        out.print(Text(f"note: {note}"))


def show_forecast(told: Forecast) -> None:
    """Print what a folder holds and what a build would do."""
    out = console(to_stderr=False)
    formats = ", ".join(f"{count} {suffix}" for suffix, count in told.formats.items())
    out.print(Text(f"{sum(told.formats.values())} files ({formats}), {told.seconds / 3600:.2f} h"))
    by = "as the last build here took" if told.measured else "as muze's own benchmark took"
    out.print(
        Text(
            f"to hear: {told.new_files} files, {told.new_seconds / 3600:.2f} h, "
            f"about {told.minutes:.1f} min, {by}"
        )
    )
    for path in told.untold:
        out.print(Text(f"may be broken: {path}: its header tells no length"))
    for refused in told.refused:
        out.print(Text(f"left out: {refused.path}: {refused.reason}"))
