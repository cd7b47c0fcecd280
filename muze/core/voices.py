"""What voices say: sound, and when each of its sounds of speech is heard."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from muze.core.errors import PluginError, did_you_mean
from muze.core.grid import Audio

if TYPE_CHECKING:
    from muze.core.protocols import VoiceBackend


@dataclass(frozen=True)
class PhoneSpan:
    """One sound of speech, ``ˈɛ`` as ``muze.analysis.phonemes.Phone`` writes it, and its seconds.

    ``start`` and ``end`` count from the start of the audio; a pause is a gap between two spans.
    """

    phone: str
    start: float
    end: float


@dataclass(frozen=True)
class Spoken:
    """What a voice said, and its sounds of speech in order; none where the backend cannot tell."""

    audio: Audio
    phones: tuple[PhoneSpan, ...] = ()


class Speaker(Protocol):
    """What there is to ask a backend for."""

    name: ClassVar[str]

    def voices(self) -> list[str]:
        """Return the names of the voices there are."""
        ...

    def languages(self, voice: str) -> list[str]:
        """Return the languages a voice speaks."""
        ...


def speak_timed(backend: VoiceBackend, text: str, voice: str, language: str) -> Spoken:
    """Return ``text`` spoken, with the times of its sounds where the backend can tell them.

    One that can has ``speak_timed(text, voice, language) -> Spoken``, whose audio is ``speak``'s.
    """
    timed = getattr(backend, "speak_timed", None)
    if timed is None:
        return Spoken(backend.speak(text, voice, language))
    spoken: Spoken = timed(text, voice, language)
    return spoken


def clones(backend: VoiceBackend | type[VoiceBackend]) -> bool:
    """Whether the backend can make a voice that sounds like a recording.

    One that can declares ``clones: ClassVar[bool] = True``, and has two methods. They are only
    called once the speaker's consent was checked.

    ``clone(reference, name) -> str`` returns the new voice, as ``speak`` takes it; ``name`` is
    what a person would call it.
    ``forget(voice)`` deletes what was made of the reference, wherever it is kept.
    ``languages(name)`` answers for a voice that is yet to be made.

    A cloned voice lasts as long as the backend object, unless the class declares
    ``keeps_clones: ClassVar[bool] = True``, as a service does that keeps them for the account.
    """
    return bool(getattr(backend, "clones", False))


def keeps_clones(backend: VoiceBackend | type[VoiceBackend]) -> bool:
    """Whether a cloned voice is still there in another process; see ``clones``."""
    return bool(getattr(backend, "keeps_clones", False))


def repeats(backend: VoiceBackend | type[VoiceBackend]) -> bool:
    """Whether the same words give the same samples, each time on the same machine.

    A backend that cannot promise it, as a service cannot, declares
    ``repeats: ClassVar[bool] = False``; without it, it does.
    """
    return bool(getattr(backend, "repeats", True))


def usual_pitch(backend: VoiceBackend, voice: str) -> float | None:
    """Return the Hz a voice usually speaks with; None where that is known only once it has spoken.

    A backend that knows has ``pitch(voice) -> float | None``, and speaks nothing for it. Melodies
    are composed around it.
    """
    told = getattr(backend, "pitch", None)
    return None if told is None else told(voice)


def slower(backend: VoiceBackend, share: float) -> VoiceBackend:
    """Return a backend that speaks ``share`` times as fast; the same where it cannot be told to.

    One that can has a number called ``speed`` in its ``Config``, and keeps that as ``config``.
    """
    config: Any = getattr(backend, "config", None)
    speed = getattr(config, "speed", None)
    if not isinstance(speed, (int, float)) or not hasattr(config, "model_dump"):
        return backend
    wanted = type(speed)(share * speed)
    cls = type(backend)
    return cls(cls.Config.model_validate({**config.model_dump(), "speed": wanted}))


def pieces(text: str, longest: int) -> list[str]:
    """Return a text in pieces of up to so many letters, for a network that reads no more at once.

    It is parted at its lines, and those that are longer at the ends of sentences, else between
    words. What holds no words is left out; a word longer than a piece is one by itself.
    """
    found: list[str] = []
    for line in text.splitlines():
        sentences = re.split(r"(?<=[.!?…])\s+|(?<=[。！？])(?!$)", line.strip())
        parts = [line.strip()] if len(line.strip()) <= longest else sentences
        for part in parts:
            if len(part) > longest:
                found += textwrap.wrap(part, longest, break_long_words=False)
            else:
                found.append(part)
    return [piece for piece in found if any(letter.isalnum() for letter in piece)]


def within(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return samples that do not clip: as they are, or all of them softer."""
    peak = float(np.abs(samples).max(initial=0.0))
    return samples if peak <= 1 else (samples / peak).astype(np.float32)


def check_asked(backend: Speaker, text: str, voice: str, language: str) -> None:
    """Raise ``PluginError`` for a voice there is not, a language it does not speak, or no words.

    Backends call it first in ``speak``, so that all of them tell the same faults alike.
    """
    name, voices = backend.name, backend.voices()
    if voice not in voices:
        few = f"; it has {', '.join(voices)}" if len(voices) <= 12 else (
            f"; `muze voices list --backend {name}` lists its {len(voices)}"
        )  # fmt: skip
        raise PluginError(f"voice backend {name} has no voice {voice!r}{_near(voice, voices, few)}")
    spoken = backend.languages(voice)
    if language not in spoken:
        known = f"; it speaks {', '.join(spoken)}"
        raise PluginError(
            f"voice {voice!r} of {name} does not speak {language!r}{_near(language, spoken, known)}"
        )
    if not any(letter.isalnum() for letter in text):
        raise PluginError(f"voice backend {name}: there are no words in {text[:40]!r}")


def _near(said: str, known: list[str], otherwise: str) -> str:
    return did_you_mean(said, known) or otherwise
