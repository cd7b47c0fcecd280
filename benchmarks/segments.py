"""How well sections are found and named, in songs whose sections are known.

Muze hears everything itself, beats included. Beside it stand ``librosa.segment.agglomerative``,
muze's older novelty peaks, and sections of equal length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.excerpts import SEED, Excerpt, held_out_excerpts
from benchmarks.harness import (
    AsJson,
    Docs,
    Figures,
    Findings,
    Kept,
    NumSongs,
    Songs,
    Work,
    cell,
    markdown,
    means,
)
from muze.analysis.bars import hear_bars
from muze.analysis.beats import hear_beats
from muze.analysis.sections import find_sections
from muze.analysis.structure import hear_segments
from muze.analysis.tempo_map import tempo_map
from muze.audio.io import resample
from muze.core.grid import Audio, TimeGrid
from muze.report import open_report

RATE = 22050
HOP = 512
USUAL = 11.0
"""Seconds of the mean section of the training songs: the fixed rule for how many there are."""
FRAME = 0.1
"""Seconds at which sections are compared in pairs."""
FIGURES = ("F 0.5 s", "F 3 s", "pairwise F", "right type")
SURE = (0.0, 0.25, 0.4, 0.5, 0.6, 0.7, 1.0)

Sections = list[dict[str, Any]]
"""``start``, ``end``, ``label`` of what is the same; ``type`` and ``confidence`` if told."""


def heard_grid(audio: Audio) -> TimeGrid:
    """Return the grid of a whole recording by the beats heard in it, 120 BPM where there are none.

    Its bar lines are the downbeats heard.
    """
    plain = TimeGrid.of_song(audio.duration)
    heard = hear_beats(audio, plain)
    if heard is None:
        return plain
    times, first = heard.times.tolist(), heard.first_downbeat
    if len(times) - first < 2:
        return plain
    marks = tempo_map(times, first)
    return TimeGrid.of_song(audio.duration, marks, heard.metre, first_beat=times[first])


def muze(excerpt: Excerpt) -> Sections:
    """Return what muze hears, told nothing."""
    return _muze(excerpt.audio, heard_grid(excerpt.audio))


def muze_told(excerpt: Excerpt) -> Sections:
    """Return what muze hears, told where the beats and bars are."""
    return _muze(excerpt.audio, replace(excerpt.grid, sections=()))


def novelty(excerpt: Excerpt) -> Sections:
    """Return the sections between peaks of novelty."""
    end = excerpt.grid.duration
    return _unlike([0.0, *find_sections(excerpt.audio, TimeGrid.of_song(end)), end])


def agglomerative(excerpt: Excerpt, told: bool) -> Sections:
    """Return librosa's sections of beats, by MFCC and chroma; their number told, or one in 11 s."""
    import librosa
    from librosa.beat import beat_track
    from librosa.segment import agglomerative as clustered

    y: NDArray[np.float32] = resample(excerpt.audio, RATE).mono
    _, beats = beat_track(y=y, sr=RATE, hop_length=HOP)
    mfcc = librosa.feature.mfcc(y=y, sr=RATE, hop_length=HOP)
    chroma = librosa.feature.chroma_cqt(y=y, sr=RATE, hop_length=HOP)
    x = np.concatenate([_standard(mfcc), _standard(chroma)])
    edges = librosa.util.fix_frames(beats, x_min=0, x_max=x.shape[1])
    synced = librosa.util.sync(x, edges)
    count = min(_count(excerpt, told), synced.shape[1])
    first = clustered(synced, count)
    times = librosa.frames_to_time(edges[first], sr=RATE, hop_length=HOP)
    return _unlike([*times.tolist(), excerpt.grid.duration])


