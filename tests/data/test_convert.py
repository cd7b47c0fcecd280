import json
import os

import pytest

from muze.core.errors import DatasetError
from muze.data.convert import Rebase, convert_dataset
from muze.data.store import read_dataset
from muze.report import SilentReport


class Notes(SilentReport):
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def note(self, text):
        self.told.append(text)


def converted(source, target, fields=None):
    convert_dataset(source, target, Notes(), fields)
    return read_dataset(target)


def test_parquet_and_back_is_the_same_dataset(write, record, tmp_path):
    source = write([record(), record(audio_path="b.wav", extra={"x": [1, None]})])
    converted(source, tmp_path / "songs.parquet")
    back = converted(tmp_path / "songs.parquet", tmp_path / "back.json")
    assert back.tracks == read_dataset(source).tracks


@pytest.mark.parametrize(
    ("source", "target", "path"),
    [
        ("songs.json", "out/songs.parquet", "../audio/a.wav"),
        ("in/songs.json", "songs.parquet", "in/audio/a.wav"),
        ("in/deep/songs.json", "out/songs.json", "../in/deep/audio/a.wav"),
    ],
)
def test_tracks_find_their_sound_from_another_folder(music, write, tmp_path, source, target, path):
    there = (tmp_path / source).parent / "audio/a.wav"
    music(there.relative_to(tmp_path))
    (tmp_path / target).parent.mkdir(exist_ok=True)
    one = write([{"audio_path": "audio/a.wav", "duration": 2.0, "midi_path": "a.mid"}], source)
    there_and = converted(one, tmp_path / target)
    (track,) = there_and.tracks
    assert track["audio_path"] == path
    assert track["midi_path"] == path.replace("audio/a.wav", "a.mid")
    assert there_and.audio(track).samefile(there)
    again = converted(tmp_path / target, one.with_name("again.json"))
    assert again.tracks[0]["audio_path"] == "audio/a.wav"


def test_an_absolute_path_stays(write, tmp_path):
    (tmp_path / "out").mkdir()
    source = write([{"audio_path": "/music/a.wav", "duration": 2.0}])
    (track,) = converted(source, tmp_path / "out/songs.json").tracks
    assert track["audio_path"] == "/music/a.wav"


@pytest.mark.parametrize("linked", ["source", "target"])
def test_folders_behind_links_lead_to_the_same_sound(music, write, tmp_path, linked):
    music("real/deep/audio/a.wav")
    os.symlink(tmp_path / "real/deep", tmp_path / "link")
    (tmp_path / "real/other").mkdir()
    names = ("link/songs.json", "real/other/s.json")
    if linked == "target":
        os.symlink(tmp_path / "real/other", tmp_path / "away")
        names = ("real/deep/songs.json", "away/s.json")
    source = write([{"audio_path": "audio/../audio/a.wav", "duration": 2.0}], names[0])
    found = converted(source, tmp_path / names[1])
    assert found.audio(found.tracks[0]).samefile(tmp_path / "real/deep/audio/a.wav")


def test_a_link_that_a_path_leads_back_out_of_is_kept(music, write, tmp_path):
    music("real/a.wav")
    (tmp_path / "real/deep").mkdir()
    os.symlink(tmp_path / "real/deep", tmp_path / "link")
    (tmp_path / "out").mkdir()
    source = write([{"audio_path": "link/../a.wav", "duration": 2.0}])
    found = converted(source, tmp_path / "out/s.json")
    assert found.tracks[0]["audio_path"] == "../link/../a.wav"
    assert found.audio(found.tracks[0]).samefile(tmp_path / "real/a.wav")


def test_where_no_root_is_common_paths_are_absolute_and_that_is_told(write, tmp_path, monkeypatch):
    def other_drive(path, start):
        raise ValueError("path is on mount 'C:', start on mount 'D:'")

    (tmp_path / "out").mkdir()
    source = write([{"audio_path": "a.wav", "duration": 2.0}])
    monkeypatch.setattr(os.path, "relpath", other_drive)
    report = Notes()
    convert_dataset(source, tmp_path / "out/s.json", report)
    (track,) = json.loads((tmp_path / "out/s.json").read_text())["tracks"]
    assert track["audio_path"] == str(tmp_path / "a.wav")
    assert len(report.told) == 1
    assert "paths are absolute; no root is common" in report.told[0]


def test_in_the_same_folder_a_record_stays_as_it_is(tmp_path):
    record = {"audio_path": "./x/../a.wav"}
    assert Rebase(tmp_path / "a.json", tmp_path / "b.json")(record) is record


def test_fields_are_chosen_and_who_made_them(write, record, tmp_path):
    made = {name: {"backend": name} for name in ("tempo", "key", "chords")}
    source = write([record(provenance=made)])
    (track,) = converted(source, tmp_path / "s.parquet", ["tempo", "provenance", "key"]).tracks
    assert track == {
        "audio_path": "a.wav", "duration": 2.0, "tempo": 120.0, "key": "A minor",
        "provenance": {name: {"backend": name} for name in ("tempo", "key")},
    }  # fmt: skip


def test_a_field_that_no_track_has_is_told_and_nothing_is_written(write, record, tmp_path):
    source = write([record()])
    with pytest.raises(DatasetError, match="no track has a field 'tempoo'; did you mean 'tempo'"):
        converted(source, tmp_path / "s.parquet", ["key", "tempoo"])
    assert [*tmp_path.iterdir()] == [source]


def test_a_dataset_is_not_written_over_itself(write, record, tmp_path):
    source = write([record()])
    os.symlink(source, tmp_path / "other.json")
    with pytest.raises(DatasetError, match="is the dataset itself"):
        converted(source, tmp_path / "other.json")
