"""Lyrics and melodies that are sung: old tunes with new words, and words with no tune yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ODE = (
    "E4:1 E4:1 F4:1 G4:1 G4:1 F4:1 E4:1 D4:1 C4:1 C4:1 D4:1 E4:1 E4:3/2 D4:1/2 D4:2 "
    "E4:1 E4:1 F4:1 G4:1 G4:1 F4:1 E4:1 D4:1 C4:1 C4:1 D4:1 E4:1 D4:3/2 C4:1/2 C4:2"
)
STAR = (
    "C4:1 C4:1 G4:1 G4:1 A4:1 A4:1 G4:2 F4:1 F4:1 E4:1 E4:1 D4:1 D4:1 C4:2 "
    "G4:1 G4:1 F4:1 F4:1 E4:1 E4:1 D4:2 G4:1 G4:1 F4:1 F4:1 E4:1 E4:1 D4:2"
)
SAINTS = (
    "R:1 C4:1 E4:1 F4:1 G4:4 R:1 C4:1 E4:1 F4:1 G4:4 R:1 C4:1 E4:1 F4:1 G4:2 E4:2 C4:2 E4:2 D4:4"
)
BRIDGE = (
    "G4:3/2 A4:1/2 G4:1 F4:1 E4:1 F4:1 G4:2 D4:1 E4:1 F4:2 E4:1 F4:1 G4:2 "
    "G4:3/2 A4:1/2 G4:1 F4:1 E4:1 F4:1 G4:2 D4:2 G4:2 E4:1 C4:3"
)
LEE = (
    "D4:1 G4:1 F#4:1 G4:1 A4:1 E4:1 A4:2 G4:1 F#4:1 E4:1 F#4:1 G4:4 "
    "D4:1 G4:1 F#4:1 G4:1 A4:1 E4:1 A4:2 G4:1 F#4:1 E4:1 F#4:1 G4:4"
)
GRACE = (
    "R:2 D4:1 G4:2 B4:1/2 G4:1/2 B4:2 A4:1 G4:2 E4:1 D4:2 D4:1 G4:2 B4:1/2 G4:1/2 B4:2 A4:1 D5:3 "
    "R:3"
)
DAISY = "D5:3 B4:3 G4:3 D4:3 E4:1 F#4:1 G4:1 E4:2 G4:1 D4:3 R:3"
MOON = "C4:1 C4:1 C4:1 D4:1 E4:2 D4:2 C4:1 E4:1 D4:1 D4:1 C4:3 R:1 " * 2
"""Tunes of long ago, which belong to nobody."""


@dataclass(frozen=True)
class SungSong:
    """Words, how they are sung, and by whom."""

    name: str
    voice: str
    bpm: float
    key: str
    chords: tuple[str, ...]
    lines: tuple[str, ...]
    bars: int = 8
    metre: str = "4/4"
    notes: str | None = None
    """None is composed."""
    transpose: int = 0
    language: str = "en"
    backend: str = "kokoro"
    seed: int = 1

    def manifest(self, **voice: Any) -> dict[str, Any]:  # Any: values of the manifest
        """Return the song as a manifest has it."""
        melody = {} if self.notes is None else {"melody": {"notes": self.notes}}
        return {
            "muze": 1, "prompt": "pop", "seed": self.seed, "tempo": self.bpm, "key": self.key,
            "time_signature": self.metre,
            "structure": {"sections": [{"type": "verse", "bars": self.bars}]},
            "streams": {"chord": {"progression": list(self.chords)}},
            "voice": {
                "backend": self.backend, "voice": self.voice, "language": self.language,
                "lyrics": "\n".join(self.lines), "transpose": self.transpose, **melody, **voice,
            },
        }  # fmt: skip


A, G, N, T, K, JOE = (
    "jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo", "en_US-joe-medium",
)  # fmt: skip
C, AM, GM, DM = ("C", "G", "Am", "F"), ("Am", "F", "C", "G"), ("G", "D", "Em", "C"), (
    "Dm", "Bb", "F", "C",
)  # fmt: skip

SONGS = (
    SungSong("ode", A, 100, "C major", C, (
        "Morning light is on the water", "boats are coming home again",
        "every window in the harbor", "opens slowly after rain"), notes=ODE),
    SungSong("star", G, 84, "C major", ("C", "F"), (
        "Silver moon above the hill", "all the houses dark and still",
        "someone left the kitchen light", "burning softly through the night"), notes=STAR),
    SungSong("saints", K, 132, "C major", ("C", "C", "G", "C"), (
        "The lights go on", "the lights go on", "the lights go on along the bay"),
        notes=SAINTS, transpose=-12),
    SungSong("bridge", N, 112, "C major", ("C", "G"), (
        "All the snow is coming down", "coming down", "coming down",
        "all the snow is coming down", "on the garden"), notes=BRIDGE),
    SungSong("lee", T, 76, "G major", ("G", "Am", "D", "G"), (
        "On the river in the spring", "I will wait for you",
        "when the birds begin to sing", "all the world is new"), notes=LEE),
    SungSong("grace", A, 90, "G major", ("G", "G", "C", "G"), (
        "The winter road is white and long", "and I am far from home"),
        bars=9, metre="3/4", notes=GRACE),
    SungSong("daisy", G, 140, "G major", ("G", "C", "D"), (
        "Golden river", "carry my letter home"), bars=8, metre="3/4", notes=DAISY),
    SungSong("joe", JOE, 96, "C major", C, (
        "Nobody knows the way to the sea", "follow the road and come with me"),
        backend="piper"),
    SungSong("drive", A, 118, "A minor", AM, (
        "Headlights paint the empty street", "the engine hums a steady beat",
        "drive until the morning comes", "we are faster than the sun")),
    SungSong("summer", N, 92, "G major", GM, (
        "I was waiting for the summer", "you were dancing in the rain",
        "now the days are getting longer", "will you come to me again")),
    SungSong("slow", T, 66, "D minor", DM, (
        "Hold me closer in the dark", "nothing ever stays the same",
        "hear the beating of my heart", "when I whisper out your name"), bars=4),
    SungSong("fast", G, 152, "A minor", AM, (
        "Run away from all the noise", "run away and find your voice",
        "nobody can hold you down", "leave the lights of this old town")),
    SungSong("city", K, 104, "D minor", DM, (
        "Walking through the sleeping city", "every shadow knows my name",
        "all the towers look so pretty", "every corner looks the same")),
    SungSong("waltz", A, 126, "C major", C, (
        "Turn around and take my hand", "we will dance across the sand",
        "let the music carry on", "until all the stars are gone"), bars=16, metre="3/4"),
    SungSong("letters", N, 80, "A minor", AM, (
        "I have written you a letter", "but I never sent it home",
        "if the weather would be better", "I would carry it alone")),
    SungSong("jig", G, 96, "G major", GM, (
        "Over the mountain and down to the river", "the fiddler is playing tonight"),
        bars=8, metre="6/8"),
    SungSong("gold", T, 110, "C major", C, (
        "We are made of dust and gold", "stories that were never told",
        "in the garden we will stay", "till the winter goes away"), seed=3),
    SungSong("joe-night", JOE, 108, "A minor", AM, (
        "Tell me what you want to find", "leave the heavy world behind",
        "open up the door and see", "everything that you can be"), backend="piper"),
    SungSong("luna", A, 96, "C major", ("C", "G"), (
        "En la noche clara", "veo la ciudad", "y la luna llena", "me acompañará"),
        notes=MOON, language="es-419"),
    SungSong("mar", N, 88, "G major", GM, (
        "Vuelvo al mar con el verano", "y la arena está callada",
        "llevo el viento en una mano", "y en la otra tu mirada"), language="es-419"),
    SungSong("camino", K, 120, "A minor", AM, (
        "Caminando por la calle", "cuando sale el primer sol",
        "no hay silencio que me calle", "todo suena en mi menor"), language="es-419"),
    SungSong("oda", T, 104, "C major", C, (
        "Canta el agua de la fuente", "canta el pájaro también",
        "canta toda nuestra gente", "y mañana sale el tren"), notes=ODE, language="es-419"),
)  # fmt: skip
