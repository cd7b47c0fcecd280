import json
import logging
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

import muze.plugins.streams.voice.ecapa as ecapa_module
from muze.core.errors import CheckpointError, DatasetError, ManifestError, PluginError
from muze.core.grid import Audio, TimeGrid
from muze.plugins.streams.voice import VoiceStream
from muze.plugins.streams.voice.artists import find_artist
from muze.plugins.streams.voice.ecapa import WEIGHTS, load_ecapa, sizes
from muze.testing import sounds
from muze.testing.checks import checks_of

resemblyzer = pytest.mark.usefixtures("with_resemblyzer")
GRID = TimeGrid.of_song(4.0)
RATE = 16_000
FORMANTS = {
    "a": (800, 1200, 2800), "e": (500, 1900, 2600), "i": (300, 2300, 3000), "o": (500, 900, 2600),
    "u": (320, 800, 2300),
}  # fmt: skip
BASS, ALTO = (95.0, 0.9), (220.0, 1.15)
"""Pitch in Hz, and how much higher than an average speaker's the formants lie."""


@pytest.fixture
def with_resemblyzer():
    pytest.importorskip("resemblyzer")


def import_speechbrain():
    """Import it as muze does, or skip."""
    if not find_spec("speechbrain"):
        pytest.skip("SpeechBrain is not installed")
    ecapa_module.import_speechbrain()


def sing(speaker, vowels="aeiou", seconds=4.0):
    """Return a pulse train through the formants of vowels, as long each."""
    pitch, size = speaker
    t = np.arange(round(seconds / len(vowels) * RATE)) / RATE
    sung = []
    for index, vowel in enumerate(vowels):
        hertz = pitch * (1 + 0.05 * index) * (1 + 0.01 * np.sin(2 * np.pi * 5 * t))
        sound = lfilter([1], [1, -0.95], np.diff(np.floor(np.cumsum(hertz) / RATE), prepend=0))
        for formant, width in zip(FORMANTS[vowel], (80, 100, 150), strict=True):
            radius = np.exp(-np.pi * width / RATE)
            turn = 2 * radius * np.cos(2 * np.pi * formant * size / RATE)
            sound = lfilter([1 - radius], [1, -turn, radius**2], sound)
        ends = np.minimum(1, np.minimum(t, t[::-1]) / 0.03)
        sung.append(0.5 * ends * sound / np.abs(sound).max())
    return Audio(np.concatenate(sung).astype(np.float32)[None], RATE)


@pytest.fixture(scope="module")
def tiny_ecapa(tmp_path_factory):
    """An ECAPA-TDNN of random weights, saved as SpeechBrain's are."""
    import_speechbrain()
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    folder = tmp_path_factory.mktemp("ecapa")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ECAPA_TDNN(
            80, channels=[16, 16, 16, 16, 24], attention_channels=8, se_channels=4, res2net_scale=4
        )
    torch.save(network.state_dict(), folder / WEIGHTS)
    return str(folder)


def alone():
    return VoiceStream(VoiceStream.Config(ecapa=None))


def test_speechbrain_leaves_no_module_that_fails_when_it_is_looked_at():
    import_speechbrain()
    for module in [*sys.modules.values()]:
        getattr(module, "__file__", None)


def one_hot(index, width=256):
    return np.eye(width)[index].tolist()


@resemblyzer
def test_voice_conforms(tiny_ecapa):
    class Config(VoiceStream.Config):
        ecapa: str | None = tiny_ecapa

    tiny = type("Tiny", (VoiceStream,), {"Config": Config, "__module__": VoiceStream.__module__})
    for name, check in checks_of("stream", tiny):
        try:
            check()
        except AssertionError as fault:
            raise AssertionError(f"{name}: {fault}") from fault


# -- hearing -------------------------------------------------------------------------------------


@resemblyzer
def test_the_same_voice_on_other_vowels_is_nearer_than_another_voice():
    stream = alone()
    bass, bass_again, alto = (
        stream.extract(sing(*args), GRID) for args in ((BASS,), (BASS, "iuoae"), (ALTO,))
    )
    (same,) = stream.score(bass, bass_again, GRID)
    (other,) = stream.score(bass, alto, GRID)
    assert same.value > 0.85
    assert other.value < 0.7
    assert (same.name, same.unit, same.floor) == ("voice cosine", "cosine", 0.545)


