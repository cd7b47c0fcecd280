"""Runs the training that ``benchmarks.training`` times, in its process or in one of several."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from muze.audio.io import write_whole
from muze.core.registry import Registry
from muze.data.store import read_dataset
from muze.data.track import track_grid
from muze.model.denoiser import DenoiserSettings
from muze.model.header import part_settings
from muze.pipelines import ahead, train_diffusion
from muze.pipelines.components import open_streams
from muze.pipelines.train_diffusion import TrainingSettings
from muze.report import Advance, SilentReport

BLOCK = 10
"""Steps of one loop before it is another's turn."""


class Timed(SilentReport):
    """Notes the seconds of each step, and lets something else be done after a block of them."""

    def __init__(self, between: Callable[[], None]) -> None:
        self.between = between
        self.blocks: list[list[float]] = []

    def task(self, description: str, total: int) -> Advance:
        """Time the steps of the training itself; the very first is not counted."""
        if description != "diffusion":
            return super().task(description, total)
        calls, begun = 0, 0.0

        def advance(steps: int = 1, note: str = "") -> None:  # noqa: ARG001
            nonlocal calls, begun
            now, calls = time.perf_counter(), calls + 1
            if calls > 2:  # the first call tells what was done before, the second ends that step
                self.blocks[-1].append(now - begun)
            if calls == 2:
                self.blocks.append([])
            elif calls > 2 and len(self.blocks[-1]) == BLOCK:
                self.between()
                self.blocks.append([])
            begun = time.perf_counter()

        return advance


def training(dataset: Path, model: Path, run: Path) -> TrainingSettings:
    """Return the settings of a training of a model's denoiser from nothing, as the starter's."""
    about = part_settings(model, "denoiser", DenoiserSettings)
    return TrainingSettings(
        dataset=dataset,
        run=run,
        vae=model,
        unet=about.unet,
        streams=about.streams,
        batch_size=16,
        crop_frames=512,
        save_every=10**9,
        device="cpu",
    )


def timed(
    settings: TrainingSettings, between: Callable[[], None] = lambda: None
) -> list[list[float]]:
    """Train, and return the seconds of the steps in whole blocks; nothing of the run stays."""
    shutil.rmtree(settings.run, ignore_errors=True)
    report = Timed(between)
    train_diffusion.train(settings, report)
    shutil.rmtree(settings.run)
    return [block for block in report.blocks if len(block) == BLOCK]


def waiting(settings: TrainingSettings) -> dict[str, float]:
    """Train, and return the share of the time waited for batches, and the seconds to draw one."""
    shutil.rmtree(settings.run, ignore_errors=True)
    drawing: list[float] = []
    begin = ahead.Ahead.__init__

    def noted(self: Any, draw: Callable[[int], Any], first: int, end: int) -> None:
        def clocked(number: int) -> Any:
            begun = time.thread_time()  # of this thread alone, whatever else is computed
            drawn = draw(number)
            drawing.append(time.thread_time() - begun)
            return drawn

        begin(self, clocked, first, end)

    ahead.Ahead.__init__ = noted  # type: ignore[method-assign]
    try:
        train_diffusion.train(settings, SilentReport())
    finally:
        ahead.Ahead.__init__ = begin  # type: ignore[method-assign]
    about = json.loads((settings.run / "state" / "state.json").read_text())
    shutil.rmtree(settings.run)
    return {"waited": about["waited"] / about["seconds"], "drawing": statistics.median(drawing)}


def know_prompts(settings: TrainingSettings) -> int:
    """Encode every prompt of a dataset, as a training does when it meets it; return how many."""
    tracks = read_dataset(settings.dataset).tracks
    prompts = {prompt for record in tracks for prompt in record["prompts"]}
    text = open_streams({"text": settings.streams["text"]}, Registry())["text"]
    for prompt in prompts:
        text.recall({"prompt": prompt}, track_grid(tracks[0]))
    return len(prompts)


def main() -> None:
    """Train as a file says, and write the median seconds of a step to another."""
    file, out = map(Path, sys.argv[1:])
    settings = TrainingSettings.model_validate_json(file.read_bytes())
    know_prompts(settings)
    if int(os.environ.get("RANK", "0")) > 0:  # the folder is the main process's
        train_diffusion.train(settings, SilentReport())
        return
    steps = [seconds for block in timed(settings) for seconds in block]
    write_whole(out, str(statistics.median(steps)).encode())


if __name__ == "__main__":
    main()
