"""``muze generate``: a song from words, a manifest or a plan."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from muze.core.registry import Registry
    from muze.pipelines.plan import Plan
    from muze.pipelines.thresholds import Threshold

NOT_MET = 3
"""Exit code where a render falls short of ``--fail-under``."""
Prompt = Annotated[str | None, typer.Argument(help="What the music is like, in words.")]
Manifest = Annotated[Path | None, typer.Option("--manifest", help="A song in YAML.")]
Output = Annotated[str | None, typer.Option("--output", help="File to write: wav, flac, ogg, mp3.")]
Duration = Annotated[float | None, typer.Option("--duration", help="Length in seconds.")]
Guidance = Annotated[
    float | None, typer.Option("--cfg-scale", help="How strongly to hold to what is asked.")
]
Steps = Annotated[int | None, typer.Option("--num-steps", help="Denoising steps.")]
Template = Annotated[str | None, typer.Option("--template", help="Form of the song.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Same seed, same song.")]
SamplerName = Annotated[str | None, typer.Option("--sampler", help="An installed sampler.")]
Eta = Annotated[float | None, typer.Option("--eta", help="Noise put back at each step.")]
ModelName = Annotated[
    str | None, typer.Option("--model", help="An installed model, a folder, or a hub id.")
]
VocoderName = Annotated[str | None, typer.Option("--vocoder", help="An installed vocoder.")]
PlannerName = Annotated[
    str | None,
    typer.Option("--planner", help="Who decides what is open: templates, or a model's planner."),
]
StyleOf = Annotated[
    str | None, typer.Option("--style-of", help="Whose voice colours the music: a wav, an artist.")
]
VoiceBackend = Annotated[
    str | None, typer.Option("--voice-backend", help="Who sings: an installed voice backend.")
]
VoiceClone = Annotated[
    str | None,
    typer.Option("--voice-clone", help="A registered voice, or one of the backend; else xtts's."),
]
VoiceSamples = Annotated[
    Path | None,
    typer.Option("--voice-clone-samples", help="Recordings of a voice to clone; a file or folder."),
]
VoiceConsent = Annotated[
    Path | None, typer.Option("--voice-consent", help="The speaker's consent to that, in YAML.")
]
SeparateVocals = Annotated[
    bool,
    typer.Option("--separate-vocals", help="Take the voice out of these recordings first."),
]
Lyrics = Annotated[
    str | None, typer.Option("--lyrics", help="The words, or a text file that holds them.")
]
Language = Annotated[str | None, typer.Option("--language", help="Language of the words.")]
BestOf = Annotated[
    int,
    typer.Option("--best-of", min=1, help="Keep the best of so many renders of other seeds."),
]
FailUnder = Annotated[
    str | None,
    typer.Option("--fail-under", help="Exit with 3 where less is heard, as chords=0.7,tempo=1."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def generate(
    prompt: Prompt = None,
    manifest: Manifest = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="A .plan.json to make the same file from again.")
    ] = None,
    output: Output = None,
    duration: Duration = None,
    cfg_scale: Guidance = None,
    num_steps: Steps = None,
    template: Template = None,
    seed: Seed = None,
    sampler: SamplerName = None,
    eta: Eta = None,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, mps, or auto.")] = "auto",
    model: ModelName = None,
    vocoder: VocoderName = None,
    planner: PlannerName = None,
    style_of: StyleOf = None,
    voice_backend: VoiceBackend = None,
    voice_clone: VoiceClone = None,
    voice_clone_samples: VoiceSamples = None,
    voice_consent: VoiceConsent = None,
    separate_vocals: SeparateVocals = False,
    lyrics: Lyrics = None,
    language: Language = None,
    best_of: BestOf = 1,
    fail_under: FailUnder = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    json: AsJson = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Tell only the result: the path, or a dry run's plan.")
    ] = False,
) -> None:
    """Make a song from PROMPT, a manifest or a plan; the path of the audio goes to stdout.

    What is asked of the song by options wins over the manifest.
    """
    from muze.core.registry import Registry
    from muze.report import open_report

    options = said_options({
        "PROMPT": prompt, "--output": output, "--duration": duration, "--cfg-scale": cfg_scale,
        "--num-steps": num_steps, "--template": template, "--seed": seed, "--sampler": sampler,
        "--eta": eta, "--model": model, "--vocoder": vocoder, "--planner": planner,
        "--style-of": _from_here(style_of), "--voice-backend": voice_backend,
        "--voice-clone": voice_clone, "--voice-clone-samples": _from_here(voice_clone_samples),
        "--voice-consent": _from_here(voice_consent), "--lyrics": _words(lyrics),
        "--separate-vocals": True if separate_vocals else None, "--language": language,
    })  # fmt: skip
    registry = Registry()
    if plan is not None and best_of > 1:
        raise typer.BadParameter("a plan is fixed; it cannot be made again by other seeds")
    decided = _plan(options, manifest, plan, registry)
    thresholds = read_fail_under(fail_under, decided, registry)
    if dry_run:
        print_plan(decided, json)
        return
    if not quiet:
        from muze.cli.tables import show_plan

        show_plan(decided, to_stderr=True)
    with open_report(quiet) as report:
        if best_of == 1:
            from muze.pipelines.generate import generate as render

            rendered, tried = render(decided, registry, report, device), {}
        else:
            from muze.pipelines.best_of import generate_best
            from muze.pipelines.rerank import other_seeds

            seeds = other_seeds(decided.seed, best_of - 1)
            plans = [_plan({**options, "--seed": s}, manifest, None, registry) for s in seeds]
            best = generate_best([decided, *plans], registry, report, device)
            report.note(f"kept seed {best.plan.seed}")
            rendered = best.rendered
            tried = {"best_of": [{"seed": seed, "rank": rank} for seed, rank in best.tried],
                     "seed": best.plan.seed}  # fmt: skip
    short = fallen_short(thresholds, rendered.adherence)
    if json:
        import json as json_format

        paths = {
            "audio": str(rendered.path),
            "plan": str(rendered.plan_path),
            "adherence_file": str(rendered.adherence_path),
            "picture": str(rendered.picture_path),
        }
        if rendered.sung is not None:
            paths |= {
                "vocal": str(rendered.sung.vocal_path),
                "music": str(rendered.sung.music_path),
                "lrc": str(rendered.sung.lrc_path),
            }
        told = {**paths, **tried, "adherence": rendered.adherence}
        told |= {} if fail_under is None else {"fell_short": short}
        print(json_format.dumps(told, indent=2))
    else:
        print(rendered.path)
    if not quiet:
        from muze.cli.tables import show_adherence

        show_adherence(rendered.adherence)
    if short:
        for line in short:
            print(f"muze: {line}", file=sys.stderr)
        raise typer.Exit(NOT_MET)


def read_fail_under(text: str | None, decided: Plan, registry: Registry) -> list[Threshold]:
    """Return what ``--fail-under`` asks of a plan's render, before anything is rendered."""
    if text is None:
        return []
    from muze.pipelines.thresholds import read_thresholds

    return read_thresholds(text, decided, registry)


