"""``muze evaluate``: how well a recording, or a model on a suite, does what is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from muze.core.registry import Registry
    from muze.pipelines.plan import Plan
    from muze.report import Report

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
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, mps, or auto.")] = "auto",
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
    }  # fmt: skip
    for_a_recording = {
        "--manifest": manifest, "--plan": plan, "--seed": seed, "--vocal": vocal,
        "--copy-synthesis": copy_synthesis or None,
    }  # fmt: skip
    _check(given, suite, model, for_a_suite, for_a_recording)
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
            from muze.evaluation.recording import is_plan, plan_as_written, plan_to_judge

            if plan is not None:
                judged = plan_as_written(plan, registry)
            else:
                assert manifest is not None
                if seed is not None and is_plan(manifest):
                    raise typer.BadParameter("a plan is fixed; it cannot be changed by --seed")
                judged = plan_to_judge(manifest, seed, registry, report)
            sounds = [Path(name) for name in given]
            show = _recordings(sounds, judged, model, vocal, copy_synthesis, html, registry, report)
    show(json)


def _check(
    given: list[str],
    suite: str | None,
    model: str | None,
    for_a_suite: dict[str, Any],  # Any: an option's value
    for_a_recording: dict[str, Any],
) -> None:
    """Refuse what does not go together."""
    of_recording = [name for name, value in for_a_recording.items() if value is not None]
    of_suite = [name for name, value in for_a_suite.items() if value is not None]
    if suite is not None:
        if of_recording:
            raise typer.BadParameter(f"{of_recording[0]} is of recordings, not of a suite")
        if len(given) > 2:
            raise typer.BadParameter(f"give one model or two, not {len(given)}")
        if for_a_suite["--write-evaluation"] and for_a_suite["--seconds"] is not None:
            raise typer.BadParameter(
                "--write-evaluation goes without --seconds: songs cut short are other songs"
            )
        if given and model is not None:
            raise typer.BadParameter("give models as --model or as arguments, not both")
        return
    if of_suite:
        raise typer.BadParameter(f"{of_suite[0]} goes with --suite")
    if for_a_recording["--manifest"] is not None and for_a_recording["--plan"] is not None:
        raise typer.BadParameter("give one of --manifest and --plan")
    if for_a_recording["--plan"] is not None and for_a_recording["--seed"] is not None:
        raise typer.BadParameter("a plan is fixed; it cannot be changed by --seed")
    against = for_a_recording["--manifest"] or for_a_recording["--plan"]
    if len(given) not in (1, 2):
        raise typer.BadParameter("give one recording or two, two folders, or --suite")
    if against is None and (len(given) != 2 or not all(Path(name).is_dir() for name in given)):
        raise typer.BadParameter(
            "give one of --manifest and --plan, or two folders of evaluations, or --suite"
        )
    if against is None and (extra := [*(["--model"] if model else ()), *of_recording]):
        raise typer.BadParameter(f"folders of evaluations take no {extra[0]}")
    if for_a_recording["--vocal"] is not None and len(given) == 2:
        raise typer.BadParameter("--vocal is of one recording; of two, each has its own beside it")


def _recordings(
    paths: list[Path],
    plan: Plan,
    model: str | None,
    vocal: Path | None,
    copied: bool,
    html: Path | None,
    registry: Registry,
    report: Report,
) -> Any:  # Any: a function that prints
    from muze.evaluation.recording import dropped_figures, evaluate_file

    dropped = None if model is None else dropped_figures(model, Path.cwd(), registry)
    found = [evaluate_file(path, plan, registry, report, dropped, vocal) for path in paths]
    if copied:
        from muze.audio.io import read_audio
        from muze.evaluation.copy_synthesis import copy_rows

        copies = [copy_rows(read_audio(path), model or "starter", registry) for path in paths]
        found = [
            replace(one, adherence={**one.adherence, "vocoder": rows})
            for one, rows in zip(found, copies, strict=True)
        ]
    if html is not None:
        from muze.evaluation.page import write_recordings

        write_recordings(html, paths, found, plan)
        report.note(f"{html}: written")
    rows: list[Any] = []
    if len(found) == 2:
        from muze.evaluation.compare import compare_recordings

        rows = compare_recordings(found[0].adherence, found[1].adherence)

    def show(as_json: bool) -> None:
        from muze.cli.evaluation_tables import show_comparison, show_recording

        if as_json:
            import json

            told: Any = found[0].adherence
            if len(found) == 2:
                told = {"muze_comparison": 1, "a": str(paths[0]), "b": str(paths[1]), "rows": rows}
            print(json.dumps(told, indent=2))
        elif len(found) == 2:
            show_comparison(rows, str(paths[0]), str(paths[1]))
        else:
            show_recording(found[0].adherence)

    return show
