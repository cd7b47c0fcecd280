"""Who decides what a song leaves open: the contract, and templates, which need no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from muze.core.theory import Key
from muze.pipelines.styles import style_of, usual_bpm, usual_key, usual_progression
from muze.pipelines.templates import Part, fit_template, typical_energy


@dataclass(frozen=True)
class Said:
    """What a song says before anything is decided; None is left open."""

    prompt: str
    genres: tuple[str, ...]
    metre: str | None
    key: str | None
    bpm: float | None
    """At its start."""
    seconds: float | None


@dataclass(frozen=True)
class LaidPart:
    """A section on its bars."""

    type: str
    bars: int
    seconds: float
    key: str
    energy: float | None
    """None is left open."""
    chords: tuple[str, ...] | None
    """One a bar; none where the song says them otherwise than by the bar; None is left open."""


class Decider(Protocol):
    """Decides what a song leaves open, each thing once it is asked for."""

    def genre(self) -> str | None:
        """Return the genre of a song that names none; None where that is left to the model."""

    def metre(self) -> str:
        """Return the time signature."""

    def key(self) -> str:
        """Return the key."""

    def bpm(self) -> float:
        """Return the tempo."""

    def form(self, num_bars: int, seconds: float) -> list[Part]:
        """Return sections that fill the bars, which last so many seconds."""

    def lay(self, parts: Sequence[LaidPart]) -> None:
        """Take up what the sections are, before energies and chords are asked for."""

    def energy(self, index: int) -> float:
        """Return how intense a section is, 0 to 1."""

    def chords(self, index: int) -> list[str]:
        """Return chords of a bar each that go round in a section."""


class Templates:
    """Decides by what is usual in a genre, the prompt's words and the seed."""

    def __init__(self, said: Said, seed: int) -> None:
        self.said, self.seed = said, seed
        self.style = style_of(said.prompt, list(said.genres))
        self.parts: Sequence[LaidPart] = ()

    def genre(self) -> str | None:
        """Return None: templates name no genre that nobody named."""
        return None

    def metre(self) -> str:
        """Return the style's."""
        return self.style.time_signature

    def key(self) -> str:
        """Return a key in one of the style's modes."""
        return usual_key(self.style, self.said.prompt, self.seed)

    def bpm(self) -> float:
        """Return a tempo from the style's range."""
        return usual_bpm(self.style, self.said.prompt, self.seed)

    def form(self, num_bars: int, seconds: float) -> list[Part]:  # noqa: ARG002
        """Return the style's template, fitted to the bars."""
        return fit_template(self.style.template, num_bars, self.seed)

    def lay(self, parts: Sequence[LaidPart]) -> None:
        """Take up what the sections are."""
        self.parts = parts

    def energy(self, index: int) -> float:
        """Return what is typical of the section's type."""
        return typical_energy(self.parts[index].type, index, self.seed)

    def chords(self, index: int) -> list[str]:
        """Return four chords of the section's key, the same for every section of its type."""
        part = self.parts[index]
        return usual_progression(Key.parse(part.key), self.style, part.type, self.seed)
