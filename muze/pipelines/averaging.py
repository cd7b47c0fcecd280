"""The moving mean of a model's weights, also of weights that lie in shards over processes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Averaged:
    """A copy of a model whose weights follow the model's own.

    ``module`` is that copy. Where the model is sharded, so are the means, and ``module`` is as it
    was until ``gather``.
    """

    def __init__(self, module: nn.Module, model: nn.Module, decay: float) -> None:
        self.module, self.decay = module, decay
        now, mine = model.state_dict(), module.state_dict()
        self.sharded = any(isinstance(value, DTensor) for value in now.values())
        self.means = {name: laid_like(mine[name], value) for name, value in now.items()}
        pairs = [(_here(self.means[name]), _here(value)) for name, value in now.items()]
        floating = [pair for pair in pairs if pair[1].is_floating_point()]
        self._means, self._weights = [a for a, _ in floating], [b for _, b in floating]
        self._counts = [pair for pair in pairs if not pair[1].is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Let the means follow the weights, ``step`` steps after the start."""
        # early averages forget fast, or the random start would stay in them
        decay = min(self.decay, (1 + step) / (10 + step))
        follow = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        follow(self._means, self._weights, None)
        for mean, now in self._counts:
            mean.copy_(now)

    @torch.no_grad()
    def gather(self) -> nn.Module:
        """Return ``module``, its weights the means; where they are sharded, all have to ask."""
        if self.sharded:
            mine = self.module.state_dict()
            for name, mean in self.means.items():
                mine[name].copy_(whole(mean))
        return self.module


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor as one piece; where it lies in shards, all processes have to ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def laid_like(tensor: Tensor, other: Tensor) -> Tensor:
    """Return a whole tensor as another lies: itself, or sharded in the same way."""
    if not isinstance(other, DTensor):
        return tensor
    return distribute_tensor(tensor.to(other.device), other.device_mesh, other.placements)


def _here(tensor: Tensor) -> Tensor:
    """Return what of a tensor lies in this process, in the same memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
