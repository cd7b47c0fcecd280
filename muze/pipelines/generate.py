"""The main path: a plan becomes a song, and the song is measured against the plan."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from muze.audio.io import encode_audio, write_together
from muze.audio.mel import log_mel_array
from muze.audio.mix import fade_out, normalise
from muze.core.errors import MuzeError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.model.header import read_header
from muze.pipelines.draw import draw
from muze.pipelines.load import choose_device, load_model, load_vocoder
from muze.pipelines.made_by import made_by
from muze.pipelines.measure import MUSIC_ALONE, Adherence, measure
from muze.pipelines.model_info import model_folder
from muze.pipelines.output import STEMS, check_output
from muze.pipelines.picture import draw_picture
from muze.pipelines.plan import Plan
from muze.pipelines.sample import sample
from muze.pipelines.vocals import planned_singer, sing_over, stems_of
from muze.report import Report


@dataclass(frozen=True)
class Sung:
    """The stems of a song that is sung, and its words with their times."""

    vocal_path: Path
    music_path: Path
    lrc_path: Path


@dataclass(frozen=True)
class Rendered:
    """What a render left on disk, and how well it followed its plan."""

    path: Path
    plan_path: Path
    adherence_path: Path
    picture_path: Path
    adherence: Adherence
    sung: Sung | None = None
    """What a song with a singer has beside it."""


def generate(plan: Plan, registry: Registry, report: Report, device: str = "auto") -> Rendered:
    """Make the song of a plan, measure it, and write all of it together once that is done.

    Raises:
        CheckpointError: the model is missing or damaged.
        MuzeError: whatever else a user can mend.
    """
    rendered, files = make(plan, registry, report, device)
    write_together(files)
    return rendered


def make(
    plan: Plan, registry: Registry, report: Report, device: str = "auto"
) -> tuple[Rendered, dict[Path, bytes | memoryview]]:
    """Make the song of a plan, and measure it; return what is to be written, too.

    Raises:
        CheckpointError: the model is missing or damaged.
        MuzeError: whatever else a user can mend.
    """
    path = Path(plan.output.path)
    check_output(path)
    singer = None if plan.voice is None else planned_singer(plan, registry)  # consent comes first
    folder = model_folder(plan.model, registry, plan.song.source.folder)
    model = load_model(folder, registry, choose_device(device))
    drawn = draw(plan, registry, report, model.streams)
    if unheard := sorted(set(drawn) - set(model.streams)):
        raise MuzeError(
            f"model {plan.model} was not trained to hear {', '.join(unheard)}; "
            f"it hears {', '.join(model.streams)}"
        )
    latents = sample(model, drawn, plan, registry, report)
    with torch.inference_mode():
        log_mel = model.decode(latents)[0].cpu().numpy()
    settings, streams = model.autoencoder.settings.mel, model.streams
    del model, latents  # what is done with is let go, so that a long song needs little more
    vocoder = load_vocoder(plan, folder, registry)
    with registry.blame(vocoder.name, "render the song"):
        music = vocoder.render(log_mel)
    length = round(plan.duration * settings.sample_rate)
    audio = Audio(np.ascontiguousarray(music[None, :length], np.float32), settings.sample_rate)
    del vocoder, log_mel, music
    vocals = None
    if singer is None:
        audio = normalise(fade_out(audio, plan.output.fade), plan.output.loudness)
    else:
        vocals = sing_over(audio, plan, singer, registry, report)
        audio = vocals.mix
    dropped = read_header(folder).get("evaluation", {}).get("dropped")
    beneath = {name: drawn.pop(name) for name in MUSIC_ALONE if vocals and name in drawn}
    adherence = measure(audio, plan, drawn, registry, report, dropped, streams)
    if vocals is not None:
        heard = measure(vocals.music, plan, beneath, registry, report, dropped, streams)
        adherence["scores"] += heard["scores"]
        adherence["voice"] = vocals.scores
    picture = draw_picture(
        log_mel_array(audio.mono, settings), plan, plan.song.title or plan.prompt
    )
    rendered = Rendered(
        path,
        path.with_suffix(".plan.json"),
        path.with_suffix(".adherence.json"),
        path.with_suffix(".png"),
        adherence,
        None if plan.voice is None else Sung(*(path.with_suffix(end) for end in STEMS)),
    )
    # told anew, as what is installed here may not be what was where it was planned
    provenance = made_by(plan.model, plan.voice)
    plan = plan.model_copy(update={"provenance": provenance})
    tags = {"title": plan.song.title or plan.prompt, **provenance.tags()}
    beside = {} if vocals is None else stems_of(path, vocals, tags)
    return rendered, {
        **beside,
        rendered.plan_path: plan.to_json().encode(),
        rendered.adherence_path: (json.dumps(adherence, indent=1) + "\n").encode(),
        rendered.picture_path: picture,
        path: encode_audio(path, audio, tags),  # last: where the song is, its plan is
    }
