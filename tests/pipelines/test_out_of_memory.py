"""Out of memory: by stand-in for every allocator, and really, where a process may have no more."""

import errno
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from muze.pipelines import out_of_memory
from muze.pipelines.out_of_memory import OutOfMemory, advice, size, told_in_numbers
from muze.pipelines.train_diffusion import TrainingSettings
from muze.pipelines.train_planner import TrainingSettings as PlannerSettings
from muze.pipelines.training import LoopSettings

CPU = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 4294967296 bytes. Error code 12 (Cannot allocate memory)"
)
GPU = (
    "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.10 GiB of "
    "which 3.12 GiB is free."
)
APPLE = (
    "MPS backend out of memory (MPS allocated: 9.00 GB, other allocations: 1.00 GB, max allowed: "
    "18.13 GB). Tried to allocate 256.00 MB on private pool."
)


@pytest.fixture
def settings(tmp_path):
    def settings(model=LoopSettings, **changes):
        given = {"dataset": tmp_path / "songs.json", "run": tmp_path / "run", "device": "cpu"}
        return model.model_validate({**given, **changes})

    return settings


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    monkeypatch.setattr(out_of_memory, "memory", lambda _: (3_120_000_000, 79_100_000_000))
    monkeypatch.setattr(out_of_memory, "device_name", lambda _: "a card")


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [(torch.OutOfMemoryError(GPU), "21.5 GB"), (RuntimeError(CPU), "4.29 GB"),
     (RuntimeError(APPLE), "256 MB"), (RuntimeError("std::bad_alloc"), "more"),
     (MemoryError(), "more"), (OSError(errno.ENOMEM, "Cannot allocate memory"), "more"),
     (MemoryError("Unable to allocate 74.5 GiB for an array with shape (100, 9)"), "80 GB")],
)  # fmt: skip
def test_every_allocator_is_told_in_one_line_with_the_numbers(settings, fault, wanted):
    with (
        pytest.raises(OutOfMemory) as told,
        told_in_numbers(settings(batch_size=16), "diffusion, step 7", nn.Linear(30, 40)),
    ):
        raise fault
    assert str(told.value) == (
        f"diffusion, step 7: out of memory on cpu (a card): {wanted} wanted, 3.12 GB of 79.1 GB "
        "free; 1,240 weights, batch_size 16, accumulate 1, crop_frames 512, amp off; lower first "
        "what changes no loss and --resume takes: --accumulate 2; in a new run, --amp bf16 or a "
        "smaller crop_frames or a smaller network"
    )
    assert told.value.__cause__ is fault


@pytest.mark.parametrize(
    "fault", [RuntimeError("mat1 and mat2 shapes differ"), OSError(errno.ENOENT, "no file"),
              ValueError("out of memory")],
)  # fmt: skip
def test_other_faults_pass(settings, fault):
    with pytest.raises(type(fault)) as told, told_in_numbers(settings(), "diffusion"):
        raise fault
    assert told.value is fault


def test_before_the_steps_a_batch_is_not_blamed(settings):
    with pytest.raises(OutOfMemory) as told, told_in_numbers(settings(), "diffusion"):
        raise MemoryError
    assert str(told.value).endswith("fewer tracks or a smaller network take less")


def test_only_what_can_be_lowered_is_named(settings):
    assert "--accumulate 6;" in advice(settings(batch_size=12, accumulate=4))
    last = advice(settings(batch_size=12, accumulate=12, amp="bf16"))
    assert last == "in a new run, a smaller crop_frames or a smaller network"
    plans = advice(settings(PlannerSettings, amp="bf16"))
    assert "crop_frames" not in plans
    assert plans.endswith("in a new run, a smaller network")
    said = {"vae": "vae", "streams": {}, "batch_size": 4, "accumulate": 4}
    told = advice(settings(TrainingSettings, **said))
    assert "takes: --set unet.use_gradient_checkpointing=true;" in told
    said["unet"] = {"use_gradient_checkpointing": True}
    assert "--set" not in advice(settings(TrainingSettings, **said))


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 bytes"), (1500, "1.5 kB"), (2.5e6, "2.5 MB"), (1.234e12, "1.23 TB")]
)
def test_sizes_in_words(count, told):
    assert size(count) == told


REALLY = """
import resource
import numpy as np, torch
from pathlib import Path
from torch import nn
from muze.pipelines.out_of_memory import OutOfMemory, told_in_numbers
from muze.pipelines.training import LoopSettings

torch.ones(8, 8) @ torch.ones(8, 8)  # what torch takes once
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 2**30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
settings = LoopSettings(dataset="a.json", run="run", device="cpu")
for make in (lambda: torch.ones(2**31), lambda: np.ones(2**31)):
    try:
        with told_in_numbers(settings, "diffusion, step 3", nn.Linear(2, 2)):
            make()
    except OutOfMemory as fault:
        print(fault)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits a process by RLIMIT_AS")
def test_a_process_that_may_not_have_more_says_so(tmp_path):
    command = [sys.executable, "-c", REALLY]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for line, wanted in zip(done.stdout.splitlines(), ("8.59 GB", "17.2 GB"), strict=True):
        assert line.startswith("diffusion, step 3: out of memory on cpu (")
        assert f": {wanted} wanted, " in line
        assert np.all([words in line for words in ("6 weights", "--accumulate 2")])
        number, unit = re.search(r"wanted, ([\d.]+) ([MG]B) of", line).groups()
        assert float(number) * {"MB": 1e6, "GB": 1e9}[unit] < 1.1e9  # not what the machine has
