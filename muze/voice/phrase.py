"""One line of words sung: speech stretched to its notes and given their pitch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from muze.core.errors import PluginError
from muze.core.voices import PhoneSpan, Spoken
from muze.voice.pitch_curve import Vibrato, pitch_curve
from muze.voice.score import Phrase
from muze.voice.spoken import Piece, SpokenSyllable, divide
from muze.voice.timing import Placed, place, source_times
from muze.voice.world import PERIOD, Frames, put_together, take_apart, warp

FADE = 0.03
"""Seconds in which a phrase opens and closes."""
NEAR = 0.04
"""Seconds around a told border in which the voice's own start of a pitch is looked for."""
LEVELLED = 0.5
"""Share of a vowel's distance from the line's usual loudness, in dB, that is taken away: a singer
holds unstressed syllables too."""
SEARCHED, SEARCHED_GLIDE = (0.3, 0.7), (0.2, 0.45)
"""Shares of a vowel between which it is held; one that is two is held on the first."""


CARRIED_VOWEL, CARRIED_CONSONANT, MOST_LIFTED = 8.0, 18.0, 12.0
"""dB by which vowels, and consonants that have a pitch, are softer than the line's vowels at most;
and by how much they are lifted for it at most."""
QUICKEST = 0.5
"""Share of its own length in which a line can still be said."""


@dataclass(frozen=True)
class SungPhrase:
    """Sound that begins at ``start`` seconds of the song, mono, and when each piece is sung."""

    samples: NDArray[np.float32]
    sample_rate: int
    start: float
    placed: tuple[Placed, ...]
    hz: NDArray[np.float64]
    """Pitch every 5 ms from ``start`` on, (T,); 0 where there is none."""

    @property
    def onsets(self) -> list[float]:
        """When the vowel of each syllable begins, in seconds of the song."""
        return [part.start for part in self.placed if part.held]

    @property
    def ends(self) -> list[float]:
        """When each syllable's vowel, and what of it is after, is over."""
        held = [at for at, part in enumerate(self.placed) if part.held]
        nexts = [*held[1:], len(self.placed)]
        return [self.placed[after - 1].end for after in nexts]


def sing_phrase(phrase: Phrase, spoken: Spoken, vibrato: Vibrato | None, seed: int) -> SungPhrase:
    """Return a phrase sung with the voice that speaks it; its formants stay as they are.

    Without a vibrato the pitch is the speaker's too: what is said in the notes' rhythm.

    Raises:
        NotInstalledError: pyworld is not there.
        PluginError: the voice does not say the phrase's words.
    """
    return sing_frames(phrase, take_apart(spoken.audio), spoken.phones, vibrato, seed)


def sing_frames(
    phrase: Phrase,
    frames: Frames,
    phones: Sequence[PhoneSpan],
    vibrato: Vibrato | None,
    seed: int,
) -> SungPhrase:
    """Return a phrase sung as ``sing_phrase`` does, of speech that was taken apart before.

    Raises:
        NotInstalledError: pyworld is not there.
        PluginError: the voice does not say the phrase's words.
    """
    parts = [_settled(part, frames) for part in divide(phrase.line, phones)]
    placed = place(parts, phrase.sung)
    start = min(placed[0].start, phrase.start) - FADE
    end = max(placed[-1].end, phrase.end) + FADE
    at = np.asarray(start + np.arange(round((end - start) / PERIOD)) * PERIOD, float)
    source, voiced, held, loud = _sources(at, placed, frames)
    made = warp(frames, source, voiced)
    loud = loud * _carried(made, loud, held, voiced)
    hz = made.hz
    if vibrato is not None:
        hz = pitch_curve(phrase.notes, start, len(at), vibrato, seed)
    made = replace(
        made,
        hz=np.where((made.hz > 0) & (loud > 0), hz, 0.0),
        spectrum=made.spectrum * (loud**2)[:, None],
    )
    return SungPhrase(put_together(made), frames.sample_rate, start, tuple(placed), made.hz)


def _sources(
    at: NDArray[np.float64], placed: Sequence[Placed], frames: Frames
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]:
    """Return moments of the speech, whether they have a pitch, are held, and a gain, (T,) each."""
    source, gain = np.zeros(len(at)), np.zeros(len(at))
    voiced, held = np.zeros(len(at), bool), np.zeros(len(at), bool)
    gains = _levels(placed, frames)
    for part, level in zip(placed, gains, strict=True):
        inside = (at >= part.start) & (at < part.end)
        source[inside] = source_times(at[inside], part, _steadiest(part, frames))
        voiced[inside], held[inside], gain[inside] = part.piece.voiced, part.held, level
    width = round(FADE / PERIOD)
    return source, voiced, held, uniform_filter1d(gain, width, mode="constant")


