"""What an annotation is given, gives back, and remembers from one time to the next."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from muze.audio.io import write_whole

Fields = dict[str, Any]  # Any: JSON
T = TypeVar("T")


@dataclass(frozen=True)
class Task:
    """A recording to annotate."""

    audio: Path
    audio_path: str
    """As it will stand in the record."""
    sha256: str
    told: Fields
    """What is known of it from outside: tags, a table of metadata."""
    provenance: Fields
    """Where each of those is from."""
    cache: Path
    """The file that remembers what was found out."""

    def to_json(self) -> Fields:
        """Return it as JSON, its paths such that they hold in another folder as well."""
        audio, cache = str(self.audio.absolute()), str(self.cache.absolute())
        return {**asdict(self), "audio": audio, "cache": cache}

    @classmethod
    def from_json(cls, told: Fields) -> Task:
        """Return what ``to_json`` gave."""
        return cls(**{**told, "audio": Path(told["audio"]), "cache": Path(told["cache"])})


@dataclass(frozen=True)
class Outcome:
    """A record, or the reason that there is none; seconds of what was newly found out."""

    audio_path: str
    record: Fields | None
    reason: str = ""
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> Fields:
        """Return it as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Fields) -> Outcome:
        """Return what ``to_json`` gave."""
        return cls(**{**told, "notes": tuple(told["notes"])})


class Unheard(Exception):
    """Something must be heard that no memory tells."""


class Memory:
    """What was found out about one sound, in one file; each thing is found out once.

    A ``closed`` one finds out nothing new: it raises ``Unheard``.
    """

    def __init__(self, path: Path, closed: bool = False) -> None:
        self.path, self.closed = path, closed
        self.seconds: dict[str, float] = {}
        self._new = False
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            self._known: dict[str, Fields] = known if isinstance(known, dict) else {}
        except (OSError, ValueError):  # none yet, or one that was damaged: it is found out again
            self._known = {}

    def find(self, name: str, about: object, work: Callable[[], Fields]) -> Fields:
        """Return what ``work`` gives, or gave when it was last asked with the same ``about``."""
        key = _key(name, about)
        if key not in self._known:
            if self.closed:
                raise Unheard(name)
            self._known[key] = self.timed(name, work)
            self._new = True
        return self._known[key]

    def timed(self, name: str, work: Callable[[], T]) -> T:
        """Return what ``work`` gives; its seconds are told, less those told of parts of it."""
        started, before = time.monotonic(), sum(self.seconds.values())
        done = work()
        parts = sum(self.seconds.values()) - before
        spent = time.monotonic() - started - parts
        self.seconds[name] = self.seconds.get(name, 0.0) + spent
        return done

    def forget(self, name: str, about: object) -> None:
        """Let it be found out again the next time."""
        self._known.pop(_key(name, about), None)

    def save(self) -> None:
        """Write what was newly found out."""
        if self._new:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, json.dumps(self._known).encode())
            self._new = False


def _key(name: str, about: object) -> str:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    return f"{name} {digest[:16]}"