@resemblyzer
def test_both_networks_hear_where_both_are_there(tiny_ecapa):
    stream = VoiceStream(VoiceStream.Config(ecapa=tiny_ecapa))
    heard = stream.extract(sing(BASS), GRID)
    assert heard["given"].tolist() == [1, 1]
    for name, width in (("resemblyzer", 256), ("ecapa", 192)):
        assert heard[name].shape == (width,)
        assert np.linalg.norm(heard[name]) == pytest.approx(1, abs=1e-5)
    assert "and ECAPA-TDNN ecapa" in stream.extractor
    written = stream.fields(heard, GRID)
    assert [len(written[f]) for f in ("voice_embedding", "ecapa_embedding")] == [256, 192]


@resemblyzer
def test_resemblyzer_alone_is_heard_with_and_told_of():
    stream = alone()
    heard = stream.extract(sing(BASS), GRID)
    assert heard["given"].tolist() == [1, 0]
    assert not heard["ecapa"].any()
    assert stream.extractor.startswith("Resemblyzer 0.1")
    assert stream.extractor.endswith("alone")
    assert [*stream.fields(heard, GRID)] == ["voice_embedding"]


@resemblyzer
def test_the_same_sound_gives_the_same_bits():
    stream = alone()
    first, again = (stream.extract(sing(ALTO), GRID)["resemblyzer"] for _ in range(2))
    np.testing.assert_array_equal(first, again)


@resemblyzer
@pytest.mark.parametrize("audio", [sounds.silence(4.0), sounds.clicks([1.0, 2.0], 4.0)])
def test_where_nothing_sounds_like_a_voice_none_is_heard(audio):
    heard = alone().extract(audio, GRID)
    assert not heard["present"].any()
    assert not heard["given"].any()


@resemblyzer
def test_without_resemblyzer_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "resemblyzer", None)
    with pytest.raises(PluginError, match=r'pip install "muze\[voice\]"'):
        alone().extract(sing(BASS), GRID)


# -- the second network --------------------------------------------------------------------------


def test_ecapa_computes_what_speechbrain_computes(tiny_ecapa):
    from speechbrain.lobes.features import Fbank
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
    from speechbrain.processing.features import InputNormalization

    weights = torch.load(f"{tiny_ecapa}/{WEIGHTS}", weights_only=True)
    network = ECAPA_TDNN(80, **sizes(weights)).eval()
    network.load_state_dict(weights)
    samples = torch.from_numpy(sing(BASS, seconds=1.0).samples)
    with torch.inference_mode():
        mel = Fbank(n_mels=80)(samples)
        mel = InputNormalization(norm_type="sentence", std_norm=False)(mel, torch.ones(1))
        theirs = torch.nn.functional.normalize(network(mel)[0, 0], dim=0)
    ours = ecapa_module.embed_ecapa(samples[0].numpy(), load_ecapa(tiny_ecapa))
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)


def test_the_sizes_of_the_published_network_are_read_from_its_weights():
    import_speechbrain()
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    published = {
        "lin_neurons": 192, "channels": [1024, 1024, 1024, 1024, 3072],
        "kernel_sizes": [5, 3, 3, 3, 1], "dilations": [1, 2, 3, 4, 1], "attention_channels": 128,
        "res2net_scale": 8, "se_channels": 128,
    }  # fmt: skip
    with torch.device("meta"):
        network = ECAPA_TDNN(80, **published)
    assert sizes(network.state_dict()) == published


