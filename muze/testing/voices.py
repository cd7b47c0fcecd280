"""What every voice backend and every separator must do."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from muze.core.errors import MuzeError
from muze.core.grid import Audio
from muze.core.protocols import Separator, VoiceBackend
from muze.testing import sounds
from muze.testing.settings import check_config, check_light_import, require


class VoiceCase:
    """A voice backend under test."""

    def __init__(self, component: type[VoiceBackend]) -> None:
        self.cls = component

    @cached_property
    def backend(self) -> VoiceBackend:
        """The backend with its default settings."""
        return self.cls(self.cls.Config())


class SeparatorCase:
    """A separator under test."""

    def __init__(self, component: type[Separator]) -> None:
        self.cls = component


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


def check_stems(case: SeparatorCase) -> None:
    """Stems have names, and the mix's rate, channels and length."""
    one = sounds.chords(["C", "Am"], 1.0)
    for mix in (one, Audio(np.repeat(one.samples, 2, axis=0), one.sample_rate)):
        stems = case.cls(case.cls.Config()).separate(mix)
        require(bool(stems), "it gives no stem")
        for name, stem in stems.items():
            _is_sound(stem, name)
            require(
                stem.sample_rate == mix.sample_rate and stem.samples.shape == mix.samples.shape,
                f"{name} is {stem.samples.shape} at {stem.sample_rate} Hz, "
                f"the mix {mix.samples.shape} at {mix.sample_rate} Hz",
            )


def _is_sound(audio: Audio, what: str) -> None:
    samples = audio.samples
    require(samples.ndim == 2 and samples.shape[1] > 0, f"{what} is {samples.shape}, want (C, n)")
    require(samples.dtype == np.float32, f"{what} is {samples.dtype}, not float32")
    require(bool(np.isfinite(samples).all()), f"{what} is not finite")
    require(audio.sample_rate > 0, f"{what} has the rate {audio.sample_rate}")


VOICE_CHECKS = (check_config, check_light_import, check_voices, check_speech, check_unknown_voice)
SEPARATOR_CHECKS = (check_config, check_light_import, check_stems)
