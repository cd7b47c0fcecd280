"""Lines spoken once by each voice, taken apart, and kept on disk to be sung again and again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from muze.analysis.phonemes import read_ipa, write_ipa
from muze.core.grid import Audio
from muze.core.voices import PhoneSpan, Spoken
from muze.voice.syllables import SungLine, Syllable, read_line
from muze.voice.world import Floats, Frames, put_together, take_apart

from muze_corpus.lyrics import lines
from muze_corpus.voices import SPEED, Voice

if TYPE_CHECKING:
    from muze.plugins.voices.kokoro.weights import Kokoro

LINES = 22
"""Lines that each voice knows."""
HEARD = 5
"""Lines of a voice that its embedding is heard of."""
QUIET, TAIL = 1e-4, 20
"""Share of the loudest frame's power below which the end of a line is over; frames kept after."""
FORM = 1
"""Of the files; another one is spoken anew."""


@dataclass(frozen=True)
class Kept:
    """A line as a voice said it: its syllables, when its sounds are said, and where it is kept."""

    line: SungLine
    phones: tuple[PhoneSpan, ...]
    rate: int
    path: Path

    @property
    def frames(self) -> Frames:
        """Its frames, read from the disk."""
        return Frames(*_arrays(self.path), self.rate)


def known_lines(voice: Voice, split: str) -> tuple[str, ...]:
    """Return the lines a voice knows, drawn once and for all from those of its split."""
    options = lines(split)
    draws = np.random.default_rng(list(voice.name.encode()))
    some = draws.choice(len(options), min(LINES, len(options)), replace=False)
    return tuple(options[int(at)] for at in some)


def kept_line(folder: Path, voice: Voice, text: str) -> Kept:
    """Return a line said by a voice; it is spoken, and kept, where the folder has it not yet.

    Raises:
        NotInstalledError: it is to be spoken, and Kokoro, gruut or pyworld is not there.
    """
    path = folder / voice.name / f"{_number(voice, text)}.npz"
    if not path.exists():
        _keep(path, _spoken(voice, text), text, voice.throat)
    return _read(path)


def embedding(folder: Path, voice: Voice, split: str) -> list[float]:
    """Return the 256 numbers by which Resemblyzer tells a voice, of its speech of some lines.

    Raises:
        NotInstalledError: it was never heard, and Resemblyzer is not there.
    """
    some = known_lines(voice, split)[:HEARD]
    path = folder / voice.name / f"{_number(voice, *some)}.json"
    if not path.exists():
        from muze.plugins.streams.voice.resemblyzer import embed_voice, voiced

        said = [kept_line(folder, voice, text).frames for text in some]
        speech = np.concatenate([put_together(frames) for frames in said])
        heard = voiced(Audio(speech[None], said[0].sample_rate))
        assert heard is not None
        numbers = [round(float(x), 4) for x in embed_voice(heard)]
        _replace(path, lambda part: part.write_text(json.dumps(numbers), encoding="utf-8"))
    found: list[float] = json.loads(path.read_text(encoding="utf-8"))
    return found


def fill(folder: Path, voice: Voice, split: str) -> None:
    """Speak and keep all that a voice knows."""
    for text in known_lines(voice, split):
        kept_line(folder, voice, text)
    embedding(folder, voice, split)


def with_throat(spectrum: Floats, throat: float) -> Floats:
    """Return spectra (T, bins) with their formants ``throat`` times as high."""
    last = spectrum.shape[1] - 1
    at = np.minimum(np.arange(last + 1) / throat, last)
    low = at.astype(int)
    share = at - low
    high = np.minimum(low + 1, last)
    return np.asarray((1 - share) * spectrum[:, low] + share * spectrum[:, high])


def _number(voice: Voice, *texts: str) -> str:
    about = json.dumps([FORM, voice.mix, voice.throat, SPEED, texts])
    return hashlib.sha256(about.encode()).hexdigest()[:16]


def _spoken(voice: Voice, text: str) -> Spoken:
    from muze.plugins.voices.kokoro.speaking import speak
    from muze.plugins.voices.kokoro.spelling import spell

    return speak(_kokoro(voice), spell(text, "en", "auto"), voice.name, SPEED)


@lru_cache(maxsize=1)
def _kokoro(voice: Voice) -> Kokoro:
    from muze.plugins.voices.kokoro.weights import load_kokoro

    kokoro = load_kokoro(1)
    style = np.sum([share * kokoro.voices[pack] for pack, share in voice.mix], axis=0)
    return replace(kokoro, voices={voice.name: style.astype(np.float32)})


def _keep(path: Path, spoken: Spoken, text: str, throat: float) -> None:
    frames, line = take_apart(spoken.audio), read_line(text)
    assert [str(phone) for phone in line.phones] == [span.phone for span in spoken.phones], text
    power = frames.spectrum.mean(axis=1)
    end = int(np.flatnonzero(power > QUIET * power.max())[-1]) + TAIL
    told = {
        "text": text, "words": line.words, "rate": frames.sample_rate,
        "syllables": [(write_ipa(s.phones), s.word, s.stress) for s in line.syllables],
        "phones": [(span.phone, span.start, span.end) for span in spoken.phones],
    }  # fmt: skip
    arrays: dict[str, Any] = {
        "told": np.frombuffer(json.dumps(told).encode(), np.uint8),
        "hz": frames.hz[:end].astype(np.float32),
        "spectrum": with_throat(np.log(frames.spectrum[:end]), throat).astype(np.float16),
        "noise": frames.noise[:end].astype(np.float16),
    }

    def write(part: Path) -> None:
        with part.open("wb") as file:
            np.savez_compressed(file, **arrays)

    _replace(path, write)


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all; two processes may write the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        write(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@lru_cache(maxsize=512)
def _read(path: Path) -> Kept:
    with np.load(path) as arrays:
        told = json.loads(arrays["told"].tobytes())
    syllables, last = [], -1
    for ipa, word, stress in told["syllables"]:
        phones = read_ipa(ipa)
        nucleus = next(at for at, phone in enumerate(phones) if phone.sung)
        syllables.append(Syllable(phones, word, word != last, nucleus, stress))
        last = word
    return Kept(
        SungLine(told["text"], tuple(told["words"]), tuple(syllables)),
        tuple(PhoneSpan(*span) for span in told["phones"]),
        told["rate"],
        path,
    )


@lru_cache(maxsize=24)
def _arrays(path: Path) -> tuple[Floats, Floats, Floats]:
    with np.load(path) as arrays:
        spectrum = np.exp(arrays["spectrum"].astype(float))
        return arrays["hz"].astype(float), spectrum, arrays["noise"].astype(float)
