"""What the planner must know of a model, read without torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import Field

from muze.core.errors import CheckpointError
from muze.core.registry import Registry
from muze.core.settings import Settings
from muze.manifest import Song
from muze.model.header import Said, check_header, part_of, read_header
from muze.pipelines.trained import Unseen


class TrainedStream(Said):
    """A stream as a denoiser heard it in training."""

    feature_version: int
    origin: str = Field(alias="from", description="Distribution and version that drew it.")
    unseen: Unseen = Field(
        default_factory=dict,
        description="Rows of its features that no record filled, by array; null: never told.",
    )


class HearingSettings(Said):
    """What of a denoiser's settings the planner must know."""

    streams: dict[str, dict[str, Any]] = Field(description="Each stream's Config, as JSON.")
    guidance: float = Field(ge=0)


class DenoiserHeader(Said):
    """What a header says of a denoiser."""

    settings: HearingSettings
    streams: dict[str, TrainedStream]


class ModelInfo(Settings):
    """What a model can be told, and how it is best sampled."""

    name: str = Field(description="An installed model's name, or a folder's absolute path.")
    streams: tuple[str, ...] | None = Field(
        None, description="The streams it was told in training; None for those installed."
    )
    guidance: dict[str, float] = Field(
        default_factory=lambda: {"all": 7.5}, description="Default weights: all, and per stream."
    )
    vocoder: str | None = Field(None, description="Vocoder taken where the song names none.")
    stream_settings: dict[str, dict[str, Any]] = Field(  # Any: JSON of each stream's Config
        default_factory=dict, description="What its streams were trained with, by name."
    )
    unseen: dict[str, dict[str, list[int]]] = Field(
        default_factory=dict, description="Rows of features it never met in training, by stream."
    )
    vocoders: dict[str, dict[str, Any]] | None = Field(  # Any: JSON of each vocoder's Config
        None,
        description="The vocoders it has weights for, with the settings of those; None where "
        "nothing is known of the model.",
    )
    parts: dict[str, str] = Field(
        default_factory=dict, description="SHA-256 of each of its networks' files, by name."
    )


def model_folder(name: str, registry: Registry, beside: Path) -> Path:
    """Return the folder of a model: an installed one, a folder ``beside`` a manifest, or a hub id.

    Raises:
        PluginError: there is none of this name.
        CheckpointError: a hub id that cannot be fetched.
    """
    if name in registry.models():
        return registry.model_path(name)
    folder = beside / name
    if os.path.isdir(folder):  # where Path.is_dir raises for a name that is too long
        return folder.resolve()
    if name.count("/") == 1 and name[0].isalnum():
        return _from_hub(name)
    return registry.model_path(name)  # which tells what is installed


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
    )

    wanted = ["muze.json", "*.safetensors", "*.md"]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as fault:
        raise CheckpointError(
            f"model {name!r} is no folder here, and cannot be fetched from the hub: "
            f"{str(fault).splitlines()[0]}"
        ) from None


def denoiser_header(folder: Path) -> DenoiserHeader:
    """Return what a model folder says of its denoiser."""
    about = part_of(folder, "denoiser")
    return check_header(folder, DenoiserHeader, about, "parts.denoiser")


def find_model(song: Song, registry: Registry) -> ModelInfo:
    """Return what the song's model says of itself.

    Raises:
        PluginError: the model, or a stream it was trained with, is not installed.
        CheckpointError: its folder holds no denoiser, or was trained on features that the
            installed version of a stream draws otherwise.
    """
    folder = model_folder(song.model, registry, song.source.folder)
    denoiser = denoiser_header(folder)
    for stream in denoiser.settings.streams:
        if stream not in denoiser.streams:
            raise CheckpointError(
                f"{folder / 'muze.json'}: parts.denoiser.streams: lacks {stream}, "
                "which the settings name"
            )
        version, trained = registry.get("stream", stream).feature_version, denoiser.streams[stream]
        if version != trained.feature_version:
            raise CheckpointError(
                f"model {song.model} was trained on version {trained.feature_version} of the "
                f"features of stream {stream} ({trained.origin}), but "
                f"{registry.version(stream)} draws version {version}; install the former"
            )
    told = {n: s.unseen for n, s in denoiser.streams.items() if s.unseen is not None}
    header = read_header(folder)
    parts = header["parts"]
    own = parts.get("vocoder", {})
    return ModelInfo(
        name=song.model if song.model in registry.models() else str(folder),
        streams=tuple(name for name in denoiser.settings.streams if name in told),
        guidance={"all": denoiser.settings.guidance},
        vocoder=model_vocoder(header),
        stream_settings=denoiser.settings.streams,
        unseen=told,
        vocoders={own["name"]: own["settings"]} if own.get("name") else {},
        parts={name: part["sha256"] for name, part in parts.items()},
    )


def model_vocoder(header: dict[str, Any]) -> str:
    """Return the vocoder a model is heard through: what it says, or its own, or Griffin-Lim."""
    own = header.get("parts", {}).get("vocoder", {}).get("name")
    return str(header.get("vocoder") or own or "griffin_lim")
