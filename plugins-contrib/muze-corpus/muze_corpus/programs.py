"""General MIDI programs as prompts call them, and FluidR3's drum kits."""

from __future__ import annotations

PROGRAM_NAMES: tuple[str, ...] = (
    "piano", "bright piano", "electric grand piano", "honky-tonk piano", "electric piano", "fm electric piano",
    "harpsichord", "clavinet", "celesta", "glockenspiel", "music box", "vibraphone", "marimba", "xylophone",
    "tubular bells", "dulcimer", "drawbar organ", "percussive organ", "rock organ", "church organ", "reed organ",
    "accordion", "harmonica", "bandoneon", "nylon guitar", "acoustic guitar", "jazz guitar", "clean electric guitar",
    "muted electric guitar", "overdriven guitar", "distortion guitar", "guitar harmonics", "upright bass",
    "electric bass", "picked bass", "fretless bass", "slap bass", "popping bass", "synth bass", "analog synth bass",
    "violin", "viola", "cello", "contrabass", "tremolo strings", "pizzicato strings", "harp", "timpani",
    "string ensemble", "slow strings", "synth strings", "soft synth strings", "choir", "voice oohs", "synth choir",
    "orchestra hit", "trumpet", "trombone", "tuba", "muted trumpet", "french horn", "brass section", "synth brass",
    "warm synth brass", "soprano sax", "alto sax", "tenor sax", "baritone sax", "oboe", "english horn", "bassoon",
    "clarinet", "piccolo", "flute", "recorder", "pan flute", "blown bottle", "shakuhachi", "whistle", "ocarina",
    "square lead", "saw lead", "calliope lead", "chiff lead", "charang lead", "voice lead", "fifths lead",
    "bass and lead synth", "new age pad", "warm pad", "polysynth", "space choir pad", "bowed glass pad",
    "metallic pad", "halo pad", "sweep pad", "rain pad", "soundtrack pad", "crystal bells", "atmosphere pad",
    "brightness pad", "goblin pad", "echo pad", "star pad", "sitar", "banjo", "shamisen", "koto", "kalimba",
    "bagpipe", "fiddle", "shanai",
)  # fmt: skip

KIT_NAMES: dict[int, str] = {
    0: "acoustic drums", 8: "room drums", 16: "power drums", 24: "electronic drums", 25: "808 drums",
    32: "jazz drums", 40: "brushed drums", 48: "orchestral percussion",
}  # fmt: skip

# Leads that sing in the tenor register.
LOW_LEADS = frozenset({42, 43, 57, 58, 60, 66, 67, 70, 26, 30, 109})
# Notes of these fade by themselves, so that a chord held for long is struck again.
PLUCKED = frozenset({*range(16), *range(24, 32), 45, 46, *range(104, 109)})
GUITARS = frozenset({24, 25, 26, 27, 28, 29, 30, 105, 106, 107})
