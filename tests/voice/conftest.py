"""Voice backends that beep: one without clones, one that makes them, one that keeps them."""

import sys
from datetime import date, timedelta
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest

from muze import hookimpl
from muze.audio.io import write_audio
from muze.core.errors import PluginError
from muze.core.files import sha256
from muze.core.grid import Audio
from muze.core.registry import GROUP, Registry
from muze.core.settings import Settings
from muze.voice.quality import Quality
from muze.voice.registry import FOLDER, VoiceRegistry

RATE = 16_000


class Plain:
    name, api = "plain", 1

    class Config(Settings):
        pass

    def __init__(self, config):
        self.config = config

    def voices(self):
        return ["Ann", "Bo"]

    def languages(self, voice):
        return ["de"] if voice == "Bo" else ["en", "fr"]

    def speak(self, text, voice, language):
        if voice not in self.voices():
            raise PluginError(f"no voice {voice}")
        t = np.arange(round(0.1 * len(text) * RATE)) / RATE
        return Audio((0.3 * np.sin(2 * np.pi * 200 * t)).astype(np.float32)[None], RATE)


class Mimic(Plain):
    name, clones, licence = "mimic", True, "for tests only"
    asked: ClassVar = []

    def __init__(self, config):
        self.made = {}

    def voices(self):
        return ["Ann", *self.made]

    def languages(self, voice):
        return ["en", "fr"]

    def clone(self, reference, name):
        self.made[name] = reference
        Mimic.asked.append(("clone", name, round(reference.duration, 2)))
        return name

    def forget(self, voice):
        self.made.pop(voice, None)
        Mimic.asked.append(("forget", voice))


class Cloud(Mimic):
    name, keeps_clones = "cloud", True
    account: ClassVar = {}

    def voices(self):
        return ["Ann", *Cloud.account.values()]

    def clone(self, reference, name):
        made = f"id{len(Cloud.account) + 1}"
        Cloud.account[made] = name
        Mimic.asked.append(("clone", name, round(reference.duration, 2)))
        return made

    def forget(self, voice):
        Cloud.account.pop(voice, None)
        Mimic.asked.append(("forget", voice))


def plugin(cls):
    module = ModuleType(f"{cls.name}_voices")
    module.muze_voices = hookimpl(lambda: [cls], specname="muze_voices")
    return module


@pytest.fixture
def backends(monkeypatch):
    """A registry of the three backends; ``asked`` is emptied."""
    monkeypatch.setattr(Mimic, "asked", [])
    monkeypatch.setattr(Cloud, "account", {})
    for cls in (Plain, Mimic, Cloud):
        monkeypatch.setitem(sys.modules, f"{cls.name}_voices", plugin(cls))
    points = [EntryPoint(c.name, f"{c.name}_voices", GROUP) for c in (Plain, Mimic, Cloud)]
    return Registry(points, [])


@pytest.fixture
def asked():
    return Mimic.asked


@pytest.fixture
def account():
    return Cloud.account


@pytest.fixture
def voices(tmp_path, monkeypatch):
    """A folder of registered voices, empty and not yet there."""
    monkeypatch.setenv(FOLDER, str(tmp_path / "voices"))
    return VoiceRegistry()


def tone(seconds=4.0, hertz=150.0, seed=0):
    """A tone with overtones and a little noise."""
    t = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * k * hertz * t) / k for k in range(1, 10))
    wave = 0.2 * wave + 1e-3 * np.random.default_rng(seed).standard_normal(len(t))
    return Audio(wave.astype(np.float32)[None], RATE)


@pytest.fixture
def me(tmp_path):
    """The path of a recording."""
    write_audio(tmp_path / "me.wav", tone())
    return tmp_path / "me.wav"


@pytest.fixture
def consent_file(tmp_path, me):
    """Write a consent for the recording with some keys changed; None leaves one out."""

    def write(name="consent.yaml", **changes):
        today = date.today()
        told = {
            "speaker": "Ada Quist", "granted_by": "Ada Quist", "purpose": "a song for Bo",
            "granted_on": str(today), "valid_until": str(today + timedelta(days=30)),
            "reference_sha256": sha256(me),
        } | changes  # fmt: skip
        lines = [f"{key}: {value}" for key, value in told.items() if value is not None]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return tmp_path / name

    return write


@pytest.fixture
def good_quality(monkeypatch):
    """Recordings are not listened to; what is told of them is what a test puts here."""
    told = {"warnings": (), "errors": ()}

    def quality(audio, registry):
        return Quality(audio.duration, -20.0, -6.0, 0.0, 40.0, -30.0, 0.9, **told)

    for module in ("singer", "registering"):
        monkeypatch.setattr(f"muze.voice.{module}.reference_quality", quality)
    return told