@resemblyzer
@pytest.mark.parametrize("missing", ["SpeechBrain is not installed", "no weights of"])
def test_without_the_second_network_a_warning_says_that_one_listens_alone(
    missing, monkeypatch, caplog, tiny_ecapa
):
    import huggingface_hub.constants as constants

    source = "speechbrain/spkrec-ecapa-voxceleb"
    if missing.startswith("SpeechBrain"):
        source = tiny_ecapa
        monkeypatch.setattr(ecapa_module, "find_spec", lambda _: None)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    load_ecapa.cache_clear()
    stream = VoiceStream(VoiceStream.Config(ecapa=source))
    with caplog.at_level(logging.WARNING):
        heard = stream.extract(sing(BASS), GRID)
        stream.extract(sing(BASS), GRID)
    load_ecapa.cache_clear()
    assert heard["given"].tolist() == [1, 0]
    assert stream.extractor.endswith("alone")
    (told,) = [r.getMessage() for r in caplog.records if r.name == ecapa_module.__name__]
    assert f"heard with Resemblyzer alone: {missing}" in told


@pytest.mark.parametrize(
    ("source", "fault"),
    [("empty", "holds no embedding_model.ckpt"), ("no/such/folder", "there is no such folder")],
)
def test_a_folder_without_the_weights_is_an_error(tmp_path, monkeypatch, source, fault):
    import_speechbrain()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=fault):
        load_ecapa(source)


@pytest.mark.parametrize("weights", [{}, {"fc.conv.weight": torch.zeros(9, 4, 1)}, None])
def test_weights_of_another_kind_are_an_error(tmp_path, weights):
    import_speechbrain()
    if weights is None:
        (tmp_path / WEIGHTS).write_bytes(b"damaged")
    else:
        torch.save(weights, tmp_path / WEIGHTS)
    with pytest.raises(CheckpointError, match="is no ECAPA-TDNN of SpeechBrain's"):
        load_ecapa(str(tmp_path))


# -- values and records --------------------------------------------------------------------------


def test_a_voice_without_a_name_or_numbers_is_refused():
    with pytest.raises(ValueError, match="names no voice"):
        VoiceStream.Values()
    with pytest.raises(ValueError, match="zeros is no voice"):
        VoiceStream.Values(voice_embedding=[0.0] * 256)
    with pytest.raises(ValueError, match="at least 256"):
        VoiceStream.Values(voice_embedding=[1.0])


def test_a_named_voice_that_nobody_looked_up_is_an_error():
    stream = alone()
    with pytest.raises(ManifestError, match="nobody looked up the voice of 'Ada'"):
        stream.parse(stream.Values(style_of="Ada"), GRID)


def test_a_record_may_have_one_embedding_or_both():
    stream, told = alone(), {"voice_embedding": (2 * np.eye(256)[3]).tolist()}
    recalled = stream.recall(told, GRID)
    assert recalled["given"].tolist() == [1, 0]
    assert recalled["resemblyzer"][3] == 1  # a mean of embeddings is shorter than they are
    both = stream.recall({**told, "ecapa_embedding": one_hot(0, 192)}, GRID)
    assert both["given"].tolist() == [1, 1]
    assert stream.recall({"voice_embedding": None}, GRID) is None
    with pytest.raises(DatasetError, match=r"a\.wav: voice_embedding has 2 numbers"):
        stream.recall({"audio_path": "a.wav", "voice_embedding": [1.0, 2.0]}, GRID)


# -- artists -------------------------------------------------------------------------------------

FIELDS = {"voice_embedding": 256, "ecapa_embedding": 192}


def write_artists(folder, artists, name="songs.artist_embeddings.json"):
    (folder / name).write_text(json.dumps(artists), encoding="utf-8")


def test_an_artist_is_found_by_name_with_all_the_file_has(tmp_path):
    write_artists(tmp_path, {"Ada": one_hot(1), "Björk": {"voice_embedding": one_hot(2),
                             "ecapa_embedding": one_hot(3, 192)}})  # fmt: skip
    write_artists(
        tmp_path, {"Cleo": {"ecapa_embedding": one_hot(4, 192)}}, "artist_embeddings.json"
    )
    assert find_artist("Ada", tmp_path, FIELDS) == {"voice_embedding": one_hot(1)}
    assert [*find_artist("Björk", tmp_path, FIELDS)] == ["voice_embedding", "ecapa_embedding"]
    assert [*find_artist("Cleo", tmp_path, FIELDS)] == ["ecapa_embedding"]


