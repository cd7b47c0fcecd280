"""Demucs separator: drums, bass, voice and the rest, by a network trained on mixes."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from muze import hookimpl
from muze.audio.io import resample
from muze.core.grid import Audio
from muze.core.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor


class DemucsSeparator:
    """Stems by Demucs (Rouard et al. 2023, arXiv:2211.08553); they need not add up to the mix."""

    name: ClassVar[str] = "demucs"
    api: ClassVar[int] = 1

    class Config(Settings):
        """Which network takes a mix apart, and where it runs."""

        model: str = Field(
            "htdemucs", pattern="^[A-Za-z0-9_]+$", description="One of Demucs' own models."
        )
        weights: str | None = Field(
            None,
            min_length=1,
            description="Folder or file of weights; if not said, where Demucs keeps its downloads.",
        )
        device: str = Field("cpu", description="cpu, cuda or mps.")
        overlap: float = Field(
            0.25, ge=0, lt=1, description="Share of a piece that is heard with its neighbour too."
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def about(self) -> str:
        """What takes the mix apart, as records tell it."""
        from importlib.metadata import version

        weights = self.config.weights
        named = Path(weights).name if weights else self.config.model
        return f"Demucs {named} (demucs {version('demucs')})"

    def check(self) -> None:
        """Raise ``NotInstalledError`` where Demucs or its weights are not there."""
        from muze.plugins.separators.demucs.weights import find_weights

        find_weights(self.config.model, self.config.weights)

    @cached_property
    def network(self) -> Any:  # Demucs' classes have no types
        """The network, loaded when it is first needed."""
        from muze.plugins.separators.demucs.weights import find_weights, load_network

        return load_network(find_weights(self.config.model, self.config.weights))

    def separate(self, audio: Audio) -> dict[str, Audio]:
        """Return the network's stems by name; they share the mix's channels, length and rate.

        Two channels are heard together; of any other number, each by itself. Long sound is heard in
        pieces that overlap, as long as those the network was trained on.

        Raises:
            NotInstalledError: Demucs or its weights are not there; says how to get them.
            CheckpointError: the weights are damaged, or more than weights.
        """
        import torch
        from demucs.apply import apply_model

        network, config = self.network, self.config
        mix = torch.tensor(resample(audio, network.samplerate).samples)
        width = network.audio_channels
        together = len(mix) == width
        heard = mix[None] if together else mix[:, None].repeat(1, width, 1)
        # levelled as in demucs.api.Separator, whose loader runs what is in a checkpoint
        middle = heard.mean(dim=1, keepdim=True)
        mean = middle.mean(dim=2, keepdim=True)
        spread = middle.std(dim=2, keepdim=True, correction=0) + 1e-8
        stems = apply_model(
            network, (heard - mean) / spread, shifts=0, overlap=config.overlap, device=config.device
        )
        stems.mul_(spread[:, None]).add_(mean[:, None])
        parts = stems[0] if together else stems.mean(dim=2).transpose(0, 1)
        return {
            name: _fitted(part, network.samplerate, audio)
            for name, part in zip(network.sources, parts, strict=True)
        }


def _fitted(part: Tensor, sample_rate: int, audio: Audio) -> Audio:
    """Return a stem (C, n) at the mix's rate, and of its length."""
    back = resample(Audio(part.contiguous().numpy(), sample_rate), audio.sample_rate).samples
    length = audio.samples.shape[1]
    short = max(0, length - back.shape[1])
    return Audio(np.pad(back, ((0, 0), (0, short)))[:, :length], audio.sample_rate)


@hookimpl
def muze_separators() -> list[type[DemucsSeparator]]:
    """Offer Demucs."""
    return [DemucsSeparator]
