"""``voice: {style_of: ...}``: whose voice colours the music, from the manifest to what is drawn."""

import json

import numpy as np
import pytest

from muze.audio.io import write_audio
from muze.core.errors import AudioError, ManifestError
from muze.core.grid import Audio
from muze.model.header import read_header, write_header
from muze.pipelines import train_diffusion
from muze.pipelines.assemble import assemble
from muze.pipelines.draw import draw
from muze.pipelines.generate import generate
from muze.pipelines.plan import Plan
from muze.report import SilentReport

UNET = {
    "latent_dim": 8, "model_channels": 16, "channel_mult": [1, 2], "num_res_blocks": 1,
    "attention_levels": [1], "strides": [[1, 2]], "kernel": [1, 3], "num_heads": 2, "expansion": 2,
    "context_dim": 16, "vector_dim": 32, "frames_dim": 16, "voice_dim": 8,
}  # fmt: skip
STREAMS = ("text", "section", "position", "energy", "tempo", "key", "loudness", "beat", "chord")
EMBEDDING = np.eye(256)[5].tolist()


@pytest.fixture
def singer(tmp_path):
    """A recording that Resemblyzer takes for a voice: a tone with overtones that sways."""
    t = np.arange(2 * 16_000) / 16_000
    phase = 2 * np.pi * (150 * t + 2 * np.sin(2 * np.pi * 5 * t) / 5)
    tone = sum(np.sin(k * phase) / k for k in range(1, 20))
    write_audio(tmp_path / "singer.wav", Audio((0.2 * tone).astype(np.float32)[None], 16_000))
    return tmp_path / "singer.wav"


@pytest.fixture
def artists(tmp_path):
    told = {"Ada Quist": EMBEDDING, "Ada Quill": EMBEDDING}
    (tmp_path / "songs.artist_embeddings.json").write_text(json.dumps(told))


def test_a_recording_gives_the_voice(plan, singer):
    short = plan("prompt: x\nvoice: {style_of: singer.wav}\n").streams["voice"]
    assert (short.origin, short.recording.path) == ("asked", str(singer))
    assert plan("prompt: x\nstreams: {voice: {from: singer.wav}}\n").streams["voice"] == short


@pytest.mark.usefixtures("artists")
def test_an_artist_s_name_gives_the_voice_and_the_plan_holds_it(plan, tmp_path):
    made = plan("prompt: x\nvoice: {style_of: Ada Quist}\n")
    told = made.streams["voice"]
    assert told.values == {"style_of": "Ada Quist", "voice_embedding": EMBEDDING}
    for form in ("Ada Quist", "{style_of: Ada Quist}"):
        assert plan(f"prompt: x\nstreams: {{voice: {form}}}\n").streams["voice"] == told
    again = Plan.from_json(made.to_json())
    (tmp_path / "songs.artist_embeddings.json").unlink()
    assert again.streams["voice"] == told


@pytest.mark.usefixtures("artists")
@pytest.mark.parametrize(
    ("voice", "told"),
    [
        ("{style_of: Ada Quits}", "3: voice.style_of: there is no artist 'Ada Quits' in songs."
         "artist_embeddings.json; did you mean 'Ada Quist'? Near it are Ada Quist, Ada Quill"),
        ("{style_of: none.wav}", "3: voice.style_of: {folder}/none.wav: there is no such file"),
        ("{style_of: 3}", "3: voice.style_of: must be a string, not 3; put it in quotes"),
        ("{vibrato: {from: 5}}", "3: voice.vibrato.from: must be the path of a recording"),
        ("{style_of: ''}", "3: voice.style_of: must not be empty"),
        ("{language: de}", "3: voice.language: goes with lyrics; give them, or leave it out"),
        ("{}", "3: voice: says nothing; say who sings, or take it out"),
        ("{style_of: Ada Quist}\nstreams: {voice: Ada Quill}", "3: voice.style_of: is the short "
         "form of streams.voice; give one of them"),
    ],
)  # fmt: skip
def test_a_voice_that_cannot_be_is_told_at_its_line(faults, tmp_path, voice, told):
    assert faults(f"prompt: x\nvoice: {voice}\n") == [told.replace("{folder}", str(tmp_path))]


def test_without_a_file_of_artists_it_is_told_where_one_should_be(faults):
    (told,) = faults("prompt: x\nvoice: {style_of: Ada Quist}\n")
    assert told.startswith("3: voice.style_of: 'Ada Quist' is no recording, and no artist_embed")


@pytest.mark.parametrize("said", ["hum.wav", "{style_of: hum.wav}"])
def test_a_recording_in_the_place_of_a_name_is_told_how_it_is_said(faults, said):
    (told,) = faults(f"prompt: x\nstreams: {{voice: {said}}}\n")
    assert told.startswith("3: streams.voice")
    assert told.endswith(": hum.wav is called like a file; say voice: {from: hum.wav}")


