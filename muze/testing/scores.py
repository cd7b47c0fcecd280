"""What every stream must do to score a render, and to hear in sound what was asked of it."""

from __future__ import annotations

import itertools
import math

import numpy as np

from muze.core.grid import Array, Features
from muze.core.protocols import Score
from muze.testing.settings import require, short
from muze.testing.streams import SONG, StreamCase

SCALES = {"share": (0, 1), "F1": (0, 1), "correlation": (-1, 1), "cosine": (-1, 1)}
"""Least and greatest value of a score where more is better, by its unit."""
FAR = 200  # frames; a score may look that far around what was asked
NEAR = 0.25
"""How far from what was asked its own render may be heard, as a share of how far another is."""


def check_score(case: StreamCase) -> None:
    """Score gives finite figures, and no render scores better than exactly what was asked."""
    asked = case.parsed[0]
    perfect = _scores(case, asked, asked)
    for other in [*case.varied[1:], *case.heard.values()]:
        for name, score in _scores(case, asked, other).items():
            best = perfect.get(name)
            if best is None:
                continue
            require(
                _sign(score) * score.value <= _sign(score) * best.value + 1e-6,
                f"{name} is {best.value} for what was asked, but {score.value} for another",
            )


def check_score_bounds(case: StreamCase) -> None:
    """Figures and floors keep to their unit's bounds, and the best is reached by what was asked."""
    best: dict[str, Score] = {}
    exact: set[str] = set()
    for asked in case.parsed:
        exact |= _scores(case, asked, asked).keys()
        for heard in [asked, *case.heard.values()]:
            for name, score in _scores(case, asked, heard).items():
                low, high = _bounds(score)
                for what, value in (("", score.value), ("'s floor", score.floor)):
                    require(
                        value is None or low - 1e-6 <= value <= high + 1e-6,
                        f"{name}{what} is {value}; in {score.unit} it lies in {low:g} to {high:g}",
                    )
                known = best.setdefault(name, score)
                require(
                    (known.unit, known.higher_is_better) == (score.unit, score.higher_is_better),
                    f"{name} is told in {known.unit} and in {score.unit}, or better both ways",
                )
                if _sign(score) * score.value > _sign(known) * known.value:
                    best[name] = score
    for name in sorted(exact):  # words are never heard as they were written
        score = best[name]
        low, high = _bounds(score)
        goal = high if score.higher_is_better else low
        require(
            math.isinf(goal) or math.isclose(score.value, goal, abs_tol=1e-3),
            f"{name} is {score.value:g} at best, where exactly what was asked is {goal:g}",
        )


def check_score_masks(case: StreamCase) -> None:
    """Frames that nobody asked about count for nothing, nor does what is drawn in them."""
    frames = [name for name, kind in case.cls.layout.items() if kind == "frames"]
    if not frames:
        return
    half = SONG.frames // 2
    for asked, heard in itertools.product(case.parsed, [*case.parsed[:1], case.heard["chords"]]):
        present = np.asarray(asked.get("present", np.ones(SONG.frames)), np.float32).copy()
        present[half:] = 0
        part = {**asked, "present": present}
        before = _scores(case, part, heard)
        for other in (case.varied[-1], {name: np.zeros_like(asked[name]) for name in frames}):
            drawn = {**part, **{name: _joined(asked[name], other[name], half) for name in frames}}
            _require_same(
                before, _scores(case, drawn, heard), "what is drawn where nothing is asked"
            )
        for other in case.heard.values():
            after = {
                name: _joined(heard[name], other[name], half + FAR)
                for name in heard.keys() & other.keys()
                if name in frames or name == "present"
            }
            got = _scores(case, part, {**heard, **after})
            _require_same(before, got, "what is heard where nothing is asked")
        _scores(case, {**asked, "present": np.zeros(SONG.frames, np.float32)}, heard)


def check_agreement(case: StreamCase) -> None:
    """Extract hears in a render of the values what parse draws of them."""
    assert case.render is not None
    judged = 0
    for example in case.examples:
        asked = case.parse(example)
        audio = case.render(case.cls.Values(**example), SONG)
        length = round(audio.duration * SONG.frame_rate)
        require(length == SONG.frames, f"render gives {audio.duration} s, want {SONG.duration}")
        perfect = _scores(case, asked, asked)
        got = _scores(case, asked, case.stream.extract(audio, SONG))
        others = [_scores(case, asked, heard) for heard in case.heard.values()]
        for name, best in perfect.items():
            require(name in got, f"{name} is not told of the render of {short(example)}")
            judged += 1
            away = _sign(best) * (best.value - got[name].value)
            worst = max(
                (_sign(best) * (best.value - o[name].value) for o in others if name in o),
                default=0.0,
            )
            require(
                away <= NEAR * worst + 1e-6,
                f"{name} is {got[name].value:.3g} where {short(example)} was rendered, "
                f"{best.value:.3g} where it is exactly so",
            )
    require(judged > 0, "score tells nothing of what was asked, so no render can be judged")


def _scores(case: StreamCase, asked: Features, heard: Features) -> dict[str, Score]:
    """Return the scores by name, held to what every score must be."""
    given = (asked, heard)
    kept = [{name: array.copy() for name, array in features.items()} for features in given]
    scores = case.stream.score(asked, heard, SONG)
    for before, after in zip(kept, given, strict=True):
        untouched = all(np.array_equal(before[name], after[name]) for name in before)
        require(untouched, "score changes the features it is given")
    for score in scores:
        require(isinstance(score, Score), f"score gives {score!r}, not a Score")
        require(math.isfinite(score.value), f"score gives {score.name} {score.value}")
    names = [score.name for score in scores]
    require(len(set(names)) == len(names), f"score gives a name twice: {names}")
    return {score.name: score for score in scores}


def _sign(score: Score) -> int:
    return 1 if score.higher_is_better else -1


def _bounds(score: Score) -> tuple[float, float]:
    """Return the least and the greatest value of a score; an error is never negative."""
    if score.higher_is_better:
        return SCALES.get(score.unit, (-math.inf, math.inf))
    return 0, math.inf


def _joined(first: Array, second: Array, at: int) -> Array:
    """Return the first ``at`` frames of one array, then the other's."""
    return np.concatenate([first[..., :at], second[..., at:]], axis=-1)


def _require_same(before: dict[str, Score], after: dict[str, Score], what: str) -> None:
    require(before.keys() == after.keys(), f"{what} changes which scores there are")
    for name, score in before.items():
        close = math.isclose(score.value, after[name].value, rel_tol=1e-4, abs_tol=1e-5)
        require(close, f"{name} is {score.value:g} or {after[name].value:g} by {what}")


CHECKS = (
    check_score,
    check_score_bounds,
    check_score_masks,
)
