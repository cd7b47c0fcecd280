import json

import pytest

from muze.core.errors import DatasetError
from muze.data.store import read_dataset
from muze.data.track import track_grid


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "dataset.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_a_dataset_knows_where_its_audio_lies(write, tmp_path):
    (tmp_path / "a.wav").touch()
    dataset = read_dataset(write({"muze_dataset": 1, "tracks": [{"audio_path": "a.wav"}]}))
    assert dataset.audio(dataset.tracks[0]) == tmp_path / "a.wav"


@pytest.mark.parametrize(
    ("content", "told"),
    [("{", "cannot be read as JSON"), ("[]", "is no muze dataset"),
     ({"tracks": [{}]}, "is no muze dataset"), ({"muze_dataset": 1, "tracks": []}, "no tracks")],
)  # fmt: skip
def test_what_is_no_dataset_is_told(write, content, told):
    with pytest.raises(DatasetError, match=told):
        read_dataset(write(content))


def test_a_missing_dataset_is_told(tmp_path):
    with pytest.raises(DatasetError, match="there is no such dataset"):
        read_dataset(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("record", "told"), [({}, "has no audio_path"), ({"audio_path": "a.wav"}, "there is no file")]
)
def test_a_track_without_audio_is_told(write, record, told):
    dataset = read_dataset(write({"muze_dataset": 1, "tracks": [record]}))
    with pytest.raises(DatasetError, match=told):
        dataset.audio(record)


def test_a_track_s_grid_has_its_tempo_map_metre_and_sections():
    grid = track_grid(
        {
            "duration": 8.0, "tempo": 60, "time_signature": "3/4", "beat_positions": [0.5, 1.5],
            "tempo_map": [{"beat": 0, "bpm": 60}, {"beat": 3, "bpm": 120}],
            "segments": [{"type": "verse", "start": 0.0, "end": 8.0, "energy": 0.4}],
        }
    )  # fmt: skip
    assert grid.frames == 800
    assert grid.beat_times[:5].tolist() == [0.5, 1.5, 2.5, 3.5, 4.0]
    assert grid.bar_times[:3].tolist() == [0.5, 3.5, 5.0]
    assert grid.sections[0].type == "verse"


@pytest.mark.parametrize("field", ["duration", "tempo"])
def test_a_track_that_lacks_what_its_grid_needs_is_told(field):
    record = {"audio_path": "a.wav", "duration": 3.0, "tempo": 90.0, field: None}
    with pytest.raises(DatasetError, match=f"'a.wav' has no {field}"):
        track_grid(record)
