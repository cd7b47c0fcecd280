"""Previews of a training: what the averaged weights make of one crop, to hear and to see."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
from torch import Tensor

from muze.audio.io import write_audio, write_whole
from muze.audio.mel import MelSettings
from muze.audio.mix import limit
from muze.core.grid import Audio, TimeGrid
from muze.core.registry import Registry
from muze.data.conditions import with_prompt
from muze.data.crops import Crop, draw_crops
from muze.data.store import Record
from muze.pipelines.draw import draw_record
from muze.pipelines.load import Model
from muze.pipelines.sample import DrawnSong, Passes, song_windows
from muze.pipelines.training import LoopSettings, draws
from muze.report import Report

FRAMES = 1024
"""Mel frames a preview lasts at most: 10 s."""
NUM_STEPS = 25
TOLD = ("beat F", "chord majmin", "key weighted")
"""Figures told as the training goes; the others are in the file."""


@dataclass(frozen=True)
class Previews:
    """What a run shows of itself, always of the same crop; it lies in ``<run>/previews``."""

    settings: LoopSettings
    registry: Registry
    report: Report

    def crop(self, lengths: Sequence[int], stride: int) -> Crop:
        """Return the crop shown, of tracks of ``lengths`` frames; the seed chooses it."""
        frames = min(FRAMES, max(lengths)) // stride * stride
        numbers, _ = draws(self.settings.seed, 0)
        return draw_crops(lengths, 1, frames, stride, numbers)[0]

    def hear(self, log_mel: Tensor, mel: MelSettings) -> Audio:
        """Return the sound of a log-mel (num_mels, T), through Griffin-Lim."""
        cls = self.registry.get("vocoder", "griffin_lim")
        vocoder = cls(cls.Config())
        with self.registry.blame(vocoder.name, "render a preview"):
            return Audio(vocoder.render(log_mel.cpu().numpy())[None], mel.sample_rate)

    def write(self, step: int, audio: Audio, log_mels: Mapping[str, Tensor]) -> Path:
        """Write a sound and the log-mels (num_mels, T) by title; return the path of the sound."""
        path = self.settings.run / "previews" / f"step-{step:06d}.wav"
        path.parent.mkdir(exist_ok=True)
        write_audio(path, limit(audio))
        write_whole(path.with_suffix(".png"), draw_log_mels(log_mels, audio.duration))
        return path

    def sample(self, step: int, model: Model, record: Record, grid: TimeGrid) -> None:
        """Sample what a record says on a grid, and write how well that was followed, too."""
        numbers, _ = draws(self.settings.seed, 0)
        told = with_prompt(record, numbers)
        drawn = draw_record(told, grid, model.streams)
        guidance = {"all": model.denoiser.settings.guidance}
        passes = Passes(model, drawn, grid, guidance, {}, song_windows(model, grid))
        cls = self.registry.get("sampler", "ddim")
        latents = passes.sample(cls(cls.Config()), NUM_STEPS, self.settings.seed, lambda _: None)
        log_mel = model.decode(latents)[0]
        audio = self.hear(log_mel, model.autoencoder.settings.mel)
        path = self.write(step, audio, {f"step {step}: {told['prompt'] or 'no prompt'}": log_mel})
        scores = self._scores(audio, drawn, model, grid)
        about = {
            "step": step, "track": record.get("audio_path"), "start": grid.start,
            "seconds": grid.duration, "prompt": told["prompt"], "guidance": guidance["all"],
            "scores": scores,
        }  # fmt: skip
        text = json.dumps(about, indent=1, default=float) + "\n"  # a plugin's floats may be numpy's
        write_whole(path.with_suffix(".json"), text.encode())
        figures = [f"{s['name']} {s['value']:.2f}" for s in scores if s["name"] in TOLD]
        self.report.note(f"diffusion: preview of step {step}: {', '.join(figures) or path}")

    def _scores(
        self, audio: Audio, drawn: DrawnSong, model: Model, grid: TimeGrid
    ) -> list[dict[str, Any]]:
        rows = []
        for name, (features, present) in drawn.items():
            stream = model.streams[name]
            asked = {**features, "present": present.astype(np.float32)}
            with self.registry.blame(name, "measure a preview"):
                found = stream.score(asked, stream.extract(audio, grid), grid)
            rows += [{"stream": name, **asdict(row), "value": float(row.value)} for row in found]
        return rows


def draw_log_mels(log_mels: Mapping[str, Tensor], seconds: float) -> bytes:
    """Return a PNG of log-mels (num_mels, T) one below the other, in the colours of the first."""
    from matplotlib.figure import Figure

    arrays = {title: log_mel.cpu().numpy() for title, log_mel in log_mels.items()}
    low, high = np.percentile(next(iter(arrays.values())), (5, 99.8))
    figure = Figure(figsize=(10, 0.6 + 2.8 * len(arrays)), layout="constrained", dpi=80)
    all_axes = figure.subplots(len(arrays), 1, squeeze=False)[:, 0]
    for axes, (title, array) in zip(all_axes, arrays.items(), strict=True):
        axes.imshow(
            array,
            origin="lower",
            aspect="auto",
            extent=(0, seconds, 0, len(array)),
            cmap="magma",
            vmin=low,
            vmax=high,
            interpolation="nearest",
        )
        axes.set_title(shorten(title, 100), parse_math=False)
        axes.set_ylabel("mel band")
    all_axes[-1].set_xlabel("seconds")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
