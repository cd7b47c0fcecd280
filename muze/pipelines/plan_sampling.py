"""Draws plans from a trained network: only what is allowed, and as the seed says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray

from muze.core.grid import TimeGrid
from muze.core.protocols import Stream
from muze.core.registry import Registry
from muze.model.checkpoint import load_part
from muze.model.header import part_settings
from muze.model.planner import Given, PlannerSettings, PlanNetwork, Row, duration_number
from muze.pipelines.components import open_streams
from muze.pipelines.plan_events import HEADER, KINDS, Events
from muze.pipelines.plan_grammar import UNKNOWN, Telling
from muze.pipelines.planner_info import PART, planner_header

MAX_SECTIONS = 16
"""Sections told in one go."""
SHORTEST_SECTION = 2
"""Bars below which no section is drawn, unless the song has no more."""
Force = Callable[[Telling], tuple[int, int | None] | None]
"""Gives the event that is said, and its bars; None where it is to be drawn."""


@dataclass(frozen=True)
class PlanModel:
    """A planner ready to tell plans."""

    network: PlanNetwork
    events: Events
    met: NDArray[np.bool_]
    """Which events its dataset told, (V,)."""
    longest: float
    stream: Stream

    def decides(self, *kinds: str) -> bool:
        """Whether its dataset told such events, so that it can."""
        return all(self.met[self.events.of_kind(kind)].any() for kind in kinds)

    def read(self, prompt: str) -> torch.Tensor:
        """Return a prompt as the network reads it, (1, T).

        Raises:
            ManifestError: it is longer than the language model reads.
        """
        return torch.from_numpy(read_prompt(self.stream, prompt).copy())[None]


def read_prompt(stream: Stream, prompt: str) -> NDArray[np.float32]:
    """Return what the text stream makes of a whole prompt, (T,)."""
    values = type(stream).Values.model_validate({"prompt": prompt})
    pooled: NDArray[np.float32] = stream.parse(values, TimeGrid.of_song(1.0))["pooled"]
    return pooled


def load_planner(folder: Path, registry: Registry) -> PlanModel:
    """Return the planner of a model folder, on the CPU.

    Raises:
        CheckpointError: the folder has no planner, or a damaged one.
        PluginError: the text stream it was trained with is not installed.
    """
    header = planner_header(folder)
    events = Events(header.events)
    settings = part_settings(folder, PART, PlannerSettings)
    with torch.random.fork_rng(devices=[]):
        network = PlanNetwork(settings, events.count, len(KINDS), header.text_width)
    load_part(folder, PART, network)
    met = np.ones(events.count, bool)
    met[[event for event in header.unmet if event < events.count]] = False
    stream = open_streams({"text": header.text}, registry)["text"]
    return PlanModel(network.eval(), events, met, header.longest, stream)


class Teller:
    """Tells plans of one song: one prompt, what is said of it, and one seed."""

    def __init__(
        self,
        model: PlanModel,
        prompt: str,
        fields: tuple[int, ...],
        seed: int,
        temperature: float,
        top_p: float,
    ) -> None:
        """``fields`` are the header's events that are said, "not known" where one is not."""
        self.model, self.fields, self.seed = model, fields, seed
        self.temperature, self.top_p = temperature, top_p
        self.text = model.read(prompt) if prompt else None

    def tell(
        self,
        telling: Telling,
        seconds: float | None,
        force: Force,
        barred: Callable[[Telling], NDArray[np.bool_] | None],
        turn: int = 0,
    ) -> Iterator[tuple[str, int]]:
        """Yield each event's kind and number, drawn where ``force`` does not say it.

        ``barred`` tells which events are not to be drawn here, unless nothing else is left; the
        draws of another ``turn`` of a song are others. What no record told is "not known".
        """
        events = self.model.events
        with torch.inference_mode():
            past = self.model.network.begin(self._given(seconds))
        before = events.start
        while telling.kind is not None:
            kind = telling.kind
            numbers = (before, KINDS.index(kind), telling.place, telling.about, telling.bars_left)
            with torch.inference_mode():
                row = Row(*(torch.tensor([[number]]) for number in numbers))
                logits = self.model.network.step(row, past)[0]
            said = force(telling)
            if said is None:
                said = self._draw(logits.numpy(), telling, barred(telling), turn), None
            telling.push(*said)
            before = said[0]
            yield kind, before

    def _given(self, seconds: float | None) -> Given:
        text, width = self.text, self.model.network.text.in_features
        known = None if seconds is None else duration_number(min(seconds, self.model.longest))
        return Given(
            torch.zeros(1, width) if text is None else text,
            torch.tensor([text is not None]),
            torch.tensor([UNKNOWN if known is None else known]),
            torch.tensor([self.fields]),
        )

    def _draw(
        self,
        logits: NDArray[np.float32],
        telling: Telling,
        barred: NDArray[np.bool_] | None,
        turn: int,
    ) -> int:
        """Return an event that is allowed, drawn from the likeliest that make up ``top_p``."""
        kind = telling.kind
        assert kind is not None
        may = telling.allowed()
        if not self.model.decides(kind) and not (may & self.model.met).any():
            return self.model.events.kinds[kind].null
        # a plan it has to be; all else is a wish, the first ones first
        for wish in (_fits(telling), self.model.met, None if barred is None else ~barred):
            if wish is not None and (may & wish).any():
                may = may & wish
        choices = np.flatnonzero(may)
        scores = logits[choices].astype(float) / self.temperature
        chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        order = np.argsort(-chances, kind="stable")
        summed = np.cumsum(chances[order])
        kept = int(np.searchsorted(summed, self.top_p * summed[-1] - 1e-12)) + 1
        # drawn by its place alone, so that what is said elsewhere changes no draw
        at = Random(f"{self.seed} {kind} {telling.about} {telling.place} {turn}").random()
        drawn = int(np.searchsorted(summed[:kept], at * summed[kept - 1], "right"))
        return int(choices[order[min(drawn, kept - 1)]])


def _fits(telling: Telling) -> NDArray[np.bool_] | None:
    """Return which lengths leave no crumbs, and no more than later sections can fill."""
    if telling.kind != "bars" or telling.left is None:
        return None
    place = telling.events.kinds["bars"]
    bars = np.arange(1, len(place.values) + 1)
    rest = telling.left - bars
    later = max(MAX_SECTIONS - 1 - telling.place, 0)
    fits = (rest == 0) | ((rest >= SHORTEST_SECTION) & (bars >= SHORTEST_SECTION))
    fits &= rest <= later * len(place.values)
    mask = np.zeros(telling.events.count, bool)
    mask[place.first : place.null] = fits
    return mask


def header_force(header: tuple[int, ...], events: Events) -> Force:
    """Return what says the header's events that are known, and nothing else."""

    def force(telling: Telling) -> tuple[int, int | None] | None:
        if telling.kind not in HEADER:
            return None
        event = header[HEADER.index(telling.kind)]
        return None if event == events.kinds[telling.kind].null else (event, None)

    return force
