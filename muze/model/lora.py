"""Low-rank adaptation (Hu et al. 2021): what is learnt beside a denoiser's frozen weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from muze.core.settings import Settings
from muze.model.blocks import Conv, CrossAttention, ResBlock, SpatialTransformer
from muze.model.denoiser import Denoiser

DOWN, UP = ".lora_A.weight", ".lora_B.weight"
"""How the two factors of a layer's change are called; the former comes first."""
Kind = Literal["attention", "feed_forward", "convolution", "modulation", "conditioning"]
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d)


class Lora(Settings):
    """Which layers learn a change of low rank, and of which rank."""

    rank: int = Field(8, ge=1, description="Rank of each layer's change.")
    alpha: float | None = Field(
        None, gt=0, description="The change is weighted by alpha / rank; rank unless said."
    )
    targets: tuple[Kind, ...] = Field(
        ("attention", "feed_forward", "convolution"),
        min_length=1,
        description="Layers of the U-Net that learn: attention, feed_forward, convolution, "
        "modulation (by time, vector and frames); and conditioning, the streams' own.",
    )

    @model_validator(mode="before")
    @classmethod
    def _take_rank(cls, data: Any) -> Any:  # Any: what pydantic is given
        """Let a number be the rank."""
        return {"rank": data} if isinstance(data, int) and not isinstance(data, bool) else data

    @property
    def scale(self) -> float:
        """What a layer's change is multiplied by."""
        return 1.0 if self.alpha is None else self.alpha / self.rank


def target_layers(model: Denoiser, kinds: tuple[Kind, ...]) -> list[str]:
    """Return the names of the layers of some kinds."""
    found: dict[int, Kind] = {}
    for module in model.unet.modules():
        if isinstance(module, CrossAttention):
            found |= {id(layer): "attention" for layer in module.children()}
        elif isinstance(module, SpatialTransformer):
            found |= {id(layer): "feed_forward" for layer in module.feed_forward}
            found[id(module.project)] = "feed_forward"
        elif isinstance(module, ResBlock):
            found |= {id(layer): "modulation" for layer in (module.embedding, module.frames)}
        elif isinstance(module, Conv):
            found[id(module)] = "convolution"
    found |= {id(layer): "modulation" for layer in model.unet.time.modules()}
    found |= {id(layer): "conditioning" for layer in model.conditioning.modules()}
    return [
        name
        for name, layer in model.named_modules()
        if isinstance(layer, LAYERS) and found.get(id(layer)) in kinds
    ]


def merge(
    base: Mapping[str, Tensor], tuned: Mapping[str, Tensor], scale: float
) -> dict[str, Tensor]:
    """Return a base's weights with what was learnt put into them, as 32-bit floats.

    ``tuned`` has the two factors of each change, and whole weights of what the base has not.

    Raises:
        KeyError: there is but one of two factors, or no such layer in the base.
        RuntimeError: the shapes do not fit.
    """
    out = {name: value.to(torch.float32) for name, value in base.items()}
    whole = {name: value for name, value in tuned.items() if not name.endswith((DOWN, UP))}
    out |= {name: value.to(torch.float32) for name, value in whole.items()}
    layers = {name.removesuffix(DOWN).removesuffix(UP) for name in tuned.keys() - whole.keys()}
    for layer in sorted(layers):
        weight = out[f"{layer}.weight"]
        down, up = (tuned[layer + end].to(torch.float32) for end in (DOWN, UP))
        change = up.flatten(1) @ down.flatten(1)  # of a convolution, whose second is of size 1
        out[f"{layer}.weight"] = weight + scale * change.view(weight.shape)
    return out
