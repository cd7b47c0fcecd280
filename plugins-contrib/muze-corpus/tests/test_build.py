"""Songs rendered to a folder, gone on with, and brought up to date."""

import json
import logging
import shutil
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from muze_corpus.arrange import compose
from muze_corpus.build import Order, _learn_lines, build, build_song
from muze_corpus.cli import app
from muze_corpus.record import VERSION
from muze_corpus.render import SOUNDFONTS, RenderError, draw_sound, synthesise


@pytest.fixture
def folder(tmp_path: Path, monkeypatch):
    """A folder to build in, where every song sounds the same and nobody sings."""
    for name in ("audio", "midi", "records", "tmp"):
        (tmp_path / name).mkdir()
    sound = np.full(32_000, 0.1, np.float32)
    monkeypatch.setattr("muze_corpus.songs.synthesise", lambda *_: sound)
    monkeypatch.setattr("muze_corpus.songs.sing_song", lambda *_: None)
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="fluidsynth is not installed")
def test_a_build_renders_and_goes_on_where_it_was(tmp_path: Path):
    first = build(tmp_path, Order(1, "train", stems=True), songs=1)
    audio, rate = soundfile.read(tmp_path / first[0]["audio_path"])
    assert rate == 32_000
    assert len(audio) / rate == pytest.approx(first[0]["duration"], abs=0.01)
    assert np.abs(audio).max() < 0.99
    stems = sum(soundfile.read(tmp_path / p)[0] for p in first[0]["stems"].values())
    assert np.corrcoef(stems, audio)[0, 1] > 0.98
    before = (tmp_path / first[0]["audio_path"]).stat().st_mtime_ns
    build(tmp_path, Order(1, "train"), songs=2)
    assert (tmp_path / first[0]["audio_path"]).stat().st_mtime_ns == before
    data = json.loads((tmp_path / "dataset.json").read_text())
    assert data["muze_dataset"] == 1
    assert [t["audio_path"] for t in data["tracks"]] == ["audio/00000.flac", "audio/00001.flac"]
    with pytest.raises(ValueError, match="another folder"):
        build(tmp_path, Order(2, "train"), songs=1)


def test_songs_are_told_without_sound_and_rendered_later(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("muze_corpus.build.soundfont", None)  # needs none
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "00007.fluidsynth").touch()  # of a build that was killed
    told = build(tmp_path, Order(3, "train", sound=False), songs=2)
    assert all("loudness" not in track and track["prompt"] for track in told)
    assert not [*(tmp_path / "audio").iterdir(), *(tmp_path / "midi").iterdir()]
    assert not (tmp_path / "tmp").exists()
    assert json.loads((tmp_path / "dataset.json").read_text())["tracks"] == told
    assert build_song(tmp_path, 0, Order(3, "train", sound=False)) == told[0]
    monkeypatch.setattr("muze_corpus.songs.synthesise", lambda *_: np.full(32_000, 0.1, np.float32))
    (tmp_path / "tmp").mkdir()
    played = build_song(tmp_path, 0, Order(3, "train"))
    assert played.pop("loudness") < 0
    assert played.pop("production")["soundfont"]
    assert played == told[0]
    assert (tmp_path / "audio" / "00000.flac").is_file()
    assert "loudness" in build_song(tmp_path, 0, Order(3, "train", sound=False))
    bad = CliRunner().invoke(app, ["build", str(tmp_path), "--songs", "1", "--stems", "--no-sound"])
    assert bad.exit_code == 2


