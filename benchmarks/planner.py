"""Is what the planner tells a plan, and is it nearer to real songs than chance and templates are?

Held-out songs of muze-corpus are composed, not rendered: their progressions, tempi and forms are
none of the training songs'.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import torch
import typer

from benchmarks.harness import AsJson, Docs, Findings, Interval, Kept, Work, markdown, means
from benchmarks.held_plans import alone, another_song, held_plans, planned, training_songs
from benchmarks.plan_figures import (
    agreement,
    chord_pairs,
    distances,
    gains,
    lengths,
    marginal_nats,
    network_nats,
    section_pairs,
    unlikeliness,
)
from benchmarks.plan_trials import met_genres, trial, verdict
from muze.core.files import sha256
from muze.core.grid import SECTION_TYPES
from muze.core.registry import Registry
from muze.core.theory import QUALITIES
from muze.manifest import song_from_options
from muze.model.header import part_of
from muze.pipelines.composition import Composition
from muze.pipelines.model_info import find_model, model_folder
from muze.pipelines.plan_events import KINDS
from muze.pipelines.plan_sampling import load_planner
from muze.report import open_report

NUM_CHORDS = 12 * len(QUALITIES) + 1
PLANS = "plans of held-out prompts"
HIGHER = ("genre", "metre", "tempo within 8 %", "mode of seven", "major or minor")
"""Figures that are shares of plans that agree."""


def main(
    planner: Annotated[str, typer.Option(help="A model with a planner.")] = "starter",
    dataset: Annotated[Path, typer.Option(help="What it was trained on.")] = Path(
        "data/train/dataset.json"
    ),
    num_songs: Annotated[int, typer.Option(min=1, help="Held-out songs.")] = 300,
    draws: Annotated[int, typer.Option(min=1, help="Plans of each song's prompt.")] = 4,
    trials: Annotated[int, typer.Option(min=1, help="Odd songs planned.")] = 600,
    work: Work = Path("runs/benchmarks/planner"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Measure a planner beside the marginals of its training songs and beside templates."""
    torch.set_num_threads(1)
    registry, kept = Registry(), Kept(work)
    folder = model_folder(planner, registry, Path.cwd())
    about = {"planner": part_of(folder, "planner")["sha256"], "dataset": sha256(dataset)}
    model = load_planner(folder, registry)
    info = find_model(song_from_options({"PROMPT": "x"}), registry)
    held, training = held_plans(num_songs), training_songs(dataset)

    def valid() -> list[str]:
        prompts, genres = [one.prompt for one in held], met_genres(info)
        with TemporaryDirectory() as place, open_report() as report:
            advance, wrong = report.task("odd songs", trials), []
            for number in range(trials):
                song = trial(number, prompts, genres)
                if told := verdict(song, planner, Path(place), registry, info):
                    wrong.append(f"{number}: {told}")
                advance()
        return wrong

    ways: dict[str, Callable[[int, int], Composition]] = {
        "training songs": lambda at, seed: another_song(training, at * draws + seed),
        "templates": lambda at, seed: planned(held[at], "templates", seed, registry, info),
        "network alone": lambda at, seed: alone(held[at], model, seed),
        "planner": lambda at, seed: planned(held[at], planner, seed, registry, info),
    }

    def samples() -> dict[str, list[list[Composition]]]:
        out: dict[str, list[list[Composition]]] = {way: [] for way in ways}
        with open_report() as report:
            advance = report.task(PLANS, num_songs)
            for at in range(num_songs):
                for way, make in ways.items():
                    out[way].append([make(at, seed) for seed in range(draws)])
                advance()
        return out

    def measured() -> dict[str, Any]:  # Any: JSON
        made = samples()
        songs = {
            way: [agreement(one.song, some) for one, some in zip(held, plans, strict=True)]
            for way, plans in made.items()
        }
        nats: dict[str, dict[str, list[float]]] = {}
        apart: dict[str, dict[str, Any]] = {}
        for way, plans in made.items():
            by_genre = way != "training songs"  # which are drawn whatever the prompt
            pairs = partial(unlikeliness, held, plans, by_genre=by_genre)
            nats[way] = {
                "chord after chord": pairs(chord_pairs, NUM_CHORDS),
                "section after section": pairs(section_pairs, len(SECTION_TYPES) + 1),
                "length of a section": pairs(lengths, 64),
            }
            apart[way] = {
                "number of sections": vars(
                    distances(held, plans, lambda s: [float(len(s.sections))])
                ),
                "bars of a section": vars(
                    distances(held, plans, lambda s: [float(p.bars or 0) for p in s.sections])
                ),
                "energy of a section": vars(
                    distances(held, plans, lambda s: [p.energy or 0.0 for p in s.sections])
                ),
            }
        return {
            "agreement": songs, "nats": nats, "apart": apart,
            "network": network_nats(held, model),
            "marginals": marginal_nats(held, training, model.events),
        }  # fmt: skip

    wrong = kept.get({**about, "trials": trials, "songs": num_songs}, valid)
    found = kept.get({**about, "songs": num_songs, "draws": draws}, measured)
    show(wrong, found, kept.seconds, {"planner": planner, "held-out songs": num_songs,
         "plans a song": draws, "trials": trials}, as_json, docs)  # fmt: skip


def show(
    wrong: list[str],
    found: dict[str, Any],  # Any: JSON
    seconds: float,
    settings: dict[str, Any],
    as_json: bool,
    docs: Path | None,
) -> None:
    """Print the tables: validity, agreement, statistics, likelihood."""
    ways = list(found["agreement"])
    agree = {way: means(found["agreement"][way]) for way in ways}
    figures = list(agree[ways[0]])
    valid = 100 * (1 - len(wrong) / settings["trials"])
    findings = Findings("planner", settings, seconds)
    findings.tables["Valid plans"] = markdown(
        ["odd songs", "valid", "not"],
        [[str(settings["trials"]), f"{valid:.1f} %", "; ".join(wrong[:3]) or "none"]],
    )
    findings.tables["Agreement with the held-out song; mean and 95 % interval"] = markdown(
        ["figure", "better is", *ways],
        [[name, "higher" if name in HIGHER else "lower", *(str(agree[way][name]) for way in ways)]
         for name in figures],
    )  # fmt: skip
    nats = {way: {n: Interval.of(v) for n, v in found["nats"][way].items()} for way in ways}
    apart = {way: {n: Interval(**v) for n, v in found["apart"][way].items()} for way in ways}
    findings.tables[
        "How unlikely held-out songs are by the plans made, nats each; and distances (Wasserstein) "
        "of what plans have from what songs have; lower is better"
    ] = markdown(
        ["figure", *ways],
        [[name, *(str(table[way][name]) for way in ways)]
         for table in (nats, apart) for name in table[ways[0]]],
    )  # fmt: skip
    rows, likely = [], {}
    for kind in KINDS:
        network, marginal = found["network"][kind], found["marginals"][kind]
        gain = gains(network, marginal)
        ours, theirs = (
            Interval.of([x for x in side if x is not None]) for side in (network, marginal)
        )
        likely[kind] = {"network": ours, "marginals": theirs, "gain": gain}
        rows.append([kind, str(theirs), str(ours), str(gain)])
    findings.tables["How unlikely the network itself holds them, nats an event"] = markdown(
        ["event", "marginals", "network, told prompt and length", "gain"], rows
    )
    findings.data = {
        "valid": valid, "not valid": wrong, "agreement": agree, "nats": nats, "apart": apart,
        "likelihood": likely,
    }  # fmt: skip
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
