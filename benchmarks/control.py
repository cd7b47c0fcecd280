"""How well a model does what held-out manifests ask, and where what is lost is lost.

Each manifest is rendered twice from the same noise: told everything, and told its prompt alone.
Excerpts of held-out songs of muze-corpus, whose truth is known, tell what the extractors can hear
at best, what they hear after the vocoder, and after autoencoder and vocoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from benchmarks.excerpts import Excerpt, held_out_excerpts, truth_scores
from benchmarks.harness import (
    AsJson,
    Docs,
    Figures,
    Findings,
    Interval,
    Kept,
    NumSongs,
    Songs,
    Work,
    cell,
    markdown,
    mean_cell,
    means,
    model_identity,
)
from muze.audio.io import write_audio
from muze.audio.mel import log_mel_array
from muze.audio.mix import fade_out, normalise
from muze.core.grid import Audio
from muze.core.protocols import Vocoder
from muze.core.registry import Registry
from muze.model.header import read_header, write_header
from muze.pipelines.draw import draw
from muze.pipelines.load import Model, choose_device, load_model, load_vocoder
from muze.pipelines.measure import measure
from muze.pipelines.model_info import find_model, model_folder
from muze.pipelines.plan import Plan, plan_file
from muze.pipelines.sample import DrawnSong, sample
from muze.report import SilentReport, open_report

WORDS = "text"
"""The stream that is still told where every control is dropped."""
SECONDS = 20.0
SHOWN = (
    "tempo.tempo Acc1", "tempo.tempo Acc2", "beat.beat F", "beat.downbeat F", "beat.metre BM",
    "key.key weighted", "chord.chord majmin", "chord.chord triads", "section.section F 0.5 s",
    "section.section F 3 s", "energy.energy r", "loudness.loudness error",
)  # fmt: skip
HEARD = ("tempo", "beat", "key", "chord", "section", "energy")
"""Streams scored on true audio; a song's record does not know the loudness of an excerpt."""
STAGES = ("truth", "truth, vocoder", "truth, autoencoder, vocoder")
GROUPS = {"held": "held-out progressions", "new": "new chords"}


@dataclass(frozen=True)
class Ready:
    """A model loaded, and what tells it from another."""

    model: Model
    vocoder: Vocoder
    registry: Registry
    networks: dict[str, str]


def render(ready: Ready, plan: Plan, given: DrawnSong) -> Audio:
    """Return the song that ``muze generate`` makes of a plan, told only what is given."""
    model = ready.model
    latents = sample(model, given, plan, ready.registry, SilentReport())
    with torch.inference_mode():
        log_mel = model.decode(latents)[0].cpu().numpy()
    settings = model.autoencoder.settings.mel
    samples = ready.vocoder.render(log_mel)[None, : round(plan.duration * settings.sample_rate)]
    audio = Audio(np.ascontiguousarray(samples, np.float32), settings.sample_rate)
    return normalise(fade_out(audio, plan.output.fade), plan.output.loudness)


def measured(
    ready: Ready, plan: Plan, dropped: bool, sound: Path | None
) -> dict[str, tuple[float, float | None]]:
    """Return ``stream.figure`` to value and floor of one render; keep its sound where asked."""
    drawn = draw(plan, ready.registry, SilentReport(), ready.model.streams)
    told = {name: found for name, found in drawn.items() if not dropped or name == WORDS}
    audio = render(ready, plan, told)
    if sound is not None:
        sound.parent.mkdir(parents=True, exist_ok=True)
        write_audio(sound, audio)
    streams = ready.model.streams
    found = measure(audio, plan, drawn, ready.registry, SilentReport(), streams=streams)
    return {f"{s['stream']}.{s['name']}": (s["value"], s["floor"]) for s in found["scores"]}


def scored(stage: str, excerpt: Excerpt, ready: Ready) -> dict[str, tuple[float, float | None]]:
    """Return the figures of an excerpt's own truth, heard after a stage."""
    model, audio = ready.model, excerpt.audio
    if stage != STAGES[0]:
        settings = model.autoencoder.settings.mel
        log_mel = log_mel_array(audio.mono, settings)
        if "autoencoder" in stage:
            with torch.inference_mode():
                mean, _ = model.autoencoder.encode(torch.from_numpy(log_mel)[None].to(model.device))
                log_mel = model.autoencoder.decode(mean)[0].cpu().numpy()
        audio = Audio(ready.vocoder.render(log_mel)[None], settings.sample_rate)
    return truth_scores(audio, excerpt, HEARD, ready.registry)


def values(items: Sequence[Mapping[str, Any]], part: int) -> list[Figures]:
    """Return the values (part 0) or chance floors (part 1) of items' figures."""
    return [{k: v[part] for k, v in item.items() if v[part] is not None} for item in items]


def gains(asked: Sequence[Figures], dropped: Sequence[Figures]) -> dict[str, Interval]:
    """Return each figure's mean difference between the two renders of the same manifests."""
    pairs = zip(asked, dropped, strict=True)
    return means([{k: a[k] - d[k] for k in a if k in d} for a, d in pairs])


