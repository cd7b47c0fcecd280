"""How well streams hear what is there: each stream's ``extract`` on sound whose truth is known.

Every row of the table is a stream, sounds, and the figures of its own ``score`` between what the
truth draws and what was heard. Other listeners stand beside muze's where there are any.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks import known_sounds as known
from benchmarks import listeners
from benchmarks.excerpts import SEED, Excerpt, held_out_excerpts
from benchmarks.harness import (
    AsJson,
    Docs,
    Findings,
    Interval,
    Kept,
    NumSongs,
    Songs,
    Work,
    markdown,
)
from muze.analysis.beats import tempo_of
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import Stream
from muze.core.registry import Registry
from muze.report import open_report

SHORT = 20.0
"""Seconds of a render in the other benchmarks."""
LINE = 20.0
FEW, BRIEF = 12, 5.0
"""Lines, and seconds of each, on which trackers are compared; CREPE takes 14 times its length."""
NUM_PHRASES = 60

Sounds = Callable[[Path, int], Sequence[Excerpt]]
"""From the folder of held-out songs and how many of them."""
Asked = Callable[[Stream, Excerpt], Features | None]
"""What the truth of an excerpt draws."""
Listener = Callable[[Audio, TimeGrid], Mapping[str, Any]]
"""Another than muze's own, telling what it hears as a record does."""


@dataclass(frozen=True)
class Row:
    """A stream in a kind of sound: its figures with what they must reach, and who listens."""

    stream: str
    sounds: str
    figures: Mapping[str, float | None]
    settings: Mapping[str, Any] = field(default_factory=dict)
    asked: str = "record"
    listener: str | None = None
    needs: str | None = None
    """A package that is not everybody's."""

    @property
    def possible(self) -> bool:
        """Whether what it needs is installed."""
        return self.needs is None or importlib.util.find_spec(self.needs) is not None


def rings(line: Excerpt) -> bool:
    """Whether the notes of a line sound on beside the next ones, so that it has no one pitch."""
    return line.record is not None and bool(line.record["rings"])


SOUNDS: dict[str, Sounds] = {
    "20 s of songs": partial(held_out_excerpts, seconds=SHORT),
    "whole songs": partial(held_out_excerpts, seconds=None),
    "solo leads": lambda folder, n: [
        line for line in known.solo_lines(folder, "lead", n, LINE) if not rings(line)
    ],
    "solo leads, ringing ones too": lambda folder, n: known.solo_lines(folder, "lead", n, LINE),
    "solo leads, by the score": lambda folder, n: known.solo_lines(folder, "lead", n, LINE, True),
    "solo basses": lambda folder, n: known.solo_lines(folder, "bass", n, LINE),
    "solo leads, 5 s": lambda folder, n: [
        line for line in known.solo_lines(folder, "lead", n, BRIEF) if not rings(line)
    ][:FEW],
    "chord parts alone": lambda folder, n: known.noted_parts(folder, "comp", n, LINE),
    "20 s of songs, all notes": lambda folder, n: known.noted_songs(folder, n, SHORT),
    "drums alone": lambda folder, n: known.drum_parts(folder, n, False),
    "songs with drums": lambda folder, n: known.drum_parts(folder, n, True),
    "synthetic singing": lambda *_: known.sung_phrases(NUM_PHRASES),
    "six espeak-ng voices": lambda *_: known.sentences(),
    "songs, half with speech at 0 dB": known.songs_and_speech,
    "one espeak-ng voice twice": lambda *_: known.pairs(same=True),
    "two espeak-ng voices": lambda *_: known.pairs(same=False),
}

