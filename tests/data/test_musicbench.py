import json
import re

import numpy as np
import pytest
import soundfile

from muze.data.schema import WholeRecord
from muze.data.tables import read_table

ROW = {
    "dataset": "MusicBench", "location": "data/a.wav", "main_caption": "Calm piano in A minor.",
    "alt_caption": "Calm piano.", "prompt_aug": "", "prompt_ch": "The chord sequence is Am, G.",
    "beats": [[0.28, 1.16, 2.04, 2.92], [2, 1, 2, 1]], "bpm": 67.0,
    "chords": ["Am", "Bm7b5/A", "Bb6"], "chords_time": [0.464399092, 4.5, 8.0],
    "key": ["A", "minor"], "keyprob": [0.5929782390594482], "is_audioset_eval_mcaps": False,
}  # fmt: skip


@pytest.fixture
def read(tmp_path):
    def read(*rows, sound=True):
        path = tmp_path / "MusicBench_train.json"
        path.write_text("".join(json.dumps({**ROW, **row}) + "\n" for row in rows))
        files = sorted({row.get("location", ROW["location"]) for row in rows})
        for file in files:
            (tmp_path / file).parent.mkdir(exist_ok=True)
            if sound:
                soundfile.write(tmp_path / file, np.zeros(80_000), 8000)
            else:
                (tmp_path / file).touch()
        told = read_table(path, tmp_path, files)
        for file, (found, _) in told.rows.items():
            WholeRecord.model_validate({"audio_path": file, "duration": 10.0, **found})
        return told

    return read


def one(told):
    return told.rows["data/a.wav"][0]


def test_a_row_of_musicbench_is_told(read):
    told = read({})
    assert told.kind == "musicbench"
    found = one(told)
    assert found.pop("tags") == {
        "dataset": "MusicBench", "prompt_ch": "The chord sequence is Am, G.",
        "is_audioset_eval_mcaps": "false",
    }  # fmt: skip
    assert found == {
        "prompt": "Calm piano in A minor.", "prompts": ["Calm piano in A minor.", "Calm piano."],
        "tempo": 67.0, "key": "A minor", "key_index": 21,
        "beat_positions": [0.28, 1.16, 2.04, 2.92], "num_beats": 4,
        "downbeat_positions": [1.16, 2.92],
        "chord_progression": ["Am", "Bm7b5/A", "A#6"],
        "chords": [{"chord": "Am", "start": 0.464399092, "end": 4.5},
                   {"chord": "Bm7b5/A", "start": 4.5, "end": 8.0},
                   {"chord": "A#6", "start": 8.0, "end": 10.0}],
    }  # fmt: skip
    assert told.notes == []


def test_only_the_key_says_how_sure_it_is(read):
    _, provenance = read({}).rows["data/a.wav"]
    source = {"backend": "MusicBench_train.json", "version": "musicbench"}
    assert provenance["chords"] == source
    assert provenance["key"] == {**source, "confidence": ROW["keyprob"][0]}
    assert provenance["key_index"] == provenance["key"]


def test_what_a_row_lacks_is_left_out(read):
    nothing = {"beats": [[], []], "bpm": None, "chords": [], "chords_time": [], "key": None,
               "keyprob": None, "alt_caption": "", "main_caption": "x"}  # fmt: skip
    told = read(nothing)
    assert set(one(told)) == {"prompt", "prompts", "tags"}
    assert told.notes == []


def test_a_row_may_name_its_file_as_other_tables_do(read, tmp_path):
    row = {"path": "data/a.wav", "chords": ["C"], "chords_time": [0.0], "title": "X"}
    read({})
    path = tmp_path / "jasco.jsonl"
    path.write_text(json.dumps(row))
    found, _ = read_table(path, tmp_path, ["data/a.wav"]).rows["data/a.wav"]
    assert found["chords"] == [{"chord": "C", "start": 0.0, "end": 10.0}]
    assert found["title"] == "X"


def test_a_chord_that_cannot_be_read_is_told_and_leaves_a_gap(read):
    told = read(
        {"chords": ["Am", "Bbxyz", "N"]}, {"location": "data/b.wav", "chords": ["Bbxyz"] * 3}
    )
    assert [c["chord"] for c in one(told)["chords"]] == ["Am", "N"]
    assert one(told)["chords"][1]["start"] == 8.0
    assert "chords" not in told.rows["data/b.wav"][0]
    [note] = told.notes
    assert "json:1: chords: unknown chord 'Bbxyz'" in note
    assert note.endswith("it is left out (in 2 rows)")


@pytest.mark.parametrize(
    ("row", "lost", "told"),
    [
        ({"chords_time": [1.0]}, {"chords", "chord_progression"}, "a number for each of them"),
        ({"chords_time": None}, {"chords", "chord_progression"}, "a number for each of them"),
        ({"chords_time": [5.0, 4.0, 6.0]}, {"chords", "chord_progression"}, "ends at 4"),
        ({"beats": [[1.0], [1, 2]]}, {"beat_positions", "num_beats", "downbeat_positions"},
         "beats: should be a list of times and as many numbers"),
        ({"beats": [[2.0, 1.0], [1, 2]]}, {"beat_positions", "num_beats", "downbeat_positions"},
         "beat_positions: must rise"),
        ({"beats": "none"}, {"beat_positions", "num_beats", "downbeat_positions"}, "beats: "),
        ({"key": ["H", "dur"]}, {"key", "key_index"}, "'H dur' is no key"),
        ({"bpm": 5}, {"tempo"}, "tempo: .*greater than or equal to 20"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_left_out_and_told(read, row, lost, told):
    whole = read({})
    found = read(row)
    assert set(one(whole)) - set(one(found)) == lost
    assert any(re.search(told, note) for note in found.notes)


def test_a_last_chord_without_an_end_is_left_out(read):
    told = read({}, sound=False)
    assert one(told)["chord_progression"] == ["Am", "Bm7b5/A"]
    assert any("the last, Bb6, has no end in the sound" in note for note in told.notes)
