"""Renders of a suite: each plan told in full, and from the same noise told its words alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from muze.audio.io import read_audio, write_audio, write_whole
from muze.audio.mix import fade_out, normalise
from muze.core.errors import MuzeError
from muze.core.grid import Audio
from muze.core.protocols import Vocoder
from muze.core.registry import Registry
from muze.evaluation.kept import code_identity
from muze.evaluation.stems import MUSIC, VOCAL, Stems
from muze.model.header import whole_header
from muze.pipelines.draw import draw
from muze.pipelines.load import Model, choose_device, load_model, load_vocoder
from muze.pipelines.model_info import model_folder
from muze.pipelines.plan import Plan
from muze.pipelines.sample import DrawnSong, sample
from muze.pipelines.vocals import planned_singer, sing_over
from muze.report import SilentReport

WORDS = "text"
"""The stream that is still told where every control is dropped."""
LEFT_OUT = {"muze", "plugins", "output", "model", "manifest"}
"""What of a plan its sound does not depend on, besides what ``about_model`` tells."""


@dataclass(frozen=True)
class Ready:
    """A model loaded, and what tells it from another."""

    model: Model
    vocoder: Vocoder
    registry: Registry
    networks: dict[str, str]
    """SHA-256 of each network of the model's folder."""


def model_identity(folder: Path) -> dict[str, str]:
    """Return the hash of each network of a model folder."""
    return {name: part["sha256"] for name, part in whole_header(folder)["parts"].items()}


def make_ready(name: str, plan: Plan, registry: Registry, device: str) -> Ready:
    """Load the model of a name, and the vocoder that a plan is heard through.

    Raises:
        CheckpointError: the model is missing or damaged.
    """
    folder = model_folder(name, registry, Path.cwd())
    return Ready(
        load_model(folder, registry, choose_device(device)),
        load_vocoder(plan, folder, registry),
        registry,
        model_identity(folder),
    )


@dataclass(frozen=True)
class Render:
    """A song, and where it is sung its voice and its music."""

    audio: Audio
    voice: Audio | None = None
    music: Audio | None = None

    def files(self, path: Path) -> dict[Path, Audio]:
        """Return what is written at a path and beside it, the song last."""
        stems = {path.with_suffix(VOCAL): self.voice, path.with_suffix(MUSIC): self.music}
        return {**{file: stem for file, stem in stems.items() if stem is not None},
                path: self.audio}  # fmt: skip


def kept_stems(path: Path, plan: Plan) -> Stems | None:
    """Return the stems beside a render; None where nobody sings."""
    if plan.voice is None:
        return None
    voice, music = (read_audio(path.with_suffix(end)) for end in (VOCAL, MUSIC))
    return Stems(voice, music)


def render(ready: Ready, plan: Plan, given: DrawnSong) -> Render:
    """Return the song that ``muze generate`` makes of a plan, told only what is given."""
    model = ready.model
    latents = sample(model, given, plan, ready.registry, SilentReport())
    with torch.inference_mode():
        log_mel = model.decode(latents)[0].cpu().numpy()
    settings = model.autoencoder.settings.mel
    with ready.registry.blame(ready.vocoder.name, "render the song"):
        samples = ready.vocoder.render(log_mel)
    length = round(plan.duration * settings.sample_rate)
    audio = Audio(np.ascontiguousarray(samples[None, :length], np.float32), settings.sample_rate)
    if plan.voice is not None:
        singer = planned_singer(plan, ready.registry)
        sung = sing_over(audio, plan, singer, ready.registry, SilentReport())
        return Render(sung.mix, sung.voice, sung.music)
    return Render(normalise(fade_out(audio, plan.output.fade), plan.output.loudness))


def render_plan(ready: Ready, plan: Plan, dropped: bool = False) -> Render:
    """Return the render of a plan, told in full, or with everything dropped but its words.

    Raises:
        MuzeError: the model cannot be told all that the plan says.
    """
    drawn = draw(plan, ready.registry, SilentReport(), ready.model.streams)
    if unheard := sorted(set(drawn) - set(ready.model.streams)):
        raise MuzeError(
            f"{plan.song.title or plan.prompt}: the model was not trained to hear "
            f"{', '.join(unheard)}; it hears {', '.join(ready.model.streams)}"
        )
    told = {name: found for name, found in drawn.items() if not dropped or name == WORDS}
    return render(ready, plan, told)


def decided(plan: Plan) -> dict[str, Any]:
    """Return what of a plan its sound and its figures depend on, as JSON."""
    return plan.model_dump(mode="json", exclude=LEFT_OUT)


def keep_render(path: Path, about: dict[str, Any], make: Callable[[], Render]) -> tuple[str, float]:
    """Make a sound file, and its stems, unless they are there and were made of the same.

    Returns a hash of what it is made of, and the seconds that took. Both stand in a file beside
    it, written after it.
    """
    text = json.dumps({**about, "code": code_identity()}, sort_keys=True)
    mark = sha256(text.encode()).hexdigest()
    note = path.with_suffix(".made.json")
    made = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
    files = [path.with_name(name) for name in made.get("files", [path.name])]
    if made.get("of") != mark or not all(file.exists() for file in files):
        path.parent.mkdir(parents=True, exist_ok=True)
        note.unlink(missing_ok=True)
        started = time.perf_counter()
        sounds = make().files(path)
        for file, audio in sounds.items():
            write_audio(file, audio)
        names = [file.name for file in sounds]
        made = {"of": mark, "seconds": time.perf_counter() - started, "files": names}
        write_whole(note, json.dumps(made).encode())
    return mark, float(made["seconds"])
