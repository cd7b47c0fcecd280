import csv
import json
import re

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muze.core.errors import DatasetError
from muze.data.schema import WholeRecord
from muze.data.tables import read_table

SECONDS = 10.0


@pytest.fixture
def music(tmp_path):
    """A folder of sounds of 10 s, made as they are asked for; returns it and their paths."""

    def make(*files):
        root = tmp_path / "music"
        for file in files:
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(root / file, np.zeros(int(SECONDS * 8000)), 8000, format="WAV")
        return root, list(files)

    return make


@pytest.fixture
def table(tmp_path):
    def write(name, content):
        path = tmp_path / name
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def fields(told, file="a.wav"):
    """Return a file's fields, which the record's schema must take."""
    found, _ = told.rows[file]
    WholeRecord.model_validate({"audio_path": file, "duration": SECONDS, **found})
    return found


def refused(path, music_of, *told):
    with pytest.raises(DatasetError) as fault:
        read_table(path, *music_of)
    for text in told:
        assert re.search(text, str(fault.value)), f"{text} in {fault.value}"


EVERY = (
    "audio_path,Title,Artist,album,genre,BPM,key,caption,lyrics,language,has_vocals,chords,"
    "time signature,beat_positions,mood\n"
    'a.wav,"A, Title",Somebody,,Hip-Hop; Jazz,92.5,Am,"slow, calm","la\nla",English,yes,'
    'Am F C/E G7,3/4,"[0.5, 1.0, 1.5]",calm\n'
)


def test_a_csv_tells_fields_by_their_names(music, table):
    told = read_table(table("songs.csv", EVERY), *music("a.wav"))
    assert told.kind == "table"
    assert fields(told) == {
        "title": "A, Title", "artist": "Somebody", "genre": ["hip hop", "jazz"], "tempo": 92.5,
        "key": "A minor", "key_index": 21, "prompt": "slow, calm", "prompts": ["slow, calm"],
        "lyrics": "la\nla", "language": "en", "has_vocals": True, "time_signature": "3/4",
        "chord_progression": ["Am", "F", "C/E", "G7"], "beat_positions": [0.5, 1.0, 1.5],
        "num_beats": 3, "tags": {"mood": "calm"},
    }  # fmt: skip


def test_every_field_says_where_it_is_from(music, table):
    told = read_table(table("songs.csv", EVERY), *music("a.wav"))
    found, provenance = told.rows["a.wav"]
    assert set(provenance) == set(found)
    assert set(map(str, provenance.values())) == {str({"backend": "songs.csv", "version": "table"})}


@pytest.mark.parametrize(
    ("name", "content"),
    [("t.tsv", "path\ttitle\na.wav\tX, Y\n"), ("t.csv", "file;title\na.wav;X, Y\n"),
     ("t.csv", "\ufeffFilename,title\r\n\r\na.wav,\"X, Y\"\r\n"),
     ("t.jsonl", '{"path": "a.wav", "title": "X, Y"}\n\n'),
     ("t.json", '[\n{"path": "a.wav", "title": "X, Y", "tempo": NaN, "key": null}]')],
)  # fmt: skip
def test_tables_of_several_forms_are_read(music, table, name, content):
    assert fields(read_table(table(name, content), *music("a.wav"))) == {"title": "X, Y"}


