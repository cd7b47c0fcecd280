import json

import pytest

from muze.core.errors import DatasetError
from muze.data.merge import merge
from muze.data.store import read_dataset
from muze.report import SilentReport


def track(path, **said):
    return {"audio_path": path, "duration": 2.0, **said}


def titles(path):
    return [record.get("title") for record in read_dataset(path).tracks]


def test_tracks_of_both_find_their_sound(music, write, tmp_path):
    music("one/a.wav", "two/b.wav")
    a, b = write([track("a.wav")], "one/a.json"), write([track("b.wav")], "two/b.parquet")
    out = tmp_path / "all.parquet"
    merged = merge(a, b, out, SilentReport())
    dataset = read_dataset(out)
    assert [record["audio_path"] for record in dataset.tracks] == ["one/a.wav", "two/b.wav"]
    assert all(dataset.audio(record).is_file() for record in dataset.tracks)
    assert (merged.tracks, merged.dropped) == (2, ())


@pytest.mark.parametrize(
    ("keep", "kept"), [("last", ["one", "late", "two"]), ("first", ["one", "early", "two"])]
)
def test_of_two_with_one_path_one_stays(write, tmp_path, keep, kept):
    a = write([track("../x.wav", title="one"), track("../y.wav", title="early")], "in/a.json")
    b = write([track("y.wav", title="late"), track("z.wav", title="two")], "b.json")
    merged = merge(a, b, tmp_path / "all.json", SilentReport(), keep)
    assert titles(tmp_path / "all.json") == kept
    (dropped,) = merged.dropped
    assert dropped.same == "path"
    places = [(a, 1, "../y.wav"), (b, 0, "y.wav")]
    told = [(p.dataset, p.track, p.audio_path) for p in (dropped.place, dropped.kept)]
    assert told == (places if keep == "last" else places[::-1])


def test_of_two_with_one_sound_one_stays(music, write, tmp_path):
    music("a.wav", "b.wav")
    (tmp_path / "copy.wav").write_bytes((tmp_path / "a.wav").read_bytes())
    a = write([track("a.wav", title="a"), track("b.wav", title="b")], "a.json")
    b = write([track("copy.wav", title="copy")], "b.json")
    merged = merge(a, b, tmp_path / "all.json", SilentReport())
    assert titles(tmp_path / "all.json") == ["b", "copy"]
    assert [item.same for item in merged.dropped] == ["content"]


def test_a_hash_that_is_told_is_taken_for_the_sound(write, tmp_path):
    same = {"audio_sha256": "ab" * 32}
    a, b = write([track("a.wav", **same)], "a.json"), write([track("b.wav", **same)], "b.json")
    merged = merge(a, b, tmp_path / "all.json", SilentReport(), "first")
    assert [record["audio_path"] for record in read_dataset(tmp_path / "all.json").tracks] == [
        "a.wav"
    ]
    assert str(merged.dropped[0]) == (
        f"{b}: track 0 (b.wav): has the sound of {a}: track 0 (a.wav)"
    )


def test_a_told_hash_meets_the_sound_itself(music, write, tmp_path):
    import hashlib

    music("a.wav")
    digest = hashlib.sha256((tmp_path / "a.wav").read_bytes()).hexdigest()
    a = write([track("a.wav")], "a.json")
    b = write([track("gone.wav", audio_sha256=digest)], "b.json")
    assert merge(a, b, tmp_path / "all.json", SilentReport()).tracks == 1


def test_sound_that_is_not_there_is_compared_by_its_path_alone(write, tmp_path):
    a, b = write([track("a.wav")], "a.json"), write([track("b.wav")], "b.json")
    assert merge(a, b, tmp_path / "all.json", SilentReport()).dropped == ()


def test_twice_in_one_dataset_is_once_in_the_other(write, tmp_path):
    a = write([track("a.wav", title="x"), track("./a.wav", title="y")], "a.json")
    b = write([track("b.wav", title="z")], "b.json")
    merge(a, b, tmp_path / "all.json", SilentReport())
    assert titles(tmp_path / "all.json") == ["y", "z"]


def test_a_dataset_can_take_in_another(write):
    a = write([track("a.wav", title="a")], "a.json")
    merge(a, write([track("b.wav", title="b")], "b.json"), a, SilentReport())
    assert titles(a) == ["a", "b"]


def test_the_report_is_json(write, tmp_path):
    a, b = write([track("a.wav")], "a.json"), write([track("a.wav")], "b.json")
    told = json.loads(json.dumps(merge(a, b, tmp_path / "c.json", SilentReport()).to_json()))
    assert told["tracks"] == 1
    assert told["dropped"][0]["kept"] == {"dataset": str(b), "track": 0, "audio_path": "a.wav"}


def test_a_dataset_is_not_merged_with_itself(write, tmp_path):
    a = write([track("a.wav")], "a.json")
    with pytest.raises(DatasetError, match="is given twice"):
        merge(a, tmp_path / "." / "a.json", tmp_path / "b.json", SilentReport())
