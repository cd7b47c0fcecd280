import pytest

from muze.core.errors import ManifestError
from muze.manifest import parse_song, read_song, song_from_options
from muze.manifest.song import Clone, SamplerChoice, Structure, TempoChange, VocoderChoice, Voice


def test_a_prompt_is_enough(write):
    song = read_song(write("muze: 1\nprompt: warm house\n"))
    assert (song.prompt, song.model, song.duration) == ("warm house", "starter", None)


def test_everything_the_format_has_is_read(write):
    song = read_song(
        write(
            """
muze: 1
title: Night Drive
prompt: driving synthwave
negative_prompt: vocals
bars: 32
seed: 7
model: ./mine
tempo: [{bar: 1, bpm: 118}, {bar: 17, bpm: 124.5}]
time_signature: 6/8
key: a minor? no
structure:
  sections:
    - {type: intro, bars: 4, energy: 0.3, prompt: sparse, key: Bb, tempo: 90, genre: [jazz, pop]}
    - {type: verse, seconds: 8, energy: [0.2, 0.9], streams: {chord: {progression: [Am7]}}}
streams:
  chord: {progression: [Am, F], beats_per_chord: 4}
  genre: [synthwave]
guidance: {all: 4.0, chord: 2}
sampler: {name: ddim, steps: 20, eta: 0.5, own_setting: 3}
vocoder: {name: vocos, dim: 8}
voice:
  backend: kokoro
  voice: jf_alpha
  style_of: singer.wav
  clone: {samples: me.wav, consent: consent.yaml}
  lyrics: |
    [verse] Headlights
output: {path: a.wav, stems: true, loudness: -14}
""".replace("a minor? no", "A minor")
        )
    )
    assert song.tempo == [TempoChange(bar=1, bpm=118), TempoChange(bar=17, bpm=124.5)]
    assert song.sections[0].key == "A# major"
    assert song.sampler.model_extra == {"own_setting": 3}
    assert song.voice == Voice(
        backend="kokoro",
        voice="jf_alpha",
        style_of="singer.wav",
        clone=Clone(samples="me.wav", consent="consent.yaml"),
        lyrics="[verse] Headlights",
    )


def test_the_prompt_may_be_said_as_the_stream_it_is_short_for(write):
    assert read_song(write("muze: 1\nstreams: {text: warm house}\n")).prompt is None


def test_names_no_file_can_have_are_no_file(write, faults_of):
    for name in ("a" * 300, "a\\0b"):
        (told,) = faults_of(write(f'muze: 1\nprompt: x\nstreams: {{chord: {{from: "{name}"}}}}\n'))
        assert told.startswith("3: streams.chord.from: there is no file")


def test_a_recording_is_looked_for_beside_the_manifest(write, tmp_path, faults_of):
    path = write("muze: 1\nprompt: x\nstreams: {chord: {from: hum.wav}}\n")
    assert faults_of(path) == [f"3: streams.chord.from: there is no file {tmp_path / 'hum.wav'}"]
    (tmp_path / "hum.wav").touch()
    assert read_song(path).streams == {"chord": {"from": "hum.wav"}}


def test_options_build_the_same_song_as_a_manifest(write):
    options = {
        "PROMPT": "warm house", "--duration": 20.0, "--seed": 3, "--cfg-scale": 5.0,
        "--num-steps": 10, "--sampler": "ddpm", "--eta": 0.5, "--template": "loop",
        "--model": "mine", "--vocoder": "griffin_lim", "--output": "x.wav",
    }  # fmt: skip
    text = """
muze: 1
prompt: warm house
duration: 20
seed: 3
model: mine
guidance: {all: 5}
sampler: {name: ddpm, steps: 10, eta: 0.5}
structure: {template: loop}
vocoder: {name: griffin_lim}
output: {path: x.wav}
"""
    assert song_from_options(options) == read_song(write(text))


def test_a_fault_of_an_option_names_the_option():
    with pytest.raises(ManifestError) as told:
        song_from_options({"PROMPT": "x", "--duration": 0, "--num-steps": 0, "--eta": 2})
    assert str(told.value).splitlines() == [
        "--duration: must be greater than or equal to 1, not 0",
        "--num-steps: must be greater than or equal to 1, not 0",
        "--eta: must be less than or equal to 1, not 2",
    ]


def test_an_option_wins_over_the_manifest(write):
    path = write("muze: 1\nprompt: x\nseed: 1\nstructure: {sections: [{type: solo, bars: 2}]}\n")
    song = read_song(path, {"--seed": 2, "--template": "loop"})
    assert song.seed == 2
    assert song.structure == Structure(template="loop")


def test_a_sampler_or_vocoder_by_option_takes_the_place_of_the_file_s_settings(write):
    path = write(
        "muze: 1\nprompt: x\nsampler: {name: ddim, steps: 9, eta: 0.5}\n"
        "vocoder: {name: vocos, dim: 64}\n"
    )
    song = read_song(path, {"--sampler": "dpmpp", "--vocoder": "griffin_lim"})
    assert song.sampler == SamplerChoice(name="dpmpp", steps=9)
    assert song.vocoder == VocoderChoice(name="griffin_lim")
    assert read_song(path, {"--num-steps": 3}).sampler.eta == 0.5


def test_a_faulty_song_is_read_as_far_as_it_goes(write):
    song, faults = parse_song(write("muze: 1\nprompt: x\nseed: -3\nkey: A minor\ntempo: 0\n"))
    assert song is not None
    assert (song.seed, song.tempo, song.key) == (None, None, "A minor")
    assert [keys for keys, _ in faults.found] == [("seed",), ("tempo",)]


def test_a_song_cannot_be_changed(write):
    song = read_song(write("muze: 1\nprompt: x\n"))
    with pytest.raises(ValueError, match="frozen"):
        song.prompt = "y"
