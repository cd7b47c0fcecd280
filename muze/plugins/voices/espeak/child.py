"""Speaks by espeak-ng's library, in a process of its own: a request from stdin, sound to stdout.

Run as a script, with nothing but Python: the library is under the GPL, and ends the process it is
in where its data are missing. The request is JSON, ``{"say", "voice", "speed", "pitch"}`` or
``{}``, which lists the voices. The answer is a line of JSON, after it samples of 16 bits.
"""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any

LIBRARIES = ("libespeak-ng.so.1", "libespeak-ng.so", "libespeak-ng.1.dylib", "libespeak-ng.dll")
NOT_THERE, NOT_SAID = 3, 4
"""Exit codes: there is no library, and it said no."""
SYNCHRONOUS, PHONEME_EVENTS, IPA, DONT_EXIT = 2, 1, 2, 0x8000
RATE_PARAMETER, PITCH_PARAMETER = 1, 3
CHARACTERS, UTF8 = 1, 1
END_OF_LIST, PHONEME = 0, 7


class Voice(ctypes.Structure):
    """``espeak_VOICE``."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("about", ctypes.c_ubyte * 4),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class What(ctypes.Union):
    """What an event is of."""

    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("letters", ctypes.c_char * 8),
    )


class Event(ctypes.Structure):
    """``espeak_EVENT``."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("what", What),
    )


def main() -> int:
    """Answer one request; return the exit code."""
    asked = json.load(sys.stdin.buffer)
    library = _library()
    if library is None:
        return NOT_THERE
    options = PHONEME_EVENTS | IPA | DONT_EXIT
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, None, options)
    if rate <= 0:
        return NOT_THERE
    answer, sound = _say(library, asked, rate) if asked else (_voices(library), b"")
    if answer is None:
        return NOT_SAID
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + sound)
    return 0


def _library() -> Any:  # ctypes' libraries have no types
    for name in LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _voices(library: Any) -> dict[str, Any]:
    """Return the languages it speaks with their files, and the variants of voices."""
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(Voice))
    library.espeak_Info.restype = ctypes.c_char_p
    text = ctypes.create_string_buffer(b"variant")
    variant = ctypes.byref(Voice(languages=ctypes.addressof(text)))
    names = [identifier for _, identifier in _list(library, variant)]
    return {
        "version": library.espeak_Info(None).decode().split()[0],
        "languages": dict(reversed(_list(library, None))),  # of two files the first
        "variants": [name.removeprefix("!v/") for name in names if name.startswith("!v/")],
    }


def _list(library: Any, wanted: Any) -> list[tuple[str, str]]:
    """Return the first language and the file of each voice; its next list frees this one's."""
    listed = library.espeak_ListVoices(wanted)
    found: list[tuple[str, str]] = []
    while listed[len(found)]:
        voice = listed[len(found)].contents
        language = ctypes.string_at(voice.languages + 1)  # behind a byte of priority
        found.append((language.decode(), voice.identifier.decode()))
    return found


def _say(library: Any, asked: dict[str, Any], rate: int) -> tuple[dict[str, Any] | None, bytes]:
    """Return the rate and the sounds with the sample each begins at, and the samples."""
    pieces: list[bytes] = []
    phones: list[tuple[int, str]] = []
    kind = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event)
    )

    def heard(samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            pieces.append(ctypes.string_at(samples, 2 * count))
        at = 0
        while events[at].type != END_OF_LIST:
            if events[at].type == PHONEME:
                letters = events[at].what.letters.decode(errors="replace")
                phones.append((events[at].sample, letters))
            at += 1
        return 0

    callback = kind(heard)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(asked["voice"].encode()) != 0:
        return None, b""
    library.espeak_SetParameter(RATE_PARAMETER, asked["speed"], 0)
    library.espeak_SetParameter(PITCH_PARAMETER, asked["pitch"], 0)
    text = asked["say"].encode() + b"\0"
    if library.espeak_Synth(text, len(text), 0, CHARACTERS, 0, UTF8, None, None) != 0:
        return None, b""
    library.espeak_Synchronize()
    return {"sample_rate": rate, "phones": phones}, b"".join(pieces)


if __name__ == "__main__":
    sys.exit(main())