ROWS = (
    Row("tempo", "whole songs", {"tempo Acc1": 0.90, "tempo Acc2": 0.97}),
    Row("tempo", "20 s of songs", {"tempo Acc1": 0.90, "tempo Acc2": 0.97}),
    Row("beat", "whole songs", {"beat F": 0.88, "downbeat F": 0.75, "metre BM": None}),
    Row("beat", "20 s of songs", {"beat F": 0.88, "downbeat F": 0.75, "metre BM": None}),
    Row("chord", "whole songs", {"chord majmin": 0.80, "chord triads": None}),
    Row("chord", "20 s of songs", {"chord majmin": 0.80, "chord triads": None}),
    Row("key", "whole songs", {"key weighted": 0.80}),
    Row("key", "20 s of songs", {"key weighted": 0.80}),
    Row("section", "whole songs", {"section F 0.5 s": None, "section F 3 s": None}),
    Row("energy", "whole songs", {"energy r": None}),
    Row("loudness", "whole songs", {"loudness error": None, "loudness r": None}),
    Row("f0", "solo leads", {"melody RPA": 0.95, "melody RCA": None}),
    Row("f0", "solo leads, ringing ones too", {"melody RPA": 0.95}),
    Row("f0", "solo leads, by the score", {"melody RPA": 0.95}),
    Row("f0", "solo basses", {"melody RPA": None}),
    Row("melody", "solo leads", {"melody chroma cosine": None}),
    Row("midi", "chord parts alone", {"note onset F1": None}, needs="basic_pitch"),
    Row("midi", "20 s of songs, all notes", {"note onset F1": None}, needs="basic_pitch"),
    Row("vibrato", "synthetic singing", {
        "vibrato rate error": 0.3, "vibrato depth error": 10.0, "vibrato extent error": None,
    }),
    Row("breath", "synthetic singing", {"breath F1": 0.8}),
    Row("drums", "drums alone", {"drums F1": None, "drums kick F1": None, "drums snare F1": None}),
    Row("drums", "songs with drums", {"drums F1": None, "drums kick F1": None,
                                      "drums snare F1": None}),
    Row("has_vocals", "songs, half with speech at 0 dB", {"vocals as asked": None},
        needs="faster_whisper"),
    Row("phoneme", "six espeak-ng voices", {"phoneme error rate": None}, asked="values",
        needs="faster_whisper"),
    Row("phoneme_timestamps", "six espeak-ng voices", {"word error rate": None}, asked="values",
        needs="faster_whisper"),
    Row("voice", "one espeak-ng voice twice", {"voice cosine": None}, {"ecapa": None}, "other",
        needs="resemblyzer"),
    Row("voice", "two espeak-ng voices", {"voice cosine": None}, {"ecapa": None}, "other",
        needs="resemblyzer"),
)  # fmt: skip

COMPARED = (
    Row("tempo", "20 s of songs", {"tempo Acc1": 0.90, "tempo Acc2": 0.97}),
    Row("tempo", "20 s of songs", {"tempo Acc1": 0.90, "tempo Acc2": 0.97},
        listener="muze, told the tempo"),
    Row("beat", "20 s of songs", {"beat F": 0.88, "downbeat F": 0.75}),
    Row("beat", "20 s of songs", {"beat F": 0.88, "downbeat F": 0.75},
        listener="muze, told the tempo"),
    Row("tempo", "whole songs", {"tempo Acc1": 0.90, "tempo Acc2": 0.97}),
    Row("tempo", "whole songs", {"tempo Acc1": 0.90, "tempo Acc2": 0.97}, listener="librosa"),
    Row("tempo", "whole songs", {"tempo Acc1": 0.90, "tempo Acc2": 0.97},
        listener="librosa, told the tempo"),
    Row("beat", "whole songs", {"beat F": 0.88, "downbeat F": 0.75}),
    Row("beat", "whole songs", {"beat F": 0.88}, listener="librosa"),
    Row("beat", "whole songs", {"beat F": 0.88}, listener="librosa, told the tempo"),
    Row("chord", "whole songs", {"chord majmin": 0.80, "chord triads": None}),
    Row("chord", "whole songs", {"chord majmin": 0.80, "chord triads": None},
        listener="templates"),
    Row("key", "whole songs", {"key weighted": 0.80}),
    Row("key", "whole songs", {"key weighted": 0.80}, listener="key profiles"),
    *(
        Row("f0", "solo leads, 5 s", {"melody RPA": 0.95, "melody RCA": None},
            {"extractor": tracker}, needs=needs)
        for tracker, needs in (("swift_f0", "swift_f0"), ("pyin", None),
                               ("crepe_tiny", "torchcrepe"), ("crepe", "torchcrepe"))
    ),
)  # fmt: skip


def asked_of(row: Row, stream: Stream, excerpt: Excerpt) -> Features | None:
    """Return what the truth draws: a record, a manifest's values, or another sound."""
    record, grid = excerpt.record, excerpt.grid
    assert record is not None
    if row.asked == "values":
        return stream.parse(type(stream).Values(**record["values"]), grid)
    if row.asked == "other":
        other: Audio = record["other"]
        return stream.extract(other, TimeGrid.of_song(other.duration))
    return stream.recall(record, grid)