def fallen_short(thresholds: list[Threshold], adherence: dict[str, Any]) -> list[str]:
    """Return a line for each figure that a render did not reach."""
    return [line for threshold in thresholds for line in threshold.short(adherence)]


def _from_here(path: str | Path | None) -> str | None:
    """Return a path that starts where muze was started; what is no file may be a name."""
    if path is None:
        return None
    return str(Path(path).absolute()) if isinstance(path, Path) or Path(path).is_file() else path


def _words(lyrics: str | None) -> str | None:
    """Return the words, read from a file where they are the name of one."""
    if lyrics is None or "\n" in lyrics or not Path(lyrics).is_file():
        return lyrics
    try:
        return Path(lyrics).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise typer.BadParameter(f"--lyrics {lyrics} is no text in UTF-8") from None


def said_options(named: dict[str, Any]) -> dict[str, Any]:  # Any: an option's value
    """Return the options that are given, by the name each has on the command line."""
    return {name: value for name, value in named.items() if value is not None}


def check_source(given: dict[str, Any]) -> None:  # Any: an option's value
    """Refuse a song from nothing or from two things; ``given`` has all it can be made from."""
    said = [name for name, value in given.items() if value is not None]
    if len(said) != 1:
        *some, last = given
        told = f"not {' and '.join(said)}" if said else "none was given"
        raise typer.BadParameter(f"give one of {', '.join(some)} and {last}; {told}")
    if given.get("PROMPT") is not None:
        _check_words(given["PROMPT"])


def _plan(
    options: dict[str, Any], manifest: Path | None, plan: Path | None, registry: Registry
) -> Plan:
    check_source({"PROMPT": options.get("PROMPT"), "--manifest": manifest, "--plan": plan})
    from muze.pipelines.model_info import find_model
    from muze.pipelines.plan import plan_file, read_plan
    from muze.pipelines.replay import check_made_with, check_told, place_output

    if plan is None:
        return plan_file(manifest, registry, options, find_model)
    if fixed := [name for name in options if name != "--output"]:
        raise typer.BadParameter(f"a plan is fixed; it cannot be changed by {', '.join(fixed)}")
    decided = read_plan(plan)
    check_made_with(decided, str(plan), registry)
    check_told(decided, str(plan), registry)
    return place_output(decided, str(plan), options.get("--output"))


def _check_words(prompt: str) -> None:
    """Refuse a prompt that is a file's name."""
    name = shlex.quote(prompt)
    if prompt.lower().endswith(".plan.json"):
        told = f"a plan is made again by muze generate --plan {name}"
    elif prompt.lower().endswith((".yaml", ".yml")):
        told = f"a manifest is given as --manifest {name}"
    else:
        return
    raise typer.BadParameter(f"PROMPT takes words, and {name} is a file's name; {told}")


def print_plan(decided: Plan, as_json: bool) -> None:
    """Print a plan to stdout, as a table or as JSON."""
    if as_json:
        print(decided.to_json(), end="")
    else:
        from muze.cli.tables import show_plan

        show_plan(decided, to_stderr=False)
