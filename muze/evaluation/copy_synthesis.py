"""Copy-synthesis: how far a vocoder's rendering of a sound's own mel is from the sound."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from muze.audio.io import read_audio, resample
from muze.audio.mel import MelSettings, log_mel_array
from muze.core.files import sha256
from muze.core.grid import Audio
from muze.core.protocols import Vocoder
from muze.core.registry import Registry
from muze.evaluation.frechet import sounds_in
from muze.evaluation.intervals import differences, means
from muze.evaluation.kept import Kept
from muze.model.header import whole_header
from muze.model.spectral_loss import log_mel_distance, multi_resolution_stft
from muze.pipelines.model_info import model_folder, model_vocoder
from muze.pipelines.vocoder_mel import heard_mel
from muze.report import Report

FIGURES = {"stft": "multi-resolution STFT distance", "mel": "log-mel L1 distance"}
SECONDS, MOST = 10.0, 24
"""Seconds of each sound of a folder that are heard, from its middle, and of how many sounds."""
SHORTEST = 0.2
"""Seconds of the shortest sound that has spectra of every resolution."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Copy:
    """A sound at a vocoder's rate, its copy, and the seconds it took."""

    original: Audio
    made: Audio
    seconds: float

    def distances(self, mel: MelSettings) -> dict[str, float]:
        """Return the multi-resolution STFT distance and the L1 of log-mels, 0 for the same."""
        length = min(self.made.samples.shape[1], self.original.samples.shape[1])
        made, wanted = (torch.from_numpy(a.mono)[None, :length] for a in (self.made, self.original))
        return {
            "stft": float(multi_resolution_stft(made, wanted)),
            "mel": float(log_mel_distance(made, wanted, mel)),
        }


def copy(vocoder: Vocoder, audio: Audio, mel: MelSettings) -> Copy:
    """Return a sound, mono, and what a vocoder makes of its mel; a short one ends in silence."""
    samples = resample(audio, mel.sample_rate).mono
    missing = max(0, round(SHORTEST * mel.sample_rate) - len(samples))
    original = Audio(np.pad(samples, (0, missing))[None], mel.sample_rate)
    log_mel = log_mel_array(original.mono, mel)
    started = time.perf_counter()
    made = vocoder.render(log_mel)
    spent = time.perf_counter() - started
    return Copy(original, Audio(made[None], mel.sample_rate), spent)


def copy_rows(audio: Audio, model: str, registry: Registry) -> list[Row]:
    """Return the distances of one sound as rows of an adherence, named by a model's vocoder.

    Raises:
        MuzeError: there is no such model, or it is damaged.
    """
    from muze.pipelines.load import open_vocoder

    folder = model_folder(model, registry, Path.cwd())
    vocoder = open_vocoder(model_vocoder(whole_header(folder)), {}, folder, registry)
    mel = heard_mel(vocoder)
    with registry.blame(vocoder.name, "copy a sound"):
        found = copy(vocoder, audio, mel).distances(mel)
    return [
        {"stream": "vocoder", "name": f"{vocoder.name} {FIGURES[key]}", "value": value,
         "unit": "distance", "higher_is_better": False, "floor": None, "dropped": None,
         "origin": "asked", "extractor": f"copy-synthesis by the {vocoder.name} of {model}",
         "ceiling": None}
        for key, value in found.items()
    ]  # fmt: skip


def copy_folder(
    folder: Path, vocoder: Vocoder, weights: str | None, kept: Kept, report: Report
) -> dict[str, Any]:
    """Return the distances of the sounds below a folder, as JSON: each sound's, and the means.

    ``weights`` is the hash of the vocoder's, where it has some.

    Raises:
        MuzeError: there are no sounds.
    """
    paths, mel = sounds_in(folder)[:MOST], heard_mel(vocoder)
    about = {"vocoder": vocoder.name, "weights": weights, "mel": mel.model_dump()}
    advance = report.task("copy-synthesis", len(paths))
    sounds = {}
    for path in paths:
        item = {**about, "copied": sha256(path), "seconds": SECONDS}
        sounds[str(path.relative_to(folder))] = kept.get(item, partial(_copied, vocoder, path, mel))
        advance()
    figures = {key: dict(vars(found)) for key, found in means(list(sounds.values())).items()}
    return {**about, "reference": str(folder), "sounds": sounds, "figures": figures}


def _copied(vocoder: Vocoder, path: Path, mel: MelSettings) -> dict[str, float]:
    audio = read_audio(path)
    length = round(SECONDS * audio.sample_rate)
    first = max(0, (audio.samples.shape[1] - length) // 2)
    samples = np.ascontiguousarray(audio.samples[:, first : first + length])
    return copy(vocoder, Audio(samples, audio.sample_rate), mel).distances(mel)


def compare_copies(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a comparison of two ``copy_folder``, of the sounds that both have.

    There are none where the vocoders hear another mel: their distances are of another scale.
    """
    names: Sequence[str] = [name for name in first["sounds"] if name in second["sounds"]]
    if first["mel"] != second["mel"] or not names:
        return []
    a, b = ([side["sounds"][name] for name in names] for side in (first, second))
    columns = {"a": means(a), "b": means(b), "difference": differences(b, a)}
    vocoders = " and ".join(dict.fromkeys([first["vocoder"], second["vocoder"]]))
    return [
        {"stream": "vocoder", "name": f"{vocoders} {name}", "unit": "distance",
         "higher_is_better": False, "floor": None, "ceiling": None, "extractor": "copy-synthesis",
         **{column: dict(vars(found[key])) for column, found in columns.items()}}
        for key, name in FIGURES.items()
    ]  # fmt: skip
