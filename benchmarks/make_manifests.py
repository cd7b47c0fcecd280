"""Writes the manifests of the held-out suite; what is there already stays as it is.

A suite does not change once figures were published for it, though the corpus that new ones are
drawn from may; what is no longer held out is drawn anew, and said. Half of them are made of what
muze-corpus holds out of training: progressions, tempi and forms. The other half have four chords
that no training song uses together, in any transposition. By their numbers, some tell a melody, a
loudness curve or a singer besides.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import yaml
from muze_corpus.arrange import compose, draw_loop
from muze_corpus.form import BARS, ENERGY, draw_form, draw_tempo
from muze_corpus.genres import GENRES, Genre
from muze_corpus.harmony import MODES, NAMES, Chord, Degree, best_key, free_loop
from muze_corpus.holdout import HELD_OUT, TRAIN, chord_set_held_out, form_held_out
from muze_corpus.programs import PROGRAM_NAMES
from muze_corpus.score import METRES, Metre, Rng, pick

from benchmarks.suite_besides import besides, chords_of
from muze.report import open_report

SECONDS = 20.0
SHORTEST = 4.5
"""Seconds of a section; borders nearer to one another cannot be heard apart."""
NUM_SECTIONS = 3
LONGEST_FORM = 9
NUM_CHORDS = 4
TRIES = 100
"""Progressions drawn in a mode before another mode is."""
NUM_GENRES = 25
"""Of the corpus's genres, the first."""
ROUNDS = 2
"""How often each genre is drawn, in each half."""
HEADER = "# Written by benchmarks/make_manifests.py; {what}.\n"
WHAT = {
    "held": "progression, tempo and form are held out of muze-corpus's training songs",
    "new": "no training song of muze-corpus has these four chords; tempo and form are held out",
}
ChordSet = frozenset[tuple[int, str]]
"""Root and quality of each chord."""


def held_out_form(genre: Genre, rng: Rng) -> list[str]:
    """Return three section types in an order the genre uses and training never does."""
    while True:
        whole = draw_form(genre.forms, LONGEST_FORM, HELD_OUT, rng)
        orders = sorted({*combinations(whole, NUM_SECTIONS)})
        if held_out := [types for types in orders if form_held_out(types)]:
            return list(pick(rng, held_out))


def split_bars(types: list[str], bars: int, bar_seconds: float) -> list[int]:
    """Return the bars of each section: as in the corpus, none shorter than can be heard."""
    least = [math.ceil(SHORTEST / bar_seconds)] * len(types)
    # the last bar is cut at the end of the song
    least[-1] = math.ceil((SHORTEST + bars * bar_seconds - SECONDS) / bar_seconds)
    usual = [bars * BARS[t] / sum(BARS[u] for u in types) for t in types]
    lengths = [max(low, round(length)) for low, length in zip(least, usual, strict=True)]
    while sum(lengths) != bars:
        step = 1 if sum(lengths) < bars else -1
        spare = [step * (u - n) if n + step >= low else -math.inf
                 for u, n, low in zip(usual, lengths, least, strict=True)]  # fmt: skip
        lengths[spare.index(max(spare))] += step
    return lengths


def training_chords(songs: int, seed: int) -> list[ChordSet]:
    """Return the chords of every training song, composed anew."""
    sets = []
    with open_report() as report:
        advance = report.task("composing the training songs", songs)
        for index in range(songs):
            spans = compose(seed, index, TRAIN).chords
            sets.append(frozenset((s.chord.root, s.chord.quality) for s in spans if s.chord))
            advance()
    return sets


def used_together(chords: Sequence[Chord], training: Sequence[ChordSet]) -> bool:
    """Whether a training song has all the chords, in this or another transposition."""
    for step in range(12):
        moved = frozenset(((c.root + step) % 12, c.quality) for c in chords)
        if any(moved <= song for song in training):
            return True
    return False


def held_loop(genre: Genre, bpm: float, rng: Rng) -> tuple[list[Chord], str]:
    """Return the chord of each bar of a held-out progression, and its key."""
    tonic, mode = int(rng.integers(12)), pick(rng, genre.modes)
    for tried in itertools.count(1):
        if tried % TRIES == 0:  # what the mode holds out may all be too long
            mode = pick(rng, genre.modes)
        degrees = draw_loop(genre, mode, False, bpm, HELD_OUT, rng).degrees
        if all(d.bars == int(d.bars) for d in degrees) and sum(d.bars for d in degrees) <= 8:
            break
    if mode == "blues":
        mode = "minor" if any(d.key == "0:m7" for d in degrees) else "mixolydian"
    return [c for d in degrees for c in [d.chord(tonic)] * int(d.bars)], f"{NAMES[tonic]} {mode}"


