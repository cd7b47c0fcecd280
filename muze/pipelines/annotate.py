"""One recording's track record: everything that is heard in it, and how it was found out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from muze.core.errors import AudioError, MuzeError, NotInstalledError
from muze.core.grid import Audio, TimeGrid
from muze.core.protocols import Separator, Stream
from muze.core.registry import Registry
from muze.pipelines.annotation import Fields, Memory, Outcome, Task
from muze.pipelines.caption_services import CaptionService
from muze.pipelines.caption_track import write_captions
from muze.pipelines.draw import LISTENING_RATE
from muze.pipelines.hear_form import find_segments, map_tempo
from muze.pipelines.hear_stream import hear_stream
from muze.pipelines.hear_voice import hear_voice, read_sentiment
from muze.pipelines.heard_track import HeardTrack
from muze.pipelines.tagged import TAGGED, read_tagged

FIRST = ("tempo", "beat", "has_vocals")
"""Streams that are heard before the others: the grid is made of them, and what else is asked."""

FAILURES = (
    ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError,
    MuzeError,
)  # fmt: skip
"""What may go wrong in one part of a track, whose other parts stand."""


@dataclass
class Listener:
    """Hears tracks with a choice of streams; a worker makes one and keeps it.

    One that only ``recalls`` hears nothing: a track about which something is not known yet raises
    ``Unheard``.
    """

    streams: dict[str, Stream]
    registry: Registry
    whisper_full: bool = False
    segments: bool = True
    captions: CaptionService | None = None
    """Who puts the template's captions into other words."""
    separator: Separator | None = None
    """Who takes the voice out of the mix before it is listened to."""
    recalls: bool = False
    _absent: dict[str, str] = field(default_factory=dict)

    def annotate(self, task: Task) -> Outcome:
        """Return a recording's record; a file that is no sound gives the reason instead."""
        memory = Memory(task.cache, closed=self.recalls)
        track = HeardTrack(task, memory, self.separator)
        try:
            self._listen(track)
        except AudioError as fault:
            told = str(fault).removeprefix(f"{task.audio}: ")
            return Outcome(task.audio_path, None, told, seconds=memory.seconds)
        except MemoryError:
            told = "is too long for the memory that is free"
            return Outcome(task.audio_path, None, told, seconds=memory.seconds)
        finally:
            memory.save()
        record = {**track.record, "provenance": track.provenance}
        return Outcome(task.audio_path, record, "", tuple(track.notes), memory.seconds)

    def absent(self, name: str) -> str:
        """Return what a stream lacks to hear anything here; nothing where it lacks nothing."""
        if name not in self._absent:
            noise = np.random.default_rng(0).normal(0, 0.1, (1, LISTENING_RATE))
            second = Audio(noise.astype(np.float32), LISTENING_RATE)
            self._absent[name] = ""
            try:
                with self.registry.blame(name, "listen"):
                    self.streams[name].extract(second, TimeGrid.of_song(1.0))
            except NotInstalledError as fault:
                self._absent[name] = str(fault)
            except MuzeError:  # whoever hears the track will tell
                pass
        return self._absent[name]

    def _listen(self, track: HeardTrack) -> None:
        about = track.memory.find("about", LISTENING_RATE, lambda: _about(track))
        track.record |= {**about, **track.task.told}
        with _mended(track, TAGGED, "mutagen"):
            _read_tags(track)
        plain = TimeGrid.of_song(track.record["duration"])
        for name in ("tempo", "beat"):
            hear_stream(track, self, name, plain)
        with _mended(track, ["tempo_map"], "muze tempo map"):
            map_tempo(track)
        hear_voice(track, self)
        if self.segments:
            with _mended(track, ["segments"], "muze structure analysis"):
                find_segments(track, self)
        grid = track.grid
        for name in self.streams:
            if name not in FIRST:
                hear_stream(track, self, name, grid)
        read_sentiment(track, self)
        write_captions(track, self)


@contextmanager
def _mended(track: HeardTrack, keys: Sequence[str], backend: str) -> Iterator[None]:
    """Let what goes wrong inside cost its own fields, and not the track or the build."""
    try:
        yield
    except AudioError:  # of the whole track
        raise
    except FAILURES as fault:
        told = f"{backend} failed: {type(fault).__name__}: {fault}"
        track.lack(keys, backend, "", told)
        track.note(f"{track.task.audio_path}: {told}")


def _about(track: HeardTrack) -> Fields:
    mono = track.mono
    return {
        "duration": round(mono.duration, 6),  # one sample is 0.000005 s, and no track of 0 s
        "sample_rate": mono.sample_rate,
        "channels": mono.channels,
    }


def _read_tags(track: HeardTrack) -> None:
    read = track.memory.find("tags", 1, lambda: read_tagged(track.task.audio))
    track.tell(read["fields"], read["backend"], "1")
    track.lack(TAGGED, read["backend"], "1", read["note"] or "its tags do not say")
