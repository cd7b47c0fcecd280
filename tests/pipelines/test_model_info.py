"""What a model says of itself is read before anything is loaded, and told where it is wrong."""

import json

import pytest

from muze.core.errors import CheckpointError
from muze.core.registry import Registry
from muze.manifest import song_from_options
from muze.pipelines.model_info import find_model


@pytest.fixture
def found(tmp_path):
    """Find a model whose header was changed."""

    def found(change=lambda header, denoiser: None):
        streams = {name: {"feature_version": 1, "from": "muze"} for name in ("text", "chord")}
        denoiser = {
            "settings": {"streams": {"text": {}, "chord": {"vector": 8}}, "guidance": 2.5},
            "streams": streams, "file": "denoiser.safetensors", "sha256": "d",
        }  # fmt: skip
        vocoder = {"settings": {"dim": 16}, "file": "v", "sha256": "v", "name": "vocos"}
        header = {"muze_model": 1, "parts": {"denoiser": denoiser, "vocoder": vocoder}}
        change(header, denoiser)
        (tmp_path / "muze.json").write_text(json.dumps(header))
        song = song_from_options({"PROMPT": "x", "--model": str(tmp_path)})
        return find_model(song, Registry())

    return found


def test_a_model_says_what_the_planner_must_know(found, tmp_path):
    info = found()
    assert info.name == str(tmp_path)
    assert (info.streams, info.guidance) == (("text", "chord"), {"all": 2.5})
    assert info.stream_settings == {"text": {}, "chord": {"vector": 8}}
    assert (info.vocoder, info.vocoders) == ("vocos", {"vocos": {"dim": 16}})
    assert info.parts == {"denoiser": "d", "vocoder": "v"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda h, d: d.pop("streams"), "parts.denoiser.streams: Field required"),
        (lambda h, d: d["streams"].pop("chord"), "parts.denoiser.streams: lacks chord"),
        (lambda h, d: d["streams"].update(chord=3), "parts.denoiser.streams.chord: Input should"),
        (lambda h, d: d["streams"]["chord"].pop("feature_version"),
         "parts.denoiser.streams.chord.feature_version: Field required"),
        (lambda h, d: d["settings"].pop("guidance"),
         "parts.denoiser.settings.guidance: Field required"),
        (lambda h, d: d["settings"].update(guidance="much"),
         "parts.denoiser.settings.guidance: Input should be a valid number"),
        (lambda h, d: d["settings"].pop("streams"),
         "parts.denoiser.settings.streams: Field required"),
        (lambda h, d: d["settings"].update(streams=["chord"]),
         "parts.denoiser.settings.streams: Input should be a valid dictionary"),
        (lambda h, d: d.update(settings="big"), "parts.denoiser.settings: Input should"),
        (lambda h, d: h["parts"]["vocoder"].update(name=3), "parts.vocoder.name: Input should"),
    ],
)  # fmt: skip
def test_a_header_that_lacks_what_the_planner_needs_is_told_in_one_line(
    found, tmp_path, change, told
):
    with pytest.raises(CheckpointError) as fault:
        found(change)
    assert str(fault.value).startswith(f"{tmp_path / 'muze.json'}: {told}")
    assert "\n" not in str(fault.value)


def test_a_model_trained_on_other_features_is_told(found):
    def change(header, denoiser):
        denoiser["streams"]["chord"]["feature_version"] = 99

    with pytest.raises(CheckpointError, match="was trained on version 99 of the features of str"):
        found(change)


def test_a_vocoder_that_does_not_say_its_name_is_not_taken_for_one(found):
    info = found(lambda header, denoiser: header["parts"]["vocoder"].pop("name"))
    assert (info.vocoder, info.vocoders) == ("griffin_lim", {})