def test_the_values_are_completed_so_that_a_plan_needs_no_file(tmp_path):
    write_artists(tmp_path, {"Ada": one_hot(1)})
    stream = alone()
    values = stream.complete(stream.Values(style_of="Ada"), tmp_path)
    told = values.model_dump(mode="json", exclude_unset=True)
    assert told == {"style_of": "Ada", "voice_embedding": one_hot(1)}
    again = stream.Values.model_validate_json(json.dumps(told), strict=True)
    assert stream.parse(again, GRID)["resemblyzer"].argmax() == 1
    (tmp_path / "songs.artist_embeddings.json").unlink()
    assert stream.complete(again, tmp_path) == again


def test_an_embedding_that_is_told_stays_and_the_other_is_looked_up(tmp_path):
    entry = {"voice_embedding": one_hot(1), "ecapa_embedding": one_hot(3, 192)}
    write_artists(tmp_path, {"Ada": entry})
    stream = alone()
    told = stream.Values(style_of="Ada", voice_embedding=one_hot(5))
    values = stream.complete(told, tmp_path)
    assert values.voice_embedding == one_hot(5)
    assert values.ecapa_embedding == one_hot(3, 192)
    with pytest.raises(ManifestError, match="no artist 'Adda'"):
        stream.complete(told.model_copy(update={"style_of": "Adda"}), tmp_path)
    both = values.model_copy(update={"style_of": "Adda"})
    assert stream.complete(both, tmp_path) == both


@pytest.mark.parametrize(
    ("name", "told"),
    [("Ada Quits", "no artist 'Ada Quits' in songs.artist_embeddings.json; did you mean 'Ada "
      "Quist'? Near it are Ada Quist, Ada Quill"),
     ("Zzz", "; it has Ada Quill, Ada Quist, Björk")],
)  # fmt: skip
def test_a_misspelt_artist_is_told_with_the_nearest(tmp_path, name, told):
    write_artists(tmp_path, {n: one_hot(1) for n in ("Björk", "Ada Quist", "Ada Quill")})
    with pytest.raises(ManifestError) as fault:
        find_artist(name, tmp_path, FIELDS)
    assert told in str(fault.value)


def test_no_file_of_artists_beside_the_song_is_told(tmp_path):
    with pytest.raises(ManifestError, match=r"no artist_embeddings\.json lies beside the song"):
        find_artist("Ada", tmp_path, FIELDS)


def test_an_artist_of_two_files_is_told(tmp_path):
    for file in ("a.artist_embeddings.json", "b.artist_embeddings.json"):
        write_artists(tmp_path, {"Ada": one_hot(1)}, file)
    with pytest.raises(ManifestError, match=r"an artist in each of a\.artist.* and b\.artist"):
        find_artist("Ada", tmp_path, FIELDS)


@pytest.mark.parametrize(
    ("content", "fault"),
    [("[]", "must be a mapping of artists"), ("{", "cannot be read as JSON"),
     ('{"Ada": [1, 2]}', "Ada: voice_embedding has 2 numbers"),
     ('{"Ada": {}}', "has neither voice_embedding nor ecapa_embedding"),
     ('{"Ada": "x"}', "no list of numbers")],
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_told(tmp_path, content, fault):
    (tmp_path / "songs.artist_embeddings.json").write_text(content)
    with pytest.raises(DatasetError, match=fault):
        find_artist("Ada", tmp_path, FIELDS)


# -- the network ---------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
def test_a_missing_embedding_has_a_null_that_learns(given):
    encoder = alone().encoder()
    assert encoder.sites == {"voice": 256}
    features = {
        "resemblyzer": torch.randn(2, 256) * given[0], "ecapa": torch.randn(2, 192) * given[1],
        "given": torch.tensor([given, given]),
    }  # fmt: skip
    out = encoder(features, torch.ones(2, 10, dtype=torch.bool), 2)["voice"]
    assert out.shape == (2, 256)
    out.square().sum().backward()
    learnt = encoder.voice.missing.grad.abs().sum(dim=1) > 0
    assert learnt.tolist() == [there == 0 for there in given]
    for there, project in zip(given, encoder.voice.project, strict=True):
        assert bool(project.weight.grad.abs().sum() > 0) == bool(there)
