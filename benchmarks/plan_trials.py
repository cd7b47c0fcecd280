"""Plans asked for in every odd way, and whether each is one and keeps what is said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from muze.core.errors import MuzeError
from muze.core.genres import GENRES
from muze.core.grid import SECTION_TYPES
from muze.core.registry import Registry
from muze.core.theory import MODES, QUALITIES, ROOTS, Key
from muze.manifest.song import Song
from muze.pipelines.model_info import ModelInfo
from muze.pipelines.plan import Plan, plan_file
from muze.pipelines.song_file import song_file
from muze.pipelines.templates import TEMPLATES

SHORTEST, LONGEST = 5.0, 600.0
METRES = ("4/4", "3/4", "6/8", "2/4", "9/8", "12/8")
"""Of two, three or four beats, which the starter takes."""
ODD_PROMPTS = ("", "asdf qwer", "silence", "99 bottles of beer", "mélancolie, très lent", "!!!")


def trial(number: int, prompts: Sequence[str], genres: Sequence[str]) -> dict[str, Any]:
    """Return an odd song: a prompt, a length from 5 s to 10 min, and some fields said."""
    rng = np.random.default_rng((number, 5))

    def pick(options: Sequence[Any]) -> Any:  # Any: one of them
        return options[int(rng.integers(len(options)))]

    def chords() -> list[str]:
        return [pick(ROOTS) + pick(list(QUALITIES)) for _ in range(int(rng.integers(1, 9)))]

    prompt = pick(prompts) if rng.random() < 0.7 else pick(ODD_PROMPTS[1:])
    song: dict[str, Any] = {"muze": 1, "prompt": prompt, "seed": number}
    if rng.random() < 0.4:
        song["tempo"] = int(rng.integers(20, 401))
    if rng.random() < 0.3:
        song["time_signature"] = pick(METRES)
    if rng.random() < 0.3:
        song["key"] = f"{pick(ROOTS)} {pick(list(MODES)).replace('_', ' ')}"
    if rng.random() < 0.2:
        song["streams"] = {"genre": [pick(genres)]}
    if rng.random() < 0.15:
        song.setdefault("streams", {})["chord"] = chords()
    form = rng.random()
    if form < 0.2:
        song["structure"] = {
            "sections": [_section(rng, pick, chords) for _ in range(pick(range(1, 25)))]
        }
        return song
    if form < 0.3:
        song["structure"] = {"template": pick(list(TEMPLATES))}
    if rng.random() < 0.15:
        song["bars"] = int(rng.integers(2, 201))
    else:
        edge = rng.random()
        spread = SHORTEST * (LONGEST / SHORTEST) ** rng.random()
        song["duration"] = SHORTEST if edge < 0.1 else LONGEST if edge > 0.9 else round(spread, 2)
    return song


def _section(rng: np.random.Generator, pick: Any, chords: Any) -> dict[str, Any]:
    section: dict[str, Any] = {"type": pick(SECTION_TYPES), "bars": int(rng.integers(1, 17))}
    if rng.random() < 0.3:
        section["energy"] = round(float(rng.random()), 2)
    if rng.random() < 0.3:
        section["streams"] = {"chord": chords()}
    if rng.random() < 0.1:
        section["key"] = f"{pick(ROOTS)} {pick(('major', 'minor'))}"
    return section


def verdict(
    song: dict[str, Any], planner: str, folder: Path, registry: Registry, info: ModelInfo
) -> str:
    """Return what is wrong with the plan of a song; nothing where it is valid.

    It must be planned, keep all that is said, and be the same once written out as a song file.
    """
    told = {**song, "planner": {"name": planner}}
    path = folder / "trial.yaml"
    path.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")

    def find(_: Song, __: Registry) -> ModelInfo:
        return info

    try:
        plan = plan_file(path, registry, {}, find, writes=False)
        if lost := _lost(song, plan):
            return lost
        path.write_text(song_file(plan, path.name), encoding="utf-8")
        again = plan_file(path, registry, {}, find, writes=False)
    except MuzeError as fault:
        return str(fault)
    same = ("duration", "num_bars", "tempo", "time_signature", "key", "seed")
    differ = [name for name in same if getattr(plan, name) != getattr(again, name)]
    for one, other in zip(plan.sections, again.sections, strict=True):
        if (one.type, one.bars, one.chords) != (other.type, other.bars, other.chords):
            differ.append(f"the section at bar {one.first_bar}")
    return f"written out, other in {', '.join(differ)}" if differ else ""


def _lost(song: dict[str, Any], plan: Plan) -> str:
    """Return what of a song is not in its plan."""
    made = {
        "prompt": plan.prompt, "seed": plan.seed, "duration": plan.duration, "bars": plan.num_bars,
        "tempo": plan.tempo[0].bpm, "time_signature": plan.time_signature, "key": plan.key,
    }  # fmt: skip
    said = {name: song[name] for name in made if name in song}
    if "key" in said:
        said["key"] = str(Key.parse(said["key"]))
    lost = [name for name, value in said.items() if made[name] != value]
    streams = song.get("streams", {})
    for name in streams:
        if plan.streams[name].origin != "asked":
            lost.append(name)
    if sum(part.bars for part in plan.sections) != plan.num_bars or not plan.sections:
        lost.append("bars that add up")
    for index, section in enumerate(song.get("structure", {}).get("sections", ())):
        part = plan.sections[index]
        if (part.type, part.bars) != (section["type"], section["bars"]):
            lost.append(f"section {index}")
        if "energy" in section and (part.streams["energy"].values or {})["value"] != [
            section["energy"]
        ]:
            lost.append(f"energy of section {index}")
        if "streams" in section and part.streams["chord"].origin != "asked":
            lost.append(f"chords of section {index}")
    return f"lost {', '.join(lost)}" if lost else ""


def met_genres(info: ModelInfo) -> list[str]:
    """Return the genres that a model met in training."""
    unseen = info.unseen.get("genre", {}).get("genre", [])
    return [name for index, name in enumerate(GENRES) if index not in unseen]
