"""Tests of one recording's record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from muze.core.errors import NotInstalledError
from muze.core.files import sha256
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.data.store import read_dataset, write_dataset
from muze.pipelines.annotate import Listener
from muze.pipelines.annotation import Memory, Task
from muze.pipelines.components import open_streams
from muze.testing.singing import singing
from muze.testing.sounds import SAMPLE_RATE, chords, clicks

STREAMS = ("tempo", "beat", "key", "chord", "loudness", "energy")


def listener(*names: str, **options: Any) -> Listener:
    registry = Registry()
    return Listener(open_streams({name: {} for name in names}, registry), registry, **options)


def song(path: Path) -> Path:
    """Four bars of four beats at 120, a chord a bar."""
    played = chords(["Am", "F", "C", "G"] * 2, 2.0).samples
    beats = np.arange(0.0, 16.0, 0.5)
    played = played + 0.5 * clicks(beats, 16.0, accents=beats[::4]).samples
    soundfile.write(path, played[0] / np.abs(played).max() * 0.7, SAMPLE_RATE)
    return path


def task(path: Path, **told: Any) -> Task:
    provenance = {key: {"backend": "a table", "version": "1"} for key in told}
    return Task(path, path.name, sha256(path), told, provenance, path.with_suffix(".cache.json"))


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = song(tmp_path_factory.mktemp("heard") / "song.wav")
    outcome = listener(*STREAMS, segments=False).annotate(task(path))
    assert outcome.record is not None
    assert outcome.notes == ()
    return outcome.record


def test_what_was_played_is_heard(heard: dict[str, Any]) -> None:
    assert heard["tempo"] == pytest.approx(120, rel=0.02)
    assert heard["duration"] == pytest.approx(16.0)
    assert heard["chord_progression"][:4] == ["Am", "F", "C", "G"]
    assert heard["key"] in ("A minor", "C major")
    assert heard["tempo_map"][0]["bpm"] == pytest.approx(120, rel=0.02)
    assert heard["lyrics"] is None
    assert "has_vocals" not in heard  # nobody was asked
    assert heard["prompt"] == heard["prompts"][0]


def test_every_field_tells_how_it_was_found_out(heard: dict[str, Any]) -> None:
    facts = {"audio_path", "audio_sha256", "duration", "sample_rate", "channels", "provenance"}
    assert heard["provenance"].keys() == heard.keys() - facts
    for key, told in heard["provenance"].items():
        assert told["backend"], key
        assert 0 <= told.get("confidence", 0.5) <= 1
    assert heard["provenance"]["beat_positions"]["confidence"] > 0.3
    assert heard["provenance"]["chords"]["confidence"] > 0.2
    json.dumps(heard)


def test_what_is_told_is_not_heard(tmp_path: Path) -> None:
    told = task(song(tmp_path / "song.wav"), tempo=60.0, key="D minor", key_index=14)
    record = listener("tempo", "key", segments=False).annotate(told).record
    assert record is not None
    assert (record["tempo"], record["key"], record["key_index"]) == (60.0, "D minor", 14)
    assert record["provenance"]["key"]["backend"] == "a table"


def test_silence_leaves_null_and_the_reason(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros(64000), 32000)
    names = (*STREAMS, "f0", "has_vocals", "voice", "midi", "drums")
    record = listener(*names).annotate(task(tmp_path / "x.wav")).record
    assert record is not None
    for key in ("tempo", "beat_positions", "key", "voice_embedding", "lyrics", "notes"):
        assert record[key] is None, key
        assert record["provenance"][key]["reason"], key
    assert record["has_vocals"] is False


def test_a_fifth_of_a_second_is_a_track(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", 0.5 * np.sin(np.arange(6400) / 9), 32000)
    names = [n for n in Registry().names("stream") if n not in ("clap", "laion_clap")]
    outcome = listener(*names).annotate(task(tmp_path / "x.wav"))
    assert outcome.record is not None
    assert outcome.notes == ()
    assert outcome.record["duration"] == 0.2


def test_one_sample_is_a_track_that_can_be_read_again(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.asarray([0.3]), 192000)
    record = listener("loudness").annotate(task(tmp_path / "x.wav")).record
    assert record is not None
    write_dataset(tmp_path / "set.json", [record])
    assert read_dataset(tmp_path / "set.json").tracks == (record,)


def test_what_is_no_sound_is_the_reason(tmp_path: Path) -> None:
    (tmp_path / "x.mp3").write_text("words " * 1000)
    outcome = listener(*STREAMS).annotate(task(tmp_path / "x.mp3"))
    assert outcome.record is None
    assert "no sound that can be read" in outcome.reason
    assert str(tmp_path) not in outcome.reason


def test_what_was_heard_is_not_heard_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = task(song(tmp_path / "song.wav"))
    first = listener(*STREAMS, segments=False).annotate(told)
    monkeypatch.setattr("muze.pipelines.heard_track.read_mono", lambda *_: pytest.fail("was read"))
    again = listener(*STREAMS, segments=False).annotate(told)
    assert again.record == first.record
    assert first.seconds
    assert not again.seconds


def test_another_setting_is_heard_anew_and_only_that(tmp_path: Path) -> None:
    told = task(song(tmp_path / "song.wav"))
    listener("f0", "loudness", segments=False).annotate(told)
    registry = Registry()
    streams = open_streams({"f0": {"vector": 8}, "loudness": {}}, registry)
    again = Listener(streams, registry, segments=False).annotate(told)
    assert list(again.seconds) == ["f0"]


def test_what_was_heard_with_less_is_heard_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = task(song(tmp_path / "song.wav"), has_vocals=True)
    by = listener("voice", "loudness", segments=False)
    by.annotate(told)
    assert not by.annotate(told).seconds
    monkeypatch.setattr("muze.plugins.streams.voice.ecapa.has_ecapa", lambda _: True)
    monkeypatch.setattr("muze.plugins.streams.voice.ecapa.weights_file", lambda _: None)  # no hub
    assert list(by.annotate(told).seconds) == ["voice"]


def test_a_damaged_memory_is_heard_again(tmp_path: Path) -> None:
    told = task(song(tmp_path / "song.wav"))
    first = listener("loudness", segments=False).annotate(told).record
    told.cache.write_text(told.cache.read_text()[:50])
    assert listener("loudness", segments=False).annotate(told).record == first


def test_a_stream_that_fails_costs_its_own_fields(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = listener("loudness", "drums", "midi", segments=False)

    def broken(*_: object) -> None:
        raise RuntimeError("out of cymbals")

    def missing(*_: object) -> None:
        raise NotInstalledError("notes need a library")

    monkeypatch.setattr(by.streams["drums"], "extract", broken)
    monkeypatch.setattr(by.streams["midi"], "extract", missing)
    outcome = by.annotate(task(song(tmp_path / "song.wav")))
    assert outcome.record is not None
    assert outcome.record["loudness"] is not None
    assert outcome.record["drum_onsets"] is None
    assert "out of cymbals" in outcome.record["provenance"]["drum_onsets"]["reason"]
    assert len(outcome.notes) == 2
    monkeypatch.undo()  # what failed is tried again
    assert by.annotate(task(tmp_path / "song.wav")).record["drum_onsets"] is not None


def test_a_stream_that_gives_what_is_no_json_costs_its_own_fields(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = listener("loudness", "drums", "melody", segments=False)
    monkeypatch.setattr(by.streams["drums"], "fields", lambda *_: {"drum_onsets": np.float32(1)})
    monkeypatch.setattr(by.streams["melody"], "fields", lambda *_: {"melody_chroma": float("nan")})
    record = by.annotate(task(song(tmp_path / "song.wav"))).record
    assert record is not None
    assert record["loudness"] is not None
    assert "not JSON" in record["provenance"]["drum_onsets"]["reason"]
    assert "JSON" in record["provenance"]["melody_chroma"]["reason"]


def test_a_track_too_long_for_memory_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("muze.pipelines.heard_track.read_mono", full)
    outcome = listener("loudness").annotate(task(song(tmp_path / "song.wav")))
    assert outcome.record is None
    assert "memory" in outcome.reason


def test_the_whisper_of_has_vocals_hears_the_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, asked = Registry(), []

    def hear(_audio: object, _voice: float, model: str, _until: object) -> dict[str, Any]:
        asked.append(model)
        raise NotInstalledError("no model")

    monkeypatch.setattr("muze.pipelines.hear_voice.transcribed", hear)
    monkeypatch.setattr("muze.analysis.words.voice_probability", lambda *_: 0.9)
    streams = open_streams({"has_vocals": {"whisper_model": "base"}}, registry)
    Listener(streams, registry, segments=False).annotate(task(song(tmp_path / "song.wav")))
    assert asked == ["base"]


class Half:
    """A separator whose vocals are half of the mix."""

    name = "half"

    def __init__(self) -> None:
        self.calls = 0

    def separate(self, audio: Audio) -> dict[str, Audio]:
        self.calls += 1
        return {"vocals": Audio(audio.samples / 2, audio.sample_rate)}


def test_a_voice_is_heard_alone_where_it_is_separated(tmp_path: Path) -> None:
    sung = singing([(57, 0, 3)], 3.0, depth=40)
    soundfile.write(tmp_path / "x.wav", sung.samples[0], SAMPLE_RATE)
    told = task(tmp_path / "x.wav", has_vocals=True)
    names = ("f0", "vibrato", "loudness", "has_vocals")
    mixed = listener("f0").annotate(told)
    separator = Half()
    alone = listener(*names, separator=separator).annotate(told)
    assert mixed.record is not None
    assert alone.record is not None
    assert separator.calls == 1
    assert "separating vocals" in alone.seconds
    by = alone.record["provenance"]
    assert by["f0_contour"]["backend"].endswith(", in vocals by half")
    assert "vocals" not in by["loudness"]["backend"]
    assert "in vocals" not in mixed.record["provenance"]["f0_contour"]["backend"]
    again = listener(*names, separator=separator).annotate(told)
    assert (again.record, separator.calls) == (alone.record, 1)


def test_nothing_is_separated_where_nobody_sings(tmp_path: Path) -> None:
    separator = Half()
    told = task(song(tmp_path / "song.wav"), has_vocals=False)
    record = listener("f0", "voice", "has_vocals", separator=separator).annotate(told).record
    assert record is not None
    assert separator.calls == 0
    assert record["words"] is None
    assert record["provenance"]["words"]["reason"] == "no voice is heard"


def test_what_goes_wrong_beside_the_streams_costs_its_own_fields(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("no bars")

    monkeypatch.setattr("muze.analysis.structure.hear_segments", broken)
    outcome = listener("loudness").annotate(task(song(tmp_path / "song.wav")))
    assert outcome.record is not None
    assert outcome.record["loudness"] is not None
    assert outcome.record["segments"] is None
    assert "no bars" in outcome.record["provenance"]["segments"]["reason"]
    assert "no bars" in outcome.notes[0]


def test_a_task_told_to_another_machine_has_whole_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = Task(Path("a.wav"), "a.wav", "0", {}, {}, Path("c") / "a.json")
    again = Task.from_json(told.to_json())
    assert (again.audio, again.cache) == (tmp_path / "a.wav", tmp_path / "c" / "a.json")


def test_memory_keeps_what_it_was_told_by_name_and_question(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "a" / "m.json")
    assert memory.find("x", 1, lambda: {"v": 1}) == {"v": 1}
    assert memory.find("x", 1, lambda: {"v": 2}) == {"v": 1}
    assert memory.find("x", 2, lambda: {"v": 2}) == {"v": 2}
    memory.save()
    assert Memory(memory.path).find("x", 2, lambda: {"v": 3}) == {"v": 2}
