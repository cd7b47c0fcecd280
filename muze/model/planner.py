"""The planner's network: tells a plan event by event, given a prompt, a length and what is said."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from muze.core.settings import Settings

# Shapes: B batch, N events of a row, C width, V events of the vocabulary, G fields given, T text

NUM_PLACES, NUM_LEFT, NUM_DURATIONS = 32, 128, 64
"""Numbers told apart of: places in a row, bars left, lengths of a song."""
SHORTEST, STEPS_AN_OCTAVE = 4.0, 8
"""Seconds of the first length, and how many lengths lie between one and its double."""


class PlannerSettings(Settings):
    """What the network is."""

    width: int = Field(96, ge=4, description="Channels.")
    num_layers: int = Field(3, ge=1, description="Transformer blocks.")
    num_heads: int = Field(4, ge=1, description="Attention heads; they divide the width.")
    dropout: float = Field(0.3, ge=0, lt=1, description="In every block, while training.")

    @model_validator(mode="after")
    def _check_heads(self) -> PlannerSettings:
        if self.width % self.num_heads:
            raise ValueError(f"width is {self.width}; it must be a multiple of num_heads")
        return self


@dataclass(frozen=True)
class Given:
    """What is known before the first event."""

    text: Tensor
    """The prompt, (B, T)."""
    has_text: Tensor
    """Whether there is one, (B,) bool."""
    duration: Tensor
    """Number of the song's length, (B,); -1 is not known."""
    fields: Tensor
    """Events of the fields given, (B, G); of one that is not, "not known" of its kind."""


@dataclass(frozen=True)
class Row:
    """Events, each with what is known of the one that follows it; all (B, N)."""

    event: Tensor
    kind: Tensor
    place: Tensor
    about: Tensor
    left: Tensor
    """Bars left; -1 is not known."""


def duration_number(seconds: float) -> int:
    """Return the number of a song's length; what is longer or shorter counts as the last."""
    at = round(STEPS_AN_OCTAVE * math.log2(max(seconds, SHORTEST) / SHORTEST))
    return min(at, NUM_DURATIONS - 1)


class Past:
    """Keys and values of what one block has seen."""

    def __init__(self) -> None:
        self.seen: tuple[Tensor, Tensor] | None = None

    def extended(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Return all keys and values, the new ones last, and keep them."""
        if self.seen is not None:
            key, value = torch.cat([self.seen[0], key], 2), torch.cat([self.seen[1], value], 2)
        self.seen = key, value
        return key, value


class Block(nn.Module):
    """Causal self-attention and a feed-forward layer, each after its norm (Xiong et al. 2020)."""

    def __init__(self, settings: PlannerSettings) -> None:
        super().__init__()
        width = settings.width
        self.num_heads, self.dropout = settings.num_heads, settings.dropout
        self.norm_attention, self.norm_forward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, past: Past | None = None) -> Tensor:
        """(B, N, C) to (B, N, C); with a ``past``, one more event after what it has seen."""
        batch, length, _ = x.shape
        drop = self.dropout if self.training else 0.0
        split = self.qkv(self.norm_attention(x)).view(batch, length, 3, self.num_heads, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        if past is not None:
            key, value = past.extended(key, value)
        causal = length > 1  # a single event may look at all before it
        seen = F.scaled_dot_product_attention(query, key, value, None, drop, causal)
        x = x + F.dropout(self.out(seen.transpose(1, 2).flatten(2)), drop, self.training)
        inner = F.gelu(self.widen(self.norm_forward(x)))
        return x + F.dropout(self.narrow(inner), drop, self.training)


class PlanNetwork(nn.Module):
    """A transformer over the events of a plan (Vaswani et al. 2017), after what is given.

    An event's kind, its place and the section type it is about say where it stands; there are no
    other positions.
    """

    def __init__(self, settings: PlannerSettings, num_events: int, kinds: int, text: int) -> None:
        super().__init__()
        width = settings.width
        self.dropout = settings.dropout
        self.event = nn.Embedding(num_events, width)
        self.kind = nn.Embedding(kinds, width)
        self.given = nn.Embedding(kinds, width)
        self.place = nn.Embedding(NUM_PLACES, width)
        self.left = nn.Embedding(NUM_LEFT + 1, width)
        self.duration = nn.Embedding(NUM_DURATIONS + 1, width)
        self.text, self.no_text = nn.Linear(text, width), nn.Parameter(torch.zeros(width))
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.num_layers))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, num_events)
        for table in (m for m in self.modules() if isinstance(m, nn.Embedding)):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, given: Given, row: Row) -> Tensor:
        """Return the logits of the event after each of the row, (B, N, V)."""
        x = torch.cat([self._prefix(given), self._embedded(row)], 1)
        x = F.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return self._logits(x[:, -row.event.shape[1] :])

    def begin(self, given: Given) -> list[Past]:
        """Return what the blocks have seen once all that is given was read."""
        past = [Past() for _ in self.blocks]
        self._seen(self._prefix(given), past)
        return past

    def step(self, row: Row, past: list[Past]) -> Tensor:
        """Return the logits of the event after a row of one, (B, V)."""
        return self._logits(self._seen(self._embedded(row), past)[:, -1])

    def _seen(self, x: Tensor, past: list[Past]) -> Tensor:
        for block, seen in zip(self.blocks, past, strict=True):
            x = block(x, seen)
        return x

    def _logits(self, x: Tensor) -> Tensor:
        logits: Tensor = self.out(self.norm(x))
        return logits

    def _prefix(self, given: Given) -> Tensor:
        text = torch.where(given.has_text[:, None], self.text(given.text), self.no_text)
        duration = self.duration(given.duration.where(given.duration >= 0, NUM_DURATIONS))
        kinds = torch.arange(given.fields.shape[1], device=given.fields.device)
        fields = self.event(given.fields) + self.given(kinds)
        return torch.cat([text[:, None], duration[:, None], fields], 1)

    def _embedded(self, row: Row) -> Tensor:
        left = row.left.clamp(max=NUM_LEFT - 1).where(row.left >= 0, NUM_LEFT)
        place = row.place.clamp(max=NUM_PLACES - 1)
        about = self.event(row.event) + self.event(row.about) + self.kind(row.kind)
        embedded: Tensor = about + self.place(place) + self.left(left)
        return embedded