def new_loop(training: Sequence[ChordSet], rng: Rng) -> tuple[list[Chord], str]:
    """Return four chords never used together, walked as the corpus walks, and their key.

    The key is the one that fits them best, and its tonic chord is among them and comes first:
    without a home there would be no key to hear.
    """
    while True:
        degrees: list[Degree] = free_loop(rng)
        chords = [d.chord(0) for d in degrees]
        if (
            any(d.bars != 1 for d in degrees)
            or not len(degrees) == len({(c.root, c.quality) for c in chords}) == NUM_CHORDS
            or not chord_set_held_out(d.key for d in degrees)
        ):
            continue
        tonic, mode = best_key([(c, 1.0) for c in chords])
        home = ("m", "m7") if 3 in MODES[mode] else ("", "maj7")
        starts = [k for k, c in enumerate(chords) if c.root == tonic and c.quality in home]
        if starts and not used_together(chords, training):
            return [*chords[starts[0] :], *chords[: starts[0]]], f"{NAMES[tonic]} {mode}"


def manifest(name: str, number: int, training: Sequence[ChordSet], group: str) -> dict[str, Any]:
    """Return the song of a genre, as a manifest says it."""
    rng = np.random.default_rng([21, number, sorted(WHAT).index(group)])
    genre = GENRES[name]
    metre: Metre = METRES[pick(rng, genre.metres)]
    low, high = genre.tempo
    if metre.name == "6/8":  # as the corpus slows it: the beat is dotted
        low, high = max(60, int(low * 0.65)), max(85, int(high * 0.7))
    bpm = draw_tempo(low, high, HELD_OUT, rng)
    chords, key = held_loop(genre, bpm, rng) if group == "held" else new_loop(training, rng)
    bar_seconds = metre.beats * 60.0 / bpm
    bars = math.ceil(SECONDS / bar_seconds - 1e-6)
    types = held_out_form(genre, rng)
    sections, first = [], 0
    for kind, count in zip(types, split_bars(types, bars, bar_seconds), strict=True):
        energy = round(float(np.clip(ENERGY[kind] + rng.normal(0, 0.08), 0.05, 1)), 2)
        here = [chords[bar % len(chords)].name for bar in range(first, first + count)]
        sections.append({"type": kind, "bars": count, "energy": energy, "streams": {"chord": here}})
        first += count
    playing = [
        PROGRAM_NAMES[pick(rng, programs)] for programs in (genre.comp, genre.bass, genre.lead)
    ]
    return {
        "muze": 1,
        "title": f"{group} {number:02d} {name}",
        "prompt": f"{pick(rng, genre.moods)} {name} with {', '.join(dict.fromkeys(playing))}",
        "duration": SECONDS,
        "seed": 1000 + number,
        "tempo": bpm,
        "time_signature": metre.name,
        "key": key,
        "structure": {"sections": sections},
        "streams": {"genre": [name]},
    }


def main(
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("muze/suites/held-out"),
    corpus_songs: Annotated[int, typer.Option(help="Training songs to look at.")] = 2500,
    corpus_seed: Annotated[int, typer.Option(help="Their seed.")] = 0,
) -> None:
    """Write four manifests a genre, two for each half."""
    training = training_chords(corpus_songs, corpus_seed)
    out.mkdir(parents=True, exist_ok=True)
    for group in WHAT:
        for number, name in enumerate([*GENRES][:NUM_GENRES] * ROUNDS):
            path = out / f"{group}-{number:02d}-{name.replace(' ', '-').replace('&', 'and')}.yaml"
            song = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
            if song is not None and group == "new" and used_together(chords_of(song), training):
                print(f"{path}: a training song has its chords by now; it is drawn anew")
                song = None
            song = song or manifest(name, number, training, group)
            song = besides(song, number, [*WHAT].index(group))
            assert song["key"].split(maxsplit=1)[1] in MODES
            text = yaml.safe_dump(song, sort_keys=False, default_flow_style=None, width=100)
            path.write_text(HEADER.format(what=WHAT[group]) + text, encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
