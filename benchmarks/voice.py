"""How well voices sing: melody, words, onsets and speed on songs whose notes are known.

python -m benchmarks.voice --docs docs/benchmarks.md
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.harness import AsJson, Docs, Figures, Findings, Interval, Kept, Work, markdown
from benchmarks.small_band import band, played, struck
from benchmarks.sung_songs import SONGS, SungSong
from muze.analysis.words import hear_words
from muze.audio.io import resample, write_audio
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.manifest.song import Song
from muze.pipelines.plan import Plan, plan_song
from muze.pipelines.vocals import lay_over, planned_singer
from muze.report import SilentReport, open_report
from muze.voice.adherence import hear_voice
from muze.voice.sing import SungSong as Performed
from muze.voice.sing import sing
from muze.voice.singer import on_stage
from muze.voice.sung_words import word_error_rate

Only = Annotated[str, typer.Option(help="Names of songs, with commas; all unless said.")]
Keep = Annotated[Path | None, typer.Option(help="Folder in which what is sung is kept.")]

RATE = 32_000
PAUSE = 0.6
"""Seconds between two lines that are spoken for comparison."""
BACKENDS = {"kokoro": "jf_alpha", "piper": "en_US-joe-medium", "espeak": "plain"}
"""Each sings the song ``drive``, its name the one word changed, and a voice of its own."""
LIMITS = {
    "melody RPA": (">=", 0.95), "melody RPA, mix": (">=", 0.6), "onsets within 60 ms": (">=", 0.9),
}  # fmt: skip


def planned(song: SungSong, registry: Registry, **voice: Any) -> Plan:
    """Return the plan of a song, without a model."""
    return plan_song(Song.model_validate(song.manifest(**voice)), registry)


def backing(plan: Plan) -> Audio:
    """Return the plan's chords, played by a small band with drums, mono at 32 kHz."""
    grid, chords = plan.grid, []
    lines = [*grid.bar_times, plan.duration]
    names = [name.split()[0] for part in plan.sections for name in part.chords]
    for name, start, end in zip(names, lines, lines[1:], strict=False):
        chords.append({"chord": name, "start": float(start), "end": float(end)})
    sections = [{"type": "verse", "start": 0.0, "end": plan.duration + 0.1}]
    chords[-1]["end"] = plan.duration + 0.1
    hits = struck(np.random.default_rng(plan.seed), sections, grid.beat_times)
    notes = played("folk", chords, sections, grid.beat_times)
    wave = band("folk", notes, hits, plan.duration + 1)
    return Audio(wave[None, : round(plan.duration * RATE)].astype(np.float32), RATE)


def measured(song: SungSong, registry: Registry, keep: Path | None) -> Figures:
    """Return what a song's voice reaches, and how long it took beside how long it sings."""
    plan = planned(song, registry)
    assert plan.voice is not None
    with on_stage(planned_singer(plan, registry), SilentReport()) as singer:
        singer.backend.speak("ready", singer.voice, singer.language)  # what is read once is read
        started, clock = time.perf_counter(), time.process_time()
        made = sing(plan.voice, singer, plan.grid, RATE, plan.seed, registry, SilentReport())
        wall, spent = time.perf_counter() - started, time.process_time() - clock
        mix, voice, music = lay_over(made, backing(plan), plan)
        scores = hear_voice(made, mix, plan.voice, plan.grid, singer, registry)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        write_audio(keep / f"{song.name}.wav", mix)
        write_audio(keep / f"{song.name}.vocal.wav", voice)
        write_audio(keep / f"{song.name}.music.wav", music)
    figures = {s.name: s.value for s in scores if s.value is not None}
    figures |= {f"{s.name}: chance": s.floor for s in scores if s.floor is not None}
    sung = sum(p.placed[-1].end - p.placed[0].start for p in made.phrases)
    figures |= {"seconds": plan.duration, "sung": sung, "wall": wall, "cpu": spent}
    figures["notes"] = float(sum(len(s.notes) for line in plan.voice.lines for s in line.syllables))
    figures["syllables"] = float(sum(len(line.syllables) for line in plan.voice.lines))
    if "word error rate" in figures:
        asked = " ".join(line.text for line in plan.voice.lines)
        words = hear_words(_spoken(made)).words
        figures["spoken"] = word_error_rate(asked, " ".join(word.text for word in words))
    return figures