def measured(row: Row, excerpt: Excerpt, registry: Registry) -> dict[str, Any]:
    """Return who listened, and by figure: value, unit, and whether more is better."""
    cls = registry.get("stream", row.stream)
    stream, grid = cls(cls.Config(**row.settings)), excerpt.grid
    asked = asked_of(row, stream, excerpt)
    if row.listener is None:
        heard: Features | None = stream.extract(excerpt.audio, grid)
        told = stream.extractor
    else:
        found = listeners.LISTENERS[row.listener](excerpt.audio, grid)
        told = listeners.name(row.listener)
        if row.stream == "tempo":  # which a record tells of all of a song alone
            heard = {"tempo": tempo_of(np.asarray(found["beat_positions"]), grid)[None]}
        else:
            heard = stream.recall(found, grid)
    assert asked is not None
    assert heard is not None
    asked.setdefault("present", np.ones(grid.frames, np.float32))
    scores = stream.score(asked, heard, grid)
    figures = {s.name: [float(s.value), s.unit, s.higher_is_better] for s in scores}
    return {"extractor": told, "figures": figures}


def lines_of(row: Row, items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what a row found, figure by figure."""
    lines = []
    for name, target in row.figures.items():
        found = [item["figures"][name] for item in items if name in item["figures"]]
        if not found:
            continue
        interval = Interval.of([value for value, _, _ in found])
        _, unit, more = found[0]
        right = None if target is None else (interval.mean >= target) == more
        lines.append({
            "stream": row.stream, "sounds": row.sounds, "figure": name, "unit": unit,
            "more_is_better": more, "target": target, "reached": right, "interval": interval,
            "extractor": items[0]["extractor"],
        })  # fmt: skip
    return lines


def hear_all(
    rows: Sequence[Row], songs: Path, count: int, kept: Kept, registry: Registry
) -> list[dict[str, Any]]:
    """Return what every possible row found, figure by figure."""
    lines = []
    with open_report() as report:
        advance = report.task("listening", len(rows))
        for row in rows:
            items = []
            for excerpt in SOUNDS[row.sounds](songs, count):
                about = {"excerpt": excerpt.name, "seconds": excerpt.grid.duration,
                         "stream": row.stream, "settings": row.settings, "asked": row.asked,
                         "listener": row.listener, "sounds": row.sounds}  # fmt: skip
                items.append(kept.get(about, partial(measured, row, excerpt, registry)))
            lines += lines_of(row, items)
            advance()
    return lines


def table(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return findings as a Markdown table."""
    rows = []
    for line in lines:
        wanted = ""
        if line["target"] is not None:
            sign = "at least" if line["more_is_better"] else "at most"
            wanted = f"{sign} {line['target']:g}{'' if line['reached'] else ', missed'}"
        unit = f", {line['unit']}" if line["unit"] in ("Hz", "cents", "LU") else ""
        rows.append([
            line["stream"], line["sounds"], line["figure"] + unit, wanted,
            str(line["interval"].count), str(line["interval"]), line["extractor"],
        ])  # fmt: skip
    headers = ["stream", "heard in", "figure", "wanted", "n", "mean and 95 % interval", "by"]
    return markdown(headers, rows)


def main(
    songs: Songs = Path("data/held-out"),
    num_songs: NumSongs = 24,
    streams: Annotated[str | None, typer.Option(help="Only these, with commas.")] = None,
    work: Work = Path("runs/benchmarks/extractors"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Measure what every stream hears in sound whose truth is known."""
    if streams and docs:
        raise typer.BadParameter("--docs wants all streams; leave --streams out")
    registry, kept = Registry(), Kept(work)
    wanted = set(streams.split(",")) if streams else None
    rows, compared = (
        [
            row
            for row in part
            if row.possible
            and row.stream in registry.names()
            and registry.plugin(row.stream).state == "ok"
            and (wanted is None or row.stream in wanted)
        ]
        for part in (ROWS, COMPARED)
    )
    lines = hear_all(rows, songs, num_songs, kept, registry)
    beside = hear_all(compared, songs, num_songs, kept, registry)
    settings = {"held-out songs": num_songs, "seed": SEED, "sung phrases": NUM_PHRASES}
    findings = Findings("extractors", settings, kept.seconds, data={"rows": lines + beside})
    findings.tables["What streams hear"] = table(lines)
    findings.tables["Listeners compared"] = table(beside)
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
