"""What a track's record gives a caption to say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from muze.audio.written import LANGUAGES, key_known
from muze.core.grid import Metre
from muze.core.instruments import FIRST_UNPITCHED, PROGRAMS
from muze.core.theory import NO_CHORD, Key

Record = Mapping[str, Any]  # Any: JSON
MOODS: dict[tuple[str, str], tuple[str, ...]] = {
    ("bright", "loud"): ("uplifting", "joyful", "energetic", "happy"),
    ("bright", "middle"): ("cheerful", "sunny", "warm", "light-hearted"),
    ("bright", "quiet"): ("peaceful", "gentle", "tender", "calm"),
    ("mixed", "loud"): ("energetic", "bold", "restless"),
    ("mixed", "middle"): ("wistful", "thoughtful", "bittersweet"),
    ("mixed", "quiet"): ("calm", "reflective", "pensive"),
    ("dark", "loud"): ("dark", "intense", "dramatic"),
    ("dark", "middle"): ("moody", "melancholy", "dark", "tense"),
    ("dark", "quiet"): ("sad", "melancholy", "sombre"),
}
"""Words of a mode at a loudness; of those the starter model was trained on."""
TONES = {"major": "bright", "lydian": "bright", "mixolydian": "bright", "dorian": "mixed"}
"""How a mode sounds; the others are dark. muze-corpus writes its songs by the same."""
TELLING = 0.22
"""Sentiment from which on words are bright or, below zero, dark."""
QUIET, LOUD = -20.0, -13.0
"""LUFS below and above which a mood is a quiet or a loud one."""
VERY_QUIET, VERY_LOUD = -24.0, -9.0
"""LUFS below and above which a caption says so."""
WIDE, EVEN = 14.0, 4.0
"""LU between the quiet and the loud tenth of a recording that are worth saying."""
TEMPO_WORDS = (
    (76.0, ("slow", "unhurried")),
    (98.0, ("relaxed", "laid-back", "slow to mid-tempo")),
    (122.0, ("mid-tempo", "moderate in tempo")),
    (146.0, ("upbeat", "lively", "fast")),
    (float("inf"), ("fast", "very fast", "up-tempo")),
)
DOTTED = 1.3
"""How much faster a dotted beat, full of eighths, feels."""
STEADY, CHANGING = 1.06, 1.15
"""Fastest to slowest tempo up to which a tempo is one, and from which on it changes."""
METRE_WORDS = {
    "3/4": ("in 3/4", "in waltz time", "in three"),
    "6/8": ("in 6/8", "with a rolling 6/8 feel", "in compound time"),
}
HITS_A_MINUTE = 20
"""Drum hits from which on there are drums."""
CHORDS, MOSTLY = 4, 0.7
"""How many chords a caption tells, and what share of the time they must fill."""


@dataclass(frozen=True)
class Facts:
    """What can be said; what is empty is not said."""

    genres: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    bpm: int | None = None
    paces: tuple[str, ...] = ()
    changing: bool = False
    metre: str = ""
    metres: tuple[str, ...] = ()
    key: str = ""
    chords: tuple[str, ...] = ()
    instruments: dict[str, str] = field(default_factory=dict)
    """Name and role; the role may be empty."""
    drums: str = ""
    voice: str = ""
    shape: tuple[str, ...] = ()
    level: str = ""
    dynamics: str = ""

    @property
    def genre(self) -> str:
        """The genres as one: ``jazz and funk``."""
        return " and ".join(self.genres[:2])


def facts_of(record: Record) -> Facts:
    """Return what a record gives a caption to say."""
    told = record.get("genre") or ()
    metre = str(Metre.parse(record.get("time_signature") or "4/4"))
    bpm, paces, changing = _tempo(record, metre)
    instruments, drums = _instruments(record)
    level, dynamics = _loudness(record)
    return Facts(
        genres=(told,) if isinstance(told, str) else tuple(told),
        moods=_moods(record),
        bpm=bpm,
        paces=paces,
        changing=changing,
        metre="" if metre == "4/4" else metre,
        metres=() if metre == "4/4" else METRE_WORDS.get(metre, (f"in {metre}",)),
        key=_key_name(record),
        chords=_chords(record),
        instruments=instruments,
        drums=drums,
        voice=_voice(record),
        shape=_shape(record.get("segments") or ()),
        level=level,
        dynamics=dynamics,
    )


def _key(record: Record) -> Key | None:
    if record.get("key"):
        return key_known(record["key"])
    index = record.get("key_index")
    return None if index is None else Key.of_index(index)


def _key_name(record: Record) -> str:
    key = _key(record)
    return "" if key is None else str(key).replace("#", " sharp")


def _moods(record: Record) -> tuple[str, ...]:
    """Return the mood words of the key's mode and the loudness; words that are sung may mix it."""
    key, sentiment = _key(record), record.get("sentiment_score")
    tones = [] if key is None else [TONES.get(key.mode, "dark")]
    if sentiment is not None:
        neutral = [] if tones else ["mixed"]
        tones += ["bright"] * (sentiment > TELLING) + ["dark"] * (sentiment < -TELLING) or neutral
    if not tones:
        return ()
    loudness, tempo = record.get("loudness"), record.get("tempo")
    level = "middle"
    if loudness is not None and loudness < QUIET and (tempo or 0) < 125:
        level = "quiet"
    elif loudness is not None and loudness > LOUD and (tempo or 999) > 76:
        level = "loud"
    return MOODS[tones[0] if len(set(tones)) == 1 else "mixed", level]


