"""A model's header tells what it never met, and songs that ask for it are refused."""

import pytest

from muze.core.errors import ManifestError
from muze.core.grid import Metre, TimeGrid
from muze.core.registry import Registry
from muze.data.track import track_grid
from muze.model.header import part_of
from muze.pipelines.load import open_streams
from muze.pipelines.model_info import ModelInfo
from muze.pipelines.plan import plan_file
from muze.pipelines.trained import is_unseen, unseen_rows
from muze.plugins.streams.genre import GENRES

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


def test_a_record_without_a_stream_fills_nothing():
    streams = open_streams({"genre": {}}, Registry())
    record = {key: value for key, value in RECORD.items() if key != "genre"}
    assert unseen_rows(streams, [record], [track_grid(record)]) == {"genre": {}}


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


def test_a_genre_only_the_prompt_names_is_left_to_the_words(tmp_path, unseen):
    assert "genre" not in planned(tmp_path, "muze: 1\nprompt: warm soul\n", unseen).streams
    plan = planned(tmp_path, "muze: 1\nprompt: warm jazz\n", unseen)
    assert plan.streams["genre"].values == {"names": ["jazz"]}


def test_a_trained_denoiser_says_what_it_never_met(denoiser):
    streams = part_of(denoiser, "denoiser")["streams"]
    assert {"genre", "metre"} <= {array for s in streams.values() for array in s["unseen"]}