def agglomerative_bars(excerpt: Excerpt, told: bool) -> Sections:
    """Return librosa's sections of muze's bars, by muze's timbre, rhythm and notes of each."""
    from librosa.segment import agglomerative as clustered

    bars = hear_bars(excerpt.audio, heard_grid(excerpt.audio))
    x = np.concatenate([bars.timbre, bars.rhythm, bars.notes])
    first = clustered(x, min(_count(excerpt, told), bars.count))
    return _unlike([*bars.lines[first].tolist(), excerpt.grid.duration])


def equal(excerpt: Excerpt) -> Sections:
    """Return as many sections as there are, of one length: intro, verse, chorus, verse... outro."""
    count = _count(excerpt, True)
    edges = np.linspace(0, excerpt.grid.duration, count + 1).tolist()
    types = ["intro", *(("verse", "chorus")[i % 2] for i in range(count - 2)), "outro"]
    return [
        {"start": a, "end": b, "label": kind, "type": kind}
        for kind, (a, b) in zip(types, pairwise(edges), strict=True)
    ]


LISTENERS: dict[str, Callable[[Excerpt], Sections]] = {
    "muze": muze,
    "muze, told the beats": muze_told,
    "muze's novelty peaks (`find_sections`)": novelty,
    "agglomerative, number of sections told": partial(agglomerative, told=True),
    "agglomerative, one section in 11 s": partial(agglomerative, told=False),
    "agglomerative on muze's bars, number told": partial(agglomerative_bars, told=True),
    "agglomerative on muze's bars, one in 11 s": partial(agglomerative_bars, told=False),
    "equal lengths, number told": equal,
}


def figures(truth: Sections, heard: Sections) -> Figures:
    """Return the F-measure of borders, of pairs of moments, and the share of time named right."""
    from mir_eval.segment import detection, pairwise

    end = truth[-1]["end"]
    spans = [_spans(sections, end) for sections in (truth, heard)]
    found = {
        f"F {window:g} s": float(detection(*spans, window=window, trim=True)[2])
        if len(heard) > 1
        else 0.0
        for window in (0.5, 3.0)
    }
    labels = [[str(s["label"]) for s in sections] for sections in (truth, heard)]
    alike = pairwise(spans[0], labels[0], spans[1], labels[1], frame_size=FRAME)
    found["pairwise F"] = float(alike[2])
    if all("type" in s for s in heard):
        right = sum(t for asked, told, _, t in shared(truth, heard) if asked == told)
        found["right type"] = right / end
    return found


def shared(truth: Sections, heard: Sections) -> list[tuple[str, str, float, float]]:
    """Return true type, type told, confidence and seconds, wherever two sections meet."""
    return [
        (a["type"], b["type"], b.get("confidence", 0.0), min(a["end"], b["end"]) - late)
        for a in truth
        for b in heard
        if (late := max(a["start"], b["start"])) < min(a["end"], b["end"])
    ]


def true_sections(excerpt: Excerpt) -> Sections:
    """Return the sections of an excerpt's record."""
    assert excerpt.record is not None
    end = excerpt.grid.duration
    segments = excerpt.record["segments"]
    starts = [0.0, *(s["start"] for s in segments[1:]), end]
    return [
        {"start": a, "end": b, "label": s["type"], "type": s["type"]}
        for s, (a, b) in zip(segments, pairwise(starts), strict=True)
    ]


def measured(listener: str, excerpt: Excerpt) -> dict[str, Any]:
    """Return a listener's figures, and what it told where."""
    truth, heard = true_sections(excerpt), LISTENERS[listener](excerpt)
    told = shared(truth, heard) if all("type" in s for s in heard) else []
    return {"figures": figures(truth, heard), "told": told, "sections": len(heard)}


