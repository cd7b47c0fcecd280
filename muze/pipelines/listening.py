"""What is heard when a dataset is built, and by whom."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from muze.core.errors import MuzeError, PluginError, did_you_mean
from muze.core.registry import Registry
from muze.core.settings import Settings

if TYPE_CHECKING:
    from muze.core.protocols import Separator
    from muze.pipelines.annotate import Listener
    from muze.pipelines.caption_services import CaptionService


class BuildSettings(Settings):
    """What is heard, and by whom."""

    streams: tuple[str, ...] | None = Field(None, description="Every one that works if not said.")
    configs: dict[str, dict[str, Any]] = Field({}, description="Settings of streams, by name.")
    whisper_model: str | None = Field(None, description="Whisper that hears words.")
    whisper_full: bool = Field(False, description="Hear words in all of a track, not in 60 s.")
    segments: bool = Field(True, description="Find the sections.")
    separator: str | None = Field(
        None, description="Who takes voices out of mixes, as demucs; auto is the best there is."
    )
    captions: Literal["template", "openai", "ollama"] = "template"
    caption_model: str | None = None
    device: str = "cpu"
    engine: Literal["local", "ray"] = "local"
    workers: int = Field(1, ge=1, description="Processes that hear tracks.")
    batch_size: int = Field(1, ge=1, description="Tracks given to a process at once.")


def open_listener(settings: BuildSettings, recalls: bool = False) -> Listener:
    """Return who hears tracks, or only recalls what was heard: streams with their settings.

    Raises:
        PluginError: a stream is not installed, or takes no such settings.
    """
    from muze.pipelines.annotate import Listener  # which takes longer to import than all else
    from muze.pipelines.components import open_streams

    if not recalls:
        from muze.analysis.device import listen_on
        from muze.pipelines.load import choose_device

        listen_on(choose_device(settings.device))
    elif settings.whisper_model is not None:
        from muze.analysis.words import load_whisper

        load_whisper(settings.whisper_model)  # a wrong one is told now, and not by every track
    registry = Registry()
    configs = _configs(settings, registry)
    return Listener(
        open_streams(configs, registry),
        registry,
        settings.whisper_full,
        settings.segments,
        _captions(settings),
        _separator(settings, registry),
        recalls,
    )


def _separator(settings: BuildSettings, registry: Registry) -> Separator | None:
    if settings.separator is None:
        return None
    from muze.analysis.device import listening_device
    from muze.pipelines.separate import choose_separator

    return choose_separator(registry, settings.separator, listening_device())[0]


def _captions(settings: BuildSettings) -> CaptionService | None:
    if settings.captions == "template":
        return None
    from muze.pipelines.caption_services import CaptionService

    return CaptionService(settings.captions, settings.caption_model)


def _configs(settings: BuildSettings, registry: Registry) -> dict[str, dict[str, Any]]:
    names = settings.streams or tuple(registry.names("stream"))
    for name in settings.configs:
        if name not in names:
            raise PluginError(f"stream {name!r} is not heard{did_you_mean(name, names)}")
    configs = {}
    for name in names:
        config = dict(settings.configs.get(name, {}))
        fields = registry.get("stream", name).Config.model_fields
        if settings.whisper_model and "whisper_model" in fields:
            config.setdefault("whisper_model", settings.whisper_model)
        configs[name] = config
    return configs


def read_setting(text: str) -> tuple[str, str, Any]:
    """Return stream, setting and value of ``f0.extractor=pyin``; the value is read as YAML.

    Raises:
        MuzeError: it is not of that form.
    """
    import yaml

    where, equals, value = text.partition("=")
    stream, dot, key = where.strip().rpartition(".")
    if not equals or not dot:
        raise MuzeError(f"--set {text!r} should be like f0.extractor=pyin")
    try:
        return stream, key, yaml.safe_load(value)
    except yaml.YAMLError:
        raise MuzeError(f"--set {text!r}: {value!r} is no value that YAML knows") from None


def available_cores() -> int:
    """Return the processor cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def cache_folder(output: Path) -> Path:
    """Return where a dataset's build remembers what it heard: ``data.cache`` of ``data.json``."""
    return output.with_suffix(".cache")


def memory_file(cache: Path, sha256: str) -> Path:
    """Return the file of a cache that remembers what was heard in one sound."""
    return cache / "heard" / sha256[:2] / f"{sha256}.json"
