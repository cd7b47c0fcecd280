"""Held-out songs as plans, and what each way of planning makes of their prompts and lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from muze_corpus.arrange import compose
from muze_corpus.holdout import HELD_OUT, SPLITS
from muze_corpus.prompts import prompts
from muze_corpus.record import record

from muze.core.registry import Registry
from muze.core.theory import Key
from muze.manifest import song_from_options
from muze.pipelines.composition import (
    Composition,
    PlannedSection,
    composition_of,
    shortest_loop,
    transposed,
)
from muze.pipelines.deciders import LaidPart, Said
from muze.pipelines.model_info import ModelInfo
from muze.pipelines.plan import Plan, plan_song
from muze.pipelines.plan_batches import length_of
from muze.pipelines.plan_sampling import PlanModel
from muze.pipelines.planned import Network

SEED = 2
"""Of the held-out songs; the training songs are of seed 0."""
WORDS = 1
"""Which of a song's draws its prompts are, as muze-corpus has it."""


@dataclass(frozen=True)
class HeldPlan:
    """A held-out song: its plan, and what is told of it."""

    song: Composition
    prompt: str
    seconds: float


def held_plans(count: int) -> list[HeldPlan]:
    """Return the first held-out songs, as ``muze-corpus build --seed 2 --split held-out``."""
    found = []
    for index in range(count):
        song = compose(SEED, index, HELD_OUT)
        told = {"audio_path": f"{index:05d}", **record(song)}
        numbers = np.random.default_rng([*song.seed, SPLITS.index(song.split), WORDS])
        plan = composition_of(told)
        seconds = length_of(plan)
        assert seconds is not None
        found.append(HeldPlan(plan, prompts(told, numbers)[0], round(seconds, 3)))
    return found


def another_song(training: Sequence[Composition], seed: int) -> Composition:
    """Return a training song drawn at random, whatever the prompt: what the marginals give."""
    return training[int(np.random.default_rng((seed, 0)).integers(len(training)))]


def alone(held: HeldPlan, model: PlanModel, seed: int, top_p: float = 0.95) -> Composition:
    """Return what the network makes of the prompt's embedding, without reading words in it."""
    said = Said(held.prompt, (), None, None, None, held.seconds)
    network = Network(model, said, seed, 1.0, top_p)
    metre, key, bpm = network.metre(), network.key(), network.bpm()
    bars = Composition(time_signature=metre, tempo=bpm, sections=(PlannedSection("intro", 1),))
    bar = length_of(bars)
    assert bar is not None
    num_bars = max(1, round(held.seconds / bar))
    parts = network.form(num_bars, num_bars * bar)
    network.lay([LaidPart(p.type, p.bars, p.bars * bar, key, p.energy, None) for p in parts])
    down = -Key.parse(key).tonic
    loops: dict[str | None, tuple[str, ...]] = {}
    for index, part in enumerate(parts):
        chords = [transposed(name, down) for name in network.chords(index)]
        if len(chords) > len(loops.get(part.type, ())):
            loops[part.type] = tuple(chords)
    sections = tuple(PlannedSection(p.type, p.bars, p.energy) for p in parts)
    tonality = Key.parse(key)
    return Composition(network.genre(), metre, bpm, tonality.mode, tonality.tonic, sections, loops)


def planned(
    held: HeldPlan, planner: str, seed: int, registry: Registry, info: ModelInfo
) -> Composition:
    """Return what ``muze plan`` makes of the prompt and the length, by a planner's name."""
    options = {
        "PROMPT": held.prompt, "--duration": held.seconds, "--seed": seed, "--planner": planner,
        "--output": "song.wav",
    }  # fmt: skip
    return of_plan(plan_song(song_from_options(options), registry, info))


def of_plan(plan: Plan) -> Composition:
    """Return a plan as what it says."""
    key = Key.parse(plan.key)
    sections, loops = [], dict[str | None, tuple[str, ...]]()
    for part in plan.sections:
        energy = part.streams["energy"].values or {}
        level = float(np.mean(energy["value"]))
        sections.append(PlannedSection(part.type, part.bars, level))
        names = [transposed(name.split()[0], -Key.parse(part.key).tonic) for name in part.chords]
        loop = shortest_loop(names)
        if len(loop) > len(loops.get(part.type, ())):
            loops[part.type] = loop
    genre = (plan.streams["genre"].values or {})["names"][0] if "genre" in plan.streams else None
    bpm = plan.tempo[0].bpm
    return Composition(genre, plan.time_signature, bpm, key.mode, key.tonic, tuple(sections), loops)


def training_songs(dataset: Path) -> list[Composition]:
    """Return the plans of a dataset's tracks."""
    from muze.data.store import iterate_dataset

    fields = ("tempo", "tempo_map", "time_signature", "key", "genre", "segments", "chords",
              "downbeat_positions", "energy_curve")  # fmt: skip
    return [composition_of(told) for told in iterate_dataset(dataset, fields)]