def render_all(
    paths: Sequence[Path], plans: Sequence[Plan], ready: Ready, kept: Kept, audio: Path | None
) -> dict[bool, list[dict[str, Any]]]:
    """Return the figures of every manifest, by whether its controls were dropped."""
    found: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    with open_report() as report:
        advance = report.task("rendering and measuring manifests", 2 * len(paths))
        for path, plan in zip(paths, plans, strict=True):
            # what the sound depends on; its place on disk is not part of it
            decided = plan.model_dump(mode="json", exclude={"muze", "plugins", "output", "model"})
            for dropped, items in found.items():
                name = f"{path.stem}-{'dropped' if dropped else 'told'}.flac"
                sound = audio / name if audio else None
                about = {"plan": decided, "dropped": dropped, "networks": ready.networks}
                items.append(kept.get(about, partial(measured, ready, plan, dropped, sound)))
                advance()
    return found


def hear_truth(
    excerpts: Sequence[Excerpt], ready: Ready, kept: Kept
) -> dict[str, list[dict[str, Any]]]:
    """Return the figures of every excerpt after every stage."""
    found: dict[str, list[dict[str, Any]]] = {stage: [] for stage in STAGES}
    with open_report() as report:
        advance = report.task("measuring true audio", len(STAGES) * len(excerpts))
        for excerpt in excerpts:
            for stage, items in found.items():
                about = {"excerpt": excerpt.name, "stage": stage, "seconds": SECONDS}
                about |= {} if stage == STAGES[0] else {"networks": ready.networks}
                items.append(kept.get(about, partial(scored, stage, excerpt, ready)))
                advance()
    return found


def main(
    model: Annotated[str, typer.Option(help="An installed model or a folder.")] = "starter",
    manifests: Annotated[Path, typer.Option(help="Folder.")] = Path("benchmarks/manifests"),
    songs: Songs = Path("data/held-out"),
    num_songs: NumSongs = 24,
    limit: Annotated[int | None, typer.Option(help="Only so many manifests.")] = None,
    steps: Annotated[int, typer.Option(help="Denoising steps.")] = 50,
    sampler: Annotated[str, typer.Option(help="An installed sampler.")] = "ddim",
    cfg_scale: Annotated[float | None, typer.Option(help="Guidance; else the model's.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, or auto.")] = "auto",
    write_evaluation: Annotated[
        bool, typer.Option("--write-evaluation", help="Write the means into the model's header.")
    ] = False,
    keep_audio: Annotated[bool, typer.Option("--keep-audio", help="Keep new renders.")] = False,
    work: Work = Path("runs/benchmarks/control"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Render and measure the held-out manifests."""
    registry, kept = Registry(), Kept(work)
    folder = model_folder(model, registry, Path.cwd())
    options: dict[str, Any] = {"--model": str(folder), "--num-steps": steps, "--sampler": sampler}
    options |= {} if cfg_scale is None else {"--cfg-scale": cfg_scale}
    # both kinds of a genre, one after the other, so that a limit takes of both
    paths = sorted(manifests.glob("*.yaml"), key=lambda p: p.stem.partition("-")[2])[:limit]
    if not paths:
        raise typer.BadParameter(f"{manifests}: holds no manifests; run benchmarks.make_manifests")
    plans = [plan_file(path, registry, options, find_model) for path in paths]
    ready = Ready(
        load_model(folder, registry, choose_device(device)),
        load_vocoder(plans[0], folder, registry),
        registry,
        model_identity(folder),
    )
    renders = render_all(paths, plans, ready, kept, work / "audio" if keep_audio else None)
    stages = hear_truth(held_out_excerpts(songs, num_songs, SECONDS), ready, kept)
    told, untold = values(renders[False], 0), values(renders[True], 0)
    chance = means(values(renders[False], 1))
    columns = {
        "told": means(told),
        "words alone": means(untold),
        "gain": gains(told, untold),
        **{stage: means(values(found, 0)) for stage, found in stages.items()},
    }
    groups = {
        kind: means([v for path, v in zip(paths, told, strict=True) if path.stem.startswith(start)])
        for start, kind in GROUPS.items()
    }
    settings = {
        "model": model, "sampler": plans[0].sampler.name, "steps": plans[0].num_steps,
        "guidance": plans[0].guidance, "manifests": len(paths), "excerpts": num_songs,
    }  # fmt: skip
    if write_evaluation:
        evaluation = {
            key: {name: round(found.mean, 4) for name, found in columns[column].items()}
            for key, column in (("told", "told"), ("dropped", "words alone"))
        }
        header = {**read_header(folder), "evaluation": {**evaluation, "render": settings}}
        write_header(folder, header)
    findings = Findings("control", settings, kept.seconds)
    findings.data = {"columns": columns, "groups": groups, "chance": chance}
    by_figure = {name: name.partition(".")[2] for name in SHOWN}
    findings.tables[f"{len(paths)} manifests of {SECONDS:g} s; mean and 95 % interval"] = markdown(
        ["figure", *columns, "chance"],
        [
            [text, *(cell(found, name) for found in columns.values()), mean_cell(chance, name)]
            for name, text in by_figure.items()
        ],
    )
    findings.tables["Told everything, by kind of manifest"] = markdown(
        ["figure", *groups],
        [[text, *(cell(f, name) for f in groups.values())] for name, text in by_figure.items()],
    )
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
