import json

import numpy as np
import pytest
import soundfile

from muze.data.store import read_dataset, write_dataset

VOICE = np.eye(256)[3].tolist()


@pytest.fixture
def songs(tmp_path):
    """Write songs.json, of two tracks with their sound; return its path."""
    (tmp_path / "audio").mkdir()
    tracks = []
    for name, said in (
        ("night", {"title": "Night Drive", "artist": "Ada", "tempo": 118.0, "key": "A minor",
                   "genre": ["synthwave"], "voice_embedding": VOICE, "has_vocals": True}),
        ("day", {"title": "Day \x1b[31mDrive", "artist": None, "prompt": "calm piano",
                 "provenance": {"artist": {"backend": "tags", "reason": "its tags do not say"}}}),
    ):  # fmt: skip
        noise = np.random.default_rng(len(name)).uniform(-0.5, 0.5, 8000)
        soundfile.write(tmp_path / f"audio/{name}.wav", noise, 8000)
        tracks.append({"audio_path": f"audio/{name}.wav", "duration": 1.0, **said})
    write_dataset(tmp_path / "songs.json", tracks)
    return tmp_path / "songs.json"


def test_a_dataset_without_faults_passes(run, songs):
    done = run("dataset", "check", songs, "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "no faults\n", "")


def test_faults_are_told_on_a_line_each_and_exit_1(run, songs, tmp_path):
    (tmp_path / "audio/day.wav").unlink()
    done = run("dataset", "check", songs, "--quiet")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "track 1 (audio/day.wav): audio_path: there is no such file",
        "faults: 1, in tracks: 1",
    ]
    told = json.loads(run("dataset", "check", songs, "--json", "--quiet").stdout)
    assert told == [
        {"track": 1, "audio_path": "audio/day.wav", "key": "audio_path",
         "text": "there is no such file"}
    ]  # fmt: skip


