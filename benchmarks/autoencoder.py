"""What survives an autoencoder: chords, beats and F0 of held-out songs, heard by Griffin-Lim."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from muze_corpus.holdout import TRAIN
from numpy.typing import NDArray

from benchmarks.excerpts import (
    RATE,
    Excerpt,
    build_songs,
    held_out_excerpts,
    survival,
    truth_scores,
)
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
    model_identity,
)
from muze.audio.io import read_audio, resample
from muze.audio.mel import MelSettings, log_mel_array
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.model.autoencoder import AudioVAE, AutoencoderSettings
from muze.model.checkpoint import load_part
from muze.model.header import part_settings
from muze.plugins.vocoders.griffin_lim import GriffinLimVocoder
from muze.report import open_report

LogMel = NDArray[np.float32]
Rebuild = Callable[[LogMel], LogMel]

SECONDS = 10.0
SEED = 0
"""Of the training songs that the linear autoencoder is fitted on."""
FIGURES = {
    "mel": "log-mel L1",
    "right": "chords majmin",
    "chord": "chord survival",
    "beat": "beat survival",
    "f0": "F0 survival",
}
F0_RATE, F0_HOP, F0_LOW, F0_HIGH = 16_000, 320, 65.0, 1000.0
CENTS = 50


def load_autoencoder(folder: Path) -> AudioVAE:
    """Return the autoencoder of a model folder."""
    network = AudioVAE(part_settings(folder, "autoencoder", AutoencoderSettings))
    load_part(folder, "autoencoder", network)
    return network.eval()


def through(network: AudioVAE) -> Rebuild:
    """Return what sends a log-mel through an autoencoder, without noise in the latents."""

    def rebuild(log_mel: LogMel) -> LogMel:
        with torch.inference_mode():
            mean, _ = network.encode(torch.from_numpy(log_mel)[None])
            made: LogMel = network.decode(mean)[0].numpy()
        return made

    return rebuild


def linear(log_mels: list[LogMel], frames: int, size: int) -> Rebuild:
    """Return an autoencoder of principal components: ``size`` numbers for ``frames`` mel frames."""

    def patches(log_mel: LogMel) -> NDArray[np.float64]:
        count = log_mel.shape[1] // frames
        cut = log_mel[:, : count * frames].reshape(len(log_mel), count, frames)
        return cut.transpose(1, 0, 2).reshape(count, -1).astype(np.float64)

    fitted = np.concatenate([patches(log_mel) for log_mel in log_mels])
    centre = fitted.mean(axis=0)
    _, components = np.linalg.eigh(np.cov(fitted, rowvar=False))
    basis = components[:, -size:]

    def rebuild(log_mel: LogMel) -> LogMel:
        flat = centre + (patches(log_mel) - centre) @ basis @ basis.T
        made = flat.reshape(len(flat), len(log_mel), frames).transpose(1, 0, 2)
        rebuilt: LogMel = made.reshape(len(log_mel), -1).astype(np.float32)
        return rebuilt

    return rebuild


def f0_of(audio: Audio) -> NDArray[np.float64]:
    """Return the F0 in Hz of what is most periodic, NaN where nothing is (Mauch & Dixon 2014)."""
    import librosa

    mono = resample(Audio(audio.mono[None], audio.sample_rate), F0_RATE).samples[0]
    f0, _, _ = librosa.pyin(mono, fmin=F0_LOW, fmax=F0_HIGH, sr=F0_RATE, hop_length=F0_HOP)
    return np.asarray(f0, float)


def f0_survival(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """Return the share of the voiced frames ``before`` whose F0 is kept within 50 cents."""
    voiced = np.isfinite(before)
    with np.errstate(invalid="ignore"):
        near = np.abs(1200 * np.log2(after[voiced] / before[voiced])) <= CENTS
    return float(near.mean())


def figures(
    rebuild: Rebuild | None,
    excerpt: Excerpt,
    f0: Callable[[], NDArray[np.float64]],
    registry: Registry,
) -> Figures:
    """Return what is left of an excerpt; without ``rebuild``, what is heard in it itself.

    ``f0`` gives that of the excerpt; it takes long, so it is asked for only here.
    """
    mel = MelSettings()
    log_mel = log_mel_array(excerpt.audio.mono, mel)
    made, audio = log_mel, excerpt.audio
    if rebuild is not None:
        made = rebuild(log_mel)
        vocoder = GriffinLimVocoder(GriffinLimVocoder.Config())
        audio = Audio(vocoder.render(made)[None], mel.sample_rate)
    right = truth_scores(audio, excerpt, ("chord",), registry)["chord.chord majmin"][0]
    found = {
        "mel": float(np.abs(made - log_mel).mean()), "right": right, **survival(audio, excerpt)
    }  # fmt: skip
    if np.isfinite(before := f0()).any():
        found["f0"] = f0_survival(before, before if rebuild is None else f0_of(audio))
    return found


def main(
    folders: Annotated[list[Path], typer.Argument(help="Folders holding an autoencoder.")],
    songs: Songs = Path("data/held-out"),
    num_songs: NumSongs = 24,
    train: Annotated[
        Path, typer.Option(help="Folder of training songs of muze-corpus, for the linear one.")
    ] = Path("data/train"),
    num_train: Annotated[int, typer.Option(min=1, help="How many of them.")] = 60,
    work: Work = Path("runs/benchmarks/autoencoder"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Compare autoencoders by what survives them."""
    registry, kept, mel = Registry(), Kept(work), MelSettings()
    rows: dict[str, tuple[object, Rebuild | None]] = {
        "original": ("original", None),
        "mel": ("mel", lambda log_mel: log_mel),
    }
    log_mels = [
        log_mel_array(resample(read_audio(train / r["audio_path"]), RATE).mono, mel)
        for r in build_songs(train, num_train, SEED, TRAIN)
    ]
    for folder in folders:
        network = load_autoencoder(folder)
        about = network.settings
        size = about.latent_dim * about.rows
        told = f"{size} numbers for {about.time_stride} frames"
        rows[f"{folder}, {told}"] = (model_identity(folder)["autoencoder"], through(network))
        principal = linear(log_mels, about.time_stride, size)
        rows[f"principal components, {told}"] = (["linear", told, num_train, SEED], principal)
    excerpts = held_out_excerpts(songs, num_songs, SECONDS)
    items: dict[str, list[Figures]] = {name: [] for name in rows}
    with open_report() as report:
        advance = report.task("listening", len(rows) * len(excerpts))
        for excerpt in excerpts:
            f0 = cache(partial(f0_of, excerpt.audio))
            for name, (identity, rebuild) in rows.items():
                item = {"excerpt": excerpt.name, "row": identity, "seconds": SECONDS}
                compute = partial(figures, rebuild, excerpt, f0, registry)
                items[name].append(kept.get(item, compute))
                advance()
    data = {name: means(found) for name, found in items.items()}
    table = [[name, *(cell(found, figure) for figure in FIGURES)] for name, found in data.items()]
    settings = {"excerpts": num_songs, "training songs of the linear ones": num_train}
    findings = Findings("autoencoder", settings, kept.seconds, data=data)
    findings.tables[f"Through {SECONDS:g} s and Griffin-Lim; mean and 95 % interval"] = markdown(
        ["what", *FIGURES.values()], table
    )
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
