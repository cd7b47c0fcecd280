"""Trainings as people start them: killed at any moment, in two processes, sharded over two."""

import json
import os
import random
import signal
import subprocess
import sys

import pytest
import torch
import yaml
from safetensors.torch import load_file

from muze.model.header import weights_file

pytestmark = pytest.mark.slow
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
LAUNCH = (
    "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1",
    "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0",
)  # fmt: skip
IN_TURN = """
import json
import os
import socket
import sys
import librosa.filters  # and all that takes long to import, once for all trainings
import matplotlib.figure
import torch._dynamo
import torch.distributed.fsdp
from accelerate.state import PartialState
from accelerate.utils import DistributedType
from muze.cli import main
from muze.pipelines import processes, train_diffusion

here = processes._here

def pretended(settings):
    # accelerate shards over GPUs alone, though torch shards over CPUs as well
    state = here(settings)
    PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU
    return state

def become(rank, port):
    os.environ |= {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2",
                   "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
                   "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
                   "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes._here = pretended

for count, words in json.loads(sys.argv[1]):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    children = []
    for rank in range(count):
        children.append(os.fork())
        if not children[-1]:
            if count > 1:
                become(rank, port)
            sys.argv[1:] = words
            sys.exit(main())
    codes = [os.waitpid(child, 0)[1] for child in children]
    if any(codes):
        sys.exit(f"{words} ended with {codes}")
"""
"""Trains alone, or sharded over two processes, again and again: as accelerate would start it."""


@pytest.fixture
def config(tmp_path):
    """Write settings as a train.yaml; return what trains from it, and its run."""

    def config(settings, what, **changes):
        told = {**json.loads(settings.model_dump_json(exclude_none=True)), **changes}
        for key in ("run", "resume", "device", "unknown"):
            told.pop(key, None)
        path = tmp_path / f"{what}.yaml"
        path.write_text(yaml.safe_dump(told))
        return ["train", what, "--config", str(path), "--device", "cpu"]

    return config


