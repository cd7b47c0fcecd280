"""A plan written out as a song file: everything decided is said, for its user to change."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

import yaml

from muze.manifest.song import TEMPLATES
from muze.pipelines.plan import Plan, SectionPlan

WIDE = 1_000_000
"""Letters in a line of YAML: lines are not broken."""
PLAIN = re.compile(
    r"(?!(?:true|false|null|yes|no|on|off|y|n)$)(?:\d+/\d+|[a-z](?:[\w/&.#' -]*[\w#])?)", re.I
)
"""A text that needs no quotes, wherever in YAML it stands."""
COMMENT_AT = 36
"""Column in which comments begin, where there is room."""
ORDER = (
    "muze", "title", "prompt", "negative_prompt", "duration", "bars", "seed", "model", "planner",
    "tempo", "time_signature", "key",
)  # fmt: skip
COMMENTS = {
    "muze": "version of this format",
    "duration": "seconds; leave it out when you change the sections",
    "seed": "same seed, same song",
    "model": "what makes the sound",
    "planner": "decides what you take out",
    "tempo": "beats a minute",
    "key": "or another tonic and mode: D dorian",
}
"""What is said of a key, in the file."""


def song_file(plan: Plan, name: str) -> str:
    """Return a manifest, in YAML with comments, that says all that a plan of words decided.

    Planned by ``muze generate --dry-run``, it gives the same sections, tempo, key, chords and
    energies. ``name`` is what the file will be called, for its first lines.
    """
    who = plan.planner.name
    if who != TEMPLATES:
        who = f"the planner of {who}"
    lines = [
        f"# Planned by {who} from the prompt and the seed. Change anything, then:",
        f"#   muze generate --manifest {shlex.quote(name)}",
        "",
    ]
    said = plan.song.model_dump(mode="json", exclude_unset=True)
    values = _values(plan, said)
    lines += [_line(key, values[key]) for key in ORDER if key in values]
    lines += [
        "structure:",
        "  sections:  # in bars; energy from 0 to 1; a chord a bar, going round",
    ]
    lines += [f"    - {_flow(_section(part, plan))}" for part in plan.sections]
    streams = _streams(plan, said)
    if streams:
        lines += ["streams:", *(f"  {key}: {_flow(value)}" for key, value in streams.items())]
    for key in ("guidance", "sampler", "vocoder", "output"):
        if key in said:
            lines.append(f"{key}: {_flow(said[key])}")
    return "\n".join(lines) + "\n"


def _values(plan: Plan, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the song's scalars, said and decided."""
    tempo = said.get("tempo") or plan.tempo[0].bpm
    decided = {
        "muze": 1,
        "prompt": plan.prompt,
        "seed": plan.seed,
        "model": plan.model,
        "tempo": tempo,
        "time_signature": plan.time_signature,
        "key": plan.key,
    }
    if plan.song.bars is None and not plan.song.sections:  # which say how long it is
        decided["duration"] = plan.duration
    if plan.planner.name != TEMPLATES:
        decided["planner"] = {"name": plan.planner.name, **_planner(said)}
    return {**{key: said[key] for key in ORDER if key in said}, **decided}


def _planner(said: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in (said.get("planner") or {}).items() if k != "name"}


def _section(part: SectionPlan, plan: Plan) -> dict[str, Any]:
    out: dict[str, Any] = {"type": part.type, "bars": part.bars}
    if part.prompt is not None:
        out["prompt"] = part.prompt
    if part.key != plan.key:
        out["key"] = part.key
    energy, chord = part.streams.get("energy"), part.streams.get("chord")
    if energy is not None and energy.values:
        levels = energy.values["value"]
        out["energy"] = levels[0] if len(levels) == 1 else levels
    if chord is not None and chord.values:
        values = dict(chord.values)
        plain = values.keys() == {"progression"}
        out["streams"] = {"chord": values["progression"] if plain else values}
    return out


def _streams(plan: Plan, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the streams that the song says, and the genre that was decided."""
    streams = dict(said.get("streams", {}))
    genre = plan.streams.get("genre")
    if genre is not None and genre.values and "genre" not in streams:
        streams["genre"] = genre.values["names"]
    return streams


def _line(key: str, value: Any) -> str:
    line = f"{key}: {_flow(value)}"
    if key == "prompt" and all(PLAIN.fullmatch(part) for part in str(value).split(", ")):
        line = f"{key}: {value}"  # commas need quotes only inside a list
    told = COMMENTS.get(key)
    return line if told is None else f"{line:<{COMMENT_AT}}  # {told}"


def _flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    if isinstance(value, str) and PLAIN.fullmatch(value) and " #" not in value:
        return value
    style = '"' if isinstance(value, str) else None
    text = yaml.safe_dump(value, default_style=style, width=WIDE, allow_unicode=True)
    return str(text).removesuffix("...\n").strip()
