import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muze.core.errors import DatasetError
from muze.data import parquet
from muze.data.schema import WholeRecord
from muze.data.store import iterate_dataset, read_dataset, stored_records, write_dataset

NAMES = [*WholeRecord.model_fields]
TEXT = st.text(st.characters(), max_size=6)  # half a pair of UTF-16 as well
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
CHORD = {"chord": TEXT, "start": NUMBERS, "end": NUMBERS}
FITTING = st.fixed_dictionaries(
    {},
    optional={
        "tempo": NUMBERS, "title": TEXT | st.none(), "genre": TEXT | st.lists(TEXT),
        "key_index": st.integers(0, 23), "f0_voiced_mask": st.lists(st.booleans() | st.none()),
        "chords": st.lists(st.fixed_dictionaries(CHORD, optional={"bass": TEXT})),
        "segments": st.lists(st.fixed_dictionaries(
            {"type": TEXT, "start": NUMBERS, "end": NUMBERS},
            optional={"energy": NUMBERS | st.none()})),
        "f0_spans": st.lists(st.lists(NUMBERS)), "melody_chroma": st.lists(st.none() | NUMBERS),
        "notes": st.lists(st.fixed_dictionaries(
            {"pitch": st.integers(), "start": NUMBERS, "end": NUMBERS},
            optional={"program": st.integers() | st.none(), "velocity": NUMBERS | st.none()})),
    },
)  # fmt: skip
RECORDS = st.builds(lambda a, b: a | b, FITTING, st.dictionaries(st.sampled_from(NAMES), JSON)) | (
    st.dictionaries(st.sampled_from(NAMES) | TEXT, JSON, max_size=6)
)


def alike(one, other):
    """Whether JSON says the same, whole numbers of a column of numbers as 1.0 apart."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [*one] == [*other] and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other and isinstance(one, bool) == isinstance(other, bool)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(RECORDS, min_size=1, max_size=4))
def test_json_to_parquet_to_json_gives_the_same_records(tmp_path, records):
    first, second, third = (tmp_path / name for name in ("a.json", "b.parquet", "c.json"))
    write_dataset(first, records)
    write_dataset(second, stored_records(first))
    write_dataset(third, stored_records(second))
    told = json.loads(third.read_text())["tracks"]
    assert alike(sorted_parts(told), sorted_parts(records))
    assert [list(record) for record in told] == [list(record) for record in records]


def sorted_parts(value):
    """The same with the keys of every mapping in order: parts of lists come in the schema's."""
    if isinstance(value, dict):
        return {key: sorted_parts(value[key]) for key in sorted(value)}
    return [sorted_parts(item) for item in value] if isinstance(value, list) else value


def test_every_field_has_a_typed_column_but_mappings_of_free_keys(write, record):
    path = write([record()], "songs.parquet")
    table = pq.read_table(path)
    beside = json.loads(table.column("_more")[0].as_py())
    assert beside.keys() == {"tags", "drum_onsets", "drum_velocities", "provenance"}
    assert {*table.column_names, *beside} == {*WholeRecord.model_fields, "_keys", "_more"}
    assert table.schema.field("voice_embedding").type == pa.list_(pa.float64())
    assert table.schema.field("chords").type.value_type.field("start").type == pa.float64()
    assert table.column("key").to_pylist() == ["A minor"]
    assert [*iterate_dataset(path)] == [record()]


def test_numbers_keep_every_bit(write):
    numbers = np.random.default_rng(0).uniform(size=256).tolist()
    record = {"audio_path": "a", "duration": 0.1 + 0.2, "voice_embedding": numbers}
    (told,) = iterate_dataset(write([record], "songs.parquet"))
    assert told == record


