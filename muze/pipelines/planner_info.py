"""Which planner decides a song, and what its model says of it; read without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from muze.core.errors import MuzeError
from muze.core.registry import Registry
from muze.core.settings import Settings
from muze.manifest import Faults, Song
from muze.manifest.song import TEMPLATES, PlannerChoice
from muze.model.header import Said, check_header, part_of
from muze.pipelines.model_info import ModelInfo, model_folder
from muze.pipelines.plan_events import Events, Vocabulary

PART = "planner"


class PlannerHeader(Said):
    """What a header says of a planner beside its settings."""

    events: Vocabulary = Field(description="What it tells.", strict=False)
    text: dict[str, Any] = Field(description="Config of the text stream that reads the prompt.")
    text_width: int = Field(ge=1, description="Numbers that a prompt becomes.")
    unmet: list[int] = Field(description="Events that no record told.")
    longest: float = Field(gt=0, description="Seconds of the longest songs it learned from.")
    sha256: str = Field(description="Hash of its weights.")

    @property
    def decides(self) -> tuple[str, ...]:
        """The kinds of events of which its dataset told any."""
        kinds = Events(self.events).kinds
        return tuple(
            name
            for name, kind in kinds.items()
            if not {*range(kind.first, kind.null)} <= {*self.unmet}
        )


class PlannerPlan(Settings):
    """Who decided what a song leaves open."""

    name: str = Field(TEMPLATES, description="templates, or the model whose planner it was.")
    sha256: str | None = Field(None, description="Hash of the planner's weights.")
    temperature: float | None = Field(None, gt=0, description="How freely it drew.")
    top_p: float | None = Field(None, gt=0, le=1, description="Of how much of what is likely.")
    decides: tuple[str, ...] = Field(
        (), description="What it decides of what is left open; templates decide the rest."
    )


def planner_header(folder: Path) -> PlannerHeader:
    """Return what a model folder says of its planner.

    Raises:
        CheckpointError: it has none, or says too little of it.
    """
    return check_header(folder, PlannerHeader, part_of(folder, PART), f"parts.{PART}")


def choose_planner(
    song: Song, model: ModelInfo, registry: Registry, faults: Faults, own: bool
) -> tuple[PlannerPlan, Path | None]:
    """Return who decides, and the folder of its network; templates have none.

    With ``own`` it is the model's planner, if it has one, where the song names none. Notes what is
    wrong with the one that is named.
    """
    choice = song.planner
    if choice is None:
        if not own or PART not in model.parts:
            return PlannerPlan(), None
        choice = PlannerChoice(name=model.name)
    if choice.name == TEMPLATES:
        for key in sorted(choice.model_fields_set - {"name"}):
            faults.add((PART, key), "is a setting of a trained planner; templates take none")
        return PlannerPlan(), None
    try:
        folder = model_folder(choice.name, registry, song.source.folder)
        header = planner_header(folder)
    except MuzeError as fault:
        faults.add((PART, "name"), str(fault))
        return PlannerPlan(), None
    told = PlannerPlan(
        name=choice.name if choice.name in registry.models() else str(folder),
        sha256=header.sha256,
        temperature=choice.temperature,
        top_p=choice.top_p,
        decides=header.decides,
    )
    return told, folder
