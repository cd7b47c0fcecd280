"""Names of genres, in one spelling."""

from __future__ import annotations

from muze.core.errors import did_you_mean

GENRES = (
    "rock", "pop", "house", "techno", "synthwave", "lo-fi hip hop", "trap", "jazz", "bossa nova",
    "funk", "reggae", "folk", "country", "blues", "metal", "ambient", "classical", "cinematic",
    "r&b", "disco", "latin", "ballad", "drum and bass", "waltz", "celtic", "hip hop", "electronic",
    "soul", "gospel", "punk", "indie", "trance", "dubstep", "garage", "afrobeat", "salsa", "tango",
    "flamenco", "ska", "new age", "experimental", "chiptune", "industrial", "musical", "choral",
)  # fmt: skip
"""A checkpoint knows genres by their place here: new ones go to the end."""

ALIASES = {
    "lofi": "lo-fi hip hop", "lo-fi": "lo-fi hip hop", "lofi hip hop": "lo-fi hip hop",
    "chillhop": "lo-fi hip hop", "hiphop": "hip hop", "rap": "hip hop", "rnb": "r&b",
    "rhythm and blues": "r&b", "dnb": "drum and bass", "drum & bass": "drum and bass",
    "jungle": "drum and bass", "bossa": "bossa nova", "edm": "electronic",
    "electronica": "electronic", "deep house": "house", "retrowave": "synthwave",
    "orchestral": "cinematic", "soundtrack": "cinematic", "film": "cinematic",
    "heavy metal": "metal", "punk rock": "punk", "indie rock": "indie", "8-bit": "chiptune",
    "irish": "celtic", "baroque": "classical", "romantic": "classical", "swing": "jazz",
    "newage": "new age", "afrobeats": "afrobeat", "bluegrass": "country",
}  # fmt: skip


def known_genre(name: str) -> str:
    """Return the one spelling of a genre; ``ValueError`` for one that is not in the list."""
    plain = " ".join(name.lower().replace("_", " ").split())
    for spelling in (plain, plain.replace("-", " "), plain.replace("-", "")):
        if spelling in GENRES:
            return spelling
        if spelling in ALIASES:
            return ALIASES[spelling]
    raise ValueError(f"unknown genre {name!r}{did_you_mean(plain, [*GENRES, *ALIASES])}")
