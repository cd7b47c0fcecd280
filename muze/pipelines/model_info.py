"""What the planner must know of a model, read without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from muze.core.errors import CheckpointError
from muze.core.registry import Registry
from muze.core.settings import Settings
from muze.manifest import Song
from muze.model.header import part_of, read_header


class ModelInfo(Settings):
    """What a model can be told, and how it is best sampled."""

    name: str = Field(description="An installed model's name, or a folder's absolute path.")
    streams: tuple[str, ...] | None = Field(
        None, description="The streams it was trained with; None for those installed."
    )
    guidance: dict[str, float] = Field(
        default_factory=lambda: {"all": 7.5}, description="Default weights: all, and per stream."
    )
    sampler: str = Field("ddim", description="Sampler taken where the song names none.")
    num_steps: int = Field(50, ge=1, description="Steps taken where the song names none.")
    vocoder: str | None = Field(None, description="Vocoder taken where the song names none.")


def model_folder(name: str, registry: Registry, beside: Path) -> Path:
    """Return the folder of a model: an installed one, a folder ``beside`` a manifest, or a hub id.

    Raises:
        PluginError: there is none of this name.
        CheckpointError: a hub id that cannot be fetched.
    """
    if name in registry.models():
        return registry.model_path(name)
    folder = beside / name
    if folder.is_dir():
        return folder.resolve()
    if name.count("/") == 1 and name[0].isalnum():
        return _from_hub(name)
    return registry.model_path(name)  # which tells what is installed


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = ["muze.json", "*.safetensors", "*.md"]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as fault:
        raise CheckpointError(
            f"model {name!r} is no folder here, and cannot be fetched from the hub: "
            f"{str(fault).splitlines()[0]}"
        ) from None


def find_model(song: Song, registry: Registry) -> ModelInfo:
    """Return what the song's model says of itself.

    Raises:
        PluginError: the model, or a stream it was trained with, is not installed.
        CheckpointError: its folder holds no denoiser, or was trained on features that the
            installed version of a stream draws otherwise.
    """
    folder = model_folder(song.model, registry, song.source.folder)
    denoiser = part_of(folder, "denoiser")
    for stream, trained in denoiser["streams"].items():
        version = registry.get("stream", stream).feature_version
        if version != trained["feature_version"]:
            raise CheckpointError(
                f"model {song.model} was trained on version {trained['feature_version']} of the "
                f"features of stream {stream} ({trained['from']}), but "
                f"{registry.version(stream)} draws version {version}; install the former"
            )
    return ModelInfo(
        name=song.model if song.model in registry.models() else str(folder),
        streams=tuple(denoiser["settings"]["streams"]),
        guidance={"all": denoiser["settings"]["guidance"]},
        vocoder=model_vocoder(read_header(folder)),
    )


def model_vocoder(header: dict[str, Any]) -> str:
    """Return the vocoder a model is heard through: what it says, or its own, or Griffin-Lim."""
    own = header.get("parts", {}).get("vocoder", {}).get("name", "griffin_lim")
    return str(header.get("vocoder", own))
