import json
import os
from pathlib import Path

import pytest
import torch
from pydantic import Field
from safetensors import SafetensorError
from torch import nn

from muze.core.errors import CheckpointError
from muze.core.settings import Settings
from muze.model import checkpoint
from muze.model.checkpoint import load_part, save_part
from muze.model.header import part_settings, read_header, weights_file


class Size(Settings):
    width: int = Field(ge=1)


@pytest.fixture
def folder(tmp_path):
    """A model folder with one network in it."""
    save_part(tmp_path / "m", "autoencoder", nn.Linear(3, 2), Size(width=2), {"steps": 1})
    return tmp_path / "m"


def test_weights_may_be_read_by_whoever_may_read_the_header(folder):
    modes = {path.stat().st_mode for path in folder.iterdir()}
    assert len(modes) == 1
    assert len([*folder.iterdir()]) == 2


def rewrite(folder, change):
    header = json.loads((folder / "muze.json").read_text())
    change(header)
    (folder / "muze.json").write_text(json.dumps(header))


def fault(call, *arguments):
    with pytest.raises(CheckpointError) as told:
        call(*arguments)
    text = str(told.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_a_network_comes_back_as_it_was_written(tmp_path, precision):
    before, after = nn.Linear(3, 2), nn.Linear(3, 2)
    save_part(tmp_path, "denoiser", before, Size(width=2), {"steps": 7}, precision, {"name": "x"})
    load_part(tmp_path, "denoiser", after)
    largest = before.weight.abs().amax(1, keepdim=True)
    wrong = {"fp32": 0 * largest, "fp16": largest * 2**-10, "int8": largest / 253}[precision]
    assert ((after.weight - before.weight).abs() <= wrong).all()
    assert torch.equal(after.weight, before.weight) == (precision == "fp32")
    if precision != "fp32":
        assert torch.equal(after.bias, before.bias.half().float())
    assert after.weight.dtype == torch.float32
    assert part_settings(tmp_path, "denoiser", Size) == Size(width=2)
    about = read_header(tmp_path)["parts"]["denoiser"]
    assert (about["parameters"], about["training"], about["name"]) == (8, {"steps": 7}, "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["denoiser.safetensors", "muze.json"]


def test_a_second_network_leaves_the_first_alone(folder):
    save_part(folder, "vocoder", nn.Linear(2, 2), Size(width=3), {})
    load_part(folder, "autoencoder", nn.Linear(3, 2))
    assert list(read_header(folder)["parts"]) == ["autoencoder", "vocoder"]


class Kill:
    """Stops a write before one of the things it does to the disk, or half-way into it."""

    def __init__(self, patch, at):
        self.left = at
        steps = [(checkpoint, "save_file"), (os, "replace"), (Path, "write_text"), (Path, "unlink")]
        for owner, name in steps:
            patch.setattr(owner, name, self.counted(getattr(owner, name), name))

    def counted(self, call, name):
        def counted(*arguments, **options):
            self.left -= 1
            if self.left < 0:
                if name == "save_file":
                    arguments[1].write_bytes(b"half")
                elif name == "write_text":
                    call(arguments[0], arguments[1][:20])
                raise KeyboardInterrupt
            return call(*arguments, **options)

        return counted


def filled(number):
    network = nn.Linear(3, 2)
    nn.init.constant_(network.weight, number)
    return network


@pytest.mark.parametrize("already", [1, 2])
def test_a_write_stopped_anywhere_leaves_the_old_network_or_the_new_one_whole(tmp_path, already):
    stopped_before = []
    for at in range(10):
        folder = tmp_path / str(at)
        for number in range(already):
            save_part(folder, "denoiser", filled(number), Size(width=number + 1), {})
        save_part(folder, "vocoder", filled(7), Size(width=7), {})
        with pytest.MonkeyPatch.context() as patch:
            kill = Kill(patch, at)
            try:
                save_part(folder, "denoiser", filled(9), Size(width=9), {})
                whole = True
            except KeyboardInterrupt:
                whole = False
        found = nn.Linear(3, 2)
        load_part(folder, "denoiser", found)
        number = found.weight[0, 0].item()
        assert part_settings(folder, "denoiser", Size).width == (9 if number == 9 else already)
        load_part(folder, "vocoder", nn.Linear(3, 2))
        if whole:
            assert kill.left >= 0
            break
        stopped_before.append(number)
        save_part(folder, "denoiser", filled(5), Size(width=5), {})
        load_part(folder, "denoiser", found)
        assert (found.weight == 5).all()
    # weights, their rename, header, its rename, the old weights
    assert stopped_before == [already - 1] * 4 + [9]
    assert len(list(folder.iterdir())) == 3


def test_a_first_write_stopped_anywhere_leaves_nothing_that_could_be_taken_for_a_network(tmp_path):
    for at in range(4):
        folder = tmp_path / str(at)
        with pytest.MonkeyPatch.context() as patch:
            Kill(patch, at)
            with pytest.raises(KeyboardInterrupt):
                save_part(folder, "denoiser", filled(9), Size(width=9), {})
        assert "has no muze.json" in fault(load_part, folder, "denoiser", nn.Linear(3, 2))
        save_part(folder, "denoiser", filled(9), Size(width=9), {})
        assert sorted(p.name for p in folder.iterdir()) == ["denoiser.safetensors", "muze.json"]


def test_a_folder_without_a_header_is_no_model(tmp_path):
    assert fault(read_header, tmp_path) == f"{tmp_path}: is no model folder; it has no muze.json"


def test_a_run_s_folder_is_told_what_makes_a_model_of_it(tmp_path):
    (tmp_path / "denoiser").mkdir()
    (tmp_path / "denoiser" / "muze.json").write_text("{}")
    assert "by muze models assemble" in fault(read_header, tmp_path)


def test_a_header_nested_too_deep_is_told(tmp_path):
    (tmp_path / "muze.json").write_text("[" * 100_000)
    assert "cannot be read" in fault(read_header, tmp_path)


def test_a_header_that_is_no_json_is_told(folder):
    (folder / "muze.json").write_bytes(b"\xff{")
    assert "muze.json: cannot be read" in fault(read_header, folder)


def test_another_format_is_told(folder):
    rewrite(folder, lambda header: header.update(muze_model=9))
    assert "is of format 9; this muze reads format 1" in fault(read_header, folder)


def test_a_missing_network_is_told(folder):
    told = fault(load_part, folder, "denoiser", nn.Linear(3, 2))
    assert told.startswith(f"{folder}: has no denoiser; it has autoencoder (muze models assemble")


def test_a_network_the_header_says_too_little_of_is_told(folder):
    rewrite(folder, lambda header: header["parts"]["autoencoder"].pop("sha256"))
    told = fault(load_part, folder, "autoencoder", nn.Linear(3, 2))
    assert told == f"{folder / 'muze.json'}: parts.autoencoder.sha256: Field required"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda header: header.update(parts=3), "parts: Input should be a valid dictionary"),
        (lambda header: header["parts"].update(autoencoder=[]), "parts.autoencoder: Input should"),
        (lambda header: header["parts"]["autoencoder"].update(settings="wide"),
         "parts.autoencoder.settings: Input should be a valid dictionary"),
        (lambda header: header["parts"]["autoencoder"].update(file=3),
         "parts.autoencoder.file: Input should be a valid string"),
        (lambda header: header.update(evaluation=3), "evaluation: Input should"),
        (lambda header: header.update(evaluation={"dropped": {"a.b": "x"}}),
         "evaluation.dropped.a.b: Input should be a valid number"),
        (lambda header: header.update(vocoder=3), "vocoder: Input should be a valid string"),
    ],
)  # fmt: skip
def test_a_header_that_makes_no_sense_is_told_with_its_key(folder, change, told):
    rewrite(folder, change)
    assert fault(read_header, folder).startswith(f"{folder / 'muze.json'}: {told}")


