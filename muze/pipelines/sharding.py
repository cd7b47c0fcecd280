"""Weights that lie in shards over processes, stepped and clipped without a long wait before.

Torch plans an operation on a list of sharded tensors at the first step, in a time that grows with
the square of the list's length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Partial, Replicate

AT_ONCE = 16
"""Weights an optimiser steps together; the bits are the same however many."""


def groups(weights: Sequence[nn.Parameter]) -> list[dict[str, Any]]:  # Any: as optimisers take it
    """Return the groups of weights for an optimiser, in their order."""
    return [{"params": [*weights[i : i + AT_ONCE]]} for i in range(0, len(weights), AT_ONCE)]


@torch.no_grad()
def clip_shards(weights: Sequence[nn.Parameter], largest: float) -> Tensor:
    """Scale the gradient to a norm of at most ``largest``; return the norm it had.

    All processes have to ask.
    """
    lying: dict[Any, list[Tensor]] = {}  # Any: a mesh and placements
    for weight in weights:
        if isinstance(grad := weight.grad, DTensor):
            lying.setdefault((grad.device_mesh, grad.placements), []).append(grad.to_local())
        elif grad is not None:
            lying.setdefault(None, []).append(grad)
    squares = []
    for how, grads in lying.items():
        square = nn.utils.get_total_norm(grads).square()
        if how is not None:
            mesh, placements = how
            summed = [Partial() if place.is_shard() else Replicate() for place in placements]
            square = DTensor.from_local(square, mesh, summed).full_tensor()
        squares.append(square)
    norm = torch.stack(squares).sum().sqrt()
    scale = (largest / (norm + 1e-6)).clamp(max=1.0)
    for grads in lying.values():
        for grad in grads:
            grad.mul_(scale)
    return norm
