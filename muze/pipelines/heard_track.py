"""One recording at work: what is known of it so far, and how it was found out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cached_property

from muze.audio.mono import Mono, read_mono
from muze.core.grid import Audio, TimeGrid
from muze.core.protocols import Separator
from muze.data.track import track_grid
from muze.pipelines.annotation import Fields, Memory, Task
from muze.pipelines.draw import LISTENING_RATE


class HeardTrack:
    """A record in the making, with the provenance of each field and notes for the user."""

    def __init__(self, task: Task, memory: Memory, separator: Separator | None) -> None:
        self.task, self.memory, self.separator = task, memory, separator
        self.record: Fields = {"audio_path": task.audio_path, "audio_sha256": task.sha256}
        self.provenance: Fields = dict(task.provenance)
        self.notes: list[str] = []

    @cached_property
    def mono(self) -> Mono:
        """The sound, read when something must be heard in it."""
        return read_mono(self.task.audio, LISTENING_RATE)

    @cached_property
    def vocals(self) -> Audio:
        """The voice out of the mix, separated when something must be heard in it."""
        from muze.pipelines.separate import vocals_of

        separator, mix = self.separator, self.mono.audio
        assert separator is not None
        return self.memory.timed("separating vocals", lambda: vocals_of(mix, separator))

    @property
    def grid(self) -> TimeGrid:
        """The song's beats where they are known, else its seconds."""
        if not self.record.get("tempo"):
            return TimeGrid.of_song(self.record["duration"])
        return track_grid(self.record)

    def knows(self, key: str) -> bool:
        """Return whether a field is filled."""
        return self.record.get(key) is not None

    def tell(
        self,
        fields: Mapping[str, object],
        backend: str,
        version: str,
        confidence: Mapping[str, float] | None = None,
    ) -> None:
        """Fill fields that are not filled yet; what is None stays for ``lack`` to tell."""
        for key, value in fields.items():
            if value is None or self.knows(key):
                continue
            self.record[key] = value
            self.provenance[key] = {"backend": backend, "version": version}
            if confidence and key in confidence:
                self.provenance[key]["confidence"] = confidence[key]

    def lack(self, keys: Iterable[str], backend: str, version: str, reason: str) -> None:
        """Make fields that are not filled null, with the reason."""
        for key in keys:
            if not self.knows(key):
                self.record[key] = None
                told = {"backend": backend, "version": version, "reason": reason}
                self.provenance[key] = told

    def note(self, text: str) -> None:
        """Tell the user something, once a build."""
        self.notes.append(text)


def digest(grid: TimeGrid) -> str:
    """Return a short hash of a grid, for what was heard on it."""
    return hashlib.sha256(repr(grid).encode()).hexdigest()[:16]
