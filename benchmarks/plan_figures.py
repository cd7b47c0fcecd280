"""How near plans are to what held-out songs are: agreement, harmony, form, and likelihood."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch

from benchmarks.harness import Figures, Interval
from benchmarks.held_plans import HeldPlan
from muze.core.theory import MODES
from muze.pipelines.composition import Composition
from muze.pipelines.plan_batches import IGNORED, collated, lesson, surprise
from muze.pipelines.plan_events import HEADER, KINDS, Events
from muze.pipelines.plan_sampling import PlanModel

NEAR = np.log(1.08)
"""How far tempi may lie apart and agree: 8 %."""
PRIOR = 0.5
"""Of an event never seen, in a count of those seen."""
Pair = tuple[str | None, str | None]


def agreement(held: Composition, samples: Sequence[Composition]) -> Figures:
    """Return the share of plans that agree with a song, and how far they are from it."""
    assert held.tempo is not None
    tempi = np.asarray([sample.tempo for sample in samples], float)
    counts = [abs(len(s.sections) - len(held.sections)) for s in samples]
    energies = [abs(_energy(sample) - _energy(held)) for sample in samples]

    def share(agrees: Callable[[Composition], bool]) -> float:
        return float(np.mean([agrees(sample) for sample in samples]))

    return {
        "genre": share(lambda s: s.genre == held.genre),
        "metre": share(lambda s: s.time_signature == held.time_signature),
        "tempo within 8 %": float((np.abs(np.log(tempi / held.tempo)) < NEAR).mean()),
        "tempo, times off": float(np.exp(np.abs(np.log(tempi / held.tempo)).mean())),
        "mode of seven": share(lambda s: s.mode == held.mode),
        "major or minor": share(lambda s: _minor(s) == _minor(held)),
        "sections, number off": float(np.mean(counts)),
        "mean energy off": float(np.mean(energies)),
    }


def _minor(song: Composition) -> bool:
    assert song.mode is not None
    return 3 in MODES[song.mode]


def _energy(song: Composition) -> float:
    return float(np.mean([part.energy for part in song.sections if part.energy is not None]))


def chord_pairs(song: Composition) -> list[Pair]:
    """Return each chord of the loops with the one after it, round to the first."""
    return [
        (chord, loop[(at + 1) % len(loop)])
        for loop in song.loops.values()
        for at, chord in enumerate(loop)
    ]


def section_pairs(song: Composition) -> list[Pair]:
    """Return each section type with the one after it; None before the first and after the last."""
    types = [None, *(part.type for part in song.sections), None]
    return list(pairwise(types))


def lengths(song: Composition) -> list[Pair]:
    """Return each section's type with its length in bars."""
    return [(part.type, str(part.bars)) for part in song.sections]


class PairModel:
    """Chances of what follows what, counted; what was rarely seen leans on the whole."""

    def __init__(self, pairs: Iterable[Pair], known: int) -> None:
        """``known`` is how many things there are to follow."""
        found = list(pairs)
        self.pairs, self.known = Counter(found), known
        self.before = Counter(first for first, _ in found)
        self.after = Counter(second for _, second in found)
        self.kinds = Counter(first for first, _ in self.pairs)

    def nats(self, pair: Pair) -> float:
        """Return how unlikely the second is after the first, in nats (Witten-Bell smoothing)."""
        first, second = pair
        total = sum(self.after.values()) + PRIOR * self.known
        whole = (self.after[second] + PRIOR) / total
        kinds = self.kinds[first]
        if not kinds:
            return float(-np.log(whole))
        chance = (self.pairs[pair] + kinds * whole) / (self.before[first] + kinds)
        return float(-np.log(chance))


def unlikeliness(
    held: Sequence[HeldPlan],
    samples: Sequence[Sequence[Composition]],
    pairs_of: Callable[[Composition], list[Pair]],
    known: int,
    by_genre: bool = True,
) -> list[float]:
    """Return, song by song, how unlikely its pairs are by those of the samples, nats a pair.

    The samples are those made of the prompts of the song's genre; of all songs not ``by_genre``.
    """
    drawn: dict[str | None, list[Pair]] = defaultdict(list)
    for one, made in zip(held, samples, strict=True):
        drawn[one.song.genre if by_genre else None] += [p for s in made for p in pairs_of(s)]
    models = {genre: PairModel(pairs, known) for genre, pairs in drawn.items()}
    return [
        float(
            np.mean([models[o.song.genre if by_genre else None].nats(p) for p in pairs_of(o.song)])
        )
        for o in held
    ]