def main(
    work: Work = Path("runs/benchmarks/voice"),
    only: Only = "",
    keep: Keep = None,
    as_json: AsJson = False,
    docs: Docs = None,
) -> None:
    """Sing every song, and print what is reached."""
    registry, kept = Registry(), Kept(work)
    songs = [song for song in SONGS if not only or song.name in only.split(",")]
    swapped = [
        replace(next(s for s in SONGS if s.name == "drive"), name=f"drive, {backend}",
                backend=backend, voice=voice)
        for backend, voice in BACKENDS.items()
    ] if not only else []  # fmt: skip
    found: dict[str, Figures] = {}
    with open_report() as report:
        advance = report.task("singing", len(songs) + len(swapped))
        for song in (*songs, *swapped):
            found[song.name] = kept.get(asdict(song), partial(measured, song, registry, keep))
            advance()
    settings = {"songs": len(songs), "mix": "a small band, the voice 3 LU above it"}
    findings = Findings("voice", settings, kept.seconds, data={"figures": found})
    findings.tables["All songs"] = summary([found[song.name] for song in songs])
    findings.tables["Song by song"] = song_table(songs, found)
    if swapped:
        findings.tables["One word changed"] = song_table(swapped, found)
    findings.show(as_json, docs)


def summary(items: list[Figures]) -> str:
    """Return the table of what is reached in all songs, beside what must be."""
    rows = []
    for name, (sign, limit) in LIMITS.items():
        values = [item[name] for item in items]
        met = sum(value >= limit for value in values)
        rows.append([name, str(Interval.of(values)), f"{sign} {limit:g}", f"{met}/{len(values)}"])
    read = [item for item in items if "spoken" in item]
    over = [item["word error rate"] - item["spoken"] for item in read]
    sung = [item["word error rate"] for item in read]
    if read:
        rows.append(["word error rate, English, sung", str(Interval.of(sung)), "", ""])
        rows.append(["... spoken", str(Interval.of([item["spoken"] for item in read])), "", ""])
        met = f"{sum(x <= 0.15 + 1e-9 for x in over)}/{len(over)}"
        rows.append(["... sung less spoken", str(Interval.of(over)), "<= 0.15", met])
        rows.append(["... of the median song", f"{median(sung):.3f}", "<= 0.25", ""])
    cpu = [item["cpu"] / item["seconds"] for item in items]
    met = f"{sum(x <= 1 for x in cpu)}/{len(cpu)}"
    rows.append(["processor seconds for a second of song", str(Interval.of(cpu)), "<= 1", met])
    rests = [item["cpu"] / item["sung"] for item in items]
    rows.append(["... for a second of it that is sung", str(Interval.of(rests)), "", ""])
    return markdown(["figure", "mean and 95 % interval", "must be", "songs that reach it"], rows)


def song_table(songs: list[SungSong], found: dict[str, Figures]) -> str:
    """Return a row a song."""
    heads = ["song", "by", "language", "bpm", "melody", "syllables, notes", "RPA", "mix",
             "WER sung", "spoken", "onsets", "median, ms", "chance", "like itself",
             "s for 1 s"]  # fmt: skip
    rows = []
    for song in songs:
        item = found[song.name]

        def figure(name: str, scale: float = 1.0, digits: int = 2, at: Figures = item) -> str:
            return f"{scale * at[name]:.{digits}f}" if name in at else "-"

        rows.append([
            song.name, f"{song.backend} {song.voice}", song.language, f"{song.bpm:g} {song.metre}",
            "composed" if song.notes is None else "told",
            f"{item['syllables']:.0f}, {item['notes']:.0f}",
            figure("melody RPA", digits=3), figure("melody RPA, mix"), figure("word error rate"),
            figure("spoken"), figure("onsets within 60 ms"),
            figure("onset error, median", 1000, 0), figure("onsets within 60 ms: chance"),
            figure("speaker similarity"), f"{item['cpu'] / item['seconds']:.2f}",
        ])  # fmt: skip
    return markdown(heads, rows)


def _spoken(made: Performed) -> Audio:
    """Return the lines as they were spoken, with pauses."""
    silence = np.zeros(round(PAUSE * RATE), np.float32)
    parts = [resample(one.audio, RATE).mono for one in made.spoken]
    return Audio(np.concatenate([x for part in parts for x in (part, silence)])[None], RATE)


if __name__ == "__main__":
    typer.run(main)
