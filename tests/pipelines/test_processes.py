"""How a batch is shared, and what a launcher may not ask for; two real ones are in slow tests."""

import pytest

from muze.core.errors import MuzeError
from muze.pipelines.processes import join, main_first, shares, together
from muze.pipelines.training import LoopSettings

LAUNCHED = (
    "RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT", "ACCELERATE_USE_CPU",
    "ACCELERATE_MIXED_PRECISION", "ACCELERATE_USE_FSDP",
)  # fmt: skip


@pytest.fixture
def settings(tmp_path, monkeypatch):
    for name in LAUNCHED:
        monkeypatch.delenv(name, raising=False)

    def settings(**changes):
        given = {"dataset": tmp_path / "dataset.json", "run": tmp_path / "run", "device": "cpu"}
        return LoopSettings.model_validate({**given, **changes})

    return settings


@pytest.mark.parametrize(("processes", "accumulate"), [(1, 1), (2, 1), (1, 4), (2, 2), (4, 3)])
def test_shares_are_the_batch_in_order(settings, processes, accumulate):
    told = settings(batch_size=24, accumulate=accumulate)
    rows = list(range(24))
    parts = [rows[part] for k in range(processes) for part in shares(told, processes, k)]
    assert [row for part in parts for row in part] == rows
    assert len(parts) == processes * accumulate
    assert len({len(part) for part in parts}) == 1


def test_a_batch_that_cannot_be_shared_is_told_with_its_numbers(settings):
    told = settings(batch_size=16, accumulate=4)
    with pytest.raises(MuzeError) as fault:
        shares(told, 3, 0)
    assert str(fault.value) == (
        "batch_size is 16; it must be a multiple of 12, as 3 processes take 4 micro-batches each "
        "(accumulate)"
    )
    with pytest.raises(MuzeError, match="must be a multiple of 5, as 1 process takes 5 micro"):
        join(settings(batch_size=16, accumulate=5))


def test_one_process_needs_no_launcher(settings):
    told = settings(amp="bf16")
    with main_first(told):
        accelerator = join(told)
    assert (accelerator.num_processes, accelerator.is_main_process) == (1, True)
    assert accelerator.mixed_precision == "bf16"
    assert join(settings()).mixed_precision == "no"  # whatever an earlier training had
    assert together({"loss": 1.0}) == [{"loss": 1.0}]


@pytest.mark.parametrize(
    ("environment", "told"),
    [({"ACCELERATE_MIXED_PRECISION": "bf16"}, "accelerate launches in bf16, but amp is off; say"),
     ({"ACCELERATE_USE_CPU": "True", "MASTER_PORT": "29500"}, "--cpu starts one process, however"),
     ({"ACCELERATE_USE_DEEPSPEED": "true"}, r"muze trains by DDP \(--multi_gpu\) or FSDP"),
     ({"ACCELERATE_USE_FSDP": "true"}, "FSDP of version 1 is not supported; launch with --fsdp_v"),
     ({"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}, "shards over GPUs alone, not on cpu")],
)  # fmt: skip
def test_what_a_launcher_asks_for_in_vain_is_told(settings, monkeypatch, environment, told):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(MuzeError, match=told):
        join(settings())


def test_a_launcher_and_a_run_may_say_the_same(settings, monkeypatch):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert join(settings(amp="bf16")).mixed_precision == "bf16"
