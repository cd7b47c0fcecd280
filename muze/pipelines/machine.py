"""What a training runs on, as its report and its estimate tell it."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # comes with accelerate
import torch

CGROUPS = Path("/sys/fs/cgroup")


def device_name(device: torch.device) -> str:
    """Return what a device is called: a GPU's name, or the processor's and its cores."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists() and (found := re.search(r"model name\s*:\s*(.+)", info.read_text())):
        name = found[1]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    told = f"{name}, {cores} cores"
    return told if device.type == "cpu" else f"{device.type} of {told}"


def versions() -> dict[str, str]:
    """Return the versions of what computes."""
    return {"torch": torch.__version__, "muze": version("muze")}


def memory(device: torch.device) -> tuple[int, int]:
    """Return the bytes free on a device, and all it has, or of which a container may take."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return int(free), int(total)
    here = psutil.virtual_memory()
    free, total = int(here.available), int(here.total)
    if (allowed := _allowed()) is not None:  # by ulimit -v, or what a cluster makes of --mem
        total = min(total, allowed)
        free = min(free, max(allowed - psutil.Process().memory_info().vms, 0))
    if (limit := _container()) is not None:
        total = min(total, limit[1])
        free = min(free, max(limit[1] - limit[0], 0))
    return free, total


def _allowed() -> int | None:
    """Return the bytes of addresses that this process may take; None where nothing limits it."""
    limit = getattr(psutil.Process(), "rlimit", None)  # Linux alone
    if limit is None:
        return None
    most = int(limit(psutil.RLIMIT_AS)[0])
    return None if most == psutil.RLIM_INFINITY else most


def _container() -> tuple[int, int] | None:
    """Return what this process's control group takes and may take; None where nothing limits it."""
    try:
        told = Path("/proc/self/cgroup").read_text(encoding="utf-8")
        found = re.search(r"^0::/(.*)$", told, re.MULTILINE)
        folder = CGROUPS / (found[1] if found else "")
        taken = int((folder / "memory.current").read_text())
        return taken, int((folder / "memory.max").read_text())
    except (OSError, ValueError):  # none, or "max"
        return None
