"""What every voice backend must do."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from muze.analysis.phonemes import read_phone
from muze.core.errors import MuzeError
from muze.core.grid import Audio
from muze.core.protocols import VoiceBackend, about, check_installed, licence
from muze.core.voices import Spoken, clones, keeps_clones, repeats, speak_timed
from muze.testing.settings import check_config, check_light_import, require

LINE = {"en": "Carry the river home and follow the light"}
"""What is said to test a voice, by language."""
ANY_LINE = "la la la la"
LINES = 16
"""Lines of a long text: some 120 words, twice what a network reads at once."""
SHORTEST = 0.5
"""Share of the length of so many lines by themselves that a text of them lasts at least."""


class VoiceCase:
    """A voice backend under test, with settings other than its own where it needs any."""

    def __init__(self, component: type[VoiceBackend], config: Any = None) -> None:
        self.cls, self.config = component, config  # Any: the component's own Config

    def build(self) -> VoiceBackend:
        """Return the backend, built anew."""
        return self.cls(self.cls.Config() if self.config is None else self.config)

    @cached_property
    def backend(self) -> VoiceBackend:
        """The backend."""
        return self.build()

    @cached_property
    def voice(self) -> str:
        """The first voice."""
        return self.backend.voices()[0]

    @cached_property
    def language(self) -> str:
        """English, where the voice speaks it, else its first language."""
        spoken = self.backend.languages(self.voice)
        return "en" if "en" in spoken else spoken[0]

    @property
    def line(self) -> str:
        """A line of words."""
        return LINE.get(self.language, ANY_LINE)

    @cached_property
    def said(self) -> Audio:
        """The line, spoken once for all checks."""
        return self.speak(self.line)

    def speak(self, text: str) -> Audio:
        """Return what the voice says, which is sound."""
        audio = self.backend.speak(text, self.voice, self.language)
        _is_sound(audio)
        return audio

    def refuses(self, text: str, voice: str, language: str, what: str) -> None:
        """Raise ``AssertionError`` unless it tells that it cannot say this."""
        for say in (self.backend.speak, lambda *asked: speak_timed(self.backend, *asked)):
            try:
                say(text, voice, language)
            except MuzeError:
                continue
            raise AssertionError(
                f"it speaks {what}; raise PluginError, as muze.core.voices.check_asked does"
            )


def check_voices(case: VoiceCase) -> None:
    """It lists at least one voice, each name once, and what languages each speaks."""
    voices = case.backend.voices()
    require(bool(voices), "it lists no voice")
    _are_names(voices, "voice")
    for voice in voices:
        spoken = case.backend.languages(voice)
        require(bool(spoken), f"voice {voice!r} speaks no language")
        _are_names(spoken, "language")
    if clones(case.cls):
        _are_names(case.backend.languages("a clone yet to be made"), "language")


def check_about(case: VoiceCase) -> None:
    """What it tells of itself is a line, and for what it says it can do it has methods."""
    check = getattr(case.cls, "check", None)
    require(check is None or callable(check), f"check is {check!r}; it must be a method")
    check_installed(case.backend)
    told = about(case.backend)
    require(
        isinstance(told, str) and bool(told.strip()) and "\n" not in told,
        f"about is {told!r}; it must be a line that tells what speaks",
    )
    terms = licence(case.cls)
    require(
        isinstance(terms, str) and "\n" not in terms, f"licence is {terms!r}; it must be a line"
    )
    if clones(case.cls):
        for part in ("clone", "forget"):
            method = getattr(case.cls, part, None)
            require(callable(method), f"it says that it clones, and has no method {part}")
    require(clones(case.cls) or not keeps_clones(case.cls), "it keeps clones, and makes none")


def check_light_check(case: VoiceCase) -> None:
    """Whether it is installed is found without torch, so that planning stays quick."""
    module, name = case.cls.__module__, case.cls.__qualname__
    code = (
        f"import sys, {module}\n"
        "from muze.core.errors import NotInstalledError\n"
        "from muze.core.protocols import check_installed\n"
        f"backend = {module}.{name}({module}.{name}.Config())\n"
        "try:\n    check_installed(backend)\nexcept NotInstalledError:\n    pass\n"
        "sys.exit(3 if 'torch' in sys.modules else 0)"
    )
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=path)
    require(done.returncode != 3, "its check imports torch; look for packages and files instead")
    require(done.returncode == 0, f"it cannot be checked alone: {done.stderr.strip()}")


def check_speech(case: VoiceCase) -> None:
    """Words become sound that is neither silence nor clipped."""
    one = case.said
    require(float(np.abs(one.samples).max()) > 1e-3, "speak gives silence")


def check_long_text(case: VoiceCase) -> None:
    """A song's words are all said, however many a network reads at once."""
    one = case.said.duration
    whole = case.speak("\n".join([case.line] * LINES)).duration
    require(
        whole > SHORTEST * LINES * one,
        f"{LINES} lines last {whole:.1f} s, one of them {one:.1f} s; read long words in pieces",
    )