def muze(*args):
    return subprocess.Popen(
        [sys.executable, *map(str, args)],
        env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def done(*args):
    process = muze(*args)
    told = process.communicate()[1]
    assert process.returncode == 0, told
    return told


def state(run):
    about = json.loads((run / "state" / "state.json").read_text())
    return load_file(run / "state" / "state.safetensors"), about


def assert_same_bits(run, other):
    (ours, one), (theirs, two) = state(run), state(other)
    assert one["losses"] == two["losses"]
    assert one["validated"] == two["validated"]
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def assert_same_losses(run, other):
    one, two = (state(each)[1]["losses"] for each in (run, other))
    assert len(one) == len(two)
    for row, same in zip(one, two, strict=True):
        assert row["loss"] == pytest.approx(same["loss"], rel=1e-5)
        assert row == pytest.approx(same, rel=1e-3)  # parts of it that weigh next to nothing


def test_a_training_killed_again_and_again_gives_the_same_bits(
    config, diffusion_settings, tmp_path
):
    settings = diffusion_settings("killed")
    train = config(settings, "diffusion", steps=40, save_every=2, keep=2, validation=0.3,
                   validate_every=4, validation_crops=2)  # fmt: skip
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    done("-m", "muze", *train, "--run", whole)
    numbers, kills, seen = random.Random(), 0, set()
    while True:
        begun = (cut / "state").exists() or (cut / "state.old").exists()
        resume = ["--resume"] if begun else []
        process = muze("-m", "muze", *train, "--run", cut, *resume)
        lines = numbers.randrange(1, 6) if kills < 5 else 10**9
        for line in process.stderr:
            if line.startswith("diffusion: step"):
                lines -= 1
            if lines <= 0:
                break
        if process.poll() is None and lines <= 0:
            try:
                process.wait(numbers.random() / 10)  # to be anywhere within a step or a save
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
        code = process.wait()
        process.stderr.close()
        if code == 0:
            break
        assert code == -signal.SIGKILL
        seen.add(state(cut)[1]["step"] if (cut / "state").exists() else 0)
    assert kills > 2
    assert len(seen) > 1
    assert_same_bits(whole, cut)
    for name in ("denoiser", "best/denoiser"):
        ours, theirs = (weights_file(run / name, "denoiser").read_bytes() for run in (whole, cut))
        assert ours == theirs


TWO = {"batch_size": 4, "learning_rate": 1e-4, "steps": 6, "save_every": 2, "ema": 0.9}

DUEL = {"crop_frames": 16, "adversarial_from": 2, "discriminators": ["resolution"], "steps": 4}
HIFIGAN = {
    "upsample_rates": [16, 20], "upsample_kernel_sizes": [32, 40], "upsample_initial_channel": 16,
    "resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1, 3]],
}  # fmt: skip


@pytest.mark.parametrize(
    ("what", "changes"),
    [("diffusion", {}), ("vae", {"linear_start": False, "steps": 4}),
     ("vae", {"adversarial_from": 2, "steps": 4}),
     ("vocoder", DUEL), ("vocoder", {**DUEL, "vocoder": "hifigan", "hifigan": HIFIGAN})],
)  # fmt: skip
def test_two_processes_have_the_losses_of_one(config, request, tmp_path, what, changes):
    settings = request.getfixturevalue(f"{what}_settings")(f"of-two-{what}")
    train = config(settings, what, **{**TWO, **changes})
    done("-m", "muze", *train, "--run", tmp_path / "one")
    told = done("-m", *LAUNCH, "-m", "muze", *train, "--run", tmp_path / "two")
    assert_same_losses(tmp_path / "one", tmp_path / "two")
    done("-m", *LAUNCH, "-m", "muze", *train, "--run", tmp_path / "parts", "--accumulate", 2)
    assert_same_losses(tmp_path / "one", tmp_path / "parts")
    assert told.count("written to") == 1  # by the main process alone
    assert "Warning" not in told


def test_two_processes_agree_where_only_one_is_told_a_stream(
    config, diffusion_settings, dataset, tmp_path
):
    content = json.loads(dataset.read_text())
    for index, track in enumerate(content["tracks"]):
        track["audio_path"] = str(dataset.parent / track["audio_path"])
        track["phoneme_timestamps"] = [{"phoneme": "a", "start": 0.5, "end": 1.0}]
        for name, teller in (("chords", 0), ("genre", 1), ("phoneme_timestamps", 2)):
            if index != teller:
                track[name] = None
    patchy = tmp_path / "patchy.json"
    patchy.write_text(json.dumps(content))
    small = {"vector": 8, "hidden": 16}
    streams = {"chord": {"vector": 8, "frames": 8}, "genre": {"vector": 8}, "phoneme": small}
    train = config(
        diffusion_settings("patchy", dataset=patchy, streams=streams), "diffusion", **TWO
    )
    done("-m", "muze", *train, "--run", tmp_path / "one")
    done("-m", *LAUNCH, "-m", "muze", *train, "--run", tmp_path / "two")
    assert_same_losses(tmp_path / "one", tmp_path / "two")


def test_two_processes_go_on_to_the_same_bits(config, diffusion_settings, tmp_path):
    train = config(diffusion_settings("of-two-cut"), "diffusion", **{**TWO, "steps": 12})
    launch = ("-m", *LAUNCH, "-m", "muze", *train)
    whole, cut, stopped = (tmp_path / name for name in ("whole", "cut", "stopped"))
    done(*launch, "--run", whole)
    process = muze(*launch, "--run", cut)
    for line in process.stderr:
        if line.startswith("diffusion: step 4 saved"):
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert state(cut)[1]["step"] < 12
    done(*launch, "--run", cut, "--resume")
    assert_same_bits(whole, cut)

    process = muze(*launch, "--run", stopped, "--save-every", 100)
    for line in process.stderr:
        if line.startswith("diffusion: 3/12"):
            break
    process.send_signal(signal.SIGTERM)  # which the launcher hands on
    process.communicate()
    assert 3 <= state(stopped)[1]["step"] < 12
    done(*launch, "--run", stopped, "--save-every", 100, "--resume")
    assert_same_bits(whole, stopped)


def test_a_sharded_model_has_the_losses_of_a_whole_one(config, diffusion_settings, tmp_path):
    settings = diffusion_settings("sharded")
    train = config(settings, "diffusion", **{**TWO, "save_every": 3}, validation=0.3,
                   validation_crops=2)  # fmt: skip
    names = ("whole", "parts", "first", "last", "again")
    whole, parts, first, last, again = runs = [tmp_path / name for name in names]
    counts = [(1,), (2,), (2, 1), (1, 2), (2, 2)]  # processes, and of how many it is resumed
    turns = []
    for run, (begin, *resumed) in zip(runs, counts, strict=True):
        cut = ["--minutes", "1e-9"] if resumed else ["--preview-every", "4"]
        turns.append((begin, [*train, "--run", str(run), *cut]))
        turns += [(count, [*train, "--run", str(run), "--resume"]) for count in resumed]
    done("-c", IN_TURN, json.dumps(turns))

    for run in (parts, first, last):
        assert_same_losses(whole, run)
    assert_same_bits(parts, again)
    (ours, one), (theirs, two) = state(whole), state(parts)
    assert one["validated"] == [pytest.approx(row, rel=1e-4) for row in two["validated"]]
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}
    assert (parts / "previews" / "step-000004.wav").exists()
    for name in ("denoiser", "best/denoiser"):
        written = (load_file(weights_file(run / name, "denoiser")) for run in (whole, parts))
        one, two = written
        assert {k: v.shape for k, v in one.items()} == {k: v.shape for k, v in two.items()}
