import json
from pathlib import Path

import pytest

from muze.core.errors import DatasetError
from muze.core.grid import SECTION_TYPES
from muze.core.registry import Registry
from muze.data.store import iterate_dataset, read_dataset, write_dataset
from muze.data.track import track_grid
from muze.pipelines.components import open_streams

TRACK = {"audio_path": "a.wav", "duration": 3.0}


def segmented(**said):
    return {**TRACK, "segments": [{"type": "verse", "start": 0.0, "end": 3.0, **said}]}


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "dataset.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_a_dataset_knows_where_its_audio_lies(write, tmp_path):
    (tmp_path / "a.wav").touch()
    dataset = read_dataset(write({"muze_dataset": 1, "tracks": [TRACK]}))
    assert dataset.audio(dataset.tracks[0]) == tmp_path / "a.wav"


@pytest.mark.parametrize(
    ("content", "told"),
    [("{", "cannot be read as JSON"), ("[" * 99_999, "cannot be read as JSON"),
     ("[]", "is no muze dataset"),
     ({"tracks": [{}]}, "is no muze dataset"), ({"muze_dataset": 1, "tracks": []}, "no tracks")],
)  # fmt: skip
def test_what_is_no_dataset_is_told(write, content, told):
    with pytest.raises(DatasetError, match=told):
        read_dataset(write(content))


@pytest.fixture
def written(tmp_path):
    """Return the text of a dataset as muze writes it, of three tracks."""
    tracks = [{**TRACK, "title": title} for title in ("a\u2028b", 'x"},\n{"', "\ud800]}\n")]
    write_dataset(tmp_path / "written.json", tracks)
    return (tmp_path / "written.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: json.dumps(json.loads(text), indent=1),
        lambda text: text.replace(",\n", ",", 1),
        lambda text: text.replace(",\n", ",\n\n", 1),
        lambda text: text.replace('"duration":', '"duration":\n', 2),
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n",
        lambda text: text.replace("\n]}", ',\n{"audio_path":"d.wav","duration":1}]}'),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n]}", ",\n]}"),
        lambda text: text.replace(",\n", "\n", 1),
        lambda text: text[:-4],
        lambda text: text[: len(text) // 2],
        lambda text: text + "]}\n",
        lambda text: text.replace("3.0", "3.0.0"),
    ],
)
def test_a_file_edited_by_hand_is_read_as_any_json(written, write, change):
    text = change(written)
    path = write(text)
    try:
        tracks = json.loads(text)["tracks"]
    except ValueError:
        with pytest.raises(DatasetError, match="cannot be read as JSON"):
            read_dataset(path)
    else:
        assert read_dataset(path).tracks == tuple(tracks)


def test_a_file_as_muze_writes_it_is_read_a_track_at_a_time(written, write):
    records = iterate_dataset(write(written + "no JSON"))
    assert next(records)["title"] == "a\u2028b"  # all of it was not read yet
    with pytest.raises(DatasetError, match="Extra data"):
        list(records)


def test_a_missing_dataset_is_told(tmp_path):
    with pytest.raises(DatasetError, match="there is no such dataset"):
        read_dataset(tmp_path / "none.json")


def test_a_track_without_its_audio_is_told(write):
    dataset = read_dataset(write({"muze_dataset": 1, "tracks": [TRACK]}))
    with pytest.raises(DatasetError, match=r"there is no file .*a\.wav"):
        dataset.audio(dataset.tracks[0])


def test_a_record_may_say_more_than_muze_reads(write):
    track = {**TRACK, "tempo": None, "lyrics": None, "brightness": [0.1], "tempo_map": []}
    assert read_dataset(write({"muze_dataset": 1, "tracks": [track]})).tracks == (track,)


