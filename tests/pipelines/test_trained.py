"""A model's header tells what it never met, and songs that ask for it are refused."""

import json
import shutil

import pytest

from muze.core.errors import ManifestError
from muze.core.grid import Metre, TimeGrid
from muze.core.registry import Registry
from muze.data.track import track_grid
from muze.model.header import part_of, read_header, write_header
from muze.pipelines.components import open_streams
from muze.pipelines.model_info import ModelInfo, find_model
from muze.pipelines.plan import plan_file
from muze.pipelines.train_diffusion import train
from muze.pipelines.trained import is_unseen, still_unseen, unseen_rows
from muze.plugins.streams.genre import GENRES
from muze.report import SilentReport

RECORD = {"audio_path": "a.wav", "duration": 8.0, "tempo": 120.0, "tempo_map": [
    {"beat": 0.0, "bpm": 120.0}], "time_signature": "4/4", "genre": ["jazz"]}  # fmt: skip
STREAMS = ("genre", "beat", "tempo", "text")


@pytest.fixture(scope="module")
def unseen():
    streams = open_streams({name: {} for name in STREAMS if name != "text"}, Registry())
    records = [RECORD, {**RECORD, "genre": ["rock"], "time_signature": "6/8"}]
    return unseen_rows(streams, records, [track_grid(record) for record in records])


def planned(tmp_path, text, unseen):
    path = tmp_path / "song.yaml"
    path.write_text(text)
    info = ModelInfo(name="small", streams=STREAMS, unseen=unseen)
    return plan_file(path, Registry(), {}, lambda song, registry: info, writes=False)


def test_rows_no_record_fills_are_named(unseen):
    assert unseen["genre"]["genre"] == [
        i for i, name in enumerate(GENRES) if name not in ("jazz", "rock")
    ]
    assert unseen["beat"] == {"metre": [1, 3]}  # two beats by 6/8, four by 4/4
    assert unseen["tempo"] == {}


def test_features_are_unseen_where_they_fill_such_a_row(unseen):
    stream = open_streams({"beat": {}}, Registry())["beat"]
    for metre, expected in (("4/4", False), ("6/8", False), ("3/4", True), ("5/4", True)):
        grid = TimeGrid.of_song(4.0, metre=Metre.parse(metre))
        assert is_unseen(stream, stream.parse(stream.Values(), grid), unseen["beat"]) is expected


def test_a_stream_no_record_mentions_was_never_told():
    streams = open_streams({"genre": {}}, Registry())
    record = {key: value for key, value in RECORD.items() if key != "genre"}
    assert unseen_rows(streams, [record], [track_grid(record)]) == {"genre": None}


def test_a_model_does_not_know_a_stream_it_was_never_told(tmp_path, model, registry):
    shutil.copytree(model, tmp_path / "model")
    header = read_header(tmp_path / "model")
    header["parts"]["denoiser"]["streams"]["chord"]["unseen"] = None
    write_header(tmp_path / "model", header)
    path = tmp_path / "song.yaml"
    path.write_text("muze: 1\nprompt: calm\nmodel: model\n")
    sections = plan_file(path, registry, {}, find_model).sections
    assert [set(section.streams) for section in sections] == [{"energy"}] * len(sections)
    path.write_text("muze: 1\nprompt: calm\nmodel: model\nstreams: {chord: [Am]}\n")
    with pytest.raises(ManifestError, match=r"song.yaml:4: streams.chord: model .* no stream 'ch"):
        plan_file(path, registry, {}, find_model)


@pytest.mark.parametrize(
    ("now", "before", "left"),
    [({"genre": [1, 2, 3]}, {"genre": [2, 3, 4]}, {"genre": [2, 3]}),
     ({"genre": [1]}, {"genre": [2]}, {}), ({"genre": [1]}, {}, {}), (None, {}, {}),
     (None, None, None), ({"genre": [1]}, None, {"genre": [1]}), (None, {"a": [1]}, {"a": [1]})],
)  # fmt: skip
def test_what_a_model_was_told_before_it_still_knows(now, before, left):
    assert still_unseen({"genre": now}, {"genre": before}) == {"genre": left}