def test_json_tells_what_cells_cannot(music, table):
    chords = [{"chord": "Bbmaj7", "start": 0, "end": 4.5}, {"chord": "N", "start": 4.5, "end": 9}]
    row = {
        "path": "a.wav", "chords": chords, "prompts": ["one", "two", "one"], "caption": "zero",
        "genre": ["Rock", "polka"], "segments": [{"type": "verse", "start": 0, "end": 9.5}],
        "energy_curve": [0.5] * 10, "downbeat_positions": [0, 2.5], "bpm": "120", "title": 1999,
        "key_index": 21, "odd": {"a": [1]},
    }  # fmt: skip
    told = read_table(table("t.jsonl", [row]), *music("a.wav"))
    found = fields(told)
    assert found["chords"] == [{"chord": "A#maj7", "start": 0.0, "end": 4.5},
                               {"chord": "N", "start": 4.5, "end": 9.0}]  # fmt: skip
    assert found["chord_progression"] == ["A#maj7", "N"]
    assert (found["prompt"], found["prompts"]) == ("one", ["one", "two", "zero"])
    assert (found["tempo"], found["title"], found["key"]) == (120.0, "1999", "A minor")
    assert found["genre"] == ["rock"]
    assert found["tags"] == {"genre": "Rock, polka", "odd": '{"a": [1]}'}
    assert found["segments"] == row["segments"]
    assert any("does not know all of 'Rock, polka'" in note for note in told.notes)


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("tempo", "fast", "'fast' is no number"), ("tempo", "-3", "greater than or equal to 20"),
        ("bpm", "inf", "'inf' is no number"), ("bpm", "nan", "'nan' is no number"),
        ("key", "H moll", "'H moll' is no key; write it like A minor, Am or 8A"),
        ("key_index", "24", "24 is no index of a key"),
        ("time_signature", "4", "no time signature"),
        ("language", "Klingon", "'Klingon' is no language"),
        ("has_vocals", "maybe", "'maybe' should be true or false"),
        ("chords", "Am Xx", "unknown chord 'Xx'"), ("chords", "[3]", "3 is no chord"),
        ("chords", "[[0, 1, 2", "is no JSON"),
        ("chords", '[[0, 99, "Am"]]', "outside the track, 0 to 10"),
        ("beat_positions", "1 0.5", "must rise"), ("beat_positions", "1 99", "outside the track"),
        ("segments", "verse", "'verse' is no JSON"),
        ("segments", '[{"type": "vers", "start": 0, "end": 1}]', "did you mean 'verse'"),
        ("sentiment_score", "3", "less than or equal to 1"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_its_line(music, table, column, value, told):
    buffer = [["path", column], ["b.wav", ""], ["a.wav", value]]
    path = table("t.csv", "")
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(buffer)
    refused(path, music("a.wav", "b.wav"), rf"t\.csv:3: {column}: ", re.escape(told))


def test_all_faults_are_told_at_once(music, table):
    rows = "".join(f"{n}.wav,x\n" for n in range(12))
    path = table("t.csv", f"path,bpm\n{rows}")
    refused(path, music(*(f"{n}.wav" for n in range(12))), r"t.csv:2: bpm", r"t.csv:11: bpm",
            "and 2 more")  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("t.csv", "title\nX\n", r"t\.csv:2: has no column .* one of title audio_path"),
        ("t.csv", "path,title\na.wav\n", r"t\.csv:2: has 1 cells, the header has 2"),
        ("t.csv", "path,BPM,bpm\na.wav,1,2\n", r"t\.csv:1: has several columns 'bpm'"),
        ("t.csv", "path,tempo,bpm\na.wav,100,100\n", r"t\.csv:2: bpm: tempo tells tempo too"),
        ("t.csv", 'path,title\n\na.wav,"X\n', r"t\.csv:3: is no CSV"),
        ("t.csv", "path,key,key_index\na.wav,Am,0\n", r"key_index: is 0; that of A minor is 21"),
        ("t.csv", "path\n ,\n", r"t\.csv:2: has 2 cells"),
        ("t.csv", "path,title\n ,x\n", r"t\.csv:2: path: names no file"),
        ("t.csv", "", "speaks of no file"), ("t.csv", "path\n", "speaks of no file"),
        ("t.csv", b"path\n\xff.wav\n", "is no UTF-8 text"),
        ("t.csv", "path\nc.wav\n", r"speaks of no file under .*, as 'c.wav' at .*t\.csv:2"),
        ("t.jsonl", '{"path": "a.wav"}\n{"path":', r"t\.jsonl:2: is no JSON"),
        ("t.jsonl", '3', r"t\.jsonl:1: should be an object"),
        ("t.json", '[{"path": "a.wav"}, 3]', r"t\.json: row 2: should be an object"),
        ("t.json", "[" * 99_999, r"t\.json: is no JSON"),
        ("t.jsonl", '{"path": "a.wav", "bpm": Infinity}', "Infinity is no number"),
        ("t.jsonl", '{"path": 3}', "path: names no file"),
        ("t.jsonl", '{"path": "a.wav", "BPM": 1, "bpm": 2}', "has a name twice"),
        ("t.xlsx", "x", r"t\.xlsx: is no table; end its name in \.csv"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_told(music, table, name, content, told):
    refused(table(name, content), music("a.wav"), told)


def test_a_missing_table_is_told(music, tmp_path):
    refused(tmp_path / "none.csv", music("a.wav"), "there is no such table")


def test_left_over_rows_files_and_columns_are_told_once(music, table):
    rows = "".join(f"{n}.wav,calm,120,5\n" for n in range(5))
    told = read_table(
        table("t.csv", f"path,mood,tmepo,duration\n{rows}"), *music("0.wav", "1.wav", "x.wav")
    )
    notes = [note.partition("t.csv: ")[2] for note in told.notes]
    assert notes[0].startswith("3 of 5 rows have no file under ")
    assert notes[0].endswith("the first is '2.wav'")
    assert notes[1:] == [
        "1 of 3 files have no row; the first is 'x.wav'",
        "passed over, as the sound itself tells it: duration",
        "no fields of a track, kept under tags: mood, tmepo (tempo?)",
    ]
    assert fields(told, "1.wav") == {"tags": {"mood": "calm", "tmepo": "120"}}


@pytest.mark.parametrize(
    "written",
    ["x/a b.wav", "./x/a b.wav", "x//a b.wav", "x/../x/a b.wav", r"x\a b.wav", " x/a b.wav ",
     "a b.wav", "data/other/a b.wav", "{root}/x/a b.wav", "/elsewhere/a b.wav"],
)  # fmt: skip
def test_a_row_finds_its_file(music, table, written):
    root, files = music("x/a b.wav", "x/c.wav")
    written = written.replace("{root}", str(root))
    told = read_table(table("t.jsonl", [{"path": written, "title": "X"}]), root, files)
    assert list(told.rows) == ["x/a b.wav"]


@pytest.mark.parametrize("written", ["../music/../x.wav", "../../etc/passwd", "..", "/", "x"])
def test_a_path_out_of_the_folder_finds_none(music, table, written):
    path = table("t.jsonl", [{"path": written, "title": "X"}])
    refused(path, music("a.wav"), "speaks of no file")


def test_one_name_in_two_alphabets_is_one_file(music, table):
    composed, apart = "ż\u00f3ł\u0107.wav", "z\u0307o\u0301łc\u0301.wav"
    told = read_table(table("t.jsonl", [{"path": composed, "title": "X"}]), *music(apart))
    assert list(told.rows) == [apart]


def test_an_ambiguous_name_is_a_fault(music, table):
    path = table("t.csv", "path\na.wav\n")
    refused(path, music("x/a.wav", "y/a.wav"),
            r"t.csv:2: 'a.wav' may be 'x/a.wav' or 'y/a.wav'; write its path under")  # fmt: skip


def test_a_path_goes_before_a_name(music, table):
    path = table("t.csv", "path,title\nz/a.wav,Z\ny/a.wav,Y\n")
    told = read_table(path, *music("x/a.wav", "y/a.wav"))
    assert {file: row[0]["title"] for file, row in told.rows.items()} == {
        "x/a.wav": "Z", "y/a.wav": "Y"
    }  # fmt: skip
    told = read_table(path, *music("y/a.wav"))
    assert told.rows["y/a.wav"][0]["title"] == "Y"


def test_two_rows_of_one_file_are_a_fault(music, table):
    refused(table("t.csv", "path\na.wav\nx/a.wav\n./a.wav\n"), music("a.wav"),
            r"t.csv:4: speaks of 'a.wav', as .*t.csv:2 does")  # fmt: skip


names = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\\"), min_size=1, max_size=6
).filter(lambda name: name.strip() == name and name.strip("."))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(names, min_size=1, max_size=5, unique=True), st.sampled_from([".csv", ".jsonl"]))
def test_names_in_any_script_are_joined(tmp_path, names, suffix):
    path = tmp_path / f"t{suffix}"
    with path.open("w", encoding="utf-8", newline="") as file:
        if suffix == ".csv":
            csv.writer(file).writerows([["path", "title"], *([name, name] for name in names)])
        else:
            file.write("".join(json.dumps({"path": n, "title": n}) + "\n" for n in names))
    told = read_table(path, tmp_path, names)
    assert {file: row[0]["title"] for file, row in told.rows.items()} == {n: n for n in names}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60), st.sampled_from([".csv", ".tsv", ".json"]))
def test_whatever_a_table_holds_a_fault_is_told(tmp_path, content, suffix):
    path = tmp_path / f"t{suffix}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "replace"))
    with pytest.raises(DatasetError):
        read_table(path, tmp_path, ["a.wav"])
