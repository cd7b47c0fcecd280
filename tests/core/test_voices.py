"""What is said of voices once, for every backend."""

from typing import ClassVar

import numpy as np
import pytest

from muze.core.errors import PluginError
from muze.core.grid import Audio
from muze.core.protocols import licence
from muze.core.voices import (
    PhoneSpan,
    Spoken,
    check_asked,
    clones,
    keeps_clones,
    pieces,
    repeats,
    speak_timed,
    within,
)

SOUND = Audio(np.ones((1, 8), np.float32), 8000)


class Hum:
    name: ClassVar = "hum"

    def __init__(self, names=("low", "high")):
        self.names = list(names)

    def voices(self):
        return self.names

    def languages(self, voice):
        return ["en", "pl"] if voice == "low" else ["en"]

    def speak(self, text, voice, language):
        return SOUND


@pytest.mark.parametrize(
    ("text", "voice", "language", "told"),
    [("la", "lo", "en", "voice backend hum has no voice 'lo'; did you mean 'low'"),
     ("la", "alto sax", "en", "has no voice 'alto sax'; it has low, high"),
     ("la", "high", "pl", "voice 'high' of hum does not speak 'pl'; it speaks en"),
     ("la", "low", "en-gb", "does not speak 'en-gb'; did you mean 'en'"),
     ("", "low", "en", "there are no words in ''"),
     ("... \n!", "low", "en", r"there are no words in '... \\n!'")],
)  # fmt: skip
def test_what_is_not_there_is_told(text, voice, language, told):
    with pytest.raises(PluginError, match=told) as fault:
        check_asked(Hum(), text, voice, language)
    assert "\n" not in str(fault.value)


def test_words_in_any_script_are_words():
    for text in ("la", "42", "さくら", "Źdźbło"):
        check_asked(Hum(), text, "low", "pl")


def test_of_many_voices_the_message_says_where_they_are_listed():
    with pytest.raises(PluginError, match=r"`muze voices list --backend hum` lists its 40$"):
        check_asked(Hum(f"voice {i}" for i in range(40)), "la", "zzz", "en")


def test_a_backend_that_tells_no_times_is_asked_to_speak():
    assert speak_timed(Hum(), "la", "low", "en") == Spoken(SOUND, ())


def test_a_backend_that_tells_times_is_asked_for_them():
    spans = (PhoneSpan("l", 0.0, 0.1), PhoneSpan("ˈa", 0.1, 0.2))

    class Timed(Hum):
        def speak_timed(self, text, voice, language):
            return Spoken(SOUND, spans)

    assert speak_timed(Timed(), "la", "low", "en").phones == spans


def test_what_a_backend_does_not_say_of_itself():
    assert not clones(Hum)
    assert not keeps_clones(Hum)
    assert repeats(Hum)
    assert licence(Hum) == ""


@pytest.mark.parametrize(
    ("text", "longest", "parts"),
    [("One line\nand another", 40, ["One line", "and another"]),
     ("\n  One line \n...\n", 40, ["One line"]),
     ("It rains. It pours! Does it?", 12, ["It rains.", "It pours!", "Does it?"]),
     ("It rains. It pours!", 20, ["It rains. It pours!"]),
     ("the long way home again", 10, ["the long", "way home", "again"]),
     ("incomprehensibilities", 10, ["incomprehensibilities"]),
     ("雨が降る。風が吹く。", 6, ["雨が降る。", "風が吹く。"]),
     ("", 10, [])],
)  # fmt: skip
def test_a_text_is_parted_where_it_pauses(text, longest, parts):
    assert pieces(text, longest) == parts


def test_loud_samples_are_made_softer_as_a_whole_and_others_left():
    loud = np.array([0.5, -2.0], np.float32)
    assert within(loud).tolist() == [0.25, -1.0]
    assert within(loud).dtype == np.float32
    quiet = loud / 4
    assert within(quiet) is quiet
    assert within(np.zeros(0, np.float32)).shape == (0,)