def test_a_training_that_starts_from_a_model_keeps_what_that_was_told(
    diffusion_settings, dataset, denoiser
):
    tracks = json.loads(dataset.read_text())["tracks"]
    only = {k: v for k, v in tracks[0].items() if k != "genre"}
    few = dataset.with_name("few.json")
    few.write_text(json.dumps({"muze_dataset": 1, "tracks": [only]}))
    settings = diffusion_settings("tuned", dataset=few, start=str(denoiser), steps=1)
    train(settings, SilentReport())
    before, after = (
        part_of(folder, "denoiser")["streams"] for folder in (denoiser, settings.run / "denoiser")
    )
    assert after == before
    cut = diffusion_settings("cut", dataset=few, start=str(denoiser), steps=1, minutes=1e-9)
    train(cut, SilentReport())
    whole = {"start": None, "resume": True, "minutes": None}
    train(cut.model_copy(update=whole), SilentReport())
    assert part_of(cut.run / "denoiser", "denoiser")["streams"] == before
    alone = diffusion_settings("alone", dataset=few, steps=1)
    train(alone, SilentReport())
    assert part_of(alone.run / "denoiser", "denoiser")["streams"]["genre"]["unseen"] is None


def test_a_genre_the_model_never_met_is_a_fault_where_it_stands(tmp_path, unseen):
    text = "muze: 1\nprompt: calm\nstreams:\n  genre: [jazz, soul]\n"
    with pytest.raises(ManifestError, match=r"song.yaml:4: streams.genre: .*'soul'") as fault:
        planned(tmp_path, text, unseen)
    assert "jazz" not in str(fault.value)


def test_beats_in_seconds_are_taken_together(tmp_path, unseen):
    text = (
        "muze: 1\nprompt: calm\nduration: 4\nstreams:\n  beat: {positions: [0, 0.5, 1, 1.5, 2]}\n"
    )
    assert planned(tmp_path, text, unseen).streams["beat"].values is not None


def test_a_metre_the_model_never_met_is_a_fault(tmp_path, unseen):
    with pytest.raises(ManifestError, match=r"song.yaml:3: time_signature: .*3/4"):
        planned(tmp_path, "muze: 1\nprompt: calm\ntime_signature: 3/4\n", unseen)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("prompt: calm, in 5/4\n", "2: prompt"),
        ("streams:\n  genre: [jazz]\n  text: a slow waltz\n", "4: streams.text"),
        ("prompt: jazz in 5/4\ntime_signature: 3/4\n", "3: time_signature"),
    ],
)
def test_a_metre_the_model_never_met_is_told_where_it_stands(tmp_path, unseen, text, place):
    with pytest.raises(ManifestError, match=rf"song.yaml:{place}: model small met no [35]/4"):
        planned(tmp_path, f"muze: 1\n{text}", unseen)


def test_a_metre_usual_for_a_genre_is_one_the_model_met(tmp_path, unseen):
    met = {**unseen, "genre": {"genre": []}}
    plan = planned(tmp_path, "muze: 1\nprompt: calm\nstreams:\n  genre: waltz\n", met)
    assert plan.time_signature == "4/4"


def test_a_genre_only_the_prompt_names_is_left_to_the_words(tmp_path, unseen):
    assert "genre" not in planned(tmp_path, "muze: 1\nprompt: warm soul\n", unseen).streams
    plan = planned(tmp_path, "muze: 1\nprompt: warm jazz\n", unseen)
    assert plan.streams["genre"].values == {"names": ["jazz"]}


def test_what_muze_decides_and_the_model_never_met_is_not_told(tmp_path):
    names = ["key", "chord", "energy"]
    streams = open_streams({name: {} for name in names}, Registry())
    record = {**RECORD, "key": "C major", "chords": [{"chord": "C", "start": 0.0, "end": 8.0}]}
    unseen = unseen_rows(streams, [record], [track_grid(record)])
    path = tmp_path / "song.yaml"
    info = ModelInfo(
        name="small", streams=("key", "chord"), unseen={n: unseen[n] for n in names[:2]}
    )

    def plan(text):
        path.write_text("muze: 1\nprompt: calm\n" + text)
        return plan_file(path, Registry(), {}, lambda song, registry: info, writes=False)

    far = plan("streams: {chord: [C]}\nseed: 1\n")
    assert far.key != "C major"
    assert set(far.streams) == {"chord"}
    near = plan("key: C major\n")
    assert set(near.streams) == {"key"}
    assert all("chord" not in section.streams for section in near.sections)
    with pytest.raises(ManifestError, match="met no chord 'Am' in training"):
        plan("streams: {chord: [C, Am]}\n")


