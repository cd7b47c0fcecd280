"""Trains the denoiser (phase 3) on the autoencoder's latents, with every stream asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, ValidationInfo, field_validator, model_validator
from torch import Tensor, nn

from muze.core.errors import MuzeError, PluginError, did_you_mean
from muze.core.registry import Registry
from muze.data.mels import dataset_mels
from muze.data.store import Dataset, read_dataset
from muze.data.track import track_grid
from muze.model.autoencoder import AudioVAE, AutoencoderSettings
from muze.model.checkpoint import load_part, save_part
from muze.model.denoiser import Denoiser, DenoiserSettings
from muze.model.diffusion import Diffusion
from muze.model.header import part_of, part_settings, trained_sha256
from muze.model.lora import Lora
from muze.model.unet import UNetSettings
from muze.pipelines.components import open_streams
from muze.pipelines.fine_tuning import (
    add_lora,
    base_from,
    base_of,
    data_of,
    learnt,
    learnt_names,
    lora_layers,
)
from muze.pipelines.latent_crops import LatentCrops
from muze.pipelines.latents import encoded, stored_latents
from muze.pipelines.load import Model
from muze.pipelines.loop import Loop
from muze.pipelines.model_info import denoiser_header, model_folder
from muze.pipelines.preview import Previews
from muze.pipelines.processes import main_first
from muze.pipelines.trained import still_unseen, unseen_rows
from muze.pipelines.training import LoopSettings, check_crop, draws, start_folder
from muze.pipelines.validation import VALIDATION_SEED, split
from muze.report import Report


class TrainingSettings(LoopSettings):
    """How a denoiser is trained."""

    vae: Path = Field(description="Model folder whose autoencoder makes the latents.")
    unet: UNetSettings = UNetSettings()
    streams: dict[str, dict[str, object]] = Field(description="Streams and their settings.")
    diffusion: Diffusion = Diffusion()
    guidance: float = Field(3.0, ge=0, description="Guidance a song gets unless it says.")
    flatness: float = Field(
        0.5, ge=0, le=1, description="How even latent channels are made; 1 makes all alike."
    )
    drop_all: float = Field(0.1, ge=0, le=1, description="How often every condition is dropped.")
    drop_each: float = Field(0.1, ge=0, le=1, description="How often each one is, by itself.")
    drop_streams: dict[str, float] = Field(
        default_factory=dict,
        description="How often some are, by name, in place of drop_each: {midi: 0.7}.",
    )
    drop_part: float = Field(0.05, ge=0, le=1, description="How often a stretch of one is.")
    auxiliary_weight: float = Field(
        0.1, ge=0, description="Weight of what streams learn besides, as lengths of phonemes."
    )
    added: tuple[str, ...] = Field((), description="Streams that came late to what it starts from.")
    add_stream: list[str] = Field(
        default_factory=list, description="Streams to add to the model it starts from."
    )
    freeze: Literal["none", "base"] = Field(
        "none", description="base: only what the added streams brought is trained."
    )
    lora: Lora | None = Field(
        None,
        description="Train changes of low rank alone, beside the weights of the model it starts "
        "from: a rank, or rank, alpha and targets.",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_from_start(cls, data: Any) -> Any:  # Any: what pydantic is given
        """Let the model it starts from stand where nothing is said."""
        if not isinstance(data, dict) or data.get("resume") or not data.get("start"):
            return data
        try:
            folder = model_folder(str(data["start"]), Registry(), Path.cwd())
            about = part_settings(folder, "denoiser", DenoiserSettings).model_dump(mode="json")
        except MuzeError as fault:
            raise ValueError(f"start: {fault}") from None
        known = {key: about[key] for key in ("unet", "streams", "diffusion", "guidance", "added")}
        part = {key: {**known[key], **data[key]} for key in ("unet", "diffusion")
                if isinstance(data.get(key), dict)}  # fmt: skip
        return {"vae": folder, **known, **data, **part}

    @field_validator("streams")
    @classmethod
    def _check_streams(cls, streams: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
        """Tell what is wrong with all of them at once."""
        registry, faults = Registry(), list[str]()
        for name, settings in streams.items():
            try:
                open_streams({name: settings}, registry)
            except PluginError as fault:
                faults.append(str(fault))
        if faults:
            raise ValueError("; ".join(faults))
        return streams

    @field_validator("drop_streams")
    @classmethod
    def _check_shares(cls, drop_streams: dict[str, float]) -> dict[str, float]:
        if strange := [f"{n}: {p}" for n, p in drop_streams.items() if not 0 <= p <= 1]:
            raise ValueError(f"{', '.join(strange)} is no share; say 0 to 1")
        return drop_streams

    @field_validator("add_stream", "lora")
    @classmethod
    def _check_start(cls, value: Any, info: ValidationInfo) -> Any:  # Any: of either
        """Tell what they need beside what else is wrong, as ``vae``, which the model would give."""
        if value and info.data.get("start", "told by itself") is None:
            raise ValueError(f"{info.field_name} needs a model to start from; say --from")
        return value

    @model_validator(mode="after")
    def _check_added(self) -> TrainingSettings:
        if twice := [name for name in self.add_stream if name in self.streams]:
            raise ValueError(f"the model knows stream {twice[0]} already; it cannot be added")
        if len({*self.add_stream}) < len(self.add_stream):
            raise ValueError("add_stream names a stream twice")
        if strange := [name for name in self.added if name not in self.streams]:
            raise ValueError(f"streams lacks {strange[0]}, which the model it starts from has")
        known = (*self.streams, *self.add_stream)
        if strange := [name for name in self.drop_streams if name not in known]:
            hint = did_you_mean(strange[0], known)
            raise ValueError(f"drop_streams: the model has no stream {strange[0]!r}{hint}")
        if self.freeze == "base" and not self.add_stream:
            raise ValueError("freeze: base leaves nothing to train; say which --add-stream")
        if self.lora and self.freeze == "base":
            raise ValueError("lora and freeze: base exclude each other; take one out")
        return self


def train(settings: TrainingSettings, report: Report) -> None:
    """Train a denoiser and write it to ``<run>/denoiser``."""
    dataset, held = split(read_dataset(settings.dataset), settings)
    shape = part_settings(settings.vae, "autoencoder", AutoencoderSettings)
    check_crop(settings, shape.time_stride)
    if settings.unet.latent_dim != shape.latent_dim:
        raise MuzeError(
            f"unet.latent_dim is {settings.unet.latent_dim}, "
            f"but the autoencoder's latents have {shape.latent_dim} channels"
        )
    registry = Registry()
    streams = open_streams({**settings.streams, **{n: {} for n in settings.add_stream}}, registry)
    unseen = unseen_rows(streams, dataset.tracks, [track_grid(r) for r in dataset.tracks])
    for name in settings.add_stream:
        if unseen[name] is None:
            raise MuzeError(f"add_stream: no record of {settings.dataset} tells {name}")
    start, begun = start_folder(settings), {}
    if start is not None:
        assert settings.start is not None
        begun["base"] = base_of(settings.start, start, settings.vae, settings.lora is not None)
        before = denoiser_header(start).streams
        unseen = still_unseen(unseen, {name: stream.unseen for name, stream in before.items()})
    autoencoder = AudioVAE(shape)
    load_part(settings.vae, "autoencoder", autoencoder)
    with main_first(settings):  # which finds the device of this process, too
        autoencoder.eval().to(settings.device)
        latents = dataset_latents(settings, autoencoder, report, dataset)
        held_latents = dataset_latents(settings, autoencoder, report, held) if held else []
    about = DenoiserSettings(
        unet=settings.unet,
        streams={
            n: s.Config.model_validate(settings.streams.get(n, {})).model_dump(mode="json")
            for n, s in streams.items()
        },
        diffusion=settings.diffusion,
        guidance=settings.guidance,
        added=(*settings.added, *settings.add_stream),
        latent_rows=shape.rows,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)  # of the initial weights alone
        base = about.model_copy(update={"added": settings.added})
        model = Denoiser(base, {n: streams[n] for n in settings.streams})
        set_scale(model, latents, autoencoder, settings.flatness)
        if start is not None:
            heard = part_settings(start, "denoiser", DenoiserSettings).unet.use_voice_stream
            # attention to voices begins as none, so that a model without it can be given it
            load_part(start, "denoiser", model, () if heard else model.hearing_voices())
        of_base = [*model.state_dict()]
        layers = lora_layers(model, settings.lora) if settings.lora else []
        for name in settings.add_stream:
            model.add_stream(name, streams[name])
    model.settings = about
    size = sum(weight.numel() for weight in model.parameters())
    if settings.lora:
        add_lora(model, settings.lora, layers, settings.seed)
    elif settings.freeze == "base":
        model.requires_grad_(False)
    for name in settings.add_stream:
        for weight in model.brought_by(name):
            weight.requires_grad_(True)
    names = learnt_names(model, of_base)
    latents_of = trained_sha256(part_of(settings.vae, "autoencoder"))
    loop = Loop(model, settings, report, latents_of, {**begun, "unseen": unseen})
    stride = shape.time_stride
    crops = LatentCrops(dataset.tracks, latents, streams, settings, stride)
    held_crops = LatentCrops(held.tracks if held else (), held_latents, streams, settings, stride)

    def draw(step: int, rows: slice) -> dict[str, Any]:  # Any: as LatentCrops.draw
        numbers, generator = draws(settings.seed, step + 1)
        return crops.draw(numbers, generator, settings.batch_size, rows, dropping=True)

    def held_out(rows: slice) -> dict[str, Any]:  # Any: as LatentCrops.draw
        numbers, generator = draws(VALIDATION_SEED, 0)
        count = settings.validation_crops
        return held_crops.draw(numbers, generator, count, rows, dropping=False)

    def losses(model: nn.Module, batch: dict[str, Any]) -> dict[str, Tensor]:
        assert isinstance(model, Denoiser)
        x_0 = model.normalise(batch["latents"])
        noise, t, told = batch["noise"], batch["times"], batch["told"]
        x_t = settings.diffusion.diffuse(x_0, noise, t)
        predicted = model(x_t, t, told).float()
        error = (predicted - settings.diffusion.target(x_0, noise, t)).square().mean((1, 2, 3))
        loss = (settings.diffusion.weight(t) * error).mean()
        if not settings.auxiliary_weight or not model.conditioning.learning:
            return {"loss": loss}
        beside = model.conditioning.losses(told)
        whole = loss + settings.auxiliary_weight * sum(beside.values())
        return {"loss": whole, "diffusion": loss, **beside}

    previews = Previews(settings, registry, report)

    def preview(averaged: nn.Module, step: int) -> None:
        assert isinstance(averaged, Denoiser)
        crop = previews.crop(crops.lengths, stride)
        shown = Model(settings.vae, autoencoder, averaged, streams, settings.device)
        grid = crops.grids[crop.track].window(crop.first, crop.frames)
        true = autoencoder.decode(crops.cut([crop]).to(settings.device))[0]
        previews.sample(step, shown, dataset.tracks[crop.track], grid, true)

    def write(averaged: nn.Module, folder: Path) -> Path:
        told = {
            name: {
                "feature_version": stream.feature_version,
                "from": registry.version(name),
                "unseen": loop.begun["unseen"][name],
            }
            for name, stream in streams.items()
        }
        extra: dict[str, Any] = {
            "streams": told,
            "autoencoder_sha256": latents_of,
            "data": data_of(dataset),
        }
        tensors, base = None, loop.begun.get("base")
        if settings.lora:
            assert isinstance(averaged, Denoiser)
            tensors = learnt(averaged, names)
            extra |= {"lora": settings.lora.model_dump(mode="json"), "parameters": size}
        out = folder / "denoiser"
        base = base and base_from(base, out)
        save_part(out, "denoiser", averaged, about, loop.record(), "fp32", extra, tensors, base)
        return out

    loop.run(draw, losses, "diffusion", write, preview, held_out if held else None)


def dataset_latents(
    settings: TrainingSettings, model: AudioVAE, report: Report, dataset: Dataset | None = None
) -> list[np.ndarray]:
    """Return every track's latents (C, H, W) as float16: those kept, or worked out now.

    The tracks are those of the settings' dataset, unless another ``dataset`` is given.
    """
    dataset = read_dataset(settings.dataset) if dataset is None else dataset
    kept = stored_latents(dataset, model, trained_sha256(part_of(settings.vae, "autoencoder")))
    if kept is not None:
        report.note("latents: those that `muze dataset encode` kept")
        return list(kept)
    mels = dataset_mels(dataset, model.settings.mel, settings.run.parent / "mels", report)
    return list(encoded(mels, model, report))


def set_scale(
    model: Denoiser, latents: list[np.ndarray], autoencoder: AudioVAE, flatness: float
) -> None:
    """Set what the denoiser subtracts from latents and divides them by.

    A channel's deviation after it is in proportion to how much the channel moves the spectrogram,
    to the power ``1 - flatness``, and on average 1: so noise covers details before it covers what
    matters, and the denoiser learns from coarse to fine. At flatness 1 all deviations are 1, which
    for latents that began as principal components is white noise to the eye of the network.
    """
    frames = np.concatenate(latents[:: max(1, len(latents) // 200)], axis=2).astype(np.float32)
    mean, deviation = frames.mean(2), frames.std(2) + 1e-6
    model.latent_mean.copy_(torch.from_numpy(mean)[None, :, :, None])
    weight = channel_weights(autoencoder, torch.from_numpy(frames), model.latent_mean)
    weight = weight ** (1 - flatness)
    weight = weight / weight.square().mean().sqrt()
    model.latent_std.copy_(torch.from_numpy(deviation)[None, :, :, None] / weight)


def channel_weights(
    autoencoder: AudioVAE, frames: torch.Tensor, mean: torch.Tensor
) -> torch.Tensor:
    """Return how far the log-mel moves, root mean square, when a channel is set to its mean.

    ``frames`` are latents (C, H, W) of which some are tried; the weights are (1, C, 1, 1).
    """
    length, device = min(64, frames.shape[-1]), next(autoencoder.parameters()).device
    starts = np.linspace(0, frames.shape[-1] - length, 8).astype(int)
    tried = torch.stack([frames[..., start : start + length] for start in starts]).to(device)
    with torch.no_grad():
        whole = autoencoder.decode(tried)
        moved = []
        for channel in range(tried.shape[1]):
            without = tried.clone()
            without[:, channel] = mean[:, channel].to(device)
            moved.append((autoencoder.decode(without) - whole).square().mean().sqrt())
    return torch.stack(moved).clamp(min=1e-4)[None, :, None, None].to(mean)
