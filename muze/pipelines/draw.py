"""Draws every stream of a plan on the song's time grid, from values or from recordings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.audio.io import read_audio, resample
from muze.core.errors import AudioError, PluginError
from muze.core.files import sha256
from muze.core.grid import Audio, Features, TimeGrid
from muze.core.protocols import Stream, reads
from muze.core.registry import Registry
from muze.data.store import Record
from muze.pipelines.plan import Plan
from muze.pipelines.resolve import Recording, StreamPlan
from muze.pipelines.separate import choose_separator, vocals_of
from muze.report import Report

Present = NDArray[np.bool_]
"""The frames a stream speaks of, shape (T,)."""
LISTENING_RATE = 32_000
"""Hz at which recordings are heard, as renders are."""


def draw(
    plan: Plan, registry: Registry, report: Report, streams: Mapping[str, Any] | None = None
) -> dict[str, tuple[Features, Present]]:
    """Return each stream's features on the plan's grid, and the frames it speaks of.

    What a section says lies over what the song says: frames are replaced, tokens are added.
    ``streams`` gives streams as the model configures them; others are taken as they come.

    Raises:
        AudioError: a recording is missing, broken, or not the one that was planned.
        PluginError: a stream fails, or draws what its layout does not say.
    """
    names = sorted({*plan.streams, *(name for part in plan.sections for name in part.streams)})
    advance = report.task("reading the manifest", len(names))
    drawn = {}
    for name in names:
        stream = configured(name, registry, streams)
        drawn[name] = _draw_stream(plan, name, stream, registry, report)
        advance()
    return drawn


def configured(name: str, registry: Registry, streams: Mapping[str, Any] | None) -> Any:
    """Return a stream as the model of ``streams`` configures it; one it has not, as it comes."""
    if streams is not None and name in streams:
        return streams[name]
    cls = registry.get("stream", name)
    return cls(cls.Config())


def draw_record(
    record: Record, grid: TimeGrid, streams: Mapping[str, Stream]
) -> dict[str, tuple[Features, Present]]:
    """Return the features of each stream that a track's record speaks of, as ``draw`` does."""
    from muze.data.conditions import recalled  # imports torch, which planning does without

    told = {name: recalled(stream, record, grid) for name, stream in streams.items()}
    return {
        name: _checked(dict(features), streams[name], grid)
        for name, features in told.items()
        if features is not None
    }


def _draw_stream(
    plan: Plan, name: str, stream: Any, registry: Registry, report: Report
) -> tuple[Features, Present]:
    grid = plan.grid
    parts = [
        (section, section.streams[name]) for section in plan.sections if name in section.streams
    ]
    features: Features = {}
    present = np.zeros(grid.frames, bool)
    if name in plan.streams:
        features, present = _told(plan.streams[name], stream, grid, registry, report)
    for section, told in parts:
        first, last = grid.frames_between(section.start, section.end)
        if first == last:
            continue
        window = grid.between(section.start, section.end)
        found, here = _told(told, stream, window, registry, report)
        for array, kind in stream.layout.items():
            if kind == "frames":
                rows = found[array].shape[0]
                whole = features.setdefault(array, np.zeros((rows, grid.frames), np.float32))
                whole[:, first:last] = found[array]
            elif kind == "tokens" and not array.endswith("_span"):
                more = {array: found[array]}
                if (spans := found.get(f"{array}_span")) is not None:
                    # the section's own edges are not on frames, as those of its grid are
                    edges = [window.start, window.start + window.duration]
                    exact = [section.start, section.end]
                    near = np.abs(spans - edges) < 0.5 / grid.frame_rate
                    more[f"{array}_span"] = np.where(near, exact, spans).astype(np.float32)
                for part, added in more.items():
                    before = features.get(part)
                    features[part] = added if before is None else np.concatenate([before, added])
            elif kind == "vector" and array not in features:
                raise PluginError(
                    f"stream {name} holds for the whole song, not for a section alone"
                )
        present[first:last] = here
    return features, present


