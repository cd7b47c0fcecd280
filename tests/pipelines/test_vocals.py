"""A song with a singer is made: mix, stems, timed words and figures, all or none of them."""

import json
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from muze import hookimpl
from muze.audio.io import read_audio, write_audio
from muze.audio.loudness import loudness
from muze.core.errors import ManifestError, MuzeError, NotInstalledError
from muze.core.grid import Audio
from muze.core.registry import GROUP, Registry
from muze.evaluation import singer
from muze.evaluation.recording import evaluate_file
from muze.pipelines.generate import generate
from muze.pipelines.plan import read_plan
from muze.pipelines.vocals import planned_singer
from muze.report import SilentReport
from muze.testing.speaking import KnownVoice
from muze.voice import adherence, sung_words

pytest.importorskip("pyworld")
pytest.importorskip("gruut")
pytest.importorskip("pedalboard")

SONG = """duration: 4
tempo: 120
voice:
  backend: known
  voice: Ada
  lyrics: sail the silver sea
  vibrato: {depth: 0}
output: {path: sea.wav}
"""


@pytest.fixture(scope="module")
def known():
    module = ModuleType("known_voices")
    module.muze_voices = hookimpl(lambda: [KnownVoice], specname="muze_voices")
    sys.modules["known_voices"] = module
    yield
    del sys.modules["known_voices"]


@pytest.fixture
def registry(known):
    point = EntryPoint("known", "known_voices", GROUP)
    return Registry([*entry_points(group=GROUP), point], [])


@pytest.fixture
def unheard(monkeypatch):
    """No Whisper and no Resemblyzer: their figures are told to be missing."""

    def missing(*_):
        raise NotInstalledError("not here")

    monkeypatch.setattr(sung_words, "hear_words", missing)
    monkeypatch.setattr(adherence, "likeness", missing)


@pytest.fixture
def sung(plan_of, registry, unheard):
    return generate(plan_of(SONG), registry, SilentReport(), "cpu")


def test_a_sung_song_has_its_stems_words_and_figures(sung, tmp_path):
    mix, voice, music = (
        read_audio(path) for path in (sung.path, sung.sung.vocal_path, sung.sung.music_path)
    )
    assert sung.sung.vocal_path.name == "sea.vocal.wav"
    assert mix.samples.shape == voice.samples.shape == music.samples.shape
    assert loudness(mix) == pytest.approx(-14, abs=0.6)
    # three LU above the music but for what it gives way, and together they are the mix
    assert loudness(voice) - loudness(music) > 2.5
    both = voice.samples + music.samples
    assert np.corrcoef(both.ravel(), mix.samples.ravel())[0, 1] > 0.98
    lines = sung.sung.lrc_path.read_text().splitlines()
    assert lines[0] == "[ti:calm piano]"
    assert [word for word in lines[-1].split() if word.isalpha()] == [
        "sail",
        "the",
        "silver",
        "sea",
    ]
    told = json.loads(sung.adherence_path.read_text())
    figures = {row["name"]: row for row in told["voice"]}
    assert figures["melody RPA"]["value"] > 0.9
    assert figures["onsets within 60 ms"]["value"] > 0.9
    assert figures["melody RPA, mix"]["value"] is not None
    for name in ("word error rate", "speaker similarity"):
        assert (figures[name]["value"], figures[name]["reason"]) == (None, "not here")
    assert {row["stream"] for row in told["scores"]} >= {"beat", "loudness"}