def network_nats(held: Sequence[HeldPlan], model: PlanModel) -> dict[str, list[float | None]]:
    """Return, by kind and song, how unlikely the network holds a song's events, nats an event.

    It is told the prompt and the length; None where the song has no event of the kind.
    """
    width = model.network.text.in_features
    out: dict[str, list[float | None]] = {kind: [] for kind in KINDS}
    for one in held:
        text = model.read(one.prompt)[0].numpy()
        row = lesson(one.song, model.events, text, one.seconds, [False] * 5, width)
        batch = collated([row], model.events)
        with torch.inference_mode():
            nats = surprise(model.network, batch)
        for index, kind in enumerate(KINDS):
            here = (batch.row.kind == index) & (batch.target != IGNORED)
            # an end that the grammar asks for is no news to anybody
            here &= batch.allowed.sum(-1) > 1
            out[kind].append(float(nats[here].mean()) if here.any() else None)
    return out


def marginal_nats(
    held: Sequence[HeldPlan], training: Sequence[Composition], events: Events
) -> dict[str, list[float | None]]:
    """Return the same by the training songs' counts: how often each event is told, in all.

    Section types and chords are counted after the one before them.
    """
    told = {kind: [p for song in training for p in _told(song, events)[kind]] for kind in KINDS}
    out: dict[str, list[float | None]] = {}
    for kind in KINDS:
        place = events.kinds[kind]
        counts = PairModel(told[kind], len(place.values) + place.closed)
        songs = [_told(one.song, events)[kind] for one in held]
        out[kind] = [float(np.mean([counts.nats(p) for p in pairs])) if pairs else None
                     for pairs in songs]  # fmt: skip
    return out


def _told(song: Composition, events: Events) -> Mapping[str, list[Pair]]:
    """Return each event as a pair with the one that its count depends on, by kind."""
    out: dict[str, list[Pair]] = {kind: [] for kind in KINDS}
    header = zip(HEADER, events.header(song), strict=True)
    for kind, event in header:
        out[kind].append((None, str(event)))
    before: str | None = None
    for part in song.sections:
        out["section"].append((before, part.type))
        before = part.type
        out["bars"].append((None, str(part.bars)))
        out["energy"].append((None, str(events.of("energy", part.energy))))
    most = events.vocabulary.longest_loop
    for name, loop in song.loops.items():
        bars = max(part.bars or 0 for part in song.sections if part.type == name)
        forced = len(loop) >= min(most, bars)  # it has to end, which is no news
        names = [None, *loop[:most], *([] if forced else ["end"])]
        out["chord"] += list(pairwise(names))
    return out


def gains(better: Sequence[float | None], worse: Sequence[float | None]) -> Interval:
    """Return the interval of how much less unlikely one holds songs than another, nats."""
    pairs = [(a, b) for a, b in zip(better, worse, strict=True) if a is not None and b is not None]
    return Interval.of([b - a for a, b in pairs])


def distances(
    held: Sequence[HeldPlan],
    samples: Sequence[Sequence[Composition]],
    numbers_of: Callable[[Composition], list[float]],
    rounds: int = 1000,
) -> Interval:
    """Return how far apart two distributions are (Wasserstein 1), drawn anew song by song."""
    from scipy.stats import wasserstein_distance

    true = [numbers_of(one.song) for one in held]
    made = [[x for s in some for x in numbers_of(s)] for some in samples]
    draws = np.random.default_rng(0).integers(len(held), size=(rounds, len(held)))

    def distance(chosen: Iterable[int]) -> float:
        at = list(chosen)
        return float(
            wasserstein_distance([x for k in at for x in true[k]], [x for k in at for x in made[k]])
        )

    found = [distance(row) for row in draws]
    low, high = np.percentile(found, (2.5, 97.5))
    return Interval(distance(range(len(held))), float(low), float(high), len(held))