def by_type(told: Sequence[tuple[str, str, float, float]]) -> str:
    """Return a table: each true type, and as what its time is heard."""
    rows = []
    for kind in dict.fromkeys(asked for asked, *_ in told):
        heard: dict[str, float] = {}
        for asked, name, _, seconds in told:
            if asked == kind:
                heard[name] = heard.get(name, 0.0) + seconds
        total = sum(heard.values())
        wrong = sorted((n for n in heard if n != kind), key=lambda n: -heard[n])[:3]
        mistaken = ", ".join(f"{n} {heard[n] / total:.2f}" for n in wrong)
        rows.append((total, [kind, f"{heard.get(kind, 0.0) / total:.2f}", mistaken]))
    whole = sum(total for total, _ in rows)
    cells = [
        [row[0], f"{total / whole:.2f}", *row[1:]]
        for total, row in sorted(rows, key=lambda r: -r[0])
    ]
    return markdown(["type", "share of the time", "heard as it", "mostly mistaken for"], cells)


def by_confidence(told: Sequence[tuple[str, str, float, float]]) -> str:
    """Return a table: how often a type is right, by how sure it was."""
    whole, rows = sum(seconds for *_, seconds in told), []
    for low, high in pairwise(SURE):
        inside = [t for t in told if low <= t[2] < high or t[2] == high == 1.0]
        total = sum(seconds for *_, seconds in inside)
        if total:
            right = sum(t[3] for t in inside if t[0] == t[1]) / total
            rows.append([f"{low:g} to {high:g}", f"{total / whole:.2f}", f"{right:.2f}"])
    return markdown(["confidence", "share of the time", "right"], rows)


def main(
    songs: Songs = Path("data/held-out"),
    num_songs: NumSongs = 96,
    work: Work = Path("runs/benchmarks/segments"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well sections are found and named in songs whose sections are known."""
    kept, excerpts = Kept(work), held_out_excerpts(songs, num_songs, None)
    found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in LISTENERS}
    with open_report() as report:
        advance = report.task("listening", len(excerpts))
        for excerpt in excerpts:
            for name, items in found.items():
                about = {"excerpt": excerpt.name, "listener": name, "usual": USUAL}
                items.append(kept.get(about, partial(measured, name, excerpt)))
            advance()
    averages = {name: means([i["figures"] for i in items]) for name, items in found.items()}
    rows = [
        [name, *(cell(average, figure) for figure in FIGURES),
         f"{np.mean([item['sections'] for item in found[name]]):.1f}"]
        for name, average in averages.items()
    ]  # fmt: skip
    true = np.mean([len(true_sections(excerpt)) for excerpt in excerpts])
    told = [tuple(row) for item in found["muze"] for row in item["told"]]
    settings = {"held-out songs": num_songs, "seed": SEED, "true sections a song": f"{true:.1f}",
                "scikit-learn": version("scikit-learn")}  # fmt: skip
    findings = Findings("segments", settings, kept.seconds, data={"figures": averages})
    findings.tables["Sections found and named"] = markdown(["by", *FIGURES, "sections"], rows)
    findings.tables["muze, type by type"] = by_type(told)
    findings.tables["muze, by its own confidence"] = by_confidence(told)
    findings.show(as_json, docs)


def _muze(audio: Audio, grid: TimeGrid) -> Sections:
    told = hear_segments(audio, grid)
    return [
        {"start": s.start, "end": s.end, "label": s.type, "type": s.type,
         "confidence": s.confidence}
        for s in told
    ]  # fmt: skip


def _unlike(edges: Sequence[float]) -> Sections:
    """Sections of which none is told to be the same as another."""
    return [{"start": a, "end": b, "label": i} for i, (a, b) in enumerate(pairwise(edges))]


def _count(excerpt: Excerpt, told: bool) -> int:
    if told:
        return len(true_sections(excerpt))
    return max(2, round(excerpt.grid.duration / USUAL))


def _standard(x: NDArray[np.float32]) -> NDArray[np.float32]:
    away = x - x.mean(axis=1, keepdims=True)
    return np.asarray(away / (x.std(axis=1, keepdims=True) + 1e-9), np.float32)


def _spans(sections: Sections, end: float) -> NDArray[np.float64]:
    edges = np.asarray([*(s["start"] for s in sections), end])
    return np.stack([edges[:-1], edges[1:]], axis=1)


if __name__ == "__main__":
    typer.run(main)
