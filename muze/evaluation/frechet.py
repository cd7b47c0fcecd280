"""The Frechet distance of two sets of sounds: how alike they sound as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.audio.io import read_audio
from muze.core.errors import MuzeError
from muze.evaluation.musicnn import embed, embedding_name
from muze.report import Report

SOUNDS = (".wav", ".flac", ".ogg", ".opus", ".mp3")
FEWEST = 20
"""Windows of 3 s below which a distance says nothing; it wants some hundred."""


class TooLittleSoundError(MuzeError):
    """Too few windows for a distance that says anything."""


def frechet_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the distance of the normal distributions of two sets (N, F) (Heusel et al. 2017)."""
    from scipy.linalg import sqrtm

    means = [each.mean(axis=0) for each in (first, second)]
    spreads = [np.cov(each, rowvar=False) for each in (first, second)]
    root = sqrtm(spreads[0] @ spreads[1]).real
    apart = float(np.sum((means[0] - means[1]) ** 2))
    return max(0.0, apart + float(np.trace(spreads[0] + spreads[1] - 2 * root)))


def embed_files(paths: Sequence[Path], report: Report) -> NDArray[np.float64]:
    """Return the embeddings of all sounds, shape (N, 200).

    Raises:
        TooLittleSoundError: they last less than a minute in all.
    """
    advance = report.task("hearing how it sounds", len(paths))
    found = []
    for path in paths:
        found.append(embed(read_audio(path)))
        advance()
    all_found = np.concatenate(found) if found else np.zeros((0, 200))
    if len(all_found) < FEWEST:
        raise TooLittleSoundError(
            f"a Frechet distance needs {3 * FEWEST} s of sound at least, of {len(paths)} files "
            f"there are {3 * len(all_found)}"
        )
    return all_found


def sounds_in(folder: Path) -> list[Path]:
    """Return the sound files below a folder.

    Raises:
        MuzeError: there are none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUNDS)
    if not found:
        raise MuzeError(f"{folder}: holds no sounds ({', '.join(SOUNDS)})")
    return found


@dataclass(frozen=True)
class Reference:
    """A folder of music beside which sounds are heard, and its embeddings, (N, 200)."""

    folder: Path
    windows: NDArray[np.float64]

    @classmethod
    def heard(cls, folder: Path, report: Report) -> Reference:
        """Return a folder's reference.

        Raises:
            MuzeError: it holds no sounds, or less than a minute of them.
        """
        return cls(folder, embed_files(sounds_in(folder), report))


def distances(
    sets: Mapping[str, Sequence[Path]], reference: Reference, report: Report
) -> dict[str, Any]:
    """Return the distance of each set of sounds to a reference, as JSON.

    It names the embedding and the reference, without which a distance means nothing. Where there
    is too little sound, ``reason`` says so in place of the distances.
    """
    found: dict[str, Any] = {
        "embedding": embedding_name(),
        "reference": str(reference.folder),
        "reference_windows": len(reference.windows),
    }
    try:
        embedded = {name: embed_files(paths, report) for name, paths in sets.items()}
    except TooLittleSoundError as fault:
        return {**found, "reason": str(fault)}
    for name, one in embedded.items():
        found[name] = {"distance": frechet_distance(one, reference.windows), "windows": len(one)}
    return found


def check_same(sides: Sequence[Mapping[str, Any]]) -> None:
    """Refuse to set distances side by side that were not measured alike.

    Raises:
        MuzeError: their embeddings or their references differ.
    """
    for what in ("embedding", "reference", "reference_windows"):
        told = [str(side[what]) for side in sides]
        if len(set(told)) > 1:
            raise MuzeError(
                f"Frechet distances of another {what.partition('_')[0]} cannot be compared: "
                f"{' and '.join(told)}"
            )
