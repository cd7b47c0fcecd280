import json

import pytest
import torch
from pydantic import Field
from torch import nn

from muze.core.errors import CheckpointError
from muze.core.settings import Settings
from muze.model.checkpoint import load_part, save_part
from muze.model.header import part_settings, read_header, weights_file


class Size(Settings):
    width: int = Field(ge=1)


@pytest.fixture
def folder(tmp_path):
    """A model folder with one network in it."""
    save_part(tmp_path / "m", "autoencoder", nn.Linear(3, 2), Size(width=2), {"steps": 1})
    return tmp_path / "m"


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


@pytest.mark.parametrize("half", [False, True])
def test_a_network_comes_back_as_it_was_written(tmp_path, half):
    before, after = nn.Linear(3, 2), nn.Linear(3, 2)
    save_part(tmp_path, "denoiser", before, Size(width=2), {"steps": 7}, half, {"name": "x"})
    load_part(tmp_path, "denoiser", after)
    wanted = before.weight.half().float() if half else before.weight
    assert torch.equal(after.weight, wanted)
    assert after.weight.dtype == torch.float32
    assert part_settings(tmp_path, "denoiser", Size) == Size(width=2)
    about = read_header(tmp_path)["parts"]["denoiser"]
    assert (about["parameters"], about["training"], about["name"]) == (8, {"steps": 7}, "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["denoiser.safetensors", "muze.json"]


def test_a_second_network_leaves_the_first_alone(folder):
    save_part(folder, "vocoder", nn.Linear(2, 2), Size(width=3), {})
    load_part(folder, "autoencoder", nn.Linear(3, 2))
    assert list(read_header(folder)["parts"]) == ["autoencoder", "vocoder"]


def test_a_folder_without_a_header_is_no_model(tmp_path):
    assert fault(read_header, tmp_path) == f"{tmp_path}: is no model folder; it has no muze.json"


def test_a_header_that_is_no_json_is_told(folder):
    (folder / "muze.json").write_bytes(b"\xff{")
    assert "muze.json: cannot be read" in fault(read_header, folder)


def test_another_format_is_told(folder):
    rewrite(folder, lambda header: header.update(muze_model=9))
    assert "is of format 9; this muze reads format 1" in fault(read_header, folder)


def test_a_missing_network_is_told(folder):
    told = fault(load_part, folder, "denoiser", nn.Linear(3, 2))
    assert told == f"{folder}: has no denoiser; it has autoencoder"


def test_a_network_the_header_says_too_little_of_is_told(folder):
    rewrite(folder, lambda header: header["parts"]["autoencoder"].pop("sha256"))
    told = fault(load_part, folder, "autoencoder", nn.Linear(3, 2))
    assert told.endswith("does not tell the sha256 of its autoencoder")


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
