import contextlib
import shutil

import numpy as np
import pytest
import torch

from muze.core.errors import CheckpointError, DatasetError, ManifestError, NotInstalledError
from muze.core.grid import Audio, TimeGrid
from muze.core.registry import Registry
from muze.plugins.streams.clap import ClapStream
from muze.plugins.streams.clap.model import embed_text, stretches
from muze.testing import sounds
from muze.testing.checks import checks_of, run_checks

GRID = TimeGrid.of_song(4.0)
WIDTH = 24


@pytest.fixture(scope="module")
def tiny_clap(tmp_path_factory):
    """A CLAP of random weights with a tokenizer of letters, saved as a user would have it."""
    return save_tiny_clap(tmp_path_factory.mktemp("clap"))


def save_tiny_clap(folder):
    from muze.audio.torchaudio_import import torchaudio_import

    with contextlib.suppress(ModuleNotFoundError):
        torchaudio_import()
    from transformers import (
        ClapAudioConfig,
        ClapConfig,
        ClapFeatureExtractor,
        ClapModel,
        ClapTextConfig,
        RobertaTokenizerFast,
    )

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    letters = [*"abcdefghijklmnopqrstuvwxyz", "Ġ"]  # the last is how a space is spelt
    vocabulary = {piece: index for index, piece in enumerate([*special, *letters])}
    RobertaTokenizerFast(vocab=vocabulary, merges=[]).save_pretrained(folder)
    ClapFeatureExtractor(
        feature_size=16, max_length_s=2, truncation="rand_trunc", padding="repeatpad"
    ).save_pretrained(folder)
    text = ClapTextConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=100, projection_dim=WIDTH,
    )  # fmt: skip
    audio = ClapAudioConfig(
        spec_size=64, patch_size=4, patch_stride=[4, 4], num_mel_bins=16, hidden_size=32,
        patch_embeds_hidden_size=16, depths=[1, 1], num_attention_heads=[1, 2], window_size=4,
        num_classes=4, projection_dim=WIDTH, enable_fusion=False,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = ClapConfig(
            text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=WIDTH
        )
        ClapModel(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def stream(tiny_clap):
    return ClapStream(ClapStream.Config(checkpoint=tiny_clap, width=WIDTH))


def tone(seconds, hertz=440.0):
    return sounds.sine(hertz, seconds)


def test_clap_conforms(tiny_clap):
    class Config(ClapStream.Config):
        checkpoint: str = tiny_clap
        width: int = WIDTH

    tiny = type("Tiny", (ClapStream,), {"Config": Config, "__module__": ClapStream.__module__})
    for name, check in checks_of("stream", tiny):
        try:
            check()
        except AssertionError as fault:
            raise AssertionError(f"{name}: {fault}") from fault


def test_the_extractor_tells_which_clap_it_was():
    stream = ClapStream(ClapStream.Config())
    assert stream.extractor == "CLAP laion/larger_clap_music by transformers"


def test_words_and_sound_give_embeddings_of_length_one(stream):
    told = stream.parse(stream.Values(text="slow piano"), GRID)
    heard = stream.extract(tone(4.0), GRID)
    for features, half, given in ((told, "text", [0, 1]), (heard, "audio", [1, 0])):
        assert features["given"].tolist() == given
        assert features[half].shape == (WIDTH,)
        assert np.linalg.norm(features[half]) == pytest.approx(1, abs=1e-5)
    assert not told["audio"].any()
    assert not heard["text"].any()


def test_it_computes_what_the_library_computes(tiny_clap, stream):
    from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel

    model = ClapModel.from_pretrained(tiny_clap).eval()
    tokens = AutoTokenizer.from_pretrained(tiny_clap)("slow piano", return_tensors="pt")
    sound = tone(1.5)
    listener = ClapFeatureExtractor.from_pretrained(tiny_clap)
    import soxr

    at_48k = soxr.resample(sound.mono, sound.sample_rate, 48_000)
    mel = listener(at_48k, sampling_rate=48_000, return_tensors="pt")
    with torch.inference_mode():
        theirs = model(**tokens, **mel)
    np.testing.assert_allclose(
        stream.embed_text("slow piano"), theirs.text_embeds[0].numpy(), atol=1e-5
    )
    np.testing.assert_allclose(stream.embed_audio(sound), theirs.audio_embeds[0].numpy(), atol=1e-5)


def test_longer_sound_is_heard_in_stretches_that_cover_it():
    at = [s.tolist() for s in stretches(np.arange(25.0, dtype=np.float32), 10)]
    assert [(s[0], s[-1]) for s in at] == [(0, 9), (7, 16), (15, 24)]
    assert [len(s) for s in stretches(np.zeros(10, np.float32), 10)] == [10]
    assert [len(s) for s in stretches(np.zeros(3, np.float32), 10)] == [3]


def test_the_same_sound_is_heard_the_same_whatever_numpy_drew_before(stream):
    sound = Audio(np.concatenate([tone(3.0).samples, tone(2.0, 880).samples], axis=1), 32_000)
    np.random.seed(1)
    first = stream.extract(sound, GRID)["audio"]
    np.random.seed(2)
    np.testing.assert_array_equal(first, stream.extract(sound, GRID)["audio"])


def test_silence_has_no_embedding(stream):
    heard = stream.extract(sounds.silence(4.0), GRID)
    assert not heard["present"].any()
    assert not heard["given"].any()


def test_a_render_is_scored_by_its_cosine_with_what_was_asked(stream):
    heard = stream.extract(tone(4.0), GRID)
    asked = stream.parse(stream.Values(text="slow piano"), GRID)
    (score,) = stream.score(asked, heard, GRID)
    assert (score.name, score.unit) == ("clap text", "cosine")
    assert score.value == pytest.approx(float(asked["text"] @ heard["audio"]))
    (score,) = stream.score(heard, heard, GRID)
    assert (score.name, score.value) == ("clap audio", pytest.approx(1, abs=1e-5))
    assert stream.score(asked, stream.extract(sounds.silence(4.0), GRID), GRID) == []


def test_a_record_may_have_one_embedding_or_both(stream):
    audio, text = (np.eye(WIDTH)[i].tolist() for i in (0, 1))
    both = stream.recall({"clap_audio_embedding": audio, "clap_text_embedding": text}, GRID)
    assert both["given"].tolist() == [1, 1]
    only = stream.recall({"clap_audio_embedding": audio, "clap_text_embedding": None}, GRID)
    assert only["given"].tolist() == [1, 0]
    assert stream.recall({}, GRID) is None
    assert stream.fields(only, GRID) == {"clap_audio_embedding": audio}


@pytest.mark.parametrize(
    ("told", "fault"),
    [([1.0, 2.0], "has 2 numbers; there should be 24"), ([0.0] * 24, "all zeros"),
     (["a"] * 24, "no list of numbers"), ([float("nan")] * 24, "no number")],
)  # fmt: skip
def test_an_embedding_that_makes_no_sense_is_an_error(stream, told, fault):
    with pytest.raises(DatasetError, match=f"a.wav: clap_text_embedding.*{fault}"):
        stream.recall({"audio_path": "a.wav", "clap_text_embedding": told}, GRID)


def test_a_missing_half_has_a_null_that_learns(stream):
    encoder = stream.encoder()
    features = {
        "audio": torch.zeros(2, WIDTH), "text": torch.randn(2, WIDTH),
        "given": torch.tensor([[0.0, 1.0], [0.0, 1.0]]),
    }  # fmt: skip
    present = torch.ones(2, 10, dtype=torch.bool)
    encoder(features, present, 2)["vector"].square().sum().backward()
    audio, text = encoder.vector.missing.grad.abs().sum(dim=1)
    assert audio > 0
    assert text == 0
    assert encoder.vector.project[0].weight.grad.abs().sum() == 0
    assert encoder.vector.project[1].weight.grad.abs().sum() > 0


def test_a_text_is_embedded_once(tiny_clap):
    assert embed_text("fox", tiny_clap, WIDTH) is embed_text("fox", tiny_clap, WIDTH)


def test_a_text_longer_than_clap_reads_is_an_error(stream):
    stream.check(stream.Values(text="a" * 75))
    for read in (stream.check, lambda values: stream.parse(values, GRID)):
        with pytest.raises(ManifestError, match="78 word pieces; CLAP reads 77"):
            read(stream.Values(text="a" * 76))


def test_without_a_tokenizer_words_are_counted_when_they_are_embedded(tmp_path):
    (tmp_path / "model.safetensors").touch()
    ClapStream(ClapStream.Config(checkpoint=str(tmp_path))).check(ClapStream.Values(text="a" * 76))


def test_an_empty_text_says_nothing_and_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        ClapStream.Values(text=" ")


def test_a_clap_of_another_width_is_an_error(tiny_clap):
    stream = ClapStream(ClapStream.Config(checkpoint=tiny_clap))
    with pytest.raises(CheckpointError, match="24 wide, the config says 512"):
        stream.parse(ClapStream.Values(text="slow"), GRID)


def test_missing_weights_are_told_with_how_to_get_them(tmp_path):
    stream = ClapStream(ClapStream.Config(checkpoint=str(tmp_path)))
    values = ClapStream.Values(text="slow")
    for read in (stream.check, lambda values: stream.parse(values, GRID)):
        with pytest.raises(
            NotInstalledError, match=r"not installed.*hf download laion/larger_clap_m"
        ):
            read(values)
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(
        NotInstalledError, match=r"not installed.*hf download laion/larger_clap_music"
    ):
        stream.parse(values, GRID)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the hub, and no network to fill it."""
    import socket

    import huggingface_hub.constants as constants

    def refuse(*_):
        raise AssertionError("it went to the network")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tmp_path


def test_a_hub_id_that_was_not_downloaded_is_not_fetched(cache):
    stream = ClapStream(ClapStream.Config())
    for read in (stream.check, lambda values: stream.parse(values, GRID)):
        with pytest.raises(NotInstalledError, match="hf download laion/larger_clap_music"):
            read(ClapStream.Values(text="slow"))


def test_a_hub_id_that_was_downloaded_is_taken_from_the_cache(cache, tiny_clap):
    repo = cache / "models--laion--tiny"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text("0" * 40)
    shutil.copytree(tiny_clap, repo / "snapshots" / ("0" * 40))
    stream = ClapStream(ClapStream.Config(checkpoint="laion/tiny", width=WIDTH))
    values = ClapStream.Values(text="slow")
    stream.check(values)
    assert stream.parse(values, GRID)["given"].tolist() == [0, 1]
    with pytest.raises(ManifestError, match="78 word pieces"):
        stream.check(ClapStream.Values(text="a" * 76))


def test_its_check_says_in_one_line_that_the_weights_are_not_there(cache):
    found = []
    with pytest.raises(NotInstalledError) as told:
        found += (failure for _, _, failure in run_checks(Registry(), "clap"))
    assert not any(found)
    assert str(told.value) == (
        "clap: its weights are not installed; `hf download laion/larger_clap_music` fetches them"
    )


def test_the_widths_are_those_of_the_specification():
    config = ClapStream.Config()
    assert (config.width, ClapStream(config).injects()) == (512, {"vector": 128})
