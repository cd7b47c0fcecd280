import numpy as np
import pytest

from muze.audio.io import write_audio
from muze.core.errors import AudioError
from muze.core.grid import Audio
from muze.evaluation import stems
from muze.evaluation.compare import compare_recordings, heard_otherwise
from muze.evaluation.rows import all_rows, missing, told_missing
from muze.evaluation.stems import find_stems
from muze.report import SilentReport


class Noting(SilentReport):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def sound(level, seconds=2.0):
    return Audio(np.full((1, round(32_000 * seconds)), level, np.float32), 32_000)


def test_stems_beside_a_song_are_found_and_another_may_be_given(tmp_path, registry):
    song, report = tmp_path / "song.flac", Noting()
    for name, level in (("song.vocal.wav", 0.25), ("song.music.wav", 0.5), ("other.wav", 0.75)):
        write_audio(tmp_path / name, sound(level))
    found = find_stems(song, sound(0.5), None, registry, report)
    levels = [stem.samples.mean() for stem in (found.voice, found.music)]
    assert levels == pytest.approx([0.25, 0.5], abs=1e-3)
    found = find_stems(song, sound(0.5), tmp_path / "other.wav", registry, report)
    assert found.voice.samples.mean() == pytest.approx(0.75, abs=1e-3)
    assert (found.separator, report.notes) == (None, [])


def test_a_stem_of_another_length_is_refused(tmp_path, registry):
    write_audio(tmp_path / "song.vocal.wav", sound(0.1, 1.0))
    with pytest.raises(AudioError, match=r"song.vocal.wav: lasts 1.0 s, and the song 2.0 s"):
        find_stems(tmp_path / "song.wav", sound(0.1), None, registry, Noting())


def test_without_a_stem_the_voice_is_taken_out_and_that_is_told(tmp_path, registry, monkeypatch):
    class Halves:
        name = "halves"

        def separate(self, mix):
            return {"vocals": Audio(mix.samples / 2, mix.sample_rate)}

    monkeypatch.setattr(stems, "choose_separator", lambda _: (Halves(), "halves 1"))
    report = Noting()
    found = find_stems(tmp_path / "song.wav", sound(0.5), None, registry, report)
    assert (found.voice.samples.mean(), found.music) == (0.25, None)
    assert found.separator == "halves 1"
    assert "there is no song.vocal.wav beside it; --vocal names" in report.notes[0]


def test_a_singers_figures_stand_among_the_others_where_they_are_known(row):
    known = {"name": "melody RPA", "value": 0.9, "unit": "share", "higher_is_better": True,
             "heard_by": "an ear 2", "floor": 0.2, "reason": None}  # fmt: skip
    unknown = {**known, "name": "word error rate", "value": None, "reason": "not here"}
    rows = all_rows({"scores": [row("chord", "majmin", 0.5)], "voice": [known, unknown]})
    assert [(r["stream"], r["name"], r["extractor"]) for r in rows] == [
        ("chord", "majmin", "an ear 1 (muze 0)"), ("singer", "melody RPA", "an ear 2"),
    ]  # fmt: skip
    assert rows[0].keys() == rows[1].keys()
    assert all_rows({"scores": []}) == []


def test_a_voice_in_its_stem_is_not_compared_with_one_out_of_a_mix(row):
    voice = {"name": "melody RPA", "value": 0.9, "unit": "share", "higher_is_better": True,
             "heard_by": "an ear 2", "floor": 0.2, "reason": None}  # fmt: skip
    first = {"scores": [row("chord", "majmin", 0.5)], "voice": [voice]}
    taken = "an ear 2, in what halves takes out of the mix"
    second = {**first, "voice": [{**voice, "heard_by": taken}]}
    assert [r["stream"] for r in compare_recordings(first, first)] == ["chord", "singer"]
    assert [r["stream"] for r in compare_recordings(first, second)] == ["chord"]
    assert heard_otherwise(first, second) == {"singer.melody RPA": ("an ear 2", taken)}


def test_what_of_singers_is_missing_is_told_with_the_reason():
    known = {"name": "breath F1", "value": 1.0, "reason": None}
    lost = {"name": "word error rate", "value": None, "reason": "not here"}
    found = missing([[known, lost], [lost], [known]])
    assert [told_missing(one, 3) for one in found] == [
        "singer: no word error rate of 2 of 3 songs: not here"
    ]
    assert told_missing(*missing([[lost]])) == "singer: no word error rate: not here"