def _told(
    told: StreamPlan, stream: Any, grid: TimeGrid, registry: Registry, report: Report
) -> tuple[Features, Present]:
    """Draw what one place of the manifest says on a grid, from values or from a recording."""
    if told.recording is not None:
        read = _read if reads(stream, Path(told.recording.path)) else _hear
        return read(told.recording, stream, grid, registry, report)
    with registry.blame(stream.name, "draw what the manifest says"):
        values = stream.Values.model_validate(told.values)
        return _checked(dict(stream.parse(values, grid)), stream, grid)


def _read(
    recording: Recording, stream: Any, grid: TimeGrid, registry: Registry, report: Report
) -> tuple[Features, Present]:
    """Draw a file that a stream reads itself, as a score, from the grid's start on."""
    path = Path(recording.path)
    if not path.is_file():
        raise AudioError(f"{path}: there is no such file")
    if sha256(path) != recording.sha256:
        raise AudioError(f"{path}: is not the file that was planned; plan the song again")
    with registry.blame(stream.name, f"read {path}"):
        features, here = _checked(dict(stream.read(path, grid)), stream, grid)
    if not here.all():
        seconds = here.sum() / grid.frame_rate
        report.note(
            f"{path.name} tells {seconds:.1f} s of {grid.duration:.1f} s; "
            f"elsewhere the model decides {stream.name}"
        )
    return features, here


def _hear(
    recording: Recording, stream: Any, grid: TimeGrid, registry: Registry, report: Report
) -> tuple[Features, Present]:
    """Extract a stream from a recording that starts with the grid; absent where it has ended.

    What is one thing for the whole song, as a voice is, is heard in all of the recording.
    """
    path = Path(recording.path)
    audio = resample(read_audio(path), LISTENING_RATE)
    if sha256(path) != recording.sha256:
        raise AudioError(f"{path}: is not the recording that was planned; plan the song again")
    if recording.separator is not None:
        separator, label = choose_separator(registry, recording.separator)
        report.note(f"the voice is taken out of {path.name} by {label}")
        with registry.blame(separator.name, f"take the voice out of {path}"):
            audio = vocals_of(audio, separator)
    frames = int(audio.duration * grid.frame_rate + 1e-6)
    if frames == 0:
        raise AudioError(f"{path}: is too short to hear {stream.name} in")
    if holds := set(stream.layout.values()) == {"vector"}:
        heard = TimeGrid.of_song(frames / grid.frame_rate, frame_rate=grid.frame_rate)
    else:
        heard = grid.window(0, min(frames, grid.frames))
    if frames > grid.frames + grid.frame_rate / 2 and not holds:
        report.note(
            f"{path.name} lasts {audio.duration:.1f} s; its first {grid.duration:.1f} s are heard"
        )
    if heard.frames < grid.frames and not holds:
        report.note(
            f"{path.name} lasts {audio.duration:.1f} s of {grid.duration:.1f} s; "
            f"after that the model decides {stream.name}"
        )
    length = round(heard.duration * audio.sample_rate)
    with registry.blame(stream.name, f"listen to {path}"):
        cut = Audio(audio.samples[:, :length], audio.sample_rate)
        features, here = _checked(dict(stream.extract(cut, heard)), stream, heard)
    if holds:
        if not here.any():
            raise AudioError(f"{path}: lets no {stream.name} be heard")
        return features, np.ones(grid.frames, bool)
    after = grid.frames - heard.frames
    for array, kind in stream.layout.items():
        if kind == "frames":
            features[array] = np.pad(features[array], ((0, 0), (0, after)))
    return features, np.pad(here, (0, after))


def _checked(features: Features, stream: Any, grid: TimeGrid) -> tuple[Features, Present]:
    """Part the arrays from ``present``, and hold them to the layout."""
    present = np.asarray(features.pop("present", np.ones(grid.frames))) > 0.5
    for array, kind in stream.layout.items():
        if array not in features:
            raise PluginError(
                f"stream {stream.name} drew no array {array!r}, which its layout names"
            )
        shape = features[array].shape
        if kind == "frames" and (len(shape) != 2 or shape[1] != grid.frames):
            raise PluginError(
                f"stream {stream.name} drew {array!r} {shape}, not (F, {grid.frames})"
            )
    return features, present.reshape(grid.frames)
