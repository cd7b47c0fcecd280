"""Whether a model folder is whole, fits together, and computes: check by check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from muze.core.errors import CheckpointError, MuzeError
from muze.core.registry import Registry
from muze.model.header import PARTS, part_of, trained_sha256, weights_file, whole_header
from muze.pipelines.load import Model, load_model, open_vocoder
from muze.pipelines.model_info import check_streams, denoiser_header, model_vocoder
from muze.pipelines.plan_sampling import load_planner
from muze.pipelines.planner_info import PART as PLANNER
from muze.pipelines.vocoder_mel import check_parts, model_mel

NEEDED = ("autoencoder", "denoiser")
LENGTH = 16
"""Latent frames of the step that is tried."""


@dataclass(frozen=True)
class Checked:
    """One thing that was looked at, and what is wrong with it."""

    what: str
    fault: str | None = None


def check_model(name: str, folder: Path, registry: Registry) -> Iterator[Checked]:
    """Yield what is looked at in a model, each with the first fault found there.

    What rests on something that is at fault is not tried.
    """
    header = _tried("muze.json, and what it was fine-tuned from", lambda: whole_header(folder))
    yield header
    if header.fault:
        return
    parts = whole_header(folder).get("parts", {})
    files = [
        _tried(f"{part}: its file is whole", partial(weights_file, folder, part))
        for part in dict.fromkeys([*NEEDED, *PARTS, *parts])
        if part in parts or part in NEEDED
    ]
    yield from files
    if any(file.fault for file in files[: len(NEEDED)]):
        return
    streams = _tried(
        "streams: installed, in the versions it was trained with",
        lambda: check_streams(denoiser_header(folder), name, folder, registry),
    )
    yield streams
    yield _tried("denoiser: trained on this autoencoder", lambda: _check_autoencoder(folder))
    yield _tried("vocoder: hears what the autoencoder makes", lambda: check_parts(folder, parts))
    if streams.fault:
        return
    found: list[Model] = []
    loaded = _tried(
        "autoencoder and denoiser: load",
        lambda: found.append(load_model(folder, registry, "cpu")),
    )
    yield loaded
    if not loaded.fault:
        yield _tried("denoiser: one step is finite", lambda: _check_step(found[0]))
    if not any(file.fault for file in files):
        vocoder = model_vocoder(whole_header(folder))
        yield _tried(
            f"vocoder {vocoder}: makes sound of a mel",
            lambda: _check_vocoder(vocoder, folder, registry),
        )
        if PLANNER in parts:
            yield _tried("planner: loads", lambda: load_planner(folder, registry))


def _tried(what: str, check: Callable[[], object]) -> Checked:
    try:
        check()
    except MuzeError as fault:
        return Checked(what, str(fault))
    return Checked(what)


def _check_autoencoder(folder: Path) -> None:
    wanted = part_of(folder, "denoiser").get("autoencoder_sha256")
    here = trained_sha256(part_of(folder, "autoencoder"))
    if wanted is None:
        raise CheckpointError("the header does not tell which; it lacks autoencoder_sha256")
    if wanted != here:
        raise CheckpointError(f"it was trained on {wanted[:12]}, and this is {here[:12]}")


def _check_step(model: Model) -> None:
    """Denoise and decode some noise that nothing is told of."""
    settings = model.denoiser.settings
    shape = 1, settings.unet.latent_dim, settings.latent_rows, LENGTH
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        step = model.denoiser(noise, torch.tensor([0.5]), {})
        if not torch.isfinite(step).all():
            raise CheckpointError("what it predicts from noise is not finite")
        if not torch.isfinite(model.decode(noise)).all():
            raise CheckpointError("what the autoencoder makes of noise is not finite")


def _check_vocoder(name: str, folder: Path, registry: Registry) -> None:
    vocoder = open_vocoder(name, {}, folder, registry)
    made = model_mel(folder)
    assert made is not None  # it has an autoencoder
    mel = np.full((made.num_mels, 64), -4.0, np.float32)
    with registry.blame(name, "make sound of a mel"):
        sound = vocoder.render(mel)
    if not np.isfinite(sound).all():
        raise CheckpointError("its sound is not finite")
