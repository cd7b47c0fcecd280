"""Stream encoders, the null condition behind guidance, and their fusion into one condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from muze.core.protocols import Site

# Shapes: B batch, F features, T frames at 100 Hz, W latent frames, N tokens, C channels


class StreamEncoder(nn.Module):
    """Parent of every stream's encoder; holds the learned null condition of each site.

    A subclass writes ``encode``. ``forward`` puts the null wherever the stream is absent, so
    dropout in training and guidance in sampling (Ho & Salimans 2022, arXiv:2207.12598) need
    nothing from a plugin.
    """

    def __init__(self, sites: Mapping[Site, int]) -> None:
        super().__init__()
        self.sites = dict(sites)
        self.null = nn.ParameterDict(
            {site: nn.Parameter(torch.zeros(width)) for site, width in sites.items()}
        )

    def encode(
        self, features: dict[str, Tensor], present: Tensor, num_frames: int
    ) -> dict[Site, Tensor]:
        """Encode a batch of features for each site.

        Args:
            features: the stream's arrays, batched: (B, F, T) frames, (B, F) vector, (B, N, F)
                tokens with ``<name>_mask`` (B, N) telling which are real.
            present: (B, T) bool, the frames the stream speaks of.
            num_frames: W, the latent frames asked for.

        Returns:
            ``vector`` and ``voice`` (B, C), ``frames`` (B, C, W), ``tokens`` (B, N, C).
        """
        raise NotImplementedError

    def loss(self, features: dict[str, Tensor], present: Tensor) -> Tensor | None:  # noqa: ARG002
        """Return what the encoder learns besides from a batch, a scalar; None: nothing to learn.

        It is the mean of what each of the B rows teaches, 0 for a row that teaches nothing, so
        that it adds up over the shares of a batch. A training adds it to its loss by its
        ``auxiliary_weight``; most encoders have none.
        """
        return None

    def forward(
        self, features: dict[str, Tensor], present: Tensor, num_frames: int
    ) -> dict[Site, Tensor]:
        """Encode; where ``present`` (B, T) is False, give the null instead."""
        encoded = self.encode(features, present, num_frames)
        somewhere = present.any(dim=1)
        out: dict[Site, Tensor] = {}
        for site, value in encoded.items():
            null = self.null[site]
            if site == "frames":
                keep = to_latent_rate(present[:, None].float(), num_frames) >= 0.5
                out[site] = torch.where(keep, value, null[None, :, None])
            elif site == "tokens":
                out[site] = torch.where(somewhere[:, None, None], value, null)
            else:
                out[site] = torch.where(somewhere[:, None], value, null)
        return out

    def absent(self, batch: int, num_frames: int) -> dict[Site, Tensor]:
        """Return the null of each site for a batch in which nobody speaks of this stream."""
        out: dict[Site, Tensor] = {}
        for site in self.sites:
            null = self.null[site]
            if site == "frames":
                out["frames"] = null[None, :, None].expand(batch, -1, num_frames)
            elif site == "tokens":
                out["tokens"] = null.expand(batch, 1, -1)
            else:
                out[site] = null.expand(batch, -1)
        return out


def to_latent_rate(x: Tensor, num_frames: int) -> Tensor:
    """Average (B, F, T) over time into (B, F, W)."""
    return x if x.shape[-1] == num_frames else F.adaptive_avg_pool1d(x, num_frames)


def present_mean(x: Tensor, present: Tensor) -> Tensor:
    """Average (B, F, T) over the frames where ``present`` (B, T) holds, giving (B, F)."""
    weight = present[:, None].to(x.dtype)
    return (x * weight).sum(-1) / weight.sum(-1).clamp(min=1)


class EmbeddingFusion(nn.Module):
    """Several embeddings fused into one: each projected, a learned null where it is missing."""

    def __init__(self, widths: Sequence[int], out: int) -> None:
        super().__init__()
        self.scales = [width**0.5 for width in widths]  # of length 1, so entries come to about 1
        self.project = nn.ModuleList(nn.Linear(width, out) for width in widths)
        self.missing = nn.Parameter(torch.zeros(len(widths), out))
        self.fuse = nn.Linear(len(widths) * out, out)

    def forward(self, embeddings: Sequence[Tensor], given: Tensor) -> Tensor:
        """E embeddings (B, width) of length 1 and ``given`` (B, E), 0 or 1, to (B, C)."""
        parts = [
            torch.where(given[:, i : i + 1] > 0.5, project(x * self.scales[i]), self.missing[i])
            for i, (x, project) in enumerate(zip(embeddings, self.project, strict=True))
        ]
        out: Tensor = self.fuse(F.silu(torch.cat(parts, dim=-1)))
        return out


@dataclass
class Drawn:
    """One stream's features for a batch, and where it speaks: ``present`` (B, T) bool."""

    features: dict[str, Tensor]
    present: Tensor

    def to(self, device: torch.device | str) -> Drawn:
        """Return the same on a device."""
        features = {name: array.to(device) for name, array in self.features.items()}
        return Drawn(features, self.present.to(device))


@dataclass
class Conditions:
    """Everything the U-Net is told."""

    vector: Tensor
    """(B, vector_dim)"""
    frames: Tensor
    """(B, frames_dim, W)"""
    tokens: Tensor
    """(B, N, context_dim)"""
    tokens_mask: Tensor
    """(B, N) bool, True where a token is real"""
    voice: Tensor | None = None
    """(B, voice_dim)"""
    added: dict[str, Tensor] = field(default_factory=dict)
    """By stream added to a trained model: (B, C, W), what modulates every level by itself"""