def test_stems_added_to_a_build_and_stopped_in_a_song_are_rendered_again(
    tmp_path: Path, monkeypatch
):
    calls: list[Path] = []

    def synthesise(score, *_):
        calls.append(score)
        if len(calls) == stop:
            raise KeyboardInterrupt
        return np.full(32_000, 0.1, np.float32)

    for folder in ("audio", "midi", "records", "tmp"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr("muze_corpus.songs.synthesise", synthesise)
    stop = 0
    assert "stems" not in build_song(tmp_path, 0, Order(3, "train", stems=False))
    calls.clear()
    stop = 3
    with pytest.raises(KeyboardInterrupt):
        build_song(tmp_path, 0, Order(3, "train", stems=True))
    assert not (tmp_path / "stems").exists()
    calls.clear()
    stop = 0
    found = build_song(tmp_path, 0, Order(3, "train", stems=True))
    roles = compose(3, 0).tracks
    assert set(found["stems"]) == set(roles)
    assert all((tmp_path / path).is_file() for path in found["stems"].values())
    assert len(calls) == 1 + len(roles)
    build_song(tmp_path, 0, Order(3, "train", stems=True))
    assert len(calls) == 1 + len(roles)
    # a folder of stems that no record tells of, as an older build could leave it
    record_file = tmp_path / "records" / "00000.json"
    plain = {key: value for key, value in found.items() if key != "stems"}
    record_file.write_text(json.dumps(plain))
    (tmp_path / next(iter(found["stems"].values()))).unlink()
    assert build_song(tmp_path, 0, Order(3, "train", stems=True)) == found
    assert all((tmp_path / path).is_file() for path in found["stems"].values())


def test_a_folder_built_in_another_way_is_told(folder: Path):
    made = build_song(folder, 0, Order(3, "train"))
    with pytest.raises(ValueError, match="without --vocals; use another folder"):
        build_song(folder, 0, Order(3, "train", vocals=True))
    used = made["production"]["soundfont"]
    others = tuple(font for font in SOUNDFONTS if font != used)
    with pytest.raises(ValueError, match="other --soundfonts; use another folder"):
        build_song(folder, 0, Order(3, "train", fonts=others))
    assert build_song(folder, 0, Order(3, "train", fonts=(used,))) == made
    assert build_song(folder, 0, Order(3, "train", sound=False, vocals=True)) == made
    folder.joinpath("records", "00000.json").unlink()
    build_song(folder, 0, Order(3, "train", vocals=True))
    with pytest.raises(ValueError, match="with --vocals; use another folder"):
        build_song(folder, 0, Order(3, "train"))


def test_an_older_record_stays_unsung_and_a_sung_one_is_rendered_anew(folder: Path, monkeypatch):
    order = Order(3, "train", vocals=True, fonts=(next(iter(SOUNDFONTS)),))
    first = build_song(folder, 0, order)
    assert first["vocal_notes"] == []
    monkeypatch.setattr("muze_corpus.songs.synthesise", None)
    as_version_1(folder, "00000")
    assert build_song(folder, 0, order) == first
    as_version_1(folder, "00000", has_vocals=True)
    with pytest.raises(TypeError):  # it would render
        build_song(folder, 0, order)


def test_a_full_disk_is_told_and_leaves_no_half_file(folder: Path, monkeypatch):
    def write(path, *_, **__):
        path.touch()
        raise soundfile.LibsndfileError(2)

    monkeypatch.setattr("muze_corpus.songs.soundfile.write", write)
    with pytest.raises(RenderError, match=r"00000\.flac: cannot be written"):
        build_song(folder, 0, Order(3, "train"))
    assert not [*(folder / "audio").iterdir()]


def test_what_singers_lack_is_told(tmp_path: Path):
    errors = pytest.importorskip("muze.core.errors")

    class Pool:
        def submit(self, *_):
            one = Future()
            one.set_exception(errors.NotInstalledError("gruut is not installed"))
            return one

    with pytest.raises(RenderError, match="gruut"):
        _learn_lines(tmp_path, Order(3, "train", vocals=True), Pool())


def test_a_render_that_is_stopped_leaves_nothing_beside_its_score(tmp_path: Path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("muze_corpus.render.soundfont", lambda _: tmp_path)
    monkeypatch.setattr("muze_corpus.render.subprocess.Popen", stopped)
    with pytest.raises(KeyboardInterrupt):
        synthesise(tmp_path / "a.mid", draw_sound(np.random.default_rng(0)), 1.0)
    assert not [*tmp_path.iterdir()]


def as_version_1(folder: Path, name: str, **changed) -> dict:
    """Write a record as version 1 of this package did, and return it."""
    path = folder / "records" / f"{name}.json"
    new = ("notes", "melody_chroma", "drum_onsets", "drum_velocities")
    old = {k: v for k, v in json.loads(path.read_text()).items() if k not in new}
    old |= {"provenance": {**old["provenance"], "version": 1}, **changed}
    path.write_text(json.dumps(old))
    return old


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_records_of_an_older_version_are_told_anew_and_the_sound_stays(
    tmp_path: Path, split, monkeypatch
):
    for folder in ("audio", "midi", "records", "tmp"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr("muze_corpus.songs.synthesise", lambda *_: np.full(32_000, 0.1, np.float32))
    first = build_song(tmp_path, 0, Order(1, split))
    assert first["provenance"]["version"] == VERSION
    sounds = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in (tmp_path / "audio").iterdir()}
    assert len(sounds) == 1
    # what the renders gave is kept, and not made again from what this version would say
    kept = {"prompt": "kept", "prompts": ["kept"], "loudness": -1.5, "loudness_curve": [-2.0]}
    as_version_1(tmp_path, "00000", **kept)
    monkeypatch.setattr("muze_corpus.songs.synthesise", None)
    again = build_song(tmp_path, 0, Order(1, split))
    assert again == first | kept
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in sounds} == sounds
    # brought up to date, a song is not even composed
    monkeypatch.setattr("muze_corpus.songs.compose", None)
    assert build_song(tmp_path, 0, Order(1, split, stems=False)) == again


@pytest.mark.parametrize("part", ["duration", "score"])
def test_an_older_record_of_another_song_is_told_and_rendered_anew(
    tmp_path: Path, monkeypatch, caplog, part
):
    for folder in ("audio", "midi", "records", "tmp"):
        (tmp_path / folder).mkdir()
    sound = np.full(32_000, 0.1, np.float32)
    monkeypatch.setattr("muze_corpus.songs.synthesise", lambda *_: sound)
    first = build_song(tmp_path, 0, Order(3, "train", stems=False))
    score = tmp_path / first["midi_path"]
    whole = score.read_bytes()
    as_version_1(tmp_path, "00000", duration=first["duration"] + (part == "duration"), prompt="old")
    if part == "score":
        score.write_bytes(whole[:-1])
    audio = tmp_path / first["audio_path"]
    audio.write_bytes(b"of another song")
    with caplog.at_level(logging.WARNING):
        assert build_song(tmp_path, 0, Order(3, "train", stems=False)) == first
    assert "00000.mid" in caplog.text
    assert "rendered anew" in caplog.text
    assert audio.read_bytes()[:4] == b"fLaC"
    assert score.read_bytes() == whole


def test_a_build_into_a_file_is_told_in_a_line(tmp_path: Path):
    (tmp_path / "song.wav").touch()
    done = CliRunner().invoke(app, ["build", str(tmp_path / "song.wav"), "--songs", "1"])
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert done.exception is None or isinstance(done.exception, SystemExit)