@pytest.mark.parametrize(
    ("track", "told"),
    [
        (1, "tracks.1: Input should be a valid dictionary"),
        ({"duration": 3.0}, "tracks.1.audio_path: Field required"),
        ({"audio_path": "a.wav"}, "tracks.1.duration: Field required"),
        ({**TRACK, "duration": 0}, "tracks.1.duration: Input should be greater than 0"),
        ({**TRACK, "duration": "3"}, "tracks.1.duration: Input should be a valid number"),
        ({**TRACK, "duration": float("nan")}, "tracks.1.duration: Input should be a finite"),
        ({**TRACK, "tempo_map": [{"beat": 0}]}, "tracks.1.tempo_map.0.bpm: Field required"),
        ({**TRACK, "time_signature": "4"}, "tracks.1.time_signature: '4' is no time"),
        ({**TRACK, "segments": [3]}, "tracks.1.segments.0: Input should be"),
        (
            segmented(type="corus"),
            "tracks.1.segments.0.type: unknown type 'corus'; did you mean 'chorus'?",
        ),
        (
            segmented(type="x"),
            "tracks.1.segments.0.type: unknown type 'x'; known are intro, verse,",
        ),
        (segmented(type=None), "tracks.1.segments.0.type: Input should be a valid string"),
        (segmented(start=-1), "tracks.1.segments.0.start: Input should be greater than or equal"),
        (
            segmented(start=2.0, end=2.0),
            "tracks.1.segments.0.end: must be after its start, 2, not 2",
        ),
        ({**TRACK, "chords": [{"chord": "C", "start": 0}]}, "tracks.1.chords.0.end: Field"),
        (
            {**TRACK, "beat_positions": [0, 2, 1]},
            "tracks.1.beat_positions: must rise, but 1 at 2 follows 2",
        ),
        ({**TRACK, "beat_positions": [0, "1"]}, "tracks.1.beat_positions.1: Input should be"),
        ({**TRACK, "prompts": "calm"}, "tracks.1.prompts: Input should be a valid list"),
        ({**TRACK, "loudness": "loud"}, "tracks.1.loudness: Input should be a valid number"),
    ],
)
def test_a_record_that_makes_no_sense_is_told_with_its_place(write, track, told):
    path = write({"muze_dataset": 1, "tracks": [TRACK, track]})
    with pytest.raises(DatasetError) as fault:
        read_dataset(path)
    assert str(fault.value).startswith(f"{path}: {told}")
    assert "\n" not in str(fault.value)


def test_the_readme_s_dataset_is_one(write):
    page = (Path(__file__).parents[2] / "README.md").read_text()
    example = page.partition("## Training")[2].partition("```json\n")[2].partition("```")[0]
    (track,) = read_dataset(write(json.loads(example))).tracks
    assert set(track) >= {"audio_path", "duration", "tempo"}
    grid = track_grid(track)
    names = ("beat", "chord", "key", "section", "tempo", "genre", "loudness")
    streams = open_streams({name: {} for name in names}, Registry())
    assert [name for name, s in streams.items() if s.recall(track, grid) is None] == []


def test_every_type_of_section_may_be_in_a_record(write):
    tracks = [segmented(type=kind) for kind in SECTION_TYPES]
    assert read_dataset(write({"muze_dataset": 1, "tracks": tracks})).tracks == tuple(tracks)


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


def test_beat_0_is_the_first_downbeat():
    track = {"audio_path": "a.wav", "duration": 8.0, "tempo": 60.0}
    track |= {"beat_positions": [0.5, 1.5, 2.5, 3.5], "downbeat_positions": [2.5]}
    grid = track_grid(track)
    assert grid.bar_times.tolist() == [2.5, 6.5]
    assert grid.beat_times[:3].tolist() == [0.5, 1.5, 2.5]


def test_a_track_without_a_tempo_has_a_clock_and_tells_no_beats():
    track = {"audio_path": "a.wav", "duration": 3.0, "tempo": None}
    grid = track_grid(track)
    assert grid.frames == 300
    for stream in open_streams({"tempo": {}, "beat": {}}, Registry()).values():
        assert stream.recall(track, grid) is None


def test_a_track_that_lacks_what_its_grid_needs_is_told():
    record = {"audio_path": "a.wav", "duration": None, "tempo": 90.0}
    with pytest.raises(DatasetError, match=r"'a\.wav' has no duration"):
        track_grid(record)