class Conditioning(nn.Module):
    """The encoders of a model's streams and their fusion.

    The first layer of the fusion MLP is kept as one matrix per stream, summed: the same as one
    matrix over their concatenation, and a stream can be added to a trained model by adding its
    matrix, started at zero.
    """

    def __init__(
        self,
        encoders: Mapping[str, StreamEncoder],
        vector_dim: int,
        frames_dim: int,
        context_dim: int,
        voice_dim: int = 0,
    ) -> None:
        super().__init__()
        self.vector_dim, self.frames_dim = vector_dim, frames_dim
        self.context_dim, self.voice_dim = context_dim, voice_dim
        self.encoders = nn.ModuleDict()
        self.vector_in, self.frames_in = nn.ModuleDict(), nn.ModuleDict()
        self.tokens_in, self.voice_in = nn.ModuleDict(), nn.ModuleDict()
        self.token_type = nn.ParameterDict()
        self.added: list[str] = []
        self.vector_bias = nn.Parameter(torch.zeros(vector_dim))
        self.vector_out = nn.Sequential(nn.SiLU(), nn.Linear(vector_dim, vector_dim))
        self.frames_bias = nn.Parameter(torch.zeros(frames_dim, 1))
        self.frames_out = nn.Sequential(
            nn.SiLU(), nn.Conv1d(frames_dim, frames_dim, kernel_size=5, padding=2)
        )
        for name, encoder in encoders.items():
            self._wire(name, encoder)

    def _wire(self, name: str, encoder: StreamEncoder) -> None:
        self.encoders[name] = encoder
        for site, width in encoder.sites.items():
            if site == "vector":
                self.vector_in[name] = nn.Linear(width, self.vector_dim, bias=False)
            elif site == "frames":
                self.frames_in[name] = nn.Conv1d(width, self.frames_dim, 1, bias=False)
            elif site == "tokens":
                self.tokens_in[name] = nn.Linear(width, self.context_dim)
                self.token_type[name] = nn.Parameter(torch.zeros(self.context_dim))
            elif site == "voice":
                self.voice_in[name] = nn.Linear(width, self.voice_dim)

    def add_stream(self, name: str, encoder: StreamEncoder) -> None:
        """Wire a stream into a trained model without changing what it computes.

        Raises:
            ValueError: the stream gives tokens, which cannot be silenced by a zero matrix.
        """
        if "tokens" in encoder.sites:
            raise ValueError(f"stream {name!r} gives tokens; train it in from the start")
        silent = len(self.voice_in) == 0  # voice stream attention that heard nobody gives zeros
        self._wire(name, encoder)
        self.added.append(name)
        for table in (self.vector_in, self.frames_in, *([] if silent else [self.voice_in])):
            if name in table:
                for parameter in table[name].parameters():
                    nn.init.zeros_(parameter)

    def weights_of(self, name: str) -> list[nn.Parameter]:
        """Return the weights that a stream brought: its encoder's, and those that wire it."""
        tables = (self.encoders, self.vector_in, self.frames_in, self.tokens_in, self.voice_in)
        found = [weight for table in tables if name in table for weight in table[name].parameters()]
        return found + ([self.token_type[name]] if name in self.token_type else [])

    @property
    def learning(self) -> list[str]:
        """The streams whose encoders may learn something besides."""
        own = StreamEncoder.loss
        return [n for n, e in self.encoders.items() if getattr(type(e), "loss", own) is not own]

    def losses(self, drawn: Mapping[str, Drawn]) -> dict[str, Tensor]:
        """Return what encoders learn besides from a batch, by stream; of those that learn."""
        found: dict[str, Tensor] = {}
        for name, encoder in self.encoders.items():
            given = drawn.get(name)
            if given is None or not given.features:
                continue
            loss = encoder.loss(given.features, given.present)  # type: ignore[operator]
            if loss is not None:
                found[name] = loss
        return found

    def forward(self, drawn: Mapping[str, Drawn], batch: int, num_frames: int) -> Conditions:
        """Encode and fuse what was drawn; a stream not drawn gives its null."""
        vector = self.vector_bias.expand(batch, -1)
        frames = self.frames_bias.expand(batch, -1, num_frames)
        tokens: list[Tensor] = []
        masks: list[Tensor] = []
        voice, added = None, {}
        for name, encoder in self.encoders.items():
            given = drawn.get(name)
            if given is None or not given.features:
                out = encoder.absent(batch, num_frames)  # type: ignore[operator]
            else:
                out = encoder(given.features, given.present, num_frames)
            if "vector" in out:
                vector = vector + self.vector_in[name](out["vector"])
            if "frames" in out:
                frames = frames + self.frames_in[name](out["frames"])
                if name in self.added:
                    added[name] = out["frames"]
            if "voice" in out:
                here = self.voice_in[name](out["voice"])
                voice = here if voice is None else voice + here
            if "tokens" in out:
                tokens.append(self.tokens_in[name](out["tokens"]) + self.token_type[name])
                masks.append(_token_mask(given, out["tokens"]))
        if not tokens:
            tokens.append(vector.new_zeros(batch, 1, self.context_dim))
            masks.append(vector.new_ones(batch, 1, dtype=torch.bool))
        return Conditions(
            vector=self.vector_out(vector),
            frames=self.frames_out(frames),
            tokens=torch.cat(tokens, dim=1),
            tokens_mask=torch.cat(masks, dim=1),
            voice=voice,
            added=added,
        )


def _token_mask(given: Drawn | None, tokens: Tensor) -> Tensor:
    """Which tokens are real, (B, N); an absent stream keeps one, its null."""
    first = torch.zeros(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
    first[:, 0] = True
    if given is None:
        return first
    masks = [value for name, value in given.features.items() if name.endswith("_mask")]
    real = masks[0] if masks else torch.ones_like(first)
    return torch.where(given.present.any(dim=1)[:, None], real | first, first)
