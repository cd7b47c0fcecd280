"""What users write: a song in YAML or on the command line, checked with file and line."""

from muze.manifest.faults import Faults, Source
from muze.manifest.read import parse_song, read_song, song_from_options
from muze.manifest.schema import song_schema
from muze.manifest.song import Section, Song, Structure

__all__ = [
    "Faults",
    "Section",
    "Song",
    "Source",
    "Structure",
    "parse_song",
    "read_song",
    "song_from_options",
    "song_schema",
]