def test_a_dataset_that_is_none_is_one_line_and_exit_1(run, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    for command in ("check", "show", "stats", "artists"):
        done = run("dataset", command, "x.json")
        assert done.exit_code == 1
        assert done.stderr == 'muze: x.json: is no muze dataset; it should say "muze_dataset": 1\n'


def test_what_is_no_dataset_is_told_by_what_it_is(run, songs, tmp_path):
    (tmp_path / "known.csv").write_text("file,tempo\n")
    (tmp_path / "song.yaml").write_text("muze: 1\n")
    (tmp_path / "songs.report.json").write_text('{"broken": [], "left_out": []}')
    (tmp_path / "one.json").write_text('{"audio_path": "a.wav", "duration": 1.0}')
    (tmp_path / "list.json").write_text('[{"audio_path": "a.wav", "duration": 1.0}]')
    (tmp_path / "words.txt").write_text("no dataset")
    (tmp_path / "empty").mkdir()
    told = {
        "audio/night.wav": "is no dataset but a sound; `muze dataset build FOLDER -o songs.parquet`"
        " makes a dataset of a folder",
        "known.csv": "is no dataset but a table; a build takes it beside the music, with --metadata"
        " known.csv",
        "song.yaml": "is no dataset but YAML, as songs and trainings are written in; a dataset is "
        ".json or .parquet",
        "songs.report.json": "is no muze dataset but the report of a build; the dataset lies beside"
        " it",
        "one.json": "is no muze dataset but the record of one track; a dataset is "
        '{"muze_dataset": 1, "tracks": [...]}',
        "list.json": 'is no muze dataset but a list; a dataset is {"muze_dataset": 1, '
        '"tracks": [...]}',
        "words.txt": "cannot be read as JSON: Expecting value: line 1 column 1 (char 0); a dataset "
        "ends in .json or .parquet",
        "empty": "is no dataset but a folder; `muze dataset build empty -o songs.parquet` makes a "
        "dataset of it",
        "gone.csv": "there is no such dataset",
    }
    for path, wrong in told.items():
        for command in (("import", path, "out.json"), ("show", path), ("check", path),
                        ("stats", path)):  # fmt: skip
            done = run("dataset", *command)
            assert (done.exit_code, done.stderr) == (1, f"muze: {path}: {wrong}\n")
    done = run("dataset", "show", ".")
    assert done.stderr.startswith("muze: .: is no dataset but a folder; did you mean ")


def test_tracks_are_shown_a_line_each(run, songs):
    lines = run("dataset", "show", songs).stdout.splitlines()
    assert lines[0].split() == [
        "track", "title", "artist", "duration", "tempo", "key", "genre", "vocals", "prompt"
    ]  # fmt: skip
    assert " ".join(lines[1].split()) == "0 Night Drive Ada 0:01 118 A minor synthwave yes"
    assert "Day \\x1b[31mDrive" in lines[2]
    assert len(lines) == 3
    rows = json.loads(run("dataset", "show", songs, "--json").stdout)
    assert [(row["track"], row["audio_path"]) for row in rows] == [
        (0, "audio/night.wav"), (1, "audio/day.wav")
    ]  # fmt: skip


def test_one_track_s_card_tells_why_it_lacks_what_it_lacks(run, songs):
    done = run("dataset", "show", songs, "day")
    assert done.stdout.startswith("track 1: Day \\x1b[31mDrive\n")
    assert "its tags do not say (tags)" in done.stdout
    told = json.loads(run("dataset", "show", songs, "day", "--json").stdout)
    assert (told["track"], told["prompt"]) == (1, "calm piano")


def test_one_track_is_drawn(run, songs, tmp_path):
    done = run("dataset", "show", songs, "0", "--picture", "night.png")
    assert done.stdout.splitlines()[-1] == "night.png"
    assert (tmp_path / "night.png").read_bytes().startswith(b"\x89PNG")
    assert run("dataset", "show", songs, "--picture", "night.png").exit_code == 2
    done = run("dataset", "show", songs, "0", "--picture", "night.txt")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "night.txt: a picture's name ends in .png" in done.stderr
    assert not (tmp_path / "night.txt").exists()


def test_figures_are_told_in_tables_as_json_and_as_a_page(run, songs, tmp_path):
    done = run("dataset", "stats", songs, "--html", "page.html")
    assert done.stdout.startswith("2 tracks, 0.00 hours\n")
    assert "artist: Ada 1\n" in done.stdout
    assert "its tags do not say (1)" in done.stdout
    assert done.stdout.splitlines()[-1] == "page.html"
    assert "<svg" in (tmp_path / "page.html").read_text()
    told = json.loads(run("dataset", "stats", songs, "--json").stdout)
    assert told["numbers"]["tempo"]["median"] == 118.0


def test_a_dataset_goes_to_parquet_and_back(run, songs, tmp_path):
    (tmp_path / "out").mkdir()
    done = run("dataset", "export", songs, "out/songs.parquet")
    assert done.stdout == "out/songs.parquet\n"
    assert read_dataset(tmp_path / "out/songs.parquet").tracks[0]["audio_path"] == (
        "../audio/night.wav"
    )
    assert run("dataset", "import", "out/songs.parquet", "back.json").exit_code == 0
    assert read_dataset(tmp_path / "back.json").tracks == read_dataset(songs).tracks
    assert run("dataset", "check", "out/songs.parquet", "--quiet").stdout == "no faults\n"


def test_what_is_there_is_overwritten_only_by_force(run, songs, tmp_path):
    (tmp_path / "out.json").write_text("mine")
    for command in (("export", songs, "out.json"), ("merge", songs, songs, "-o", "out.json")):
        done = run("dataset", *command)
        assert (done.exit_code, done.stderr) == (
            1, "muze: out.json: is there already; --force overwrites it\n"
        )  # fmt: skip
    assert (tmp_path / "out.json").read_text() == "mine"
    done = run("dataset", "export", songs, "out.json", "--fields", "tempo, key", "--force")
    assert done.exit_code == 0
    first, second = read_dataset(tmp_path / "out.json").tracks
    assert [*first] == ["audio_path", "duration", "tempo", "key"]
    assert [*second] == ["audio_path", "duration"]


def test_a_merge_tells_what_it_left_out(run, songs, tmp_path):
    write_dataset(tmp_path / "more.json", [{"audio_path": "audio/day.wav", "duration": 1.0}])
    done = run("dataset", "merge", songs, "more.json", "--output", "all.parquet", "--quiet")
    assert done.stdout == "all.parquet\n"
    assert done.stderr.splitlines() == [
        f"muze: left out: {songs}: track 1 (audio/day.wav): has the audio_path of more.json: "
        "track 0 (audio/day.wav)",
        "2 tracks, 1 left out; of two that are the same the later stays",
    ]
    told = json.loads(
        run("dataset", "merge", songs, "more.json", "-o", "all.parquet", "--keep", "first",
            "--json", "--quiet", "--force").stdout
    )  # fmt: skip
    assert told["dropped"][0]["dataset"] == "more.json"


@pytest.mark.parametrize("ending", ["json", "parquet"])
def test_a_merge_may_take_the_place_of_one_of_the_two_and_says_so(run, songs, tmp_path, ending):
    whole = tmp_path / f"whole.{ending}"
    write_dataset(whole, read_dataset(songs).tracks)
    before = whole.read_bytes()
    write_dataset(tmp_path / "bad.json", [{"audio_path": "b.wav", "duration": 2.0, "tempo": -1.0}])
    done = run("dataset", "merge", whole, "bad.json", "-o", whole, "--force")
    assert done.exit_code == 1
    assert whole.read_bytes() == before
    write_dataset(tmp_path / "more.json", [{"audio_path": "b.wav", "duration": 2.0}])
    done = run("dataset", "merge", "more.json", whole, "-o", whole, "--force")
    assert done.exit_code == 0
    assert f"{whole}: is replaced by itself and more.json together" in done.stderr
    assert [t["audio_path"] for t in read_dataset(whole).tracks] == [
        "b.wav", "audio/night.wav", "audio/day.wav"
    ]  # fmt: skip


def test_artists_are_written_beside_the_dataset(run, songs, tmp_path):
    done = run("dataset", "artists", songs)
    path = tmp_path / "songs.artist_embeddings.json"
    assert (done.stdout, done.stderr) == (f"{path}\n", "artists: 1\n")
    assert json.loads(path.read_text())["Ada"]["voice_embedding"][3] == 1.0
    told = json.loads(run("dataset", "artists", songs, "--json").stdout)
    assert told == {"path": str(path), "tracks": {"Ada": 1}, "notes": []}


def test_the_schema_of_a_dataset_is_printed(run):
    told = json.loads(run("schema", "dataset").stdout)
    assert "voice_embedding" in told["$defs"]["WholeRecord"]["properties"]


@pytest.mark.parametrize(
    "command", ["check", "show", "stats", "export", "import", "merge", "artists"]
)
def test_every_command_explains_itself(run, command):
    done = run("dataset", command, "--help")
    assert done.exit_code == 0
    assert "Usage" in done.stdout
