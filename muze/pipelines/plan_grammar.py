"""Which event may follow which, so that whatever is told is a plan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from muze.pipelines.plan_events import HEADER, Events

UNKNOWN = -1
"""Bars left where nobody knows how many."""


class Telling:
    """A plan in the telling: what the next event is about, and what it may be."""

    def __init__(self, events: Events, num_bars: int | None) -> None:
        """Begin a song of ``num_bars`` bars; None where its length is not known."""
        self.events = events
        self.kind: str | None = HEADER[0]
        """Of the next event; None once all is told."""
        self.place = 0
        """Where in the row of its kind it stands: the section's number, the chord's in its loop."""
        self.about = events.kinds["section"].null
        """The section type that it tells something of; "not known" where of none."""
        self.left = num_bars
        """Bars that no section has yet; of a chord, those of its section."""
        self._lengths: dict[int, int | None] = {}
        self._queue: list[int] = []

    @property
    def bars_left(self) -> int:
        """``left`` as a number; ``UNKNOWN`` where it is not known."""
        return UNKNOWN if self.left is None else self.left

    @property
    def longest_loop(self) -> int:
        """Chords that the loop being told may have."""
        longest = self.events.vocabulary.longest_loop
        return longest if self.left is None else min(longest, self.left)

    def allowed(self) -> NDArray[np.bool_]:
        """Return which events may come next, shape (V,); "not known" is never one of them."""
        assert self.kind is not None
        place, mask = self.events.kinds[self.kind], self.events.of_kind(self.kind)
        if self.kind == "section":
            mask[place.end] = self.left == 0 or (self.left is None and self.place > 0)
            if self.left == 0:
                mask[place.first : place.null] = False
        elif self.kind == "bars" and self.left is not None:
            mask[place.first + self.left : place.null] = False
        elif self.kind == "chord":
            mask[place.end] = self.place > 0
            if self.place >= self.longest_loop:
                mask[place.first : place.null] = False
        return mask

    def push(self, event: int, bars: int | None = None) -> None:
        """Tell the next event; ``bars`` are those a section has where no event says so many."""
        kind, kinds = self.kind, self.events.kinds
        if kind in HEADER:
            at = HEADER.index(kind) + 1
            self.kind = HEADER[at] if at < len(HEADER) else "section"
        elif kind == "section" and event == kinds["section"].end:
            self._queue = list(self._lengths)
            self._next_loop()
        elif kind == "section":
            self.kind, self.about = "bars", event
        elif kind == "bars":
            told = self.events.value("bars", event) if bars is None else bars
            known, before = self.about in self._lengths, self._lengths.get(self.about)
            longest = None if told is None or (known and before is None) else max(told, before or 0)
            self._lengths[self.about] = longest
            self.left = None if told is None or self.left is None else self.left - told
            self.kind = "energy"
        elif kind == "energy":
            self.kind, self.about = "section", kinds["section"].null
            self.place += 1
        elif kind == "chord" and event == kinds["chord"].end:
            self._next_loop()
        elif kind == "chord":
            self.place += 1

    def _next_loop(self) -> None:
        if not self._queue:
            self.kind = None
            return
        self.kind, self.about, self.place = "chord", self._queue.pop(0), 0
        self.left = self._lengths[self.about]
