"""Whose voice sings is told by whom it is nearest to, of all who are heard."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from muze.core.grid import Audio
from muze.core.voices import Spoken
from muze.voice import adherence, speaker
from muze.voice.speaker import RATE, likeness

ANGLES = {"Ann": 0.0, "Bo": 90.0, "Cy": 60.0}
"""Where voices lie on a circle, whose cosines tell how alike they are."""
REGISTRY = SimpleNamespace(blame=lambda *_: nullcontext())


def sound(angle):
    return Audio(np.full((1, RATE), angle / 1000, np.float32), RATE)


@pytest.fixture(autouse=True)
def circle(monkeypatch):
    """Hear of a sound where on the circle it lies, as its level tells."""

    def embedding(audio, registry):
        angle = np.radians(1000 * float(audio.samples.max()))
        return np.array([np.cos(angle), np.sin(angle)])

    monkeypatch.setattr(speaker, "_embedding", embedding)


def singer(*voices, cloned=False):
    backend = SimpleNamespace(
        name="plain", voices=lambda: list(voices), languages=lambda _: ["en"],
        speak=lambda text, voice, language: sound(ANGLES[voice]),
    )  # fmt: skip
    return SimpleNamespace(
        backend=backend, voice="Ann", language="en", cloned=cloned, reference=None
    )


def rows(angle, who):
    plan = SimpleNamespace(lines=[SimpleNamespace(text="la la")], backend="plain")
    spoken = [Spoken(sound(ANGLES["Ann"]), ())] * 2
    found = adherence._speaker(sound(angle), spoken, plan, who, REGISTRY)
    return {row.name: row for row in found}


@pytest.mark.parametrize(("angle", "nearest"), [(10.0, 1.0), (29.0, 1.0), (31.0, 0.0), (80.0, 0.0)])
def test_the_nearest_voice_is_its_own_or_another(angle, nearest):
    row = rows(angle, singer("Ann", "Bo", "Cy"))["speaker nearest to its reference"]
    assert (row.value, row.unit, row.floor) == (nearest, "share", pytest.approx(1 / 3))
    assert row.heard_by.endswith("the voice's own speech of the words, and 2 other voices of plain")


def test_it_is_told_why_there_is_nobody_beside():
    for who, why in (
        (singer("Ann"), "plain has no other voice to hear beside it"),
        (singer("Ann", "Bo", cloned=True), "other voices are not heard beside a clone"),
    ):
        found = rows(10.0, who)
        for name in ("speaker nearest to its reference", "other speakers, speaking"):
            assert (found[name].value, found[name].reason) == (None, why)
        assert found["speaker similarity"].value == pytest.approx(np.cos(np.radians(10)))


def test_no_more_others_are_heard_than_are_said():
    who = singer("Ann", *["Bo"] * 9)
    assert likeness(sound(0.0), [Spoken(sound(0.0), ())], ["la"], who, REGISTRY).num_others == 4