def _tempo(record: Record, metre: str) -> tuple[int | None, tuple[str, ...], bool]:
    """Return the tempo in BPM and in words, where it is one, and whether it changes."""
    marks = [mark["bpm"] for mark in record.get("tempo_map") or ()]
    span = max(marks) / min(marks) if marks else 1.0
    tempo = record.get("tempo")
    if not tempo or span > STEADY:
        return None, (), span > CHANGING
    felt = tempo * (DOTTED if Metre.parse(metre).compound else 1.0)
    return round(tempo), next(words for limit, words in TEMPO_WORDS if felt < limit), False


def _instruments(record: Record) -> tuple[dict[str, str], str]:
    """Return the instruments that are told, with their roles, and what is to say of drums.

    Those of ``notes`` are not told: a transcription knows parts, and no instruments.
    """
    found: dict[str, str] = {}
    for told in record.get("instruments") or ():
        told = {"name": told} if isinstance(told, str) else told
        name, program = told.get("name"), told.get("program")
        if not name and program is not None and 0 <= program < FIRST_UNPITCHED:
            name = re.sub(r"\s*\(.*\)|\s+\d+(?=\s|$)", "", PROGRAMS[program])
        if name:
            found[str(name)] = str(told.get("role") or "")
    roles = set(found.values())
    if found and "drum_kit" in record and "" not in roles:  # an arrangement, told whole
        return found, "" if "drums" in roles else "no drums"
    hits = record.get("drum_onsets")
    if hits is None or not record.get("duration") or any("drum" in name for name in found):
        return found, ""
    count = sum(len(times) for times in hits.values())
    often = count * 60 / record["duration"] >= HITS_A_MINUTE
    return found, "drums" if often else "" if count else "no drums"


def _voice(record: Record) -> str:
    if record.get("has_vocals") is None:
        return ""
    if not record["has_vocals"]:
        return "instrumental"
    code = record.get("language") if record.get("lyrics") else None
    return f"{LANGUAGES[code].split()[0]} vocals" if code in LANGUAGES else "vocals"


def _loudness(record: Record) -> tuple[str, str]:
    level, curve = record.get("loudness"), record.get("loudness_curve")
    loud = "" if level is None else "loud" if level > VERY_LOUD else ""
    loud = "quiet" if level is not None and level < VERY_QUIET else loud
    if not curve or len(curve) < 2:
        return loud, ""
    low, high = np.percentile(curve, (10, 90))
    wide, even = high - low > WIDE, high - low < EVEN
    return loud, "wide in dynamics" if wide else "even in dynamics" if even else ""


def _chords(record: Record) -> tuple[str, ...]:
    """Return the few chords that most of the music is made of; nothing where there are many."""
    spent: dict[str, float] = {}
    for span in record.get("chords") or ():
        if span["chord"] != NO_CHORD:
            spent[span["chord"]] = spent.get(span["chord"], 0.0) + span["end"] - span["start"]
    for name in () if spent else record.get("chord_progression") or ():
        if name != NO_CHORD:
            spent[name] = spent.get(name, 0.0) + 1.0
    most = sorted(spent, key=lambda name: -spent[name])[:CHORDS]
    if len(most) < 2 or sum(spent[name] for name in most) < MOSTLY * sum(spent.values()):
        return ()
    return tuple(name for name in spent if name in most)


def _shape(sections: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return what can be said about the form and the course of its energy."""
    if not sections:
        return ()
    types, energies = [s["type"] for s in sections], [s.get("energy") for s in sections]
    levels = [energy for energy in energies if energy is not None]
    whole = len(levels) == len(sections) > 1
    out = []
    if whole and types[0] == "intro" and levels[0] < 0.35:
        out.append("starts with a quiet intro")
    if ("buildup", "drop") in pairwise(types):
        out.append("builds up to a drop")
    if whole and "chorus" in types and max(levels) == levels[types.index("chorus")] > min(levels):
        out.append("opens up in the chorus")
    out += ["thins out in a breakdown"] if "breakdown" in types else []
    out += ["has a solo"] if "solo" in types else []
    out += ["has a bridge"] if "bridge" in types else []
    if not whole:
        return tuple(out)
    rises = [after - before for before, after in pairwise(levels)]
    if len(levels) > 2 and max(levels) - min(levels) < 0.15:
        out.append("keeps its energy throughout")
    elif types[-1] == "outro" and levels[-1] < 0.3:
        out.append("fades down in a calm outro")
    elif min(rises) >= 0 and sum(rises) > 0.3:
        out.append("gains energy to the end")
    elif max(rises) <= 0 and sum(rises) < -0.3:
        out.append("loses energy to the end")
    return tuple(out)