@pytest.mark.usefixtures("artists")
def test_a_section_has_no_voice_of_its_own(faults):
    (told,) = faults(
        "prompt: x\nstructure:\n  sections:\n"
        "  - {type: verse, bars: 2, streams: {voice: Ada Quist}}\n"
    )
    assert "voice holds for the whole song; say it there" in told


@pytest.mark.usefixtures("singer")
def test_a_song_is_never_written_over_its_singer(faults):
    (told,) = faults("prompt: x\nvoice: {style_of: singer.wav}\noutput: {path: singer.wav}\n")
    assert told.startswith("4: output.path: ")
    assert "is read here and would be written over" in told


@pytest.mark.usefixtures("artists")
def test_a_model_that_knows_no_voice_says_so(plan_of):
    with pytest.raises(
        ManifestError, match=r"voice\.style_of: model \S+tiny knows no stream 'voice'"
    ):
        plan_of("voice: {style_of: Ada Quist}\n")


@pytest.mark.usefixtures("singer")
def test_a_short_recording_gives_the_voice_of_the_whole_song(plan, registry):
    pytest.importorskip("resemblyzer")
    stream = registry.get("stream", "voice")
    streams = {"voice": stream(stream.Config(ecapa=None))}
    made = plan("prompt: x\nduration: 8\nvoice: {style_of: singer.wav}\n")
    told = made.model_copy(update={"streams": {"voice": made.streams["voice"]}, "sections": ()})
    report = SilentReport()
    features, present = draw(told, registry, report, streams)["voice"]
    assert present.shape == (800,)
    assert present.all()
    assert features["given"].tolist() == [1, 0]


def test_a_recording_without_a_voice_is_told(plan, registry, tmp_path):
    pytest.importorskip("resemblyzer")
    write_audio(tmp_path / "hum.wav", Audio(np.zeros((1, 32_000), np.float32), 32_000))
    made = plan("prompt: x\nduration: 8\nvoice: {style_of: hum.wav}\n")
    told = made.model_copy(update={"streams": {"voice": made.streams["voice"]}, "sections": ()})
    stream = registry.get("stream", "voice")
    with pytest.raises(AudioError, match=r"hum\.wav: lets no voice be heard"):
        draw(told, registry, SilentReport(), {"voice": stream(stream.Config(ecapa=None))})


@pytest.fixture(scope="module")
def singing_model(tmp_path_factory, dataset, vae, vocoder, diffusion_settings):
    """A model trained on records that have voices, CLAP embeddings and artists."""
    content = json.loads(dataset.read_text())
    for index, track in enumerate(content["tracks"]):
        track["voice_embedding"] = np.roll(np.linspace(0.1, 1, 256), 80 * index).tolist()
        track["clap_audio_embedding"] = np.roll(np.linspace(-1, 1, 512), 90 * index).tolist()
        track["artist"] = f"artist {index}"
    told = dataset.parent / "voices.json"
    told.write_text(json.dumps(content))
    own = {"voice": {"ecapa": None, "voice": 8}, "clap": {}, "artist": {"vector": 8}}
    streams = {**{name: {} for name in STREAMS}, **own}
    settings = diffusion_settings("voices", dataset=told, unet=UNET, streams=streams)
    train_diffusion.train(settings, SilentReport())
    folder = tmp_path_factory.mktemp("singing") / "tiny"
    parts = {"autoencoder": vae, "denoiser": settings.run / "denoiser", "vocoder": vocoder}
    assemble(folder, parts, "fp16")
    header = read_header(folder)
    streams = header["parts"]["denoiser"]["streams"]
    for name in STREAMS:
        streams[name]["unseen"] = {}
    write_header(folder, header)
    return folder


def test_a_trained_model_sings_in_the_style_it_is_told(singing_model, plan_of, registry, tmp_path):
    voices = {
        name: np.roll(np.linspace(0.1, 1, 256), 80 * k).tolist() for k, name in enumerate("ab")
    }
    (tmp_path / "songs.artist_embeddings.json").write_text(json.dumps(voices))
    about = f"model: {singing_model}\nguidance: {{all: 3, voice: 2}}\n"
    made = []
    for said in ("voice: {style_of: a}\n", "voice: {style_of: a}\n", "voice: {style_of: b}\n"):
        rendered = generate(plan_of(about + said), registry, SilentReport(), "cpu")
        made.append(rendered.path.read_bytes())
    assert made[0] == made[1] != made[2]


def test_an_artist_or_a_half_that_no_record_told_is_refused(singing_model, plan_of):
    told = f"model: {singing_model}\n"
    assert plan_of(f"{told}streams: {{artist: Artist 1}}\n").streams["artist"].origin == "asked"
    with pytest.raises(ManifestError, match="met no artist 'nobody' in training"):
        plan_of(f"{told}streams: {{artist: nobody}}\n")
    ecapa = np.eye(192)[0].tolist()
    with pytest.raises(ManifestError, match="met no such voice in training"):
        plan_of(f"{told}streams: {{voice: {{ecapa_embedding: {ecapa}}}}}\n")
