"""Tables on the terminal: a plan, and how well a render followed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from muze.core.notes import pitch_name
from muze.manifest.song import TEMPLATES
from muze.pipelines.plan import Plan, SectionPlan
from muze.pipelines.resolve import StreamPlan

if TYPE_CHECKING:
    from muze.pipelines.estimate import Estimate
    from muze.pipelines.sizes import Size

WIDTH_IN_A_PIPE = 120
"""Columns where nobody tells how wide the terminal is."""
WIDEST_WORDS = 70
"""Letters shown of lyrics."""
WIDEST_LINE = 100
"""Letters shown of what a stream is told."""
SHOWN = ("text", "genre", "tempo", "key", "section", "energy", "chord")
"""Streams whose values the plan's head and table show."""
UNSUNG = "words are told to the model, which may not sing them so that they are understood"
DECIDED = "* decided by muze, not asked"


def console(to_stderr: bool) -> Console:
    """Return a console that keeps its lines whole where it writes to no terminal."""
    plain = Console(stderr=to_stderr, highlight=False)
    return plain if plain.is_terminal else Console(
        stderr=to_stderr, highlight=False, width=WIDTH_IN_A_PIPE
    )  # fmt: skip


def show_plan(plan: Plan, to_stderr: bool) -> None:
    """Print the plan: what holds for the song, then its sections; ``*`` marks what was decided."""
    out = console(to_stderr)
    star = {name: "*" if origin == "decided" else "" for name, origin in plan.origins.items()}
    bpm = sorted({mark.bpm for mark in plan.tempo})
    tempo = f"{bpm[0]:g} BPM" if len(bpm) == 1 else f"{bpm[0]:g} to {bpm[-1]:g} BPM"
    facts = [
        f"{plan.duration:.4g} s{star['duration']}, {plan.num_bars} bars",
        f"{tempo}{star['tempo']}",
        f"{plan.time_signature}{star['time_signature']}",
        f"{plan.key}{star['key']}",
        *([_genre(plan.streams["genre"])] if "genre" in plan.streams else []),
        f"seed {plan.seed}{star['seed']}",
    ]
    out.print(Text(f"{plan.song.title or plan.prompt}"), style="bold")
    out.print(Text(" | ".join(facts)))
    steps = f"{plan.sampler.name} {plan.num_steps} steps"
    weights = ", ".join(f"{name} {weight:g}" for name, weight in plan.guidance.items())
    out.print(Text(f"model {plan.model}, {steps}, guidance {weights}"))
    table = Table(box=None, pad_edge=False)
    for title in ("section", "bars", "seconds", "tempo", "key", "energy", "chords", "prompt"):
        right = title in ("bars", "tempo", "energy")
        table.add_column(
            title, justify="right" if right else "left", no_wrap=title not in ("chords", "prompt")
        )
    for part in plan.sections:
        first, last = part.first_bar, part.first_bar + part.bars - 1
        table.add_row(
            Text(part.type + star["structure"]),
            str(first) if first == last else f"{first}-{last}",
            f"{part.start:.1f}-{part.end:.1f}",
            f"{part.bpm:g}",
            Text(part.key),
            Text(_energy(plan, part)),
            Text(_chords(plan, part)),
            Text(part.prompt or ""),
        )
    out.print(table)
    recordings = [
        f"{name} from {told.recording.path}"
        for streams in (plan.streams, *(part.streams for part in plan.sections))
        for name, told in streams.items()
        if told.recording is not None
    ]
    for line in [*recordings, *_asked(plan), *_words(plan), *_sung(plan)]:
        out.print(Text(line))
    if "*" in "".join(star.values()):
        by = plan.planner.name
        who = "" if by == TEMPLATES else f" (the planner of {by})"
        out.print(Text(DECIDED.replace(", ", f"{who}, ")))


