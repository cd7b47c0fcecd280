"""Checks of samplers, vocoders, voices and separators find the faults they are for."""

from importlib.metadata import EntryPoint
from typing import ClassVar

import numpy as np
import pytest
import torch

from muze.core.errors import PluginError
from muze.core.grid import Audio
from muze.core.registry import GROUP, Plugin, Registry
from muze.core.settings import Settings
from muze.core.voices import PhoneSpan, Spoken, check_asked
from muze.plugins.samplers.ddim import DDIMSampler
from muze.testing import sounds
from muze.testing.checks import checks_of, run_checks


def fails(kind, component, check, said):
    with pytest.raises(AssertionError) as failure:
        dict(checks_of(kind, component))[check]()
    assert said in str(failure.value)


def altered(change):
    """Return DDIM with ``change(latents, noise, step_done)`` made to what it returns."""

    class Altered(DDIMSampler):
        def sample(self, denoise, noise, schedule, num_steps, generator, step_done):
            out = super().sample(denoise, noise, schedule, num_steps, generator, step_done)
            return change(out, noise, step_done)

    return Altered


def test_sampler_faults_are_found():
    fails("sampler", altered(lambda x, *_: x + torch.rand(())), "repeats", "same seed gives other")
    fails(
        "sampler",
        altered(lambda x, *_: (torch.rand(()), x)[1]),
        "repeats",
        "torch's global generator",
    )
    fails("sampler", altered(lambda x, *_: torch.zeros_like(x)), "repeats", "noise has no effect")
    fails("sampler", altered(lambda x, *_: x * 1.1), "point", "away from the only song")
    fails("sampler", altered(lambda x, *_: x[..., :3]), "point", "the noise")
    fails("sampler", altered(lambda x, *_: x * 1.1), "gaussian", "it should be")
    fails("sampler", altered(lambda x, _, done: done(9) or x), "steps", "7 steps were told")
    fails("sampler", altered(lambda x, noise, _: noise.zero_() + x), "steps", "changed in place")


class Buzz:
    """A vocoder of noise that repeats itself."""

    name: ClassVar = "buzz"
    level: ClassVar = 0.1
    hop: ClassVar = 320

    class Config(Settings):
        """Nothing to set."""

    def __init__(self, config):
        self.config = config
        self.random = np.random.default_rng(0)

    def load(self, weights):
        """Take none."""

    def render(self, log_mel):
        """Return noise."""
        noise = np.random.default_rng(0).standard_normal(log_mel.shape[1] * self.hop)
        return (self.level * noise).astype(np.float32)


def test_vocoder_faults_are_found():
    for name in ("length", "level", "repeats"):
        dict(checks_of("vocoder", Buzz))[name]()
    fails("vocoder", type("Long", (Buzz,), {"hop": 321}), "length", "100 frames give (32100,)")
    fails("vocoder", type("Loud", (Buzz,), {"level": 9.0}), "level", "with peak")
    fails(
        "vocoder",
        type("Random", (Buzz,), {"render": lambda v, m: v.random.random(m.shape[1] * 320)}),
        "repeats",
        "other samples",
    )


class Hum:
    """A voice that hums a letter at a time, and tells when."""

    name: ClassVar = "hum"
    known: ClassVar = ("low",)
    spoken: ClassVar = ("en",)
    hertz: ClassVar = 110.0

    class Config(Settings):
        """Nothing to set."""

    def __init__(self, config):
        self.config = config

    def voices(self):
        """Return the one voice."""
        return list(self.known)

    def languages(self, voice):
        """Return the one language."""
        return list(self.spoken)

    def speak(self, text, voice, language):
        """Hum once a character, between two silences."""
        check_asked(self, text, voice, language)
        hum = sounds.sine(self.hertz, 0.1 * len(text)).samples
        return Audio(np.pad(hum, ((0, 0), (3200, 3200))), sounds.SAMPLE_RATE)

    def speak_timed(self, text, voice, language):
        """Tell one sound."""
        audio = self.speak(text, voice, language)
        return Spoken(audio, self.spans(audio.duration))

    def spans(self, duration):
        """Return when it sounds."""
        return (PhoneSpan("m", 0.1, 0.3), PhoneSpan("ˈa", 0.3, duration - 0.1))


def test_voice_faults_are_found():
    for name, check in checks_of("voice", Hum):
        if name not in ("light_import", "light_check"):  # this file imports torch, and is no module
            check()

    def hum(**parts):
        return type("Other", (Hum,), parts)

    def loud(backend, text, voice, language):
        check_asked(backend, text, voice, language)
        return Audio(np.full((1, 1600 * len(text)), 1.5, np.float32), 16000)

    silence = hum(speak=lambda *_: sounds.silence(1.0))
    short = hum(speak=lambda self, text, *asked: Hum.speak(self, text[:40], *asked))
    random = np.random.default_rng(0)

    def noisy(backend, text, voice, language):
        check_asked(backend, text, voice, language)
        return Audio(0.1 * random.random((1, 1600 * len(text)), np.float32), 16000)

    fails("voice", hum(known=()), "voices", "lists no voice")
    fails("voice", hum(known=("a", "a")), "voices", "a voice is listed twice")
    fails("voice", hum(spoken=()), "voices", "voice 'low' speaks no language")
    fails("voice", hum(spoken=("en", "en")), "voices", "a language is listed twice")
    fails("voice", silence, "speech", "silence")
    fails("voice", silence, "unknown_voice", "a voice it does not have")
    fails("voice", silence, "unknown_language", "a language it does not speak")
    fails("voice", silence, "no_words", "no words in ''")
    fails("voice", hum(speak=loud), "speech", "a peak of 1.5")
    fails("voice", short, "long_text", "16 lines last 4.2 s, one of them 4.2 s")
    fails("voice", hum(speak=noisy), "repeats", "other samples")
    dict(checks_of("voice", hum(speak=noisy, repeats=False)))["repeats"]()
    fails("voice", hum(about="two\nlines"), "about", "must be a line")
    fails("voice", hum(licence="two\nlines"), "about", "licence is")
    fails("voice", hum(check="yes"), "about", "must be a method")
    fails("voice", hum(clones=True), "about", "no method clone")
    fails("voice", hum(keeps_clones=True), "about", "keeps clones, and makes none")


