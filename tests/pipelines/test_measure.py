import numpy as np
import pytest

from muze.audio.io import write_audio
from muze.core.errors import AudioError, NotInstalledError
from muze.core.grid import Audio
from muze.core.protocols import Score
from muze.core.registry import Registry
from muze.pipelines.draw import draw
from muze.pipelines.measure import measure, measure_file
from muze.pipelines.plan import plan_file
from muze.report import SilentReport

SONG = """muze: 1
prompt: test tones
seed: 1
tempo: 120
key: C major
structure: {sections: [{type: verse, bars: 4}]}
streams: {chord: {progression: [C, Am, F, G]}}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("measured")
    (folder / "song.yaml").write_text(SONG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return plan_file(folder / "song.yaml", Registry())


@pytest.fixture(scope="module")
def drawn(plan):
    return draw(plan, Registry(), SilentReport())


@pytest.fixture(scope="module")
def measured(plan, drawn, make_song):
    def measured(symbols, tempo=120.0, duration=8.0, **more):
        audio = make_song(symbols, tempo, duration)
        told = measure(audio, plan, drawn, Registry(), SilentReport(), **more)
        return {(row["stream"], row["name"]): row for row in told["scores"]}, told

    return measured


@pytest.fixture(scope="module")
def right(measured):
    return measured(["C", "Am", "F", "G"], dropped={"chord.chord majmin": 0.25})


def test_what_was_asked_scores_high_and_other_chords_low(measured, right):
    wrong, _ = measured(["F#", "D#m", "B", "C#"])
    asked, other = (
        right[0]["chord", "chord majmin"]["value"],
        wrong["chord", "chord majmin"]["value"],
    )
    assert asked > 0.8
    assert other < 0.3


def test_another_tempo_scores_low(measured, right):
    wrong, _ = measured(["C", "Am", "F", "G"], tempo=97.0)
    assert right[0]["tempo", "tempo Acc2"]["value"] == 1  # clicks alone do not tell the octave
    assert wrong["tempo", "tempo Acc2"]["value"] == 0
    assert right[0]["beat", "beat F"]["value"] > 0.2 + wrong["beat", "beat F"]["value"]


def test_every_figure_says_who_heard_it_and_what_chance_and_no_control_get(right):
    rows, told = right
    assert told["muze_adherence"] == 1
    assert told["seconds"] == 8.0
    majmin = rows["chord", "chord majmin"]
    assert majmin["origin"] == "asked"
    assert majmin["dropped"] == 0.25
    assert majmin["floor"] is not None
    assert majmin["extractor"].endswith(f"({Registry().version('chord')})")
    assert {row["origin"] for row in rows.values()} == {"asked", "decided"}
    others = [row for key, row in rows.items() if key != ("chord", "chord majmin")]
    assert {row["dropped"] for row in others} == {None}


@pytest.mark.parametrize(
    ("song", "section", "origin"),
    [("decided", "asked", "asked"), ("asked", "decided", "asked"), ("decided", None, "decided"),
     (None, "asked", "asked")],
)  # fmt: skip
def test_what_any_section_asks_for_is_asked(make_song, plan, drawn, song, section, origin):
    chord = plan.streams["chord"]

    def told(origin):
        return {"chord": chord.model_copy(update={"origin": origin})} if origin else {}

    parts = (plan.sections[0], plan.sections[0].model_copy(update={"streams": told(section)}))
    changed = plan.model_copy(update={"streams": told(song), "sections": parts})
    audio, one = make_song(["C", "Am", "F", "G"], 120.0, 8.0), {"chord": drawn["chord"]}
    rows = measure(audio, changed, one, Registry(), SilentReport())["scores"]
    assert {row["origin"] for row in rows} == {origin}


def test_a_stream_hears_as_the_model_configures_it(make_song, plan, drawn):
    class Deaf:
        extractor = "nobody"

        def extract(self, audio, grid):
            return {}

        def score(self, asked, heard, grid):
            return [Score("chord majmin", 0.125, "share", True, None)]

    audio, one = make_song(["C", "Am", "F", "G"], 120.0, 8.0), {"chord": drawn["chord"]}
    told = measure(audio, plan, one, Registry(), SilentReport(), streams={"chord": Deaf()})
    assert [row["value"] for row in told["scores"]] == [0.125]
    assert told["scores"][0]["extractor"].startswith("nobody")


def test_a_recording_of_another_length_is_measured_over_the_plan(measured):
    short, told = measured(["C", "Am"], duration=4.0)
    assert told["seconds"] == 4.0
    assert 0.2 < short["chord", "chord majmin"]["value"] < 0.8
    assert measured(["C", "Am", "F", "G"], duration=10.0)[1]["seconds"] == 10.0


def test_a_file_is_measured_as_its_sound_is(plan, make_song, tmp_path, right):
    write_audio(tmp_path / "song.flac", make_song(["C", "Am", "F", "G"], 120.0, 8.0))
    told = measure_file(tmp_path / "song.flac", plan, Registry(), SilentReport())
    values = {(row["stream"], row["name"]): row["value"] for row in told["scores"]}
    assert values["chord", "chord majmin"] == pytest.approx(
        right[0]["chord", "chord majmin"]["value"], abs=0.05
    )
    with pytest.raises(AudioError, match="there is no such file"):
        measure_file(tmp_path / "none.wav", plan, Registry(), SilentReport())


def test_what_nobody_here_can_hear_is_noted_and_the_rest_measured(plan, drawn, monkeypatch):
    registry, notes = Registry(), []

    def deaf(self, audio, grid):
        raise NotInstalledError('hearing words needs x: pip install "muze[whisper]"')

    class Noting(SilentReport):
        def note(self, text):
            notes.append(text)

    monkeypatch.setattr(registry.get("stream", "key"), "extract", deaf)
    silent = Audio(np.zeros((1, 8 * 32000), np.float32), 32000)
    told = measure(silent, plan, drawn, registry, Noting())
    heard = {row["stream"] for row in told["scores"]}
    assert "chord" in heard
    assert "key" not in heard
    assert notes == ['key is not measured: hearing words needs x: pip install "muze[whisper]"']