def test_its_files_are_measured_as_it_was(sung, registry, monkeypatch):
    plan = read_plan(sung.plan_path)
    told = {row["name"]: row for row in sung.adherence["voice"]}
    found = evaluate_file(sung.path, plan, registry, SilentReport(), None).adherence
    again = {row["name"]: row for row in found["voice"]}
    assert again.keys() == told.keys()
    for name, row in told.items():
        assert again[name]["reason"] == row["reason"]
        if row["value"] is not None:
            assert again[name]["value"] == pytest.approx(row["value"], abs=0.02), name
    assert {"melody RPA", "vibrato depth error", "breath F1"} <= again.keys()

    def gone(*_):
        raise ManifestError("voice.backend: is not here\nand more")

    monkeypatch.setattr(singer, "planned_singer", gone)
    found = evaluate_file(sung.path, plan, registry, SilentReport(), None).adherence
    rows = {row["name"]: row for row in found["voice"]}
    for name in ("melody RPA", "speaker similarity"):
        assert (rows[name]["value"], rows[name]["reason"]) == (None, "voice.backend: is not here")
    assert rows["melody RPA, whole notes"]["value"] > 0.8
    assert rows["onsets within 60 ms"]["value"] > 0.9


def test_a_vocal_stem_is_of_a_song_that_is_sung(plan_of, registry, tmp_path):
    path = tmp_path / "a.wav"
    write_audio(path, Audio(np.zeros((1, 32_000), np.float32), 32_000))
    with pytest.raises(MuzeError, match="nobody sings in this plan"):
        evaluate_file(path, plan_of(), registry, SilentReport(), None, path)


def test_its_plan_makes_the_same_files_again(sung, registry, unheard):
    files = [sung.path, sung.sung.vocal_path, sung.sung.lrc_path]
    before = [path.read_bytes() for path in files]
    plan = read_plan(sung.plan_path)
    assert plan.voice is not None
    generate(plan, registry, SilentReport(), "cpu")
    assert [path.read_bytes() for path in files] == before


def test_a_plan_whose_singer_is_another_here_is_told(plan_of, registry):
    plan = plan_of(SONG)
    other = plan.model_copy(update={"voice": plan.voice.model_copy(update={"voice": "Bo"})})
    with pytest.raises(MuzeError, match="was made with voice Bo; here it is Ada; plan it anew"):
        planned_singer(other, registry)
    gone = replace_backend(plan)
    with pytest.raises(ManifestError, match=r"voice\.backend"):
        planned_singer(gone, registry)


def replace_backend(plan):
    voice = plan.song.voice.model_copy(update={"backend": "nobody"})
    return plan.model_copy(update={"song": plan.song.model_copy(update={"voice": voice})})


def test_a_silent_song_cannot_be_sung_over(plan_of, registry, monkeypatch):
    from muze.pipelines import vocals

    plan = plan_of(SONG)
    silence = Audio(np.zeros((1, round(plan.duration * 32_000)), np.float32), 32_000)
    monkeypatch.setattr(vocals, "hear_voice", lambda *_: [])
    with pytest.raises(MuzeError, match="the music is silent"):
        vocals.sing_over(silence, plan, planned_singer(plan, registry), registry, SilentReport())


def test_what_is_spoken_has_no_melody_to_measure(plan_of, registry, unheard):
    made = generate(
        plan_of(SONG.replace("  vibrato: {depth: 0}", "  melody: spoken")), registry,
        SilentReport(), "cpu",
    )  # fmt: skip
    names = [row["name"] for row in made.adherence["voice"]]
    assert "melody RPA" not in names
    assert "onsets within 60 ms" in names


def test_no_stem_clips_however_loud_the_song(plan_of, registry, monkeypatch):
    from muze.pipelines import vocals

    plan = plan_of(SONG.replace("sea.wav", "sea.wav, loudness: -6"))
    plan = plan.model_copy(update={"voice": plan.voice.model_copy(update={"level": 20.0})})
    t = np.arange(round(plan.duration * 32_000)) / 32_000
    music = Audio((0.3 * np.sin(2 * np.pi * 110 * t)).astype(np.float32)[None], 32_000)
    monkeypatch.setattr(vocals, "hear_voice", lambda *_: [])
    singer = planned_singer(plan, registry)
    made = vocals.sing_over(music, plan, singer, registry, SilentReport())
    stems = vocals.stems_of(Path("sea.wav"), made, {})  # refuses what would clip
    assert len(stems) == 3
    assert np.abs(made.voice.samples).max() > 0.8