def test_voice_times_that_cannot_be_are_found():
    def told(*spans):
        spans = tuple(PhoneSpan(*span) for span in spans)
        return type("Other", (Hum,), {"spans": lambda *_: spans})

    def otherwise(backend, text, voice, language):
        spoken = Hum.speak_timed(backend, text, voice, language)
        return Spoken(Audio(spoken.audio.samples / 2, spoken.audio.sample_rate), spoken.phones)

    dict(checks_of("voice", told()))["timed"]()
    fails("voice", told(("m", 0.2, 0.1)), "timed", "m is heard from 0.200 to 0.100 s")
    fails("voice", told(("m", -0.1, 0.1)), "timed", "from -0.100")
    fails("voice", told(("m", 1.0, 60.0)), "timed", "to 60.000 s of 4.300 s")
    fails("voice", told(("m", 1.0, 2.0), ("a", 1.5, 2.0)), "timed", "before m has ended")
    fails("voice", told(("ma", 0.1, 0.3)), "timed", "'ma': 'ma' is 2 sounds")
    fails("voice", told(("?", 0.1, 0.3)), "timed", "no sound of the IPA")
    fails("voice", told(("a", 0.0, 0.1), ("m", 4.2, 4.3)), "timed", "louder where no sound")
    fails("voice", type("Other", (Hum,), {"speak_timed": otherwise}), "timed", "otherwise than")


class Halves:
    """A separator that gives the mix to everyone."""

    name: ClassVar = "halves"

    class Config(Settings):
        """Nothing to set."""

    def __init__(self, config):
        self.config = config

    def separate(self, audio):
        """Return half of it twice."""
        half = Audio(audio.samples / 2, audio.sample_rate)
        return {"vocals": half, "other": half}


def test_separator_faults_are_found():
    for name, check in checks_of("separator", Halves):
        if name != "light_import":  # this file imports torch
            check()

    def gives(change):
        """Return it with ``change(mix)`` for vocals."""
        stems = lambda _, audio: {"vocals": Audio(change(audio.samples), audio.sample_rate)}  # noqa: E731
        return type("Other", (Halves,), {"separate": stems})

    def spoils(samples):
        samples[:, 0] = 1
        return samples.copy()

    random = np.random.default_rng(0)
    fails("separator", gives(lambda x: x[:, 1:]), "stems", "the mix (1, 64000)")
    fails(
        "separator", gives(lambda x: x[:1]), "stems", "(1, 64000) at 44100 Hz, the mix (2, 64000)"
    )
    fails("separator", gives(lambda x: x.astype(float)), "stems", "float64, not float32")
    fails("separator", gives(lambda x: x * np.float32("nan")), "short", "not finite")
    fails("separator", gives(lambda x: x + np.float32(0.1)), "silence", "a peak of 0.1")
    fails("separator", gives(lambda x: x * np.float32(random.random())), "repeats", "other stems")
    fails("separator", gives(spoils), "repeats", "changes the mix")
    fails("separator", type("None", (Halves,), {"separate": lambda *_: {}}), "stems", "no stem")
    fails("separator", type("Long", (Halves,), {"about": "two\nlines"}), "about", "must be a line")
    fails("separator", type("Mute", (Halves,), {"about": ""}), "about", "must be a line")
    fails("separator", type("Odd", (Halves,), {"check": "yes"}), "about", "must be a method")


def test_running_checks_tells_each_result(monkeypatch):
    registry = Registry([EntryPoint("ddim", "muze.plugins.samplers.ddim", GROUP)])
    rows = list(run_checks(registry, "ddim"))
    assert {(component, failure) for component, _, failure in rows} == {("sampler ddim", None)}
    broken = Plugin("ddim", "acme 1", "ok", "", {"sampler": {"ddim": altered(lambda *_: None)}})
    monkeypatch.setattr(registry, "working", lambda name: broken)
    told = {check: failure for _, check, failure in run_checks(registry, "ddim")}
    assert told["config"] is None
    assert "failed to run check point: AttributeError" in told["point"]


def test_a_run_that_checks_nothing_fails(monkeypatch):
    registry = Registry()
    with pytest.raises(PluginError, match="not installed"):
        list(run_checks(registry, "no-such-plugin"))
    monkeypatch.setattr(registry, "working", lambda name: Plugin(name, "acme 1", "ok"))
    with pytest.raises(PluginError, match="nothing that could be checked"):
        list(run_checks(registry, "empty"))


def test_a_vocoder_without_its_weights_is_not_passed():
    failures = {check: failure for _, check, failure in run_checks(Registry(), "vocos")}
    assert failures["config"] is None
    assert "cannot be checked without weights" in failures["length"]
