"""What is told where a training needs more memory than there is: one line, with the numbers."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from muze.core.errors import MuzeError
from muze.core.settings import Settings
from muze.pipelines.machine import device_name, memory
from muze.pipelines.training import LoopSettings

SAYS_SO = re.compile("can't allocate memory|not enough memory|out of memory|bad_alloc", re.I)
"""How torch tells it of a CPU or of Apple's GPU, in a plain RuntimeError."""
WANTED = re.compile(r"allocate ([\d.]+) ?(bytes|[KMGT]i?B)", re.I)
UNITS = {
    "bytes": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
    "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30, "tib": 2.0**40,
}  # fmt: skip
SWITCHES = ("use_gradient_checkpointing", "use_checkpoint")
"""Settings that keep less of a step in memory, and compute it twice."""


class OutOfMemory(MuzeError):
    """A training needs more memory than there is; says how much, and what to lower first."""


@contextmanager
def told_in_numbers(
    settings: LoopSettings, what: str, stepping: nn.Module | None = None
) -> Iterator[None]:
    """Raise ``OutOfMemory`` for what an allocator raises inside.

    ``what`` names the training. Where its steps are inside, ``stepping`` is the network whose
    weights are counted, and settings that make a step smaller are named.
    """
    try:
        yield
    except (MemoryError, OSError, RuntimeError) as fault:  # numpy's is a MemoryError
        if not _of_memory(fault):
            raise
        raise OutOfMemory(_told(settings, what, stepping, str(fault))) from fault


def _of_memory(fault: Exception) -> bool:
    if isinstance(fault, OSError):  # as of a file that is mapped
        return fault.errno == errno.ENOMEM
    return isinstance(fault, (MemoryError, torch.OutOfMemoryError)) or bool(
        SAYS_SO.search(str(fault))
    )


def _told(settings: LoopSettings, what: str, stepping: nn.Module | None, fault: str) -> str:
    device = torch.device(settings.device)
    free, total = memory(device)
    wanted = WANTED.search(fault)
    more = size(float(wanted[1]) * UNITS[wanted[2].lower()]) if wanted else "more"
    told = (
        f"{what}: out of memory on {settings.device} ({device_name(device)}): {more} wanted, "
        f"{size(free)} of {size(total)} free"
    )
    if stepping is None:
        return f"{told}; that was before its steps: fewer tracks or a smaller network take less"
    weights = sum(weight.numel() for weight in stepping.parameters())
    names = ("batch_size", "accumulate", *(["crop_frames"] if settings.takes_crops else []), "amp")
    values = ", ".join(f"{name} {getattr(settings, name)}" for name in names)
    return f"{told}; {weights:,} weights, {values}; {advice(settings)}"


def advice(settings: LoopSettings) -> str:
    """Return what to lower first: what leaves the losses as they are, then what does not."""
    joined = torch.distributed.is_available() and torch.distributed.is_initialized()
    share = settings.batch_size // (torch.distributed.get_world_size() if joined else 1)
    parts = [n for n in range(settings.accumulate + 1, share + 1) if share % n == 0]
    same = [f"--accumulate {parts[0]}"] if parts else []
    same += [f"--set {path}=true" for path in _switches(settings)]
    other = ["--amp bf16"] if settings.amp == "off" else []
    other += ["a smaller crop_frames"] if settings.takes_crops else []
    first = f"lower first what changes no loss and --resume takes: {', '.join(same)}"
    last = f"in a new run, {' or '.join([*other, 'a smaller network'])}"
    return f"{first}; {last}" if same else last


def _switches(settings: Settings, under: str = "") -> Iterator[str]:
    """Yield the switches that are off, by their whole names."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Settings):
            yield from _switches(value, f"{under}{name}.")
        elif name in SWITCHES and not value:
            yield f"{under}{name}"


def size(count: float) -> str:
    """Return a number of bytes in words, as ``1.5 GB``."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} bytes"
