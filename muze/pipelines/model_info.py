"""What the planner must know of a model, read without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from muze.core.errors import CheckpointError
from muze.core.mel import MelSettings
from muze.core.registry import Registry
from muze.core.settings import Settings
from muze.manifest import Song
from muze.model.folders import model_folder as model_folder  # by which others know it
from muze.model.header import Said, check_header, part_of, whole_header
from muze.pipelines.trained import Unseen
from muze.pipelines.vocoder_mel import model_mel


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
    mel: MelSettings | None = Field(
        None, description="The mel its autoencoder makes; None where nothing is known of the model."
    )
    parts: dict[str, str] = Field(
        default_factory=dict, description="SHA-256 of each of its networks' files, by name."
    )


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
    check_streams(denoiser, song.model, folder, registry)
    told = {n: s.unseen for n, s in denoiser.streams.items() if s.unseen is not None}
    header = whole_header(folder)
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
        mel=model_mel(folder),
        parts={name: part["sha256"] for name, part in parts.items()},
    )


def check_streams(denoiser: DenoiserHeader, model: str, folder: Path, registry: Registry) -> None:
    """Check that the streams a model was trained with are installed, and draw what they drew.

    Raises:
        PluginError: one is not installed.
        CheckpointError: one draws its features otherwise, or the header lacks one.
    """
    for stream in denoiser.settings.streams:
        if stream not in denoiser.streams:
            raise CheckpointError(
                f"{folder / 'muze.json'}: parts.denoiser.streams: lacks {stream}, "
                "which the settings name"
            )
        version, trained = registry.get("stream", stream).feature_version, denoiser.streams[stream]
        if version != trained.feature_version:
            raise CheckpointError(
                f"model {model} was trained on version {trained.feature_version} of the "
                f"features of stream {stream} ({trained.origin}), but "
                f"{registry.version(stream)} draws version {version}; install the former"
            )


def model_vocoder(header: dict[str, Any]) -> str:
    """Return the vocoder a model is heard through: what it says, or its own, or Griffin-Lim."""
    own = header.get("parts", {}).get("vocoder", {}).get("name")
    return str(header.get("vocoder") or own or "griffin_lim")
