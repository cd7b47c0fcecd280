import json
import re
from pathlib import Path

import pytest
from pydantic import Field

from muze.core.errors import ManifestError
from muze.core.registry import Registry
from muze.core.settings import Settings
from muze.manifest import Song, parse_song, read_song, song_from_options, song_schema
from muze.manifest.song import (
    Clone,
    Output,
    SamplerChoice,
    Section,
    Structure,
    TempoChange,
    VocoderChoice,
    Voice,
)
from muze.manifest.training import read_settings

DESIGN_KEYS = {
    "muze", "title", "prompt", "negative_prompt", "duration", "bars", "seed", "model", "tempo",
    "time_signature", "key", "structure", "streams", "guidance", "sampler", "vocoder", "voice",
    "output",
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def write(text, name="song.yaml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def faults_of(path, **options):
    with pytest.raises(ManifestError) as told:
        read_song(path, **options)
    return str(told.value).replace(f"{path}:", "").splitlines()


def test_a_song_has_the_keys_of_the_format_and_no_others():
    assert set(Song.model_fields) == DESIGN_KEYS


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


def test_all_faults_are_told_at_once_with_line_key_and_nearest_name(write):
    assert faults_of(
        write("""muze: 1
prompt: hello
promt: again
duration: 0
tempo: fast
key: H minor
time_signature: 4/5
structure:
  sections:
    - {type: vers, bars: 4}
    - {type: chorus, bars: 0}
    - type: chorus
      bars: 4
      enrgy: 0.5
sampler: {steps: 0}
output: {loudnes: -14}
""")
    ) == [
        "3: promt: unknown key; did you mean 'prompt'?",
        "4: duration: must be greater than or equal to 1, not 0",
        "5: tempo: must be a number, not 'fast'; or a list",
        "6: key: unknown key 'H minor'; write it like A minor or F# dorian; "
        "tonics are A to G with # or b",
        "7: time_signature: '4/5' is no time signature; write it like 4/4, 3/4 or 6/8",
        "10: structure.sections.0.type: must be 'intro', 'verse', 'pre_chorus', 'chorus', "
        "'post_chorus', 'bridge', 'instrumental', 'solo', 'breakdown', 'buildup', 'drop', 'outro' "
        "or 'unknown', not 'vers'; did you mean 'verse'?",
        "11: structure.sections.1.bars: must be greater than or equal to 1, not 0",
        "14: structure.sections.2.enrgy: unknown key; did you mean 'energy'?",
        "15: sampler.steps: must be greater than or equal to 1, not 0",
        "16: output.loudnes: unknown key; did you mean 'loudness'?",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prompt: x", "1: muze: is required and not given"),
        ("muze: 2\nprompt: x", "1: muze: must be 1, not 2"),
        ("muze: 1\nprompt: ''", "2: prompt: must not be empty"),
        ("muze: 1\nprompt: 808", "2: prompt: must be a string, not 808; put it in quotes"),
        ("muze: 1\nprompt: x\nduration: true", "3: duration: must be a number, not true"),
        ("muze: 1\nprompt: x\nduration: .nan", "3: duration: must be a finite number, not nan"),
        ("muze: 1\nprompt: x\nseed: 1.5", "3: seed: must be an integer, not 1.5"),
        ("muze: 1\nprompt: x\nseed: -1", "3: seed: must be greater than or equal to 0, not -1"),
        ("muze: 1\nprompt: x\ntempo: []", "3: tempo: must have at least 1 item, not 0"),
        ("muze: '1'\nprompt: x", "1: muze: must be 1, not '1'"),
        ("muze: true\nprompt: x", "1: muze: must be 1, not true"),
        ("muze: 1.0\nprompt: x", "1: muze: must be 1, not 1.0"),
        (
            "muze: 1\nprompt: x\ntime_signature: \u00b2/4",
            "3: time_signature: '\u00b2/4' is no time signature; write it like 4/4, 3/4 or 6/8",
        ),
        ("muze: 1\nseed: 1", "1: prompt: is required and not given"),
        (
            "muze: 1\nprompt: x\nguidance: {all: 101}",
            "3: guidance.all: must be less than or equal to 100, not 101",
        ),
        (
            "muze: 1\nprompt: x\nguidance: {chord: -1}",
            "3: guidance.chord: must be greater than or equal to 0, not -1",
        ),
        (
            "muze: 1\nprompt: x\nguidance: {all: .inf}",
            "3: guidance.all: must be a finite number, not inf",
        ),
        (
            "muze: 1\nprompt: x\nstreams: {text: y}",
            "2: prompt: is the short form of streams.text, also given; keep one of them",
        ),
        (
            "muze: 1\nprompt: x\nstructure:\n  sections:\n"
            "  - {type: solo, bars: 2, prompt: y, streams: {text: z}}",
            "5: structure.sections.0.prompt: is the short form of streams.text, also given; "
            "keep one of them",
        ),
        ("muze: 1\nprompt: x\nsampler: ddim", "3: sampler: must be a mapping, not 'ddim'"),
        (
            "muze: 1\nprompt: x\ntempo: [{bar: 2, bpm: 90}]",
            "3: tempo.0.bar: the first tempo must start at bar 1",
        ),
        (
            "muze: 1\nprompt: x\ntempo:\n- {bar: 1, bpm: 90}\n- {bar: 1, bpm: 9}",
            "5: tempo.1.bpm: must be greater than or equal to 20, not 9",
        ),
        (
            "muze: 1\nprompt: x\ntempo:\n- {bar: 1, bpm: 90}\n- {bar: 1, bpm: 99}",
            "5: tempo.1.bar: must come after bar 1",
        ),
        (
            "muze: 1\nprompt: x\nstructure: {}",
            "3: structure: give a template or sections, one of them",
        ),
        (
            "muze: 1\nprompt: x\nstructure: {template: loop, sections: [{type: solo, bars: 1}]}",
            "3: structure: give a template or sections, one of them",
        ),
        (
            "muze: 1\nprompt: x\nstructure: {sections: [{type: solo}]}",
            "3: structure.sections.0: give its length as bars or as seconds, one of them",
        ),
        (
            "muze: 1\nprompt: x\ntempo: 90\nstreams: {tempo: 100}",
            "3: tempo: is the short form of streams.tempo, also given; keep one of them",
        ),
        (
            "muze: 1\nprompt: x\nstructure:\n  sections:\n"
            "  - {type: solo, bars: 2, energy: 1, streams: {energy: 1}}",
            "5: structure.sections.0.energy: is the short form of streams.energy, also given; "
            "keep one of them",
        ),
        (
            "muze: 1\nprompt: x\nstreams: {f0: {from: hum.wav, octave: 1}}",
            "3: streams.f0.octave: a stream taken from a recording has no other keys",
        ),
        (
            "muze: 1\nprompt: x\nstreams: {f0: {from: 3}}",
            "3: streams.f0.from: must be the path of a recording",
        ),
        ("- muze: 1", "1: must be a mapping, like `prompt: warm lo-fi house`"),
        ("just words", "1: must be a mapping, like `prompt: warm lo-fi house`"),
    ],
)
def test_each_fault_has_its_line(write, text, told):
    found = faults_of(write(text))
    assert told in found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("muze: 1\nprompt: [x", r":2: while parsing a flow sequence expected"),
        ("muze: 1\n\tprompt: x", r":2: while scanning for the next token"),
        ("muze: 1\nprompt: !!python/object:os.system x", r":2: prompt: the tag !!python/object:os"),
        ("muze: 1\nprompt: *nobody", r":2: found undefined alias"),
        ("muze: 1\na: " + "[" * 5000, ":2: is nested more than 100 deep"),
        ("muze: 1\nprompt: x\nseed: 0b_", ":3: '0b_' is no number that can be read"),
        ("muze: 1\nprompt: \x07", r":2: holds a character that YAML does not know, '\\x07'"),
        ("muze: 1\nstreams: &a {chord: *a}", ":2: a value holds itself by an alias"),
        (
            "a: &a [x,x,x,x,x,x,x,x]\n"
            + "".join(
                f"{b}: &{b} [{','.join([f'*{a}'] * 8)}]\n"
                for a, b in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            ":1: holds more than 100000 values",
        ),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(write, text, told):
    with pytest.raises(ManifestError, match=told) as fault:
        read_song(write(text))
    assert "\n" not in str(fault.value)


def test_a_key_given_twice_is_a_fault(write):
    assert faults_of(write("muze: 1\nprompt: x\nkey: C\ntitle: y\nkey: D\n")) == [
        "5: key: is given twice; the first is in line 3"
    ]
    nested = (
        "muze: 1\nprompt: x\nstructure:\n  sections:\n  - type: solo\n    bars: 2\n    bars: 3\n"
    )
    assert faults_of(write(nested)) == [
        "7: structure.sections.0.bars: is given twice; the first is in line 6"
    ]


def test_keys_are_words_and_their_faults_have_their_lines(write):
    told = faults_of(write("muze: 1\nprompt: x\non: 2\n~: 2\n3: 4\nstreams: {no: 1, no: 2}\n"))
    assert [line.partition("; known")[0] for line in told] == [
        "3: on: unknown key",
        "4: ~: unknown key",
        "5: 3: unknown key",
        "6: streams.no: is given twice; the first is in line 6",
    ]
    assert "known are muze, title, prompt" in told[0]


def test_what_json_does_not_have_is_refused_or_is_text(write):
    dated = read_song(write("muze: 1\nprompt: 2024-02-31\ntitle: 2024-01-01\n"))
    assert (dated.prompt, dated.title) == ("2024-02-31", "2024-01-01")
    assert faults_of(
        write('muze: 1\nprompt: x\nstreams:\n  chord: !!set {C, F}\ntitle: "\\ud800"\nseed: 1.5\n')
    ) == [
        "4: streams.chord: the tag !!set is not known; write text, a number, a list or a mapping",
        "5: title: holds half a character, a lone surrogate",
        "6: seed: must be an integer, not 1.5",
    ]


def test_what_may_take_several_forms_is_told_once_with_them(write):
    assert faults_of(write("muze: 1\nprompt: x\ntempo: {from: ok.wav}\n")) == [
        "3: tempo: must be a number, not a mapping; or a list"
    ]


def test_the_prompt_may_be_said_as_the_stream_it_is_short_for(write):
    assert read_song(write("muze: 1\nstreams: {text: warm house}\n")).prompt is None


def test_names_no_file_can_have_are_no_file(write):
    for name in ("a" * 300, "a\\0b"):
        (told,) = faults_of(write(f'muze: 1\nprompt: x\nstreams: {{chord: {{from: "{name}"}}}}\n'))
        assert told.startswith("3: streams.chord.from: there is no file")


def test_an_anchor_that_holds_itself_is_refused(write):
    assert faults_of(write("muze: 1\nprompt: x\ntitle: &a [*a]\n"))


def test_files_that_cannot_be_read_are_told(tmp_path):
    for path in (tmp_path / "nowhere.yaml", tmp_path):
        with pytest.raises(ManifestError, match="cannot be read"):
            read_song(path)
    (tmp_path / "latin.yaml").write_bytes(b"muze: 1\nprompt: caf\xe9\n")
    with pytest.raises(ManifestError, match=r"latin.yaml:2: is not text in UTF-8"):
        read_song(tmp_path / "latin.yaml")


def test_a_recording_is_looked_for_beside_the_manifest(write, tmp_path):
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


def test_the_schema_tells_editors_every_key_and_every_stream():
    schema = song_schema(Registry())
    assert set(schema["properties"]) == DESIGN_KEYS
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["muze"]
    assert schema["anyOf"][0] == {"required": ["prompt"]}
    for part in (schema, schema["$defs"]["Section"]):
        for name, key in part["properties"].items():
            assert key.get("description") or "$ref" in key, f"{name} is not described"
    streams = schema["$defs"]["streams"]["properties"]
    values, alone, recording = streams["chord"]["anyOf"]
    assert "progression" in values["properties"]
    assert alone["type"] == "array"
    assert recording["required"] == ["from"]
    assert len(streams["genre"]["anyOf"]) == 2  # no recording tells a genre
    assert schema["examples"]
    json.dumps(schema)
    # every reference leads somewhere
    for name in re.findall(r'"#/\$defs/([^"]+)"', json.dumps(schema)):
        assert name in schema["$defs"], name


def test_the_schema_s_own_examples_are_songs():
    for example in song_schema()["examples"]:
        assert Song.model_validate(example)


def test_every_key_is_documented():
    page = (Path(__file__).parents[1] / "docs" / "manifest.md").read_text()
    for model in (Song, Section, Structure, SamplerChoice, Output, Voice, Clone, TempoChange):
        for key in model.model_fields:
            assert f"`{key}`" in page, f"docs/manifest.md does not tell of {model.__name__}.{key}"


class Training(Settings):
    batch_size: int = Field(16, ge=1)
    run: Path | None = None


def test_training_settings_are_read_with_options_over_them(write):
    path = write("batch_size: 4\n", "train.yaml")
    assert read_settings(path, Training, {"run": "out"}) == Training(batch_size=4, run=Path("out"))
    assert read_settings(None, Training, {"batch_size": 2}).batch_size == 2


def test_faults_of_training_settings_have_lines_and_options(write):
    path = write("batch_size: 0\nbatch: 3\n", "train.yaml")
    with pytest.raises(ManifestError) as told:
        read_settings(path, Training, {})
    assert str(told.value).splitlines() == [
        f"{path}:1: batch_size: must be greater than or equal to 1, not 0",
        f"{path}:2: batch: unknown key; did you mean 'batch_size'?",
    ]
    with pytest.raises(ManifestError, match="--batch-size: must be"):
        read_settings(None, Training, {"batch_size": 0})