def test_what_a_header_says_besides_is_kept(folder):
    rewrite(folder, lambda header: header.update(licence="MIT", evaluation={"told": {}}))
    assert read_header(folder)["licence"] == "MIT"


@pytest.mark.parametrize("name", ["save_file", "write_text"])
def test_a_full_disk_is_told_with_the_file_and_leaves_the_old_network(folder, monkeypatch, name):
    def full(*arguments, **options):
        raise {
            "save_file": SafetensorError("I/O error: No space left on device (os error 28)"),
            "write_text": OSError(28, "No space left on device"),
        }[name]

    before = sorted(path.name for path in folder.iterdir())
    monkeypatch.setattr(checkpoint if name == "save_file" else Path, name, full)
    told = fault(save_part, folder, "autoencoder", filled(9), Size(width=9), {})
    assert told.startswith(str(folder))
    assert "cannot be written: " in told
    assert "No space left" in told
    monkeypatch.undo()
    found = nn.Linear(3, 2)
    load_part(folder, "autoencoder", found)
    assert not (found.weight == 9).all()
    left = {path.name for path in folder.iterdir()} - set(before)
    assert left <= {"autoencoder-2.safetensors"}  # whole, and overwritten by the next


def test_ctrl_c_leaves_nothing_half_written(folder, monkeypatch):
    before = sorted(path.name for path in folder.iterdir())

    def stopped(tensors, file):
        file.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save_file", stopped)
    with pytest.raises(KeyboardInterrupt):
        save_part(folder, "autoencoder", filled(9), Size(width=9), {})
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_missing_file_is_told(folder):
    (folder / "autoencoder.safetensors").unlink()
    told = fault(load_part, folder, "autoencoder", nn.Linear(3, 2))
    assert told.endswith("autoencoder.safetensors: is missing")


@pytest.mark.parametrize("damage", [lambda data: data[:-4], lambda data: data[:-1] + b"\x7f"])
def test_a_file_cut_short_or_changed_is_told(folder, damage):
    file = folder / "autoencoder.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    assert "is damaged or was changed" in fault(load_part, folder, "autoencoder", nn.Linear(3, 2))


def test_a_file_that_holds_no_weights_is_told(folder):
    import hashlib

    (folder / "autoencoder.safetensors").write_bytes(b"music")
    digest = hashlib.sha256(b"music").hexdigest()
    rewrite(folder, lambda header: header["parts"]["autoencoder"].update(sha256=digest))
    assert "does not fit the autoencoder" in fault(
        load_part, folder, "autoencoder", nn.Linear(3, 2)
    )


@pytest.mark.parametrize("network", [nn.Linear(4, 2), nn.Sequential(nn.Linear(3, 2))])
def test_weights_of_another_network_are_told_in_one_line(folder, network):
    told = fault(load_part, folder, "autoencoder", network)
    assert "does not fit the autoencoder" in told
    assert len(told) < 500


def test_settings_of_another_network_are_told_in_one_line(folder):
    rewrite(folder, lambda header: header["parts"]["autoencoder"]["settings"].update(depth=3))
    told = fault(part_settings, folder, "autoencoder", Size)
    assert "the settings of its autoencoder are wrong: depth: Extra inputs" in told


def test_a_header_cannot_point_out_of_its_folder(folder):
    rewrite(folder, lambda header: header["parts"]["autoencoder"].update(file="/etc/passwd"))
    assert fault(weights_file, folder, "autoencoder") == f"{folder / 'passwd'}: is missing"