def test_each_chord_is_looked_at_however_late_it_comes(tmp_path):
    streams = open_streams({"chord": {}}, Registry())
    record = {**RECORD, "chords": [{"chord": "C", "start": 0.0, "end": 8.0}]}
    info = ModelInfo(
        name="small",
        streams=("chord",),
        unseen=unseen_rows(streams, [record], [track_grid(record)]),
    )
    path = tmp_path / "song.yaml"
    for said in ("[C, C, C, C, C, F#]", "{progression: [C, F#], beats_per_chord: 16}"):
        path.write_text(f"muze: 1\nprompt: calm\nstreams:\n  chord: {said}\n")
        with pytest.raises(ManifestError, match=r"song.yaml:4: streams.chord: .* 'F#'") as told:
            plan_file(path, Registry(), {}, lambda song, registry: info, writes=False)
        assert "'C'" not in str(told.value)


def test_a_model_of_waltzes_alone_plans_waltzes(tmp_path):
    streams = open_streams({"beat": {}}, Registry())
    record = {**RECORD, "time_signature": "3/4"}
    unseen = unseen_rows(streams, [record], [track_grid(record)])
    info = ModelInfo(name="small", streams=("beat",), unseen=unseen)
    path = tmp_path / "song.yaml"

    def plan(text):
        path.write_text(f"muze: 1\n{text}")
        return plan_file(path, Registry(), {}, lambda song, registry: info, writes=False)

    assert plan("prompt: calm\n").time_signature == "3/4"
    beats = "streams: {beat: {positions: [0, 0.5, 1, 1.5, 2, 2.5, 3]}}\n"
    assert plan(f"prompt: calm\nduration: 3\ntime_signature: 3/4\n{beats}").streams["beat"].values
    with pytest.raises(ManifestError, match=r"2: prompt: model small met no 4/4 .* as 3/4$"):
        plan("prompt: calm, in 4/4\n")


def test_a_stream_that_fails_is_told_at_its_line(tmp_path, monkeypatch, unseen):
    cls = Registry().get("stream", "genre")

    def parse(self, values, grid):
        raise ZeroDivisionError("no such luck")

    monkeypatch.setattr(cls, "parse", parse)
    with pytest.raises(
        ManifestError, match=r"song.yaml:3: streams.genre: plugin genre .* no such luck"
    ):
        planned(tmp_path, "muze: 1\nprompt: calm\nstreams: {genre: jazz}\n", unseen)


@pytest.mark.parametrize(
    "info",
    [{"stream_settings": {"genre": {"vectr": 3}}}, {"unseen": {"genre": {"genre": [999, -999]}}},
     {"unseen": {"genre": {"gerne": [0]}}}],
)  # fmt: skip
def test_a_header_that_makes_no_sense_ends_no_planning(tmp_path, unseen, info):
    path = tmp_path / "song.yaml"
    path.write_text("muze: 1\nprompt: calm\nstreams: {genre: jazz}\n")
    known = ModelInfo(**{"name": "small", "streams": STREAMS, "unseen": unseen, **info})
    plan = plan_file(path, Registry(), {}, lambda song, registry: known, writes=False)
    assert plan.streams["genre"].values == {"names": ["jazz"]}


def test_a_trained_denoiser_says_what_it_never_met(denoiser):
    streams = part_of(denoiser, "denoiser")["streams"]
    assert {"genre", "metre"} <= {array for s in streams.values() for array in s["unseen"]}


def test_guidance_of_what_is_not_told_is_a_fault(tmp_path):
    streams = open_streams({"key": {}}, Registry())
    unseen = unseen_rows(streams, [{**RECORD, "key": "C major"}], [track_grid(RECORD)])
    text = "muze: 1\nprompt: in F# minor\nguidance: {key: 2}\n"
    info = ModelInfo(name="small", streams=("key",), unseen=unseen)
    path = tmp_path / "song.yaml"
    path.write_text(text)
    with pytest.raises(ManifestError, match=r"song.yaml:3: guidance.key: model small met no such"):
        plan_file(path, Registry(), {}, lambda song, registry: info, writes=False)
    path.write_text(text.replace("F# minor", "C major"))
    plan = plan_file(path, Registry(), {}, lambda song, registry: info, writes=False)
    assert plan.guidance["key"] == 2