def check_repeats(case: VoiceCase) -> None:
    """The same words give the same samples, also of a backend built anew.

    Of one that says it does not promise that, they still give sound.
    """
    first = case.said
    for backend in (case.backend, case.build()):
        again = backend.speak(case.line, case.voice, case.language)
        _is_sound(again)
        require(
            not repeats(case.cls) or np.array_equal(first.samples, again.samples),
            "the same words give other samples; seed what is drawn, or declare repeats = False",
        )


def check_timed(case: VoiceCase) -> None:
    """Sounds of speech that it tells are in order, inside the audio, and where it is loud."""
    spoken = speak_timed(case.backend, case.line, case.voice, case.language)
    _is_sound(spoken.audio)
    if repeats(case.cls):
        same = np.array_equal(spoken.audio.samples, case.said.samples)
        require(same, "speak_timed says the words otherwise than speak")
    if not spoken.phones:  # it cannot tell, and muze listens for itself
        return
    length = spoken.audio.duration
    for span in spoken.phones:
        _is_sound_of_speech(span.phone)
        require(
            0 <= span.start < span.end <= length + 1e-6,
            f"{span.phone} is heard from {span.start:.3f} to {span.end:.3f} s of {length:.3f} s",
        )
    for one, next_one in pairwise(spoken.phones):
        require(
            one.end <= next_one.start + 1e-6,
            f"{next_one.phone} begins at {next_one.start:.3f} s, before {one.phone} has ended",
        )
    inside, outside = _power(spoken)
    require(inside > outside, "it is louder where no sound of speech is told than where they are")


def check_unknown_voice(case: VoiceCase) -> None:
    """A voice it does not have is told, not replaced."""
    case.refuses(case.line, "no such voice", case.language, "with a voice it does not have")


def check_unknown_language(case: VoiceCase) -> None:
    """A language the voice does not speak is told, not read as another."""
    case.refuses(case.line, case.voice, "xx", "a language it does not speak")


def check_no_words(case: VoiceCase) -> None:
    """A text without words is told."""
    for text in ("", " \n", "...!"):
        case.refuses(text, case.voice, case.language, f"where there are no words in {text!r}")


def _are_names(names: list[str], what: str) -> None:
    require(all(isinstance(n, str) and n for n in names), f"{what}s are names: {names}")
    require(len(set(names)) == len(names), f"a {what} is listed twice: {names}")


def _is_sound(audio: Audio) -> None:
    samples = audio.samples
    require(samples.ndim == 2 and samples.shape[1] > 0, f"speak is {samples.shape}, want (C, n)")
    require(samples.dtype == np.float32, f"speak is {samples.dtype}, not float32")
    require(bool(np.isfinite(samples).all()), "speak is not finite")
    peak = float(np.abs(samples).max())
    require(peak <= 1.0, f"speak has a peak of {peak:.3g}; 1 is the most, see voices.within")
    require(audio.sample_rate >= 8000, f"speak has the rate {audio.sample_rate}; 8000 is the least")


def _is_sound_of_speech(phone: str) -> None:
    try:
        read_phone(phone)
    except ValueError as fault:
        raise AssertionError(f"speak_timed tells {phone!r}: {fault}") from None


def _power(spoken: Spoken) -> tuple[float, float]:
    """Return the mean power where sounds of speech are told, and elsewhere."""
    samples, rate = spoken.audio.mono, spoken.audio.sample_rate
    told = np.zeros(len(samples), bool)
    for span in spoken.phones:
        told[round(span.start * rate) : round(span.end * rate)] = True
    power = samples.astype(np.float64) ** 2
    return float(power[told].mean()), float(power[~told].mean()) if (~told).any() else 0.0


CHECKS = (
    check_config,
    check_light_import,
    check_about,
    check_light_check,
    check_voices,
    check_speech,
    check_long_text,
    check_repeats,
    check_timed,
    check_unknown_voice,
    check_unknown_language,
    check_no_words,
)
