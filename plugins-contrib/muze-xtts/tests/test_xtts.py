"""XTTS reads weights and nothing else, speaks and clones, with a small model of its own classes.

What it says is noise: its weights are random.
"""

import json
import shutil
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from muze_xtts import XttsVoice, model

from muze.audio.torchaudio_import import torchaudio_import
from muze.core.errors import CheckpointError, NotInstalledError, PluginError
from muze.core.grid import Audio
from muze.testing import sounds
from muze.testing.singing import singing
from muze.testing.voices import CHECKS, VoiceCase, check_long_text

needs_coqui = pytest.mark.skipif(
    find_spec("TTS") is None, reason='needs coqui-tts: pip install "muze-xtts[coqui]"'
)
TOKENS = ("[STOP]", "[UNK]", "[SPACE]", "[START]", "[en]", "[de]", "[zh-cn]")
SMALL = {
    "gpt_layers": 1, "gpt_n_model_channels": 16, "gpt_n_heads": 2, "gpt_max_audio_tokens": 12,
    "gpt_num_audio_tokens": 34, "gpt_start_audio_token": 32, "gpt_stop_audio_token": 33,
    "decoder_input_dim": 16, "gpt_use_perceiver_resampler": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A folder as Coqui publishes it: config, vocabulary, weights and two speakers."""
    torchaudio_import()
    from tokenizers import Tokenizer, models
    from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
    from TTS.tts.models.xtts import Xtts

    folder = tmp_path_factory.mktemp("xtts") / "small"
    folder.mkdir()
    known = (*TOKENS, *"abcdefghijklmnopqrstuvwxyz',.!?")
    vocabulary = {token: index for index, token in enumerate(known)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="[UNK]"))
    tokenizer.add_special_tokens(list(TOKENS))
    tokenizer.save(str(folder / "vocab.json"))
    config = XttsConfig(model_args=XttsArgs(**SMALL), languages=["en", "de", "zh-cn"])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        small = Xtts(config)
        small.tokenizer = VoiceBpeTokenizer(vocab_file=folder / "vocab.json")
        small.init_models()
        latents, embeddings = torch.randn(2, 1, 32, 16), torch.randn(2, 1, 512, 1)
    config.save_json(str(folder / "config.json"))
    weights = {name: value.half() for name, value in small.state_dict().items()}
    weights["dvae.codebook"] = torch.zeros(1)  # left from its training
    torch.save({"model": weights, "config": config}, folder / "model.pth")
    speakers = {
        name: {"gpt_cond_latent": latents[i], "speaker_embedding": embeddings[i]}
        for i, name in enumerate(("Ann", "Bob"))
    }
    torch.save(speakers, folder / "speakers_xtts.pth")
    return folder


@pytest.fixture
def copy(checkpoint, tmp_path):
    """A checkpoint to be damaged, its large file by name only."""
    for cached in (model.load_xtts, model.read_languages):
        cached.cache_clear()
    for file in checkpoint.iterdir():
        if file.name == "model.pth":
            (tmp_path / file.name).symlink_to(file)
        else:
            shutil.copy(file, tmp_path)
    return tmp_path


@pytest.fixture
def xtts(checkpoint):
    return of(checkpoint)


def of(folder, **settings):
    return XttsVoice(XttsVoice.Config(folder=str(folder), **settings))


@pytest.fixture(scope="module")
def singer():
    """Three seconds of a voice."""
    return singing([(60, 0.1, 1.4), (64, 1.6, 2.9)], 3.0)


@needs_coqui
@pytest.mark.parametrize(
    "check",
    [
        pytest.param(c, id=c.__name__, marks=[pytest.mark.slow] if c is check_long_text else [])
        for c in CHECKS
    ],
)
def test_xtts_conforms(check, checkpoint):
    check(VoiceCase(XttsVoice, XttsVoice.Config(folder=str(checkpoint))))


@needs_coqui
def test_who_speaks_and_what(xtts):
    assert xtts.voices() == ["Ann", "Bob"]
    assert xtts.languages("Ann") == ["en", "de", "cmn"]
    assert xtts.about.startswith("XTTS small (coqui-tts 0.")
    ann, bob = (xtts.speak("la la", voice, "en") for voice in ("Ann", "Bob"))
    assert ann.sample_rate == 24000
    assert not np.array_equal(ann.samples, bob.samples)


@needs_coqui
def test_a_clone_is_a_voice_like_its_reference_and_is_forgotten(xtts, singer):
    assert xtts.clone(singer, "Cleo") == "Cleo"
    assert xtts.voices() == ["Ann", "Bob", "Cleo"]
    cleo = xtts.speak("la la", "Cleo", "en")
    assert not np.array_equal(cleo.samples, xtts.speak("la la", "Ann", "en").samples)
    loaded = xtts.likenesses["Cleo"]
    assert loaded.latents.shape == (1, 32, 16)
    assert loaded.embedding.shape == (1, 512, 1)
    np.testing.assert_allclose(torch.linalg.norm(loaded.embedding), 1, atol=1e-4)
    xtts.forget("Cleo")
    assert xtts.voices() == ["Ann", "Bob"]
    with pytest.raises(PluginError, match="has no voice 'Cleo'"):
        xtts.speak("la la", "Cleo", "en")


@needs_coqui
def test_the_same_reference_in_stereo_or_at_another_rate_is_the_same_voice(xtts, singer):
    xtts.clone(singer, "one")
    xtts.clone(Audio(np.repeat(singer.samples, 2, axis=0), singer.sample_rate), "two")
    one, two = xtts.likenesses["one"], xtts.likenesses["two"]
    torch.testing.assert_close(one.latents, two.latents)
    torch.testing.assert_close(one.embedding, two.embedding)


@needs_coqui
def test_a_reference_that_says_too_little_is_told(xtts, singer):
    with pytest.raises(PluginError, match=r"lasts 0\.3 s; xtts wants 6 s of a voice, and 1 s"):
        xtts.clone(sounds.sine(220.0, 0.3), "Cleo")
    with pytest.raises(PluginError, match="has a voice 'Ann'; give the new one another"):
        xtts.clone(singer, "Ann")


@needs_coqui
def test_another_seed_is_another_reading_and_torch_is_left_as_it_was(checkpoint):
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    one, other = (of(checkpoint, seed=seed).speak("la la", "Ann", "en") for seed in (0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not np.array_equal(one.samples, other.samples)


@needs_coqui
def test_slower_is_longer(checkpoint):
    slow, quick = (of(checkpoint, speed=s).speak("la la", "Ann", "en") for s in (0.5, 1.0))
    assert slow.duration == pytest.approx(2 * quick.duration, rel=0.05)


@needs_coqui
def test_a_language_whose_reader_is_missing_is_told(xtts, monkeypatch):
    def missing(*_):
        raise ImportError("Chinese requires: pypinyin")

    monkeypatch.setattr("TTS.tts.layers.xtts.tokenizer.chinese_transliterate", missing)
    with pytest.raises(NotInstalledError, match="cannot read 'cmn': Chinese requires: pypinyin"):
        xtts.speak("la la", "Ann", "cmn")


@needs_coqui
def test_a_checkpoint_is_left_as_it_was(checkpoint):
    before = {file.name: file.stat().st_mtime_ns for file in checkpoint.iterdir()}
    model.load_xtts.cache_clear()
    of(checkpoint).speak("la la", "Ann", "en")
    assert {file.name: file.stat().st_mtime_ns for file in checkpoint.iterdir()} == before


@needs_coqui
@pytest.mark.parametrize("name", model.FILES)
def test_a_file_that_is_missing_is_told(copy, name):
    (copy / name).unlink()
    with pytest.raises(CheckpointError, match=f"holds no {name}; want config.json"):
        of(copy).check()


@needs_coqui
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [("config.json", "{}", r"config\.json: is no config of XTTS"),
     ("config.json", "no json", r"config\.json: is no config of XTTS"),
     ("vocab.json", "{}", r"vocab\.json: is not XTTS's"),
     ("model.pth", "no weights", r"model\.pth: is damaged, or holds more than weights"),
     ("speakers_xtts.pth", "none", r"speakers_xtts\.pth: is damaged")],
)  # fmt: skip
def test_damage_is_told(copy, name, content, told):
    (copy / name).unlink()
    (copy / name).write_text(content)
    with pytest.raises(CheckpointError, match=told):
        of(copy).speak("la la", "Ann", "en")


@needs_coqui
@pytest.mark.parametrize("name", ["model.pth", "speakers_xtts.pth"])
def test_what_a_file_holds_beside_weights_is_not_run(copy, tmp_path, name):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    (copy / name).unlink()
    torch.save({"model": {}, "trap": Trap()}, copy / name)
    with pytest.raises(CheckpointError, match="holds more than weights"):
        of(copy).speak("la la", "Ann", "en")
    assert not (tmp_path / "sprung").exists()


@needs_coqui
def test_weights_of_another_size_are_told(copy):
    told = json.loads((copy / "config.json").read_text())
    told["model_args"]["gpt_n_model_channels"] = 32
    (copy / "config.json").write_text(json.dumps(told))
    with pytest.raises(CheckpointError, match=r"model\.pth: is no XTTS as its config says"):
        of(copy).speak("la la", "Ann", "en")


@needs_coqui
def test_speakers_of_another_kind_are_told(copy):
    torch.save({"Ann": torch.zeros(1)}, copy / "speakers_xtts.pth")
    with pytest.raises(CheckpointError, match="lists no speakers of XTTS"):
        of(copy).voices()


@needs_coqui
def test_without_weights_one_line_says_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(NotInstalledError, match=r"`hf download coqui/XTTS-v2` fetches them"):
        XttsVoice(XttsVoice.Config()).check()


def test_without_coqui_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(model, "find_spec", lambda name: None)
    with pytest.raises(NotInstalledError, match=r'pip install "muze-xtts\[coqui\]"'):
        XttsVoice(XttsVoice.Config()).check()
