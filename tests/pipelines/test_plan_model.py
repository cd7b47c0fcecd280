import json

import pytest

from muze.core.errors import PluginError
from muze.pipelines.model_info import ModelInfo, find_model


def test_a_model_s_streams_are_the_only_ones(plan, faults):
    known = ModelInfo(name="tiny", streams=("text", "chord"), guidance={"all": 3.0})
    planned = plan("prompt: jazz\n", find_model=lambda song, registry: known)
    assert set(planned.streams) == {"text"}
    assert planned.guidance == {"all": 3.0}
    assert set(planned.sections[0].streams) == {"chord"}
    assert faults(
        "prompt: x\nkey: C\nstreams: {genre: jazz}\nguidance: {tempo: 2}\n",
        find_model=lambda song, registry: known,
    ) == [
        "3: key: model tiny knows no stream 'key'; it knows text, chord",
        "4: streams.genre: model tiny knows no stream 'genre'; it knows text, chord",
        "5: guidance.tempo: model tiny knows no stream 'tempo'; it knows text, chord",
    ]


def test_a_model_that_is_not_there_is_a_fault_of_the_manifest(faults):
    def find(song, registry):
        raise PluginError(f"model {song.model!r} is not installed")

    assert faults("prompt: x\nmodel: stater\nduration: 0\n", find_model=find) == [
        "3: model: model 'stater' is not installed",
        "4: duration: must be greater than or equal to 1, not 0",
    ]


def test_guidance_sampler_and_steps_are_resolved(plan):
    planned = plan(
        "prompt: x\nguidance: {all: 4, chord: 2}\nsampler: {name: ddpm, steps: 9}\n"
        "vocoder: {name: vocos, dim: 64}\n"
    )
    assert planned.guidance == {"all": 4, "chord": 2}
    assert (planned.sampler.name, planned.num_steps) == ("ddpm", 9)
    assert planned.vocoder is not None
    assert planned.vocoder.config == {"dim": 64}
    default = plan("prompt: x\n")
    assert (default.sampler.name, default.sampler.config, default.num_steps) == (
        "ddim", {"eta": 0.0}, 50,
    )  # fmt: skip
    assert default.guidance == {"all": 7.5}
    assert default.vocoder is None


def test_a_negative_prompt_needs_a_model_that_reads(plan, faults):
    deaf = ModelInfo(name="tiny", streams=("chord",), guidance={"all": 3.0})
    assert plan("prompt: x\n", find_model=lambda *_: deaf).prompt == "x"
    (told,) = faults("prompt: x\nnegative_prompt: y\n", find_model=lambda *_: deaf)
    assert told.startswith("3: negative_prompt: model tiny knows no stream 'text'")


def test_a_negative_prompt_needs_a_model_that_is_guided(plan, faults):
    weak = ModelInfo(name="tiny", streams=("text",), guidance={"all": 1.0})
    (told,) = faults("prompt: x\nnegative_prompt: y\n", find_model=lambda *_: weak)
    assert told.startswith("3: negative_prompt: leads away from nothing where guidance.all is 1;")
    raised = "prompt: x\nnegative_prompt: y\nguidance: {all: 1.5}\n"
    assert plan(raised, find_model=lambda *_: weak).negative_prompt == "y"


def test_a_stream_that_is_asked_for_is_guided_as_it_says_itself(plan):
    assert plan("prompt: x\n").guidance == {"all": 7.5}  # its chords are decided
    assert plan("prompt: x\nstreams: {chord: [C]}\n").guidance == {"all": 7.5, "chord": 2.0}
    section = "structure: {sections: [{type: verse, bars: 4, streams: {chord: [C]}}]}\n"
    assert plan(f"prompt: x\n{section}").guidance == {"all": 7.5, "chord": 2.0}
    said = plan("prompt: x\nstreams: {chord: [C]}\nguidance: {chord: 0}\n")
    assert said.guidance == {"all": 7.5, "chord": 0}


def test_guidance_of_what_a_section_says_is_welcome(plan, faults):
    said = (
        "prompt: x\nstructure: {sections: [{type: solo, bars: 2, genre: GENRE}]}\n"
        "guidance: {genre: 2, chord: 1, brightness: 0}\n"
    )
    assert plan(said.replace("GENRE", "jazz")).guidance["genre"] == 2
    (told,) = faults(said.replace("GENRE", "jaz"))  # and no other, since it is said
    assert "unknown genre 'jaz'" in told


@pytest.fixture
def trained(tmp_path):
    """Write the header of a model that reads prompts and chords; return a song that names it."""

    def trained(**parts):
        streams = {"text": {}, "chord": {}}
        about = {name: {"feature_version": 1, "from": "muze"} for name in streams}
        denoiser = {"settings": {"streams": streams, "guidance": 2.5}, "streams": about}
        written = {
            name: {"file": f"{name}.safetensors", "sha256": "0", **part}
            for name, part in {"denoiser": denoiser, **parts}.items()
        }
        (tmp_path / "tiny").mkdir(exist_ok=True)
        header = {"muze_model": 1, "parts": written}
        (tmp_path / "tiny" / "muze.json").write_text(json.dumps(header))
        return "prompt: x\nmodel: tiny\n"

    return trained


def test_a_vocoder_without_weights_is_told_in_planning(plan, faults, trained):
    song = trained()
    assert plan(song, find_model=find_model).vocoder.name == "griffin_lim"
    assert faults(song + "vocoder: {name: vocos}\n", find_model=find_model) == [
        "4: vocoder.name: vocoder vocos needs weights and this model has none; use griffin_lim"
    ]


def test_a_vocoder_s_weights_fix_its_settings(plan, faults, trained):
    song = trained(vocoder={"name": "vocos", "settings": {"dim": 64, "num_layers": 2}})
    assert plan(song, find_model=find_model).vocoder.name == "vocos"
    assert plan(song + "vocoder: {name: vocos, dim: 64}\n", find_model=find_model)
    (told,) = faults(song + "vocoder: {name: vocos, dim: 128}\n", find_model=find_model)
    assert told.startswith("4: vocoder.dim: is 64 in the weights of model ")
    assert plan(song + "vocoder: {name: griffin_lim, num_iters: 3}\n", find_model=find_model)
    song = trained(vocoder={"name": "vocos", "settings": {"width": 64}})
    (told,) = faults(song, find_model=find_model)
    assert told.startswith("3: model: model ")
    assert "the settings of its vocoder vocos are wrong: width: " in told


def test_a_model_s_name_that_none_can_have_is_told(faults):
    for name in ("a" * 300, "my models/x"):
        (told,) = faults(f"prompt: x\nmodel: {name}\n", find_model=find_model)
        assert told.startswith("3: model: ")
