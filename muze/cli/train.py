"""``muze train``: the parts of a model, each from a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True, help="Train an autoencoder, a diffusion model, a vocoder.")

Config = Annotated[Path | None, typer.Option("--config", help="Training settings in YAML.")]
Dataset = Annotated[str | None, typer.Option("--dataset", help="Dataset to train on.")]
Run = Annotated[str | None, typer.Option("--run", help="Folder of the run; checkpoints go there.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")]
From = Annotated[str | None, typer.Option("--from", help="Start from the weights of a model.")]
Minutes = Annotated[float | None, typer.Option("--minutes", help="Stop after so many minutes.")]
Steps = Annotated[int | None, typer.Option("--steps", help="Steps of the whole run.")]
Device = Annotated[str | None, typer.Option("--device", help="cpu, cuda, mps, or auto.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]


@app.command("diffusion")
def diffusion(
    config: Config = None,
    dataset: Dataset = None,
    run: Run = None,
    resume: Resume = False,
    start: From = None,
    add_stream: Annotated[
        list[str] | None,
        typer.Option("--add-stream", help="Add a stream to the model; may be said again."),
    ] = None,
    freeze: Annotated[
        str | None, typer.Option("--freeze", help="base: train only what added streams brought.")
    ] = None,
    minutes: Minutes = None,
    steps: Steps = None,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """Train the U-Net on latents, with every stream of the dataset."""
    _train("diffusion", quiet, config, dataset=dataset, run=run, resume=resume, start=start,
           add_stream=add_stream or None, freeze=freeze, minutes=minutes, steps=steps,
           device=device)  # fmt: skip


def _command(what: str, told: str) -> None:
    """Add the command ``muze train <what>``."""

    def train(
        config: Config = None,
        dataset: Dataset = None,
        run: Run = None,
        resume: Resume = False,
        start: From = None,
        minutes: Minutes = None,
        steps: Steps = None,
        device: Device = None,
        quiet: Quiet = False,
    ) -> None:
        _train(what, quiet, config, dataset=dataset, run=run, resume=resume, start=start,
               minutes=minutes, steps=steps, device=device)  # fmt: skip

    app.command(what, help=told)(train)


_command("vae", "Train the autoencoder: mel spectrograms to latents and back.")
_command("vocoder", "Train the vocoder: mel spectrograms to sound.")


def _train(what: str, quiet: bool, config: Path | None, **options: Any) -> None:  # Any: values
    """Run ``muze.pipelines.train_<what>.train`` with its ``TrainingSettings``."""
    from importlib import import_module

    from muze.manifest.training import read_settings
    from muze.report import open_report

    pipeline = import_module(f"muze.pipelines.train_{what}")
    # by identity: 0 is equal to False, and is said
    given = {k: v for k, v in options.items() if v is not None and v is not False}
    settings = read_settings(config, pipeline.TrainingSettings, given)
    try:
        with open_report(quiet) as report:
            pipeline.train(settings, report)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_what_is_left(Path(settings.run))) from None


def _what_is_left(run: Path) -> str:
    if not (run / "state").exists() and not (run / "state.old").exists():
        return f"interrupted; {run} has no checkpoint yet, so the training starts anew"
    return f"interrupted; {run} is left as of its last checkpoint; --resume goes on from there"
