"""Previews of a training: what the averaged weights make of one crop, to hear and to see."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
from torch import Tensor

from muze.audio.io import write_audio, write_together
from muze.audio.mix import limit
from muze.core.errors import MuzeError
from muze.core.grid import Audio, TimeGrid
from muze.core.mel import MelSettings
from muze.core.protocols import Score
from muze.core.registry import Registry
from muze.data.conditions import with_prompt
from muze.data.crops import Crop, draw_crops
from muze.data.store import Record
from muze.pipelines.draw import draw_record
from muze.pipelines.load import Model
from muze.pipelines.sample import DrawnSong, Passes, song_windows
from muze.pipelines.training import LoopSettings, draws
from muze.pipelines.vocoder_mel import hearing
from muze.report import Report

FRAMES = 1024
"""Mel frames a preview lasts at most: 10 s."""
NUM_STEPS = 25
TOLD = ("beat F", "chord majmin", "key weighted")
"""Figures told as the training goes; the others are in the file."""
DECIBELS = 20 / math.log(10)  # of a natural logarithm of magnitudes
QUALITY = 80  # of a picture; a sixth of the bytes of a PNG, and no difference to see
Scores = dict[str, Any]
"""As JSON: ``scores``, figures of which stream and what a ``Score`` says, and ``unheard``."""


@dataclass(frozen=True)
class Previews:
    """What a run shows of itself, always of the same crop; it lies in ``<run>/previews``.

    There is a sound, a picture and the figures of each, ``step-000500.wav``, ``.webp`` and
    ``.json``; ``truth.wav`` and its figures are of the song that is shown, as good as it can be.
    """

    settings: LoopSettings
    registry: Registry
    report: Report
    noted: set[str] = field(default_factory=set)
    """Streams of which was told that they cannot measure."""

    def crop(self, lengths: Sequence[int], stride: int) -> Crop:
        """Return the crop shown, of tracks of ``lengths`` frames; the seed chooses it."""
        frames = min(FRAMES, max(lengths)) // stride * stride
        numbers, _ = draws(self.settings.seed, 0)
        return draw_crops(lengths, 1, frames, stride, numbers)[0]

    def hear(self, log_mel: Tensor, mel: MelSettings) -> Audio:
        """Return the sound of a log-mel (num_mels, T), through Griffin-Lim."""
        cls = self.registry.get("vocoder", "griffin_lim")
        vocoder = cls(cls.Config.model_validate(hearing(cls, {}, mel)))
        with self.registry.blame(vocoder.name, "render a preview"):
            return Audio(vocoder.render(log_mel.cpu().numpy())[None], mel.sample_rate)

    def write(
        self,
        step: int,
        audio: Audio,
        log_mels: Mapping[str, Tensor],
        truth: Callable[[], Audio],
    ) -> Path:
        """Write a sound whose log-mel should be the true one; return the path of the sound.

        ``log_mels`` (num_mels, T) by title are the true one and what was made of it, whose
        distance is the figure of the preview; ``truth`` gives the sound of the true one.
        """
        true, made = log_mels.values()
        apart = DECIBELS * float((true.float() - made.float()).abs().mean())
        row = Score("log-mel distance", apart, "dB", higher_is_better=False, floor=None)
        self._write_truth(true, truth, lambda _: {})
        about = {"step": step, "seconds": audio.duration, "scores": [_row("mel", row)]}
        return self._write(step, audio, log_mels, about)

    def sample(
        self, step: int, model: Model, record: Record, grid: TimeGrid, true_log_mel: Tensor
    ) -> None:
        """Sample what a record says on a grid, and write how well that was followed, too.

        ``true_log_mel`` (num_mels, T) is the best there can be: the song through the autoencoder.
        """
        numbers, _ = draws(self.settings.seed, 0)
        told = with_prompt(record, numbers)
        drawn = draw_record(told, grid, model.streams)
        guidance = {"all": model.denoiser.settings.guidance}
        passes = Passes(model, drawn, grid, guidance, {}, song_windows(model, grid))
        cls = self.registry.get("sampler", "ddim")
        latents = passes.sample(cls(cls.Config()), NUM_STEPS, self.settings.seed, lambda _: None)
        log_mel = model.decode(latents)[0]
        mel = model.autoencoder.settings.mel
        audio = self.hear(log_mel, mel)

        def score(audio: Audio) -> Scores:
            return self._scores(audio, drawn, model, grid)

        self._write_truth(true_log_mel, lambda: self.hear(true_log_mel, mel), score)
        scores = score(audio)
        about = {
            "step": step, "track": record.get("audio_path"), "start": grid.start,
            "seconds": grid.duration, "prompt": told["prompt"], "guidance": guidance["all"],
            **scores,
        }  # fmt: skip
        title = f"step {step}: {told['prompt'] or 'no prompt'}"
        shown = {"the song, through the autoencoder": true_log_mel, title: log_mel}
        path = self._write(step, audio, shown, about)
        figures = [f"{s['name']} {s['value']:.2f}" for s in scores["scores"] if s["name"] in TOLD]
        self.report.note(f"diffusion: preview of step {step}: {', '.join(figures) or path}")

    def _write(
        self, step: int, audio: Audio, log_mels: Mapping[str, Tensor], about: Mapping[str, Any]
    ) -> Path:
        path = self.settings.run / "previews" / f"step-{step:06d}.wav"
        path.parent.mkdir(exist_ok=True)
        write_audio(path, limit(audio))
        picture = draw_log_mels(log_mels, audio.duration)
        write_together(
            {path.with_suffix(".webp"): picture, path.with_suffix(".json"): _json(about)}
        )
        return path

    def _write_truth(
        self, log_mel: Tensor, hear: Callable[[], Audio], score: Callable[[Audio], Scores]
    ) -> None:
        """Write what previews are compared with, unless it is there already."""
        path = self.settings.run / "previews" / "truth.json"
        told = hashlib.sha256(log_mel.cpu().numpy().tobytes()).hexdigest()
        if path.exists() and json.loads(path.read_text(encoding="utf-8"))["sha256"] == told:
            return
        path.parent.mkdir(exist_ok=True)
        audio = limit(hear())
        write_audio(path.with_suffix(".wav"), audio)
        write_together({path: _json({"sha256": told, **score(audio)})})

    def _scores(self, audio: Audio, drawn: DrawnSong, model: Model, grid: TimeGrid) -> Scores:
        """Return every stream's figures, and why one has none, as for want of a library."""
        rows, unheard = [], {}
        for name, (features, present) in drawn.items():
            stream = model.streams[name]
            asked = {**features, "present": present.astype(np.float32)}
            try:
                with self.registry.blame(name, "measure a preview"):
                    found = stream.score(asked, stream.extract(audio, grid), grid)
            except MuzeError as fault:
                unheard[name] = str(fault)
                if name not in self.noted:
                    self.report.note(f"diffusion: previews have no figures of {name}: {fault}")
                self.noted.add(name)
                continue
            rows += [_row(name, row) for row in found]
        return {"scores": rows, "unheard": unheard}


def _row(stream: str, row: Score) -> dict[str, Any]:
    return {"stream": stream, **asdict(row), "value": float(row.value)}


def _json(about: Mapping[str, Any]) -> bytes:
    text = json.dumps(about, indent=1, default=float) + "\n"  # a plugin's floats may be numpy's
    return text.encode()


def draw_log_mels(log_mels: Mapping[str, Tensor], seconds: float) -> bytes:
    """Return a WebP of log-mels (num_mels, T), one below the other, in the colours of the first."""
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
    figure.savefig(buffer, format="webp", pil_kwargs={"quality": QUALITY})
    return buffer.getvalue()
