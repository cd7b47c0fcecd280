import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from muze_laion_clap import LaionClapStream
from muze_laion_clap.model import embed_text, load_laion

from muze.core.errors import CheckpointError, ManifestError, PluginError
from muze.core.grid import TimeGrid
from muze.plugins.streams.clap import ClapStream
from muze.testing import sounds
from muze.testing.checks import checks_of

GRID = TimeGrid.of_song(4.0)
WIDTH = 8


class StandIn(torch.nn.Module):
    """laion-clap's module as far as muze uses it: a linear layer of the letters, one of sound."""

    def __init__(self, enable_fusion=False, device=None, amodel="HTSAT-tiny", tmodel="roberta"):
        super().__init__()
        self.model = torch.nn.Module()
        self.model.text, self.model.audio = torch.nn.Linear(26, WIDTH), torch.nn.Linear(2, WIDTH)
        self.made = (enable_fusion, device, amodel)

    def tokenize(self, text):
        return SimpleNamespace(input_ids=["<s>", *text, "</s>"])

    def get_text_embedding(self, texts):
        counts = torch.tensor([[float(t.count(chr(97 + i))) for i in range(26)] for t in texts])
        return self.model.text(counts).detach().numpy()

    def get_audio_embedding_from_data(self, x):
        assert x.shape[1] <= 480_000, "it would hear a random part of this"
        steps = np.abs(np.diff(x, axis=1)).mean(axis=1)
        features = np.stack([np.abs(x).mean(axis=1), steps], axis=1).astype(np.float32)
        return self.model.audio(torch.from_numpy(features)).detach().numpy()


@pytest.fixture
def laion(monkeypatch):
    module = ModuleType("laion_clap")
    module.__spec__ = SimpleNamespace(name="laion_clap")
    module.CLAP_Module = StandIn
    monkeypatch.setitem(sys.modules, "laion_clap", module)
    for cached in (load_laion, embed_text):
        cached.cache_clear()
    yield module
    for cached in (load_laion, embed_text):
        cached.cache_clear()


@pytest.fixture
def checkpoint(tmp_path):
    """A file as LAION writes it: weights of a data-parallel model beside a training's figures."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = StandIn().model.state_dict()
    weights = {f"module.{name}": value for name, value in weights.items()}
    weights["module.text_branch.embeddings.position_ids"] = torch.arange(4)
    file = tmp_path / "music.pt"
    torch.save({"epoch": 15, "loss": np.float64(0.5), "state_dict": weights}, file)
    return str(file)


@pytest.fixture
def stream(laion, checkpoint):
    return LaionClapStream(LaionClapStream.Config(checkpoint=checkpoint, width=WIDTH))


def test_laion_clap_conforms(laion, checkpoint):
    file = checkpoint

    class Config(LaionClapStream.Config):
        checkpoint: str = file
        width: int = WIDTH

    tiny = type(
        "Tiny", (LaionClapStream,), {"Config": Config, "__module__": LaionClapStream.__module__}
    )
    for name, check in checks_of("stream", tiny):
        try:
            check()
        except AssertionError as fault:
            raise AssertionError(f"{name}: {fault}") from fault


def test_it_draws_what_muze_s_own_stream_draws(stream):
    told = stream.parse(stream.Values(text="slow piano"), GRID)
    assert {name: array.shape for name, array in told.items()} == {
        "audio": (WIDTH,), "text": (WIDTH,), "given": (2,)
    }  # fmt: skip
    assert stream.extractor == "CLAP music.pt by laion-clap"
    assert (stream.layout, stream.primary) == (ClapStream.layout, ClapStream.primary)
    heard = stream.extract(sounds.sine(440, 4.0), GRID)
    assert [*stream.fields(heard, GRID)] == ["clap_audio_embedding"]
    assert np.linalg.norm(heard["audio"]) == pytest.approx(1, abs=1e-5)


def test_the_package_is_asked_for_the_model_of_the_settings(laion, checkpoint):
    assert load_laion(checkpoint, "HTSAT-base", False).made == (False, "cpu", "HTSAT-base")


def test_long_sound_is_heard_whole(stream):
    assert np.isfinite(stream.embed_audio(sounds.sine(440, 25.0))).all()


def test_a_text_longer_than_it_reads_is_an_error(stream):
    with pytest.raises(ManifestError, match="78 word pieces; CLAP reads 77"):
        stream.parse(stream.Values(text="a" * 76), GRID)


def test_without_the_package_one_line_says_what_to_install(monkeypatch, checkpoint):
    monkeypatch.setattr("muze_laion_clap.model.find_spec", lambda _: None)
    load_laion.cache_clear()
    with pytest.raises(PluginError, match=r'pip install "muze-laion-clap\[laion\]"'):
        LaionClapStream(LaionClapStream.Config(checkpoint=checkpoint)).embed_text("slow")


def test_a_missing_checkpoint_is_told_with_how_to_get_it(laion, tmp_path):
    stream = LaionClapStream(LaionClapStream.Config(checkpoint=str(tmp_path / "none.pt")))
    with pytest.raises(CheckpointError, match=r"hf download lukewys/laion_clap none\.pt"):
        stream.embed_text("slow")


def test_tokenizers_that_cannot_be_fetched_are_told(laion, checkpoint):
    def refuse(*_, **__):
        raise OSError("no network")

    laion.CLAP_Module = refuse
    with pytest.raises(CheckpointError, match="hf download bert-base-uncased"):
        load_laion(checkpoint, "HTSAT-base", False)


def test_a_checkpoint_of_another_kind_is_an_error(laion, tmp_path):
    torch.save({"state_dict": {"other": torch.zeros(1)}}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="is no CLAP with HTSAT-base; see audio_model"):
        load_laion(str(tmp_path / "other.pt"), "HTSAT-base", False)


def test_what_a_file_holds_beside_tensors_is_not_run(laion, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    torch.save({"state_dict": {}, "trap": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(CheckpointError, match="is no checkpoint of CLAP"):
        load_laion(str(tmp_path / "trap.pt"), "HTSAT-base", False)
    assert not (tmp_path / "sprung").exists()


def test_another_width_is_an_error(laion, checkpoint):
    stream = LaionClapStream(LaionClapStream.Config(checkpoint=checkpoint))
    with pytest.raises(CheckpointError, match="8 wide, the config says 512"):
        stream.embed_text("slow")
