"""How weights are stored: as they were trained, as 16-bit floats, or as 8-bit integers by row."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from muze.core.precision import Precision

INTEGERS, SCALE = ".int8", ".scale"
"""Ends of the names of a weight's integers (as the weight), and of its rows' scales (rows,)."""
LEVELS = 127


def stored(tensors: Mapping[str, Tensor], precision: Precision | str) -> dict[str, Tensor]:
    """Return weights as a file holds them.

    In ``int8`` each row of a matrix or kernel (its first dimension) is integers from -127 to 127
    times one scale, so that it is wrong by 1/254 of its largest entry at most; what has one
    dimension is 16-bit floats.
    """
    out: dict[str, Tensor] = {}
    for name, value in tensors.items():
        value = value.detach().contiguous().cpu()
        if not value.is_floating_point() or precision == Precision.fp32:
            out[name] = value
        elif precision == Precision.fp16 or value.dim() < 2:
            out[name] = value.half()
        else:
            largest = value.float().flatten(1).abs().amax(1)
            scale = (largest / LEVELS).clamp(min=torch.finfo(torch.float32).tiny)
            rows = scale.reshape(-1, *[1] * (value.dim() - 1))
            out[name + INTEGERS] = (value / rows).round().clamp(-LEVELS, LEVELS).to(torch.int8)
            out[name + SCALE] = scale
    return out


def restored(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a file; those of integers as 32-bit floats.

    Raises:
        KeyError: integers lie there without their scales.
    """
    out: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if name.endswith(INTEGERS):
            plain = name.removesuffix(INTEGERS)
            scale = tensors[plain + SCALE]
            out[plain] = value * scale.reshape(-1, *[1] * (value.dim() - 1))
        elif not (name.endswith(SCALE) and name.removesuffix(SCALE) + INTEGERS in tensors):
            out[name] = value
    return out
