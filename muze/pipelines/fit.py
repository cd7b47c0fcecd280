"""What a song says is laid on its own bars, and what does not fit them is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from muze.core.errors import MuzeError
from muze.core.grid import Metre, TimeGrid
from muze.core.protocols import file_misfit, misfits, reads
from muze.pipelines.asked import Asked, Said
from muze.pipelines.layout import Layout
from muze.pipelines.resolve import StreamPlan


def check_fit(asked: Asked, layout: Layout | None, metre: Metre) -> None:
    """Note what of a song's values, and of the scores it names, does not fit its bars.

    Without a layout, because the song's lengths are faulty, scores are tried in its metre alone.
    """
    grid = TimeGrid.of_song(1.0, metre=metre) if layout is None else layout.grid(metre)
    places = [(asked.whole, asked.said_whole, grid)]
    for index, (plans, said) in enumerate(zip(asked.parts, asked.said_parts, strict=True)):
        span = None if layout is None else layout.sections[index]
        places.append((plans, said, grid if span is None else grid.between(span.start, span.end)))
    for plans, said, here in places:
        if not here.frames:
            continue
        for name, plan in plans.items():
            if plan.recording is not None:
                _read(asked, name, Path(plan.recording.path), said, here, layout is not None)
            elif layout is not None:
                _lay(asked, name, plan, said, here)


def _read(asked: Asked, name: str, path: Path, said: Said, grid: TimeGrid, laid_out: bool) -> None:
    stream = _stream(asked, name)
    if stream is None or not reads(stream, path):
        return
    try:
        with asked.registry.blame(name, f"read {path}"):
            stream.read(path, grid)
            if laid_out and (told := file_misfit(stream, path, grid)):
                asked.faults.add((*said[name][0], "from"), f"{path.name} {told}")
    except MuzeError as fault:
        asked.faults.add((*said[name][0], "from"), str(fault))


def _lay(asked: Asked, name: str, plan: StreamPlan, said: Said, grid: TimeGrid) -> None:
    stream = _stream(asked, name)
    if stream is None:
        return
    keys, value = said[name]
    try:
        with asked.registry.blame(name, "lay what the manifest says on its bars"):
            found = misfits(stream, stream.Values.model_validate(plan.values), grid)
    except MuzeError as fault:
        asked.faults.add(keys, str(fault))
        return
    for inside, told in found:
        bare = not isinstance(value, dict) and inside[:1] == (stream.primary,)
        asked.faults.add((*keys, *(inside[1:] if bare else inside)), told)


def _stream(asked: Asked, name: str) -> Any:  # Any: a stream, None where its settings are wrong
    cls = asked.registry.get("stream", name)
    try:
        return cls(cls.Config.model_validate(asked.model.stream_settings.get(name, {})))
    except ValidationError:
        return None  # it is told where the model is loaded
