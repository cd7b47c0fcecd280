"""``muze train``: the parts of a model, each from a dataset."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from muze.report import Report

PHASES = {"1": "vae", "2": "planner", "3": "diffusion"}
"""The phases of the specification, by the command each one is."""


class Phases(TyperGroup):
    """Commands, of which some are phases: ``muze train --phase 1`` is ``muze train vae``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # Any: Typer's own Context
        """Put the command in the place of its phase."""
        flat = [word for arg in args for word in (arg.split("=", 1) if _is_phase(arg) else [arg])]
        if "--phase" in flat:
            at = flat.index("--phase")
            phase = flat[at + 1] if at + 1 < len(flat) else ""
            if phase not in PHASES:
                told = ", ".join(f"{number} ({what})" for number, what in PHASES.items())
                raise typer.BadParameter(f"--phase is one of {told}, not {phase!r}")
            args = [PHASES[phase], *flat[:at], *flat[at + 2 :]]
        return super().parse_args(ctx, args)


def _is_phase(arg: str) -> bool:
    return arg.startswith("--phase=")


app = typer.Typer(
    cls=Phases,
    no_args_is_help=True,
    help="Train an autoencoder, a planner, a diffusion model, a vocoder. --phase 1, 2 or 3 in "
    "place of a command is vae, planner or diffusion.",
)


def _option(flags: str, kind: Any, told: str, name: str = "", default: Any = None) -> Any:
    """Return the parameter of an option, called as its first flag unless a name is given."""
    return inspect.Parameter(
        name or flags.split()[0].removeprefix("--").replace("-", "_"),
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, typer.Option(*flags.split(), help=told)],
    )


def _elsewhere(flag: str, told: str) -> Any:
    """Return the parameter of an option of the specification that muze says in another way."""

    def refuse(value: str | None) -> None:
        if value is not None:
            raise typer.BadParameter(told, param_hint=flag)

    option = typer.Option(flag, hidden=True, callback=refuse)
    name, kind = flag.removeprefix("--").replace("-", "_"), inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=None, annotation=Annotated[str | None, option])


OPTIONS = (
    _option("--config", Path | None, "Training settings in YAML."),
    _option("--dataset --annotations", str | None, "Dataset to train on."),
    _option("--max-tracks", int | None, "Train on no more than its first so many tracks."),
    _option("--run", str | None, "Folder of the run; checkpoints go there."),
    _option("--resume", bool, "Go on with the run in the folder.", default=False),
    _option("--resume-from", int | None, "Go on from an earlier checkpoint, by its step."),
    _option("--steps", int | None, "Steps of the whole run."),
    _option("--minutes", float | None, "Stop after so many minutes."),
    _option("--batch-size", int | None, "Crops a step, of all processes together."),
    _option("--accumulate", int | None, "Micro-batches a step, for less memory."),
    _option("--learning-rate", float | None, "Rate after the warm-up."),
    _option("--amp", str | None, "off, bf16 or fp16: what to compute in."),
    _option("--seed", int | None, "Decides data order and noise."),
    _option("--save-every", int | None, "Steps from checkpoint to checkpoint."),
    _option("--keep", int | None, "How many earlier checkpoints stay."),
    _option("--preview-every", int | None, "Steps from preview to preview."),
    _option("--validation", float | None, "Share of tracks held out, to validate on."),
    _option("--validate-every", int | None, "Steps from validation to validation."),
    _option("--set", list[str] | None, "Any setting, as unet.dropout=0.1; may be said again.",
            "changes"),
    _option("--track", list[str] | None, "tensorboard or wandb, where figures go besides."),
    _option("--device", str | None, "cpu, cuda, mps, or auto."),
    _option("--estimate", bool, "Tell memory, disk and time, and do not start.", default=False),
    _option("--json", bool, "Print the estimate as JSON.", "as_json", default=False),
    _option("--quiet", bool, "No progress.", default=False),
    _elsewhere("--epochs", "muze counts steps: one hears batch_size x crop_frames / 100 seconds of "
               "music, so an epoch has the dataset's seconds / that of them; say --steps"),
    _elsewhere("--audio-dir", "a dataset tells where its sound lies: build it from the folder by "
               "muze dataset build FOLDER -o songs.parquet, and say --dataset"),
)  # fmt: skip
"""What every training takes on the command line; a YAML file says the rest."""


