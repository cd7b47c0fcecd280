"""``muze evaluate``: how well a recording, or a model on a suite, does what is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from muze.cli.evaluate_options import check_options

OF_A_SUITE = "With --suite: "
OF_A_RECORDING = "Of recordings: "


def evaluate(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="A [B]",
            help="A recording, or two to set side by side; two folders of evaluations; with "
            "--suite, one or two models.",
            show_default=False,
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", help=f"{OF_A_RECORDING}the song (or .plan.json) it should be."),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Or the .plan.json it was made from.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Decides what the manifest does not say.")
    ] = None,
    vocal: Annotated[
        Path | None,
        typer.Option(
            "--vocal",
            help="Of one recording that is sung: its voice alone. Else SONG.vocal.wav beside it.",
        ),
    ] = None,
    copy_synthesis: Annotated[
        bool,
        typer.Option(
            "--copy-synthesis",
            help=f"{OF_A_RECORDING}how far what the vocoder of --model makes of it is from it.",
        ),
    ] = False,
    suite: Annotated[
        str | None,
        typer.Option("--suite", help="A suite's name (held-out), or a folder of manifests."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help=f"{OF_A_SUITE}the model (starter). {OF_A_RECORDING}whose evaluation tells what "
            "is reached with controls dropped.",
        ),
    ] = None,
    num_songs: Annotated[
        int | None, typer.Option("--num-songs", min=1, help=f"{OF_A_SUITE}only the first so many.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", help=f"{OF_A_SUITE}only so much of each song.")
    ] = None,
    num_steps: Annotated[
        int | None, typer.Option("--num-steps", help=f"{OF_A_SUITE}denoising steps.")
    ] = None,
    sampler: Annotated[
        str | None, typer.Option("--sampler", help=f"{OF_A_SUITE}an installed sampler.")
    ] = None,
    cfg_scale: Annotated[
        float | None, typer.Option("--cfg-scale", help=f"{OF_A_SUITE}guidance.")
    ] = None,
    best_of: Annotated[
        int, typer.Option("--best-of", min=1, help=f"{OF_A_SUITE}also the best of so many renders.")
    ] = 1,
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference",
            help=f"{OF_A_SUITE}folder of music: how far renders sound from it (needs musicnn), "
            "and how far what the vocoder makes of it is.",
        ),
    ] = None,
    write_evaluation: Annotated[
        bool,
        typer.Option(
            "--write-evaluation",
            help=f"{OF_A_SUITE}write the means into the model's header and its card.",
        ),
    ] = False,
    device: Annotated[
        str, typer.Option("--device", help=f"{OF_A_SUITE}cpu, cuda, mps, or auto.")
    ] = "auto",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            help=f"{OF_A_SUITE}folder of renders and figures; what is kept there is not made "
            "again. Else evaluations/SUITE/MODEL.",
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with players and pictures.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Measure recordings against what they should be, or models on a suite of manifests.

    muze evaluate A.wav --manifest SONG: any recording against a song. A render is measured against
    its own plan; of a manifest without a seed, what muze decides itself is decided with seed 0.

    muze evaluate A.wav B.wav --manifest SONG: two recordings against the same song.

    muze evaluate --suite held-out --model MODEL: renders every manifest of the suite, and once more
    told its words alone. muze evaluate --suite held-out M1 M2 does so with two models.

    muze evaluate FOLDER1 FOLDER2: what two such runs found, song by song.
    """
    given = what or []
    for_a_suite = {
        "--num-songs": num_songs, "--seconds": seconds, "--num-steps": num_steps,
        "--sampler": sampler, "--cfg-scale": cfg_scale, "--output": output,
        "--reference": reference, "--best-of": None if best_of == 1 else best_of,
        "--write-evaluation": write_evaluation or None,
        "--device": None if device == "auto" else device,
    }  # fmt: skip
    for_a_recording = {
        "--manifest": manifest, "--plan": plan, "--seed": seed, "--vocal": vocal,
        "--copy-synthesis": copy_synthesis or None,
    }  # fmt: skip
    check_options(given, suite, model, for_a_suite, for_a_recording)
    from muze.core.registry import Registry
    from muze.report import open_report

    registry = Registry()
    with open_report(quiet) as report:
        if suite is not None:
            options = {n: for_a_suite[n] for n in ("--num-steps", "--sampler", "--cfg-scale")}
            options = {name: value for name, value in options.items() if value is not None}
            models = given or [model or "starter"]
            from muze.cli.evaluate_suites import run_suites

            show = run_suites(
                suite, models, registry, report, options=options, num_songs=num_songs,
                seconds=seconds, best_of=best_of, device=device, output=output, html=html,
                reference=reference, write=write_evaluation,
            )  # fmt: skip
        elif manifest is None and plan is None:
            from muze.cli.evaluate_suites import compare_folders

            show = compare_folders([Path(name) for name in given], html)
        else:
            from muze.cli.evaluate_recordings import compare_or_show, judged_by

            judged = judged_by(manifest, plan, seed, registry, report)
            show = compare_or_show(
                [Path(name) for name in given], judged, registry, report, model=model, vocal=vocal,
                copy_synthesis=copy_synthesis, html=html,
            )  # fmt: skip
    show(json)
