"""Counts the memory that steps of a training need: what autograd keeps, and the gradients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.utils.hooks import RemovableHandle


class Account:
    """What the steps inside ``counted`` kept at most, in bytes; it is the same on every device.

    What autograd saves is counted once, however many operations save it; weights are not, they are
    there anyway. What an operation needs only while it runs is not seen, nor what checkpointing
    computes again.
    """

    def __init__(self) -> None:
        self.activations = 0
        """The most that was saved at once."""
        self.at_once = 0
        """The most of it and the gradients together."""
        self._known: set[int] = set()
        self._held: Counter[int] = Counter()
        self._saved = self._gradients = 0
        self._hooks: list[RemovableHandle] = []

    def stepped(self) -> None:
        """Forget the gradients, as the next step does."""
        self._gradients = 0

    def know(self, module: nn.Module, _: object) -> None:
        """Take note of a module about to run: its weights are no activations."""
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
            if _storage(tensor) in self._known:
                continue
            self._known.add(_storage(tensor))
            if tensor.is_leaf and tensor.requires_grad:
                add = tensor.register_post_accumulate_grad_hook
                self._hooks.append(add(self._graded))  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Count no more gradients."""
        while self._hooks:
            self._hooks.pop().remove()

    def pack(self, tensor: Tensor) -> _Kept:
        """Count a tensor that autograd saves."""
        key, size = _storage(tensor), tensor.untyped_storage().nbytes()
        if key in self._known:
            return _Kept(tensor, None, key, size)
        self._held[key] += 1
        if self._held[key] == 1:
            self._saved += size
            self.activations = max(self.activations, self._saved)
            self.at_once = max(self.at_once, self._saved + self._gradients)
        return _Kept(tensor, self, key, size)

    def release(self, key: int, size: int) -> None:
        """Count a tensor that autograd lets go."""
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]
            self._saved -= size

    def _graded(self, weight: Tensor) -> None:
        self._gradients += weight.numel() * weight.element_size()
        self.at_once = max(self.at_once, self._saved + self._gradients)


class _Kept:
    """A tensor that autograd saves, counted until it is let go."""

    def __init__(self, tensor: Tensor, account: Account | None, key: int, size: int) -> None:
        self.tensor, self._account, self._key, self._size = tensor, account, key, size

    def __del__(self) -> None:
        if self._account is not None:
            self._account.release(self._key, self._size)


@contextmanager
def counted() -> Iterator[Account]:
    """Yield an account of the steps that this thread does inside."""
    account = Account()
    watch = register_module_forward_pre_hook(account.know)
    try:
        with saved_tensors_hooks(account.pack, lambda kept: kept.tensor):
            yield account
    finally:
        watch.remove()
        account.close()


def _storage(tensor: Tensor) -> int:
    """Return what tells storages apart; on the meta device they have no address."""
    return int(tensor.untyped_storage()._cdata)
