"""``muze plan``: words become a song file; a song file is shown in full."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from muze.cli.generate import (
    AsJson,
    Duration,
    Eta,
    Guidance,
    Manifest,
    ModelName,
    PlannerName,
    Prompt,
    SamplerName,
    Seed,
    Steps,
    Template,
    VocoderName,
    check_source,
    print_plan,
    said_options,
)

SUFFIXES = (".yaml", ".yml")


def plan(
    prompt: Prompt = None,
    manifest: Manifest = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", help="Of words: the song file to write. Of a manifest: its sound."
        ),
    ] = None,
    duration: Duration = None,
    tempo: Annotated[float | None, typer.Option("--tempo", help="Beats a minute.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Tonic and mode, as 'A minor'.")] = None,
    time_signature: Annotated[
        str | None, typer.Option("--time-signature", help="4/4, 3/4, 6/8, ...")
    ] = None,
    template: Template = None,
    seed: Seed = None,
    planner: PlannerName = None,
    cfg_scale: Guidance = None,
    num_steps: Steps = None,
    sampler: SamplerName = None,
    eta: Eta = None,
    model: ModelName = None,
    vocoder: VocoderName = None,
    json: AsJson = False,
) -> None:
    """Turn PROMPT into a song file to edit, or show what a manifest comes to; make no sound.

    The song file goes to stdout, and to --output. What the words leave open is decided by the
    model's planner, if it has one, or as --planner says.
    """
    from muze.core.registry import Registry
    from muze.pipelines.model_info import find_model
    from muze.pipelines.plan import plan_file

    check_source({"PROMPT": prompt, "--manifest": manifest})
    options = said_options({
        "PROMPT": prompt, "--duration": duration, "--tempo": tempo, "--key": key,
        "--time-signature": time_signature, "--template": template, "--seed": seed,
        "--planner": planner, "--cfg-scale": cfg_scale, "--num-steps": num_steps,
        "--sampler": sampler, "--eta": eta, "--model": model, "--vocoder": vocoder,
    })  # fmt: skip
    if prompt is None:
        options |= said_options({"--output": output})
        print_plan(plan_file(manifest, Registry(), options, find_model, writes=False), json)
        return
    file = None if output is None else _new_file(Path(output))
    decided = plan_file(None, Registry(), options, find_model, writes=False, own_planner=True)
    from muze.pipelines.song_file import song_file

    text = song_file(decided, "song.yaml" if file is None else str(file))
    if file is not None:
        from muze.audio.io import write_whole

        write_whole(file, text.encode())
    print(decided.to_json() if json else text, end="")


def _new_file(path: Path) -> Path:
    """Return the path of a song file to be written; refuse what is no YAML or is there already."""
    if path.suffix.lower() not in SUFFIXES:
        told = f"{path} is no name of a song file; those end in {' or '.join(SUFFIXES)}"
        raise typer.BadParameter(told, param_hint="--output")
    if path.exists():
        told = f"{path} is there already, and may have been edited; name another"
        raise typer.BadParameter(told, param_hint="--output")
    return path
