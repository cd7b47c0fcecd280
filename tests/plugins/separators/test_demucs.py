"""Demucs' stems are what the network gives, and nothing in a file of weights is run."""

import json
import os
import pickle
from fractions import Fraction

import numpy as np
import pytest
import torch
from demucs.apply import apply_model
from demucs.htdemucs import HTDemucs
from safetensors.torch import save_file

from muze.audio.io import resample
from muze.core.errors import CheckpointError, NotInstalledError
from muze.core.grid import Audio
from muze.plugins.separators.demucs import DemucsSeparator
from muze.plugins.separators.demucs import weights as module
from muze.testing import sounds
from muze.testing.separators import CHECKS, SeparatorCase

SOURCES = ["drums", "bass", "other", "vocals"]
SMALL = {
    "sources": SOURCES, "channels": 8, "depth": 3, "nfft": 1024, "t_layers": 1, "t_heads": 2,
    "segment": Fraction(39, 50),
}  # fmt: skip
RATE = 44100


def network(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return HTDemucs(**SMALL).eval()


def save(path, model=None, **changed):
    """Write a network as Demucs' own files on the hub are."""
    kwargs = {**SMALL, "segment": {"_type": "fraction", "numerator": 39, "denominator": 50}}
    about = {"klass": "demucs.htdemucs.HTDemucs", "args": "[]", "kwargs": json.dumps(kwargs)}
    save_file((model or network()).state_dict(), path, {**about, **changed})
    return path


def save_pickle(path, **changed):
    """Write a network as Demucs' older downloads are: halved, its class named, settings told."""
    state = {key: value.half() for key, value in network().state_dict().items()}
    settings = {"lr": 3e-4, "best": np.float64(5.5)}
    package = {"klass": HTDemucs, "args": (), "kwargs": SMALL, "state": state,
               "training_args": settings, **changed}  # fmt: skip
    torch.save(package, path)
    return path


def open_demucs(weights, **settings):
    return DemucsSeparator(DemucsSeparator.Config(weights=str(weights), **settings))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save(tmp_path_factory.mktemp("demucs") / "small.safetensors")


@pytest.fixture(scope="module")
def mix():
    """Two seconds of chords in stereo, unlike left and right."""
    one, other = sounds.chords(["C", "F"], 1.0), sounds.chords(["Am", "G"], 1.0)
    both = np.concatenate([one.samples, 0.5 * other.samples + 0.5 * one.samples])
    return resample(Audio(both, one.sample_rate), RATE)


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A machine on which Demucs has downloaded nothing."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_demucs_conforms(check, weights):
    check(SeparatorCase(DemucsSeparator, DemucsSeparator.Config(weights=str(weights))))


def test_stems_are_those_of_the_network_in_pieces_that_overlap(weights, mix):
    stems = open_demucs(weights).separate(mix)
    assert list(stems) == SOURCES
    heard = torch.tensor(mix.samples)
    level, spread = heard.mean(0).mean(), heard.mean(0).std()
    told = apply_model(network(), ((heard - level) / spread)[None], shifts=0, overlap=0.25)[0]
    for name, stem in zip(SOURCES, told * spread + level, strict=True):
        np.testing.assert_allclose(stems[name].samples, stem, atol=1e-5)
    apart = open_demucs(weights, overlap=0.0).separate(mix)
    assert np.abs(apart["vocals"].samples - stems["vocals"].samples).max() > 1e-4


def test_stems_of_one_channel_are_those_of_it_twice_at_its_own_rate(weights, mix):
    one = resample(Audio(mix.samples[:1], RATE), 32000)
    stems = open_demucs(weights).separate(one)
    again = resample(one, RATE)
    twice = open_demucs(weights).separate(Audio(np.repeat(again.samples, 2, axis=0), RATE))
    for name, stem in stems.items():
        assert (stem.samples.shape, stem.sample_rate) == (one.samples.shape, 32000)
        expected = resample(Audio(twice[name].mono[None], RATE), 32000).samples
        np.testing.assert_allclose(stem.samples, expected[:, : one.samples.shape[1]], atol=1e-5)


def test_louder_sound_gives_louder_stems(weights, mix):
    stems = open_demucs(weights).separate(mix)
    half = open_demucs(weights).separate(Audio(mix.samples / 2, RATE))
    for name in SOURCES:
        np.testing.assert_allclose(half[name].samples, stems[name].samples / 2, atol=1e-5)


def test_an_older_download_gives_the_same_stems_but_for_its_halved_numbers(tmp_path, weights, mix):
    stems = open_demucs(weights).separate(mix)
    older = open_demucs(save_pickle(tmp_path / "small.th")).separate(mix)
    for name in SOURCES:
        np.testing.assert_allclose(older[name].samples, stems[name].samples, atol=5e-3)


def test_networks_of_a_bag_are_averaged_stem_by_stem(tmp_path, mix):
    first = save(tmp_path / "aa.safetensors")
    second = save(tmp_path / "bb.safetensors", network(seed=1))
    (tmp_path / "mine.yaml").write_text(
        "models: [aa, bb]\nweights: [[1, 1, 1, 0], [0, 0, 1, 1]]\n", encoding="utf-8"
    )
    stems = open_demucs(tmp_path, model="mine").separate(mix)
    one, other = (open_demucs(file).separate(mix) for file in (first, second))
    np.testing.assert_allclose(stems["bass"].samples, one["bass"].samples, atol=1e-5)
    np.testing.assert_allclose(stems["vocals"].samples, other["vocals"].samples, atol=1e-5)
    both = (one["other"].samples + other["other"].samples) / 2
    np.testing.assert_allclose(stems["other"].samples, both, atol=1e-5)


def test_downloads_are_found_where_demucs_keeps_them(nowhere):
    with pytest.raises(NotInstalledError, match=r"`hf download adefossez/HTDemucs` fetches them"):
        module.find_weights("htdemucs", None)
    older = nowhere / "torch/hub/checkpoints"
    older.mkdir(parents=True)
    file = save_pickle(older / "955717e8-8726e21a.th")
    assert module.find_weights("htdemucs", None).files == (file,)
    with pytest.raises(NotInstalledError, match="HTDemucs-ft"):  # one of whose four this is not
        module.find_weights("htdemucs_ft", None)
    snapshot = nowhere / "hub/models--adefossez--HTDemucs/snapshots/abc"
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs/main").write_text("abc")
    (snapshot / "htdemucs.yaml").write_text("models: ['955717e8']\n", encoding="utf-8")
    assert module.find_weights("htdemucs", None).files == (file,)  # half a download is none
    newer = save(snapshot / "955717e8.safetensors")
    assert module.find_weights("htdemucs", None).files == (newer,)


def test_a_folder_is_read_by_demucs_own_list_or_holds_one_file(tmp_path):
    file = save(tmp_path / "955717e8.safetensors")
    assert module.find_weights("htdemucs", str(tmp_path)).files == (file,)
    assert module.find_weights("mine", str(tmp_path)).files == (file,)
    save(tmp_path / "another.safetensors")
    with pytest.raises(CheckpointError, match="holds no weights of mine"):
        module.find_weights("mine", str(tmp_path))
    with pytest.raises(CheckpointError, match="there is no such file or folder"):
        module.find_weights("mine", str(tmp_path / "gone"))


@pytest.mark.parametrize("name", ["../secret", "a/b", ""])
def test_a_list_names_no_file_outside_its_folder(tmp_path, name):
    (tmp_path / "mine.yaml").write_text(json.dumps({"models": [name]}), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"mine\.yaml: lists no networks: models\.0"):
        module.find_weights("mine", str(tmp_path))


class Trap:
    """What a pickle can hold: a call."""

    def __reduce__(self):
        """Make a folder when it is unpickled."""
        return os.mkdir, ("sprung",)


def test_nothing_in_a_file_of_weights_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trap = save_pickle(tmp_path / "trap.th", training_args=Trap())
    plain = tmp_path / "plain.th"
    plain.write_bytes(pickle.dumps(Trap(), protocol=2))
    for file in (trap, plain):
        with pytest.raises(CheckpointError, match="does not load as weights only"):
            open_demucs(file).network  # noqa: B018
    named = save(tmp_path / "named.safetensors", klass="os.mkdir", args='["sprung"]', kwargs="{}")
    with pytest.raises(CheckpointError, match=r"names the network 'os\.mkdir'"):
        open_demucs(named).network  # noqa: B018
    nested = save(tmp_path / "nested.safetensors", structure='{"_class": "os.mkdir"}')
    with pytest.raises(CheckpointError, match="quantized"):
        open_demucs(nested).network  # noqa: B018
    assert not (tmp_path / "sprung").exists()
    torch.load(trap, weights_only=False)  # the trap is one
    assert (tmp_path / "sprung").exists()


def test_files_that_hold_no_demucs_are_told(tmp_path, weights):
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(weights.read_bytes()[:5000])
    bare = tmp_path / "bare.safetensors"
    save_file({"a": torch.zeros(1)}, bare)
    other = save(
        tmp_path / "other.safetensors", kwargs=json.dumps({**SMALL, "segment": 1, "depth": 2})
    )
    quantized = save_pickle(tmp_path / "quantized.th", state={"__quantized": True})
    foreign = save_pickle(tmp_path / "foreign.th", klass=torch.nn.Linear)
    for file in (damaged, bare, other, quantized, foreign):
        with pytest.raises(CheckpointError, match=file.name):
            open_demucs(file).network  # noqa: B018


def test_networks_of_other_stems_make_no_bag(tmp_path):
    save(tmp_path / "aa.safetensors")
    (tmp_path / "mine.yaml").write_text("models: [aa]\nweights: [[1, 1]]\n", encoding="utf-8")
    with pytest.raises(CheckpointError, match="not one for each stem"):
        open_demucs(tmp_path, model="mine").network  # noqa: B018
