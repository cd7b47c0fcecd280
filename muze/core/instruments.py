"""General MIDI's instruments by name, and the part each plays in an arrangement."""

from __future__ import annotations

import re

from muze.core.errors import did_you_mean

PROGRAMS = (
    "acoustic grand piano", "bright acoustic piano", "electric grand piano", "honky-tonk piano",
    "electric piano 1", "electric piano 2", "harpsichord", "clavinet",
    "celesta", "glockenspiel", "music box", "vibraphone",
    "marimba", "xylophone", "tubular bells", "dulcimer",
    "drawbar organ", "percussive organ", "rock organ", "church organ",
    "reed organ", "accordion", "harmonica", "tango accordion",
    "acoustic guitar (nylon)", "acoustic guitar (steel)", "electric guitar (jazz)",
    "electric guitar (clean)", "electric guitar (muted)", "overdriven guitar",
    "distortion guitar", "guitar harmonics",
    "acoustic bass", "electric bass (finger)", "electric bass (pick)", "fretless bass",
    "slap bass 1", "slap bass 2", "synth bass 1", "synth bass 2",
    "violin", "viola", "cello", "contrabass",
    "tremolo strings", "pizzicato strings", "orchestral harp", "timpani",
    "string ensemble 1", "string ensemble 2", "synth strings 1", "synth strings 2",
    "choir aahs", "voice oohs", "synth voice", "orchestra hit",
    "trumpet", "trombone", "tuba", "muted trumpet",
    "french horn", "brass section", "synth brass 1", "synth brass 2",
    "soprano sax", "alto sax", "tenor sax", "baritone sax",
    "oboe", "english horn", "bassoon", "clarinet",
    "piccolo", "flute", "recorder", "pan flute",
    "blown bottle", "shakuhachi", "whistle", "ocarina",
    "lead 1 (square)", "lead 2 (sawtooth)", "lead 3 (calliope)", "lead 4 (chiff)",
    "lead 5 (charang)", "lead 6 (voice)", "lead 7 (fifths)", "lead 8 (bass + lead)",
    "pad 1 (new age)", "pad 2 (warm)", "pad 3 (polysynth)", "pad 4 (choir)",
    "pad 5 (bowed)", "pad 6 (metallic)", "pad 7 (halo)", "pad 8 (sweep)",
    "fx 1 (rain)", "fx 2 (soundtrack)", "fx 3 (crystal)", "fx 4 (atmosphere)",
    "fx 5 (brightness)", "fx 6 (goblins)", "fx 7 (echoes)", "fx 8 (sci-fi)",
    "sitar", "banjo", "shamisen", "koto",
    "kalimba", "bagpipe", "fiddle", "shanai",
    "tinkle bell", "agogo", "steel drums", "woodblock",
    "taiko drum", "melodic tom", "synth drum", "reverse cymbal",
    "guitar fret noise", "breath noise", "seashore", "bird tweet",
    "telephone ring", "helicopter", "applause", "gunshot",
)  # fmt: skip
"""General MIDI 1, programs 0 to 127."""

FAMILIES = {
    "piano": 0, "chromatic percussion": 8, "organ": 16, "guitar": 24, "bass": 32, "strings": 48,
    "ensemble": 48, "brass": 61, "reed": 65, "pipe": 73, "synth lead": 81, "synth pad": 89,
    "ethnic": 104,
}  # fmt: skip
"""General MIDI's families of pitched sounds, and the program that stands for each."""
ALIASES = {
    "grand piano": 0, "electric piano": 4, "keys": 0, "bells": 14, "acoustic guitar": 25,
    "electric guitar": 27, "upright bass": 32, "electric bass": 33, "synth bass": 38, "harp": 46,
    "choir": 52, "voice": 53, "horn": 60, "sax": 65, "saxophone": 65, "lead": 81, "synth": 81,
    "pad": 89,
}  # fmt: skip
FIRST_UNPITCHED = 112
"""From here on programs are percussion and noises."""

PARTS = {"chords": 0, "bass": 33, "lead": 81, "pads": 48, "any": None}
"""What an instrument plays in an arrangement, and the program that stands for it."""
Part = str
_PART_OF_EIGHT = (
    "chords", "chords", "chords", "chords", "bass", "lead", "pads", "lead",
    "lead", "lead", "lead", "pads", "pads", "chords",
)  # fmt: skip
_PART_OF = {
    44: "pads", 45: "chords", 46: "chords", 47: "bass", 61: "pads", 62: "pads", 63: "pads",
    43: "bass", 58: "bass", 109: "lead", 110: "lead", 111: "lead",
}  # fmt: skip


def program_of(name: str) -> int:
    """Return the program of an instrument or a family by name; ``ValueError`` for neither."""
    plain = _plain(name)
    if plain in ("drums", "drum kit", "percussion"):
        raise ValueError(f"{name!r} has no pitches; drums are a stream of their own")
    if plain not in _known():
        raise ValueError(f"unknown instrument {name!r}{did_you_mean(plain, _known())}")
    return _known()[plain]


def part_of(program: int | None) -> Part:
    """Return which part of an arrangement a pitched program mostly plays; ``any`` for None.

    Raises:
        ValueError: the program has no pitches, or is none of General MIDI's.
    """
    if program is None:
        return "any"
    if not is_pitched(program):
        raise ValueError(f"program {program}, {PROGRAMS[program]}, has no pitches")
    return _PART_OF.get(program) or _PART_OF_EIGHT[program // 8]


def is_pitched(program: int | None) -> bool:
    """Whether a program plays notes of a pitch; ``ValueError`` for none of General MIDI's."""
    if program is not None and not 0 <= program < len(PROGRAMS):
        raise ValueError(f"program {program} is none of General MIDI's, 0 to 127")
    return program is None or program < FIRST_UNPITCHED


def _known() -> dict[str, int]:
    names = {_plain(name): k for k, name in enumerate(PROGRAMS[:FIRST_UNPITCHED])}
    return {**names, **FAMILIES, **ALIASES}


def _plain(name: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9]+", " ", name.lower()).split())
