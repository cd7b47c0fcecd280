"""What an evaluation found, written into the model: its header, and its card where it has one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from muze.audio.io import write_whole
from muze.core.errors import CheckpointError
from muze.evaluation.copy_synthesis import FIGURES
from muze.evaluation.rows import key_of
from muze.evaluation.suite_run import DROPPED, TOLD
from muze.model.header import read_header, write_header
from muze.pipelines.model_card import renewed_card

DIGITS = 4
RENDER = ("suite", "sampler", "steps", "guidance")
"""How the songs were made, as an evaluation tells it."""


def model_evaluation(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a header says of a suite's evaluation: means of each figure, and how made.

    ``told`` and ``dropped`` are of renders told all and words alone; ``best`` is of the best of
    several; ``sound`` of Frechet distances and copy-synthesis, where they were measured.
    """
    kinds = [TOLD, DROPPED, *(["best"] if found["best_of"] > 1 else [])]
    told: dict[str, Any] = {
        kind: {
            key_of(row): round(row[kind]["mean"], DIGITS)
            for row in found["figures"]
            if row[kind] is not None
        }
        for kind in kinds
    }
    told["render"] = {key: found[key] for key in RENDER} | {"manifests": len(found["songs"])}
    if "best" in told:
        told["render"]["best_of"] = found["best_of"]
    if sound := _sound(found):
        told["sound"] = sound
    return told


def _sound(found: Mapping[str, Any]) -> dict[str, float]:
    """Return what is told of the sound, by a name that says what it was measured with."""
    told: dict[str, float] = {}
    sound = found.get("sound", {})
    if TOLD in sound:
        name = f"Frechet distance to {Path(sound['reference']).name} by {sound['embedding']}"
        told[name] = round(sound[TOLD]["distance"], DIGITS)
    if copies := found.get("copy_synthesis"):
        for key, name in FIGURES.items():
            where = f"copy-synthesis of {Path(copies['reference']).name}"
            mean = copies["figures"][key]["mean"]
            told[f"{copies['vocoder']} {name}, {where}"] = round(mean, DIGITS)
    return told


def check_writable(folder: Path) -> None:
    """Refuse a model whose header could not be written, before hours of rendering.

    Raises:
        CheckpointError: this user may not write in its folder.
    """
    if not os.access(folder, os.W_OK):
        raise CheckpointError(f"{folder}: no evaluation can be written there; it is not writable")


def write_evaluation(folder: Path, found: Mapping[str, Any]) -> None:
    """Write a suite's evaluation into a model's header, and renew the part of its card.

    Raises:
        CheckpointError: the folder is no model, or cannot be written.
    """
    header = {**read_header(folder), "evaluation": model_evaluation(found)}
    write_header(folder, header)
    card = folder / "README.md"
    if card.exists():
        fresh = renewed_card(card.read_text(encoding="utf-8"), header)
        write_whole(card, fresh.encode())