def _carried(
    made: Frames, loud: NDArray[np.float64], held: NDArray[np.bool_], voiced: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return a gain, (T,), that carries what has a pitch: a singer lets no note die away."""
    level = 10 * np.log10(made.spectrum.mean(axis=1) * loud**2 + 1e-20)
    usual = float(np.median(level[held]))
    floor = usual - np.where(held, CARRIED_VOWEL, CARRIED_CONSONANT)
    lifted = np.where(voiced, np.clip(floor - level, 0, MOST_LIFTED), 0)
    return np.asarray(10 ** (uniform_filter1d(lifted, round(FADE / PERIOD)) / 20))


def _levels(placed: Sequence[Placed], frames: Frames) -> list[float]:
    """Return the gain of each piece: vowels of like loudness; a consonant goes with its vowels."""
    power = frames.spectrum.mean(axis=1)
    db = [10 * np.log10(power[_inside(part.piece, frames)].mean() + 1e-20) for part in placed]
    held = [value for value, part in zip(db, placed, strict=True) if part.held]
    usual = float(np.median(held))
    gains = [
        10 ** (LEVELLED * (usual - value) / 20) if part.held else np.nan
        for value, part in zip(db, placed, strict=True)
    ]
    known = np.flatnonzero(~np.isnan(gains))
    return list(np.interp(np.arange(len(gains)), known, np.asarray(gains)[known]))


def _steadiest(part: Placed, frames: Frames) -> float:
    """Return the moment of a vowel at which its spectrum changes least, in seconds."""
    piece = part.piece
    low, high = SEARCHED_GLIDE if part.glides else SEARCHED
    first = round((piece.start + low * piece.length) / PERIOD)
    last = max(first + 1, round((piece.start + high * piece.length) / PERIOD))
    logs = np.log(frames.spectrum[max(0, first - 2) : last + 3])
    if len(logs) < 6:
        return piece.start + (low + high) / 2 * piece.length
    change = np.abs(logs[4:] - logs[:-4]).mean(axis=1)
    level = logs.mean(axis=1)[2:-2]
    # loud and steady: a vowel that is half gone is steady too
    return float((max(0, first - 2) + 2 + np.argmin(change - 0.2 * level)) * PERIOD)


def _settled(part: SpokenSyllable, frames: Frames) -> SpokenSyllable:
    """Let the vowel after a sound without a pitch begin where the pitch does."""
    if not part.onset or part.onset[-1].voiced:
        return part
    border = part.vowel.start
    low, high = (max(0, round((border + side) / PERIOD)) for side in (-NEAR, NEAR))
    begins = np.flatnonzero((frames.hz[low + 1 : high + 1] > 0) & (frames.hz[low:high] == 0))
    if not len(begins):
        return part
    found = (low + 1 + begins[np.argmin(np.abs(low + 1 + begins - border / PERIOD))]) * PERIOD
    last = part.onset[-1]
    if not last.start + PERIOD < found < part.vowel.end - 2 * PERIOD:
        return part
    return replace(
        part,
        onset=(*part.onset[:-1], replace(last, end=float(found))),
        vowel=replace(part.vowel, start=float(found)),
    )


def _inside(piece: Piece, frames: Frames) -> slice:
    first = min(round(piece.start / PERIOD), len(frames.hz) - 1)
    return slice(first, max(first + 1, round(piece.end / PERIOD)))


def say_phrase(phrase: Phrase, spoken: Spoken) -> SungPhrase:
    """Return a phrase as it is spoken, its first vowel on its beat; quicker where it has no room.

    Raises:
        NotInstalledError: pyworld is not there.
        PluginError: the voice does not say the phrase's words, or would have to say them more than
            twice as quick.
    """
    frames = take_apart(spoken.audio)
    parts = [_settled(part, frames) for part in divide(phrase.line, spoken.phones)]
    pieces = [(p, p is part.vowel) for part in parts for p in (*part.onset, part.vowel, *part.coda)]
    begins, ends = parts[0].vowel.start, pieces[-1][0].end
    room = phrase.end - phrase.start
    scale = min(1.0, room / (ends - begins))
    if scale < QUICKEST:
        raise PluginError(
            f"{phrase.line.text[:40]!r} takes {ends - begins:.2g} s to say, and its place in the "
            f"song lasts {room:.2g} s; give it more bars, or fewer words"
        )
    start = max(0.0, phrase.start - scale * begins - FADE)
    placed = tuple(
        Placed(piece, phrase.start + scale * (piece.start - begins),
               phrase.start + scale * (piece.end - begins), held)
        for piece, held in pieces
    )  # fmt: skip
    end = placed[-1].end + FADE
    at = np.asarray(start + np.arange(round((end - start) / PERIOD)) * PERIOD, float)
    source = np.asarray(begins + (at - phrase.start) / scale, float)
    made = warp(frames, source, np.zeros(len(at), bool))
    return SungPhrase(put_together(made), frames.sample_rate, start, placed, made.hz)