def _asked(plan: Plan) -> list[str]:
    """Return a line for what a stream is told that has no place in the table."""
    lines = []
    places = [("", plan.streams), *((f" in {part.type}", part.streams) for part in plan.sections)]
    for where, streams in places:
        for name, told in streams.items():
            if name in SHOWN or told.origin != "asked" or not told.values:
                continue
            values = {key: value for key, value in told.values.items() if key != "lyrics"}
            if values:
                words = ", ".join(f"{key} {_plain(value)}" for key, value in values.items())
                lines.append(shorten(f"{name}{where}: {words}", WIDEST_LINE, placeholder=" ..."))
    return lines


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return " ".join(_plain(inner) for inner in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _words(plan: Plan) -> list[str]:
    """Return a line for each text that streams are told to sing, and what to expect of it."""
    streams_of: dict[str, list[str]] = {}
    for streams in (plan.streams, *(part.streams for part in plan.sections)):
        for name, told in streams.items():
            if isinstance(words := (told.values or {}).get("lyrics"), str):
                streams_of.setdefault(shorten(words, WIDEST_WORDS, placeholder=" ..."), []).append(
                    name
                )
    lines = [
        f'{" and ".join(dict.fromkeys(names))} "{words}"' for words, names in streams_of.items()
    ]
    return [*lines, UNSUNG] if lines else []


def _genre(told: StreamPlan) -> str:
    names = (told.values or {}).get("names") or []
    one = names if isinstance(names, str) else ", ".join(names)
    return f"{one}{'*' if told.origin == 'decided' else ''}"


def show_adherence(adherence: Mapping[str, Any], to_stderr: bool = True) -> None:
    """Print how well a render did what was asked; ``*`` marks what muze decided itself.

    Beside it what chance gets, and what this model's renders got in its evaluation with every
    control dropped and only the words told.
    """
    rows: Sequence[Mapping[str, Any]] = adherence["scores"]
    table = Table(box=None, pad_edge=False)
    for title in ("stream", "figure", "heard", "chance", "words alone", "unit"):
        figures = title in ("heard", "chance", "words alone")
        table.add_column(title, justify="right" if figures else "left")
    for row in rows:
        floor, dropped = row.get("floor"), row.get("dropped")
        star = "*" if row.get("origin") == "decided" else ""
        table.add_row(
            Text(f"{row['stream']}{star}"),
            Text(str(row["name"])),
            f"{row['value']:.3f}",
            "" if floor is None else f"{floor:.2f}",
            "" if dropped is None else f"{dropped:.2f}",
            Text(str(row["unit"])),
        )
    for row in adherence.get("voice", ()):
        floor, value = row["floor"], row["value"]
        table.add_row(
            Text("voice"),
            Text(str(row["name"])),
            "-" if value is None else f"{value:.3f}",
            "" if floor is None else f"{floor:.2f}",
            "",
            Text(str(row["unit"]) if value is not None else str(row["reason"])),
        )
    out = console(to_stderr)
    out.print(table)
    if any(row.get("origin") == "decided" for row in rows):
        out.print(Text(DECIDED))


def _sung(plan: Plan) -> list[str]:
    """Return who sings what, where somebody does."""
    if (voice := plan.voice) is None:
        return []
    notes = [note for line in voice.lines for part in line.syllables for note in part.notes]
    pitches = [note.pitch for note in notes if note.pitch is not None]
    count = sum(len(line.syllables) for line in voice.lines)
    told = f"{len(voice.lines)} line{'s' * (len(voice.lines) > 1)}, {count} syllables"
    if pitches:
        low, high = pitch_name(min(pitches)), pitch_name(max(pitches))
        told += f" on {len(notes)} notes, {low} to {high}, {voice.melody}"
    how = {"sung": "sings", "spoken": "speaks", "rap": "raps"}[voice.delivery]
    return [f"{voice.backend} {voice.voice} {how} {told} ({voice.language})"]


def _energy(plan: Plan, part: SectionPlan) -> str:
    told = part.streams.get("energy") or plan.streams.get("energy")
    if told is None:
        return ""
    value = (told.values or {}).get("value")
    if value is None:
        return "heard"
    star = "*" if told.origin == "decided" else ""
    points = value if isinstance(value, list) else [value]
    return "-".join(f"{point:g}" for point in dict.fromkeys((points[0], points[-1]))) + star


def _chords(plan: Plan, part: SectionPlan) -> str:
    told = part.streams.get("chord") or plan.streams.get("chord")
    if told is None:
        return ""
    if told.values is None:
        return "heard"
    star = " *" if told.origin == "decided" else ""
    cycle = _cycle(part.chords)
    turns = len(part.chords) // max(len(cycle), 1)
    return " | ".join(cycle) + (f"  x{turns}" if turns > 1 else "") + star


def _cycle(chords: tuple[str, ...]) -> tuple[str, ...]:
    """Return the shortest run of chords that, repeated a whole number of times, gives them all."""
    for length in range(1, len(chords) + 1):
        if len(chords) % length == 0 and all(
            chord == chords[index % length] for index, chord in enumerate(chords)
        ):
            return chords[:length]
    return chords


def show_sizes(title: str, sizes: Sequence[Size]) -> None:
    """Print a table of sizes: what the specification says, and what is counted."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in ("preset", "network", "shape", "specification", "counted", "off by"):
        right = column in ("specification", "counted", "off by")
        table.add_column(column, justify="right" if right else "left")
    for size in sizes:
        table.add_row(
            size.preset,
            size.network,
            size.shape,
            f"{size.wanted:.0f}M",
            f"{size.counted:.1f}M",
            f"{size.off:+.1%}",
        )
    console(to_stderr=False).print(table)


def show_estimate(found: Estimate) -> None:
    """Print what a training will take: weights, memory, disk, time."""
    from muze.pipelines.out_of_memory import size

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    table.add_row("weights", f"{found.weights:,}", f"{found.trained:,} trained")
    for name, count in found.memory.items():
        table.add_row(f"memory: {name}", size(count), "")
    fits = f"{size(found.free)} free: " + ("it fits" if found.fits else "it does not fit")
    table.add_row("memory: in all", size(found.needed), fits)
    table.add_row(
        "checkpoint", size(found.checkpoint), f"{size(found.disk)} of disk with those kept"
    )
    if found.step_seconds is not None and found.seconds is not None:
        table.add_row("a step", f"{found.step_seconds:.3g} s", "")
        table.add_row("all steps", str(timedelta(seconds=round(found.seconds))), "")
    out = console(to_stderr=False)
    out.print(table)
    out.print(Text(f"{found.device}; {found.basis}"))
    if found.advice:
        out.print(Text(found.advice))
