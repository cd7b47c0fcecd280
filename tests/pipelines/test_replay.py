"""A plan that was edited, or that is a stranger's, is told apart before anything is made of it."""

import json
from pathlib import Path

import pytest

from muze.core.errors import AudioError, ManifestError, PluginError
from muze.core.registry import Registry
from muze.pipelines.model_info import find_model
from muze.pipelines.plan import Plan, plan_file, read_plan
from muze.pipelines.replay import check_made_with, check_told, place_output
from muze.pipelines.resolve import StreamPlan

SONG = """muze: 1
prompt: test tones
seed: 1
tempo: 120
structure: {sections: [{type: verse, bars: 2}, {type: solo, bars: 2}]}
streams: {chord: {progression: [C, Am]}, genre: jazz}
"""


@pytest.fixture(scope="module")
def registry():
    return Registry()


@pytest.fixture(scope="module")
def text(tmp_path_factory, registry):
    folder = tmp_path_factory.mktemp("planned")
    (folder / "song.yaml").write_text(SONG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return plan_file(folder / "song.yaml", registry).to_json()


@pytest.fixture
def faults(text, tmp_path, registry):
    """Return what is told of a plan in which a value was changed, line by line."""

    def faults(keys, value):
        data = json.loads(text)
        part = data
        for key in keys[:-1]:
            part = part[key]
        part[keys[-1]] = value
        path = tmp_path / "song.plan.json"
        path.write_text(json.dumps(data))
        with pytest.raises(ManifestError) as told:
            check_told(read_plan(path), str(path), registry)
        lines = str(told.value).splitlines()
        assert all(line.startswith(f"{path}: ") for line in lines)
        return [line.removeprefix(f"{path}: ") for line in lines]

    return faults


def test_a_plan_as_it_was_written_is_welcome(text, registry):
    check_told(Plan.from_json(text), "song.plan.json", registry)


@pytest.mark.parametrize(
    ("keys", "value", "told"),
    [
        (("tempo",), [], "tempo: must have at least 1 item"),
        (("tempo",), [{"beat": 1, "bpm": 90}], "tempo: must have its first mark at beat 0"),
        (("tempo",), [{"beat": 0, "bpm": 90}] * 2, "tempo: must have its first mark at beat 0"),
        (("tempo", 0, "bpm"), 0, "tempo: must be from 1 to 1000 beats a minute"),
        (("tempo", 0, "bpm"), "fast", "tempo.0.bpm: must be a number, not 'fast'"),
        (("time_signature",), "foo", "time_signature: 'foo' is no time signature"),
        (("key",), "H minor", "key: "),
        (("guidance",), {}, "guidance: lacks the weight of all"),
        (("guidance", "all"), -1, "guidance.all: must be greater than or equal to 0, not -1"),
        (("guidance", "brightness"), 1, "guidance.brightness: this plan says nothing of bright"),
        (("origins",), {}, "origins: lacks duration, key, seed, structure, tempo, time_signature"),
        (("origins", "key"), "guessed", "origins.key: must be 'asked' or 'decided'"),
        (("sections",), [], "sections: must have at least 1 item"),
        (("sections", 1, "start"), 5, "sections: section 1 must start at 4 s with bar 3"),
        (("sections", 1, "first_bar"), 7, "sections: section 1 must start at 4 s with bar 3"),
        (("sections", 0, "type"), "vers", "sections.0.type: must be "),
        (("num_bars",), 9, "sections: take 8 s and 4 bars, but the song has 8 s and 9"),
        (("duration",), 30, "sections: take 8 s and 4 bars, but the song has 30 s and 4"),
        (("duration",), 1e9, "duration: must be less than or equal to 3600"),
        (("duration",), True, "duration: must be a number, not true"),
        (("seed",), -1, "seed: must be greater than or equal to 0, not -1"),
        (("num_steps",), 0, "num_steps: must be greater than or equal to 1, not 0"),
        (("output", "loudness"), 3, "output.loudness: must be less than or equal to -5"),
        (("output", "path"), "a\0.wav", "output.path: holds a character that no file's name has"),
        (("smell",), 3, "smell: unknown key"),
        (("streams", "chord"), {"origin": "asked"}, "streams.chord: must have values or a recor"),
        (("streams", "chord", "values"), {"progression": ["H"]},
         "streams.chord.values.progression"),
        (("streams", "genre", "values"), {"names": "jaz"}, "streams.genre.values.names: "),
        (("streams", "smell"), {"origin": "asked", "values": {}},
         "streams.smell: stream 'smell' is not installed"),
        (("sections", 1, "streams", "energy", "values"), {"value": []},
         "sections.1.streams.energy.values.value: "),
        (("sampler", "name"), "dpm", "sampler: sampler 'dpm' is not installed"),
        (("sampler", "config"), {"eta": 3}, "sampler.config.eta: must be less than or equal to 1"),
        (("vocoder",), {"name": "griffin_lim", "config": {"momentum": 1}},
         "vocoder.config.momentum: must be less than 1, not 1"),
        (("song", "muze"), 2, "song.muze: must be 1, not 2"),
    ],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_told_with_its_key(faults, keys, value, told):
    (line,) = faults(keys, value)
    assert line.startswith(told)


def test_every_fault_is_told_at_once(text, tmp_path):
    data = {**json.loads(text), "tempo": [], "origins": {}}
    del data["key"]
    with pytest.raises(ManifestError) as told:
        Plan.from_json(json.dumps(data), "p.json")
    assert {line.split(": ")[1] for line in str(told.value).splitlines()} == {
        "tempo", "origins", "key",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "{", "[" * 99_999, "3", "[]", '{"format": 2}'])
def test_what_is_no_plan_is_told_in_one_line(text):
    with pytest.raises(ManifestError, match=r"^p\.json: is no plan") as told:
        Plan.from_json(text, "p.json")
    assert "\n" not in str(told.value)


def test_a_plan_whose_chords_are_not_shown_is_shown(text, capsys):
    from muze.cli.tables import show_plan

    data = json.loads(text)
    data["sections"][0]["chords"] = []
    show_plan(Plan.from_json(json.dumps(data)), to_stderr=False)
    assert "verse" in capsys.readouterr().out


@pytest.fixture
def made(tmp_path, monkeypatch, registry):
    """The plan of a song for a model of its own, and what that model is called."""
    monkeypatch.chdir(tmp_path)
    streams = {name: {"feature_version": 1, "from": "muze"} for name in ("text", "chord")}
    denoiser = {"settings": {"streams": {"text": {}, "chord": {}}, "guidance": 2.5}}
    parts = {
        "denoiser": {**denoiser, "streams": streams, "file": "d", "sha256": "d" * 64},
        "vocoder": {"settings": {}, "name": "vocos", "file": "v", "sha256": "v" * 64},
    }
    (tmp_path / "tiny").mkdir()
    header = {"muze_model": 1, "parts": parts}

    def made(text=""):
        (tmp_path / "tiny" / "muze.json").write_text(json.dumps(header))
        (tmp_path / "song.yaml").write_text(f"muze: 1\nprompt: x\nmodel: tiny\n{text}")
        plan = plan_file(tmp_path / "song.yaml", registry, {}, find_model)
        return Plan.from_json(plan.to_json())

    made.header, made.file = header, tmp_path / "tiny" / "muze.json"
    return made


def told_of(plan, registry):
    with pytest.raises(ManifestError) as told:
        check_made_with(plan, "p.json", registry)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_a_plan_holds_what_it_was_made_with(made, registry):
    plan = made()
    assert plan.parts == {"denoiser": "d" * 64, "vocoder": "v" * 64}
    assert plan.feature_versions == {"chord": 1, "text": 1}
    assert plan.plugins["chord"] == registry.version("chord")
    check_made_with(plan, "p.json", registry)
    # a vocoder that is not heard changes nothing
    assert made("vocoder: {name: griffin_lim}\n").parts == {"denoiser": "d" * 64}


def test_another_network_under_the_same_name_is_told(made, registry, tmp_path):
    plan = made()
    made.header["parts"]["denoiser"]["sha256"] = "e" * 64
    made.file.write_text(json.dumps(made.header))
    assert told_of(plan, registry) == (
        f"p.json: this plan was made with denoiser dddddddddddd of model {tmp_path / 'tiny'}; here "
        f"is denoiser eeeeeeeeeeee of model {tmp_path / 'tiny'}; the same file would not come "
        "back, so plan the manifest anew"
    )
    del made.header["parts"]["vocoder"]
    made.file.write_text(json.dumps(made.header))
    assert "vocoder none of model" in told_of(plan, registry)


def test_a_model_that_is_not_there_is_told(made, registry):
    plan = made()
    made.file.unlink()
    made.file.parent.rmdir()
    with pytest.raises(PluginError, match="is not installed"):
        check_made_with(plan, "p.json", registry)


def test_another_plugin_and_other_features_are_told_once_each(made, registry, monkeypatch):
    plan = made()
    old = dict.fromkeys(plan.plugins, "muze 0.0.1") | {"chord": "acme 3"}
    changed = plan.model_copy(update={"plugins": old, "muze": "0.0.1"})
    now = registry.version("chord")
    assert told_of(changed, registry).startswith(
        f"p.json: this plan was made with muze 0.0.1, acme 3; here is {now}, {now}; the same"
    )
    monkeypatch.setattr(registry.get("stream", "chord"), "feature_version", 2)
    assert told_of(plan, registry).startswith(
        "p.json: this plan was made with version 1 of the features of stream chord; here is "
        "version 2 of the features of stream chord; "
    )


def test_a_stranger_s_plan_does_not_write_where_it_likes(text, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    plan = Plan.from_json(text)
    for path in ("../song.wav", str(tmp_path / "song.wav"), "/etc/song.wav"):
        output = plan.output.model_copy(update={"path": path})
        with pytest.raises(ManifestError) as told:
            place_output(plan.model_copy(update={"output": output}), "p.json")
        where = (tmp_path / "here" / path).resolve()
        assert str(told.value) == (
            f"p.json: output.path: {where} leaves the folder {tmp_path / 'here'}; to write there, "
            "give --output"
        )
    placed = place_output(plan, "p.json", "../song.flac").output
    assert (placed.path, placed.format) == (str(tmp_path / "song.flac"), "flac")
    (tmp_path / "here" / "away").symlink_to(tmp_path)
    output = plan.output.model_copy(update={"path": "away/song.wav"})
    with pytest.raises(ManifestError, match="leaves the folder"):
        place_output(plan.model_copy(update={"output": output}), "p.json")


def test_a_link_that_loops_is_told_in_one_line(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loop = tmp_path / "loop.wav"
    loop.symlink_to(loop)
    plan = Plan.from_json(text)
    with pytest.raises(ManifestError) as told:
        place_output(plan, "p.json", "loop.wav")
    assert str(told.value) == "loop.wav: is a link that leads back to itself"
    values = {"origin": "asked", "recording": {"path": str(loop), "sha256": "0" * 64}}
    streams = {**plan.streams, "chord": StreamPlan.model_validate(values)}
    plan = plan.model_copy(update={"streams": streams})
    assert place_output(plan, "p.json", "song.wav").output.path == str(tmp_path / "song.wav")


def test_a_plan_s_own_path_is_taken_where_it_stays(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = Plan.from_json(text)
    output = plan.output.model_copy(update={"path": "song.ogg"})
    placed = place_output(plan.model_copy(update={"output": output}), "p.json").output
    assert (Path(placed.path), placed.format) == (tmp_path / "song.ogg", "ogg")
    (tmp_path / "song.png").mkdir()
    with pytest.raises(ManifestError, match=r"song\.png: is a folder"):
        place_output(plan, "p.json", "song.wav")
    with pytest.raises(AudioError, match="cannot write"):
        place_output(plan, "p.json", "song.txt")
