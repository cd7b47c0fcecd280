"""Chooses the weights with which muze finds borders of sections and names them.

    python -m benchmarks.train_segments data/train --num-songs 450

Two logistic regressions on songs of muze-corpus: one of the border cues of every bar line, one of
the cues of every section found. In the second a cue may only speak for a type, or against it, as
``SPEAKS`` says, so that no quirk of the corpus is learnt; ``voice`` is not fitted, since no song
has one. What is printed stands in ``muze/analysis/borders.py`` and ``section_types.py``, but for
the few weights that are told there to be set by hand. Sections are found with the weights of
borders that stand there, so after a change of those run it twice. With other weights
``hear_segments`` hears something else: raise the version that records tell beside segments.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.segments import heard_grid
from muze.analysis import borders, section_types
from muze.analysis.bars import Bars, hear_bars
from muze.audio.io import read_audio
from muze.core.grid import SECTION_TYPES
from muze.report import open_report

Array = NDArray[Any]
Song = tuple[Bars, list[dict[str, Any]]]
"""What is heard bar by bar, and the true segments."""

TYPES = SECTION_TYPES[:-1]
SPEAKS = {
    "intro": "first+ late- last- level- rank- again- hook- rising+ lift+ short+",
    "verse": "opens+ late- level+ rank- again+ hook- rising- short- to_hook+ from_hook-",
    "pre_chorus": "opens- last- late- level+ again+ hook- rising+ lift+ up+ short+ to_hook+",
    "chorus": "opens- level+ rank+ again+ hook+ rising- lift- up+ short- after_rise-",
    "post_chorus": "opens- level+ rank+ again+ hook- lift- up- short+ from_hook+",
    "bridge": "opens- last- late+ level+ rank- again- hook- to_hook+ from_hook+",
    "instrumental": "level+ rank+ again- hook- lift- short-",
    "solo": "opens- last- late+ level+ rank+ again- lift- short-",
    "breakdown": "opens- last- level- rank- again- lift+ up- from_hook+",
    "buildup": "opens- last- again+ rising+ lift+ up+ to_hook+",
    "drop": "opens- level+ rank+ again+ hook+ lift- short- after_rise+",
    "outro": "first- last+ late+ level- rank- again- falling+ up- short+",
}
"""Cues that may speak for a type (+) and against it (-); all may have a weight ``always``."""
LARGEST, LARGEST_ALWAYS = 4.0, 3.0
DECAY = 3e-4


def heard_songs(folder: Path, count: int) -> list[Song]:
    """Return the first songs of a folder that muze-corpus wrote."""
    songs = []
    paths = sorted((folder / "records").glob("*.json"))[:count]
    if not paths:
        raise typer.BadParameter(f"{folder}: holds no records of muze-corpus")
    with open_report() as report:
        advance = report.task("hearing bars", len(paths))
        for path in paths:
            record = json.loads(path.read_text(encoding="utf-8"))
            audio = read_audio(folder / record["audio_path"])
            songs.append((hear_bars(audio, heard_grid(audio)), record["segments"]))
            advance()
    return songs


def border_weights(songs: list[Song]) -> tuple[Array, float]:
    """Return the weights of the border cues and the bias."""
    from sklearn.linear_model import LogisticRegression

    cues, truth = [], []
    for bars, segments in songs:
        begins = np.zeros(bars.count, bool)
        for segment in segments:
            begins[np.abs(bars.lines[:-1] - segment["start"]).argmin()] = True
        cues.append(borders.border_cues(bars)[1:])
        truth.append(begins[1:])
    x = np.concatenate(cues)
    scale = x.std(axis=0)
    model = LogisticRegression(max_iter=2000).fit(x / scale, np.concatenate(truth))
    return model.coef_[0] / scale, float(model.intercept_[0])


def type_weights(songs: list[Song]) -> Array:
    """Return the weights of the cues of each type, (12, 18)."""
    cues, types, seconds = [], [], []
    for bars, segments in songs:
        edges = [0, *borders.find_borders(bars)[0], bars.count]
        groups = section_types.find_repeats(bars, edges)
        for cue, a, b in zip(
            section_types.section_cues(bars, edges, groups, None),
            bars.lines[edges[:-1]], bars.lines[edges[1:]], strict=True,
        ):  # fmt: skip
            for segment in segments:
                shared = min(b, segment["end"]) - max(a, segment["start"])
                if shared > 0.5 and segment["type"] in TYPES:
                    cues.append(cue)
                    types.append(TYPES.index(segment["type"]))
                    seconds.append(shared)
    return _fitted(np.asarray(cues), np.asarray(types), np.asarray(seconds))


def _fitted(cues: Array, types: Array, seconds: Array) -> Array:
    """Multinomial logistic regression whose weights keep the signs of ``SPEAKS``."""
    from scipy.optimize import minimize

    low, high = np.zeros((2, len(TYPES), len(section_types.CUES)))
    for row, name in enumerate(TYPES):
        for word in SPEAKS[name].split():
            column = section_types.CUES.index(word[:-1])
            (high if word[-1] == "+" else low)[row, column] = LARGEST * (
                1 if word[-1] == "+" else -1
            )
    low[:, -1], high[:, -1] = -LARGEST_ALWAYS, LARGEST_ALWAYS
    share = seconds / seconds.sum()
    truth = np.eye(len(TYPES))[types]

    def loss(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(low.shape)
        scores = cues @ weights.T
        scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
        slope = ((np.exp(scores) - truth) * share[:, None]).T @ cues + 2 * DECAY * weights
        total = -(scores[truth > 0] * share).sum() + DECAY * (weights**2).sum()
        return float(total), slope.ravel()

    bounds = list(zip(low.ravel(), high.ravel(), strict=True))
    found = minimize(loss, np.zeros(low.size), jac=True, method="L-BFGS-B", bounds=bounds,
                     options={"maxiter": 1000})  # fmt: skip
    return np.asarray(found.x.reshape(low.shape))


def main(
    folder: Annotated[Path, typer.Argument(help="A folder that muze-corpus wrote.")],
    num_songs: Annotated[int, typer.Option(min=1, help="How many of its songs.")] = 450,
) -> None:
    """Print the weights, rounded as they stand in the code."""
    songs = heard_songs(folder, num_songs)
    weights, bias = border_weights(songs)
    print(
        "borders:", dict(zip(borders.CUES, weights.round(1).tolist(), strict=True)), round(bias, 1)
    )
    for name, row in zip(TYPES, np.round(2 * type_weights(songs)) / 2, strict=True):
        kept = {c: w for c, w in zip(section_types.CUES, row.tolist(), strict=True) if w}
        print(f"{name}: {kept}")


if __name__ == "__main__":
    typer.run(main)
