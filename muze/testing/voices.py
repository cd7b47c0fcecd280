"""What every voice backend must do."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from muze.core.errors import MuzeError
from muze.core.grid import Audio
from muze.core.protocols import VoiceBackend
from muze.testing.settings import check_config, check_light_import, require


class VoiceCase:
    """A voice backend under test."""

    def __init__(self, component: type[VoiceBackend]) -> None:
        self.cls = component

    @cached_property
    def backend(self) -> VoiceBackend:
        """The backend with its default settings."""
        return self.cls(self.cls.Config())


def check_voices(case: VoiceCase) -> None:
    """It lists at least one voice, each name once."""
    voices = case.backend.voices()
    require(bool(voices), "it lists no voice")
    require(all(isinstance(v, str) and v for v in voices), f"voices are names: {voices}")
    require(len(set(voices)) == len(voices), f"a voice is listed twice: {voices}")


def check_speech(case: VoiceCase) -> None:
    """Words become sound."""
    audio = case.backend.speak("la la", case.backend.voices()[0], "en")
    _is_sound(audio, "speak")
    require(bool(np.abs(audio.samples).max() > 1e-3), "speak gives silence")


def check_unknown_voice(case: VoiceCase) -> None:
    """A voice it does not have is told, not replaced."""
    try:
        case.backend.speak("la", "no such voice", "en")
    except MuzeError:
        return
    raise AssertionError("it speaks with a voice it does not have; raise PluginError")


def _is_sound(audio: Audio, what: str) -> None:
    samples = audio.samples
    require(samples.ndim == 2 and samples.shape[1] > 0, f"{what} is {samples.shape}, want (C, n)")
    require(samples.dtype == np.float32, f"{what} is {samples.dtype}, not float32")
    require(bool(np.isfinite(samples).all()), f"{what} is not finite")
    require(audio.sample_rate > 0, f"{what} has the rate {audio.sample_rate}")


CHECKS = (check_config, check_light_import, check_voices, check_speech, check_unknown_voice)
