r"""The processes of a training, joined by accelerate: one, several, or several machines'.

One process needs no launcher. Several are started by accelerate, on GPUs or on CPUs alone (by
--multi_gpu, too: its --cpu starts no second process without MPI), on one machine or on more:

    accelerate launch --multi_gpu --num_processes 8 -m muze train diffusion --run runs/mine ...
    accelerate launch --multi_gpu --num_processes 2 -m muze train diffusion --device cpu ...
    accelerate launch --multi_gpu --num_processes 16 --num_machines 2 --machine_rank 0 \
        --main_process_ip 10.0.0.1 --main_process_port 29500 -m muze train ...  # 1 on the other

The dataset and the run's folder lie where all machines see them. Each process takes its share of
every batch, so ``batch_size`` stays what it is, and so do the losses. A model too large for one
GPU is sharded over them (FSDP of version 2):

    accelerate launch --use_fsdp --fsdp_version 2 --num_processes 8 \
        --fsdp_auto_wrap_policy TRANSFORMER_BASED_WRAP -m muze train diffusion ...
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TypeVar

import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import (
    DistributedDataParallelKwargs,
    DistributedType,
    FullyShardedDataParallelPlugin,
    GradientAccumulationPlugin,
    gather_object,
)

from muze.core.errors import MuzeError
from muze.pipelines.training import LoopSettings

WAIT = timedelta(hours=6)
"""How long a process waits for the others, as while the main one reads every song."""
T = TypeVar("T")


def main_first(settings: LoopSettings) -> AbstractContextManager[None]:
    """Return a context that the main process leaves before the others enter.

    What it keeps in files there, they find done.
    """
    context: AbstractContextManager[None] = _here(settings).main_process_first()
    return context


def join(settings: LoopSettings) -> Accelerator:
    """Return the accelerator of this process.

    Raises:
        MuzeError: the batch cannot be shared, or the launcher asks for what the settings do not
            say, or for what muze does not do.
    """
    here = _here(settings)
    _check_launch(settings, here)
    shares(settings, here.num_processes, here.process_index)
    sharding = None
    if _says("USE_FSDP"):  # as launched; but buffers, which every network of muze has, come whole
        sharding = FullyShardedDataParallelPlugin(cpu_ram_efficient_loading=False)
    try:
        return Accelerator(
            cpu=settings.device == "cpu",
            device_placement=False,  # the settings name the device
            mixed_precision={"off": "no"}.get(settings.amp, settings.amp),
            fsdp_plugin=sharding,
            gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=settings.accumulate),
            kwargs_handlers=[
                DistributedDataParallelKwargs(
                    find_unused_parameters=True,  # of streams no crop of the batch tells
                    gradient_as_bucket_view=True,
                )
            ],
        )
    except ValueError as fault:  # bf16 on a GPU that has none
        raise MuzeError(f"amp {settings.amp} on {settings.device}: {fault}") from None


def shares(settings: LoopSettings, processes: int, process: int) -> list[slice]:
    """Return which rows of a batch are a process's, micro-batch by micro-batch.

    Raises:
        MuzeError: the batch cannot be shared evenly.
    """
    parts = processes * settings.accumulate
    size, rest = divmod(settings.batch_size, parts)
    if rest:
        raise MuzeError(
            f"batch_size is {settings.batch_size}; it must be a multiple of {parts}, as "
            f"{processes} {'process takes' if processes == 1 else 'processes take'} "
            f"{settings.accumulate} micro-batches each (accumulate)"
        )
    first = process * settings.accumulate
    return [slice(k * size, (k + 1) * size) for k in range(first, first + settings.accumulate)]


def together(told: T) -> list[T]:
    """Return what each process tells, in their order; all have to ask."""
    gathered: list[T] = gather_object([told])
    return gathered


def leave() -> None:
    """Part from the other processes, where there are any."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _here(settings: LoopSettings) -> PartialState:
    if not torch.distributed.is_initialized():
        # an earlier training in this process may have had another device or precision
        AcceleratorState._reset_state(reset_partial_state=True)
    return PartialState(cpu=settings.device == "cpu", timeout=WAIT)


def _check_launch(settings: LoopSettings, here: PartialState) -> None:
    if here.num_processes == 1:
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise MuzeError(f"processes cannot be joined on {settings.device}; use cuda or cpu")
        if _says("USE_CPU") and os.environ.get("MASTER_PORT"):
            raise MuzeError(
                "accelerate launch --cpu starts one process, however many are asked for (the "
                "others need MPI); say --multi_gpu in place of it, and --device cpu to muze"
            )
    wanted = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    if wanted not in ("no", settings.amp):
        raise MuzeError(
            f"accelerate launches in {wanted}, but amp is {settings.amp}; say --amp {wanted}, or "
            "launch with --mixed_precision no"
        )
    if _says("USE_DEEPSPEED") or _says("USE_MEGATRON_LM"):
        raise MuzeError("muze trains by DDP (--multi_gpu) or FSDP (--use_fsdp --fsdp_version 2)")
    if _says("USE_FSDP"):
        if os.environ.get("FSDP_VERSION", "1") != "2":
            raise MuzeError("FSDP of version 1 is not supported; launch with --fsdp_version 2")
        if here.distributed_type in (DistributedType.NO, DistributedType.MULTI_CPU):
            raise MuzeError(f"accelerate shards over GPUs alone, not on {settings.device}")


def _says(key: str) -> bool:
    """Whether the launcher says yes to something."""
    return os.environ.get(f"ACCELERATE_{key}", "").lower() in ("true", "1")