def test_a_file_is_read_a_few_tracks_at_a_time(write, record, monkeypatch):
    monkeypatch.setattr(parquet, "TRACKS_A_GROUP", 4)
    monkeypatch.setattr(parquet, "TRACKS_A_BATCH", 2)
    read = []
    values = parquet._records
    monkeypatch.setattr(parquet, "_records", lambda batch, f: read.append(1) or values(batch, f))
    path = write(({"audio_path": f"{i}.wav", "duration": 1.0} for i in range(10)), "s.parquet")
    assert pq.ParquetFile(path).num_row_groups == 3
    records = iterate_dataset(path)
    assert [next(records)["audio_path"] for _ in range(3)] == ["0.wav", "1.wav", "2.wav"]
    assert len(read) == 2
    assert sum(1 for _ in records) == 7


def test_some_fields_are_read_alone(write, record):
    path = write([record(mood="blue", loudness=None)], "songs.parquet")
    (told,) = iterate_dataset(path, ("mood", "tempo", "loudness", "album_year"))
    assert told == {
        "audio_path": "a.wav", "duration": 2.0, "mood": "blue", "tempo": 120.0, "loudness": None
    }  # fmt: skip


def test_a_table_that_another_program_wrote_is_read(tmp_path):
    table = pa.table(
        {
            "audio_path": pa.array(["a.wav", "b.wav"], pa.large_string()),
            "duration": pa.array([3, 4], pa.int64()),
            "key_index": pa.array([21.0, None], pa.float64()),
            "chords": pa.array([[{"start": 0.0, "end": 3.0, "chord": "C"}], None]),
            "mood": ["blue", None],
        }
    )
    pq.write_table(table, tmp_path / "songs.parquet")
    first, second = read_dataset(tmp_path / "songs.parquet").tracks
    assert first == {
        "audio_path": "a.wav", "duration": 3.0, "key_index": 21, "mood": "blue",
        "chords": [{"chord": "C", "start": 0.0, "end": 3.0}],
    }  # fmt: skip
    assert second == {"audio_path": "b.wav", "duration": 4.0}


def test_what_another_program_changed_is_what_is_read(write, record):
    path = write([record(mood="blue")], "songs.parquet")
    table = pq.read_table(path).drop_columns(["tempo"])
    table = table.append_column("stars", pa.array([5]))
    at = table.column_names.index("title")
    pq.write_table(table.set_column(at, "title", pa.array(["New"])), path)
    (told,) = iterate_dataset(path)
    wanted = record(mood="blue", title="New", stars=5)
    del wanted["tempo"]
    assert told == wanted


def test_a_column_of_another_type_is_told_as_a_wrong_record(tmp_path):
    table = pa.table({"audio_path": ["a.wav"], "duration": ["long"]})
    pq.write_table(table, tmp_path / "songs.parquet")
    with pytest.raises(DatasetError, match=r"tracks\.0\.duration: Input should be a valid number"):
        read_dataset(tmp_path / "songs.parquet")


def damaged(content):
    table = {"audio_path": ["a.wav"], "duration": [1.0], "_keys": ['["audio_path"]']}
    return pa.table({**table, **content})


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (pa.table({"path": ["a.wav"]}), "should have a column audio_path"),
        (damaged({}).replace_schema_metadata({"muze_dataset": "2"}), "no muze dataset of version"),
        (damaged({"_more": ["{"]}), "cannot be read as Parquet"),
        (damaged({"_more": ["[1]"]}), "cannot be read as Parquet"),
        (damaged({"_keys": ["3"]}), "cannot be read as Parquet"),
        (damaged({"_keys": ["[[]]"]}), "cannot be read as Parquet"),
        (damaged({}).slice(0, 0), "has no tracks"),
    ],
)
def test_what_is_no_dataset_is_told(tmp_path, table, told):
    pq.write_table(table, tmp_path / "songs.parquet")
    with pytest.raises(DatasetError, match=told):
        read_dataset(tmp_path / "songs.parquet")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_damaged_file_is_told(write, record, share):
    path = write([record()], "songs.parquet")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DatasetError, match="cannot be read as Parquet"):
        read_dataset(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(DatasetError, match="there is no such dataset"):
        read_dataset(tmp_path / "none.parquet")
