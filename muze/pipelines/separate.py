"""Vocals out of a mix: by a trained separator where its weights are there, else by one without."""

from __future__ import annotations

import logging

import numpy as np

from muze.core.errors import NotInstalledError, PluginError
from muze.core.grid import Audio
from muze.core.protocols import Separator, about, check_installed
from muze.core.registry import Registry
from muze.pipelines.components import settings_of

log = logging.getLogger(__name__)

TRAINED, UNTRAINED = "demucs", "foreground"
VOCALS = "vocals"


def choose_separator(
    registry: Registry, name: str = "auto", device: str = "cpu"
) -> tuple[Separator, str]:
    """Return a separator, and what it is for a record's provenance.

    ``auto`` is Demucs where it and its weights are there; else ``foreground``, with a warning that
    says how to get them. Any other name is that separator and no other.

    Raises:
        PluginError: no such separator is installed.
        NotInstalledError: the one that is named lacks its library or weights; says how to get them.
    """
    if name != "auto":
        return _open(registry, name, device)
    try:
        return _open(registry, TRAINED, device)
    except NotInstalledError as fault:
        separator, label = _open(registry, UNTRAINED, device)
        log.warning("vocals are separated by %s: %s", label, fault)
        return separator, label


def hears_words_in_vocals(separator: Separator) -> bool:
    """Return whether words are made out better in its vocals than in the mix.

    Without weights consonants go with the band; measured, see docs/dataset.md.
    """
    return separator.name != UNTRAINED


def vocals_of(audio: Audio, separator: Separator) -> Audio:
    """Return the vocals in a mix, as one channel of its length and rate.

    Raises:
        PluginError: the separator gives no stem of that name.
    """
    stems = separator.separate(audio)
    if VOCALS not in stems:
        raise PluginError(f"separator {separator.name} gives no {VOCALS}, only {', '.join(stems)}")
    vocals = stems[VOCALS]
    return Audio(np.ascontiguousarray(vocals.mono[None]), vocals.sample_rate)


def _open(registry: Registry, name: str, device: str) -> tuple[Separator, str]:
    cls = registry.get("separator", name)
    settings = {"device": device} if "device" in cls.Config.model_fields else {}
    separator: Separator = cls(settings_of("separator", name, cls, settings, registry))
    check_installed(separator)
    return separator, about(separator)