FROM = "Start from the weights of a model."
VAE = "Model folder whose autoencoder makes the latents."


def _command(what: str, told: str, *more: Any, start: str = "--from") -> None:
    """Add the command ``muze train <what>``, with options of its own."""
    more = (_option(start, str | None, FROM, "start"), *more)

    def train(**given: Any) -> None:  # Any: values of the options
        _train(what, **given)

    # Typer reads an option from a parameter, so what all share is written once
    train.__signature__ = inspect.Signature([*OPTIONS, *more])  # type: ignore[attr-defined]
    app.command(what, help=told)(train)


_command(
    "vae",
    "Train the autoencoder: mel spectrograms to latents and back.",
    _option("--preset", str | None, "Its size by name, as 128-light (muze models sizes)."),
)
_command(
    "diffusion",
    "Train the U-Net on latents, with every stream of the dataset.",
    _option("--vae --vae-checkpoint", str | None, VAE),
    _option("--lora", int | None, "Train changes of this rank beside the weights of --from."),
    _option("--add-stream", list[str] | None, "Add a stream to the model; may be said again."),
    _option("--freeze", str | None, "base: train only what added streams brought."),
    start="--from --ldm-checkpoint",
)
_command(
    "vocoder",
    "Train the vocoder: mel spectrograms to sound.",
    _option("--vae --vae-checkpoint", str | None, VAE),
    _option("--vocoder", str | None, "Which: vocos or hifigan."),
)
_command("planner", "Train the planner: words and a length to sections, tempo, key and chords.")


@app.command("report")
def report(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
) -> None:
    """Write the page of a run anew, from its last checkpoint; prints its path."""
    from muze.pipelines.run_report import rewrite_report

    print(rewrite_report(run))


def _train(
    what: str,
    quiet: bool,
    config: Path | None,
    changes: Sequence[str] | None,
    estimate: bool,
    as_json: bool,
    **options: Any,  # Any: values
) -> None:
    """Run ``muze.pipelines.train_<what>.train`` with its ``TrainingSettings``."""
    launched = "RANK" in os.environ  # one of several processes
    if launched:  # of DDP's, that a step used all weights though some may leave some out
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    from importlib import import_module

    from muze.manifest.training import read_settings
    from muze.pipelines.out_of_memory import told_in_numbers
    from muze.pipelines.training import check_paths
    from muze.report import open_report

    pipeline = import_module(f"muze.pipelines.train_{what}")
    # by identity: 0 is equal to False, and is said
    given = {k: v for k, v in options.items() if v not in (None, []) and v is not False}
    settings = read_settings(config, pipeline.TrainingSettings, given, changes or (), check_paths)
    try:
        with open_report(quiet or (launched and os.environ["RANK"] != "0")) as report:
            if estimate:
                _estimate(what, settings, report, as_json)
                return
            with told_in_numbers(settings, what):
                pipeline.train(settings, report)
    except KeyboardInterrupt:
        told = "" if estimate else _what_is_left(Path(settings.run))
        raise KeyboardInterrupt(told) from None
    finally:
        if launched:
            from muze.pipelines.processes import leave

            leave()


def _estimate(what: str, settings: Any, report: Report, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from muze.cli.tables import show_estimate
    from muze.pipelines.estimate import estimate

    found = estimate(what, settings, report)
    if as_json:
        print(json.dumps({**asdict(found), "fits": found.fits}, indent=2))
    else:
        show_estimate(found)


def _what_is_left(run: Path) -> str:
    if not (run / "state").exists() and not (run / "state.old").exists():
        return f"interrupted; {run} has no checkpoint yet, so the training starts anew"
    return f"interrupted; {run} is left as of its last checkpoint; --resume goes on from there"
