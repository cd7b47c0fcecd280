from contextlib import contextmanager

import numpy as np
import pytest
from pydantic import Field

from muze.audio.io import write_audio
from muze.core.errors import AudioError, PluginError
from muze.core.files import sha256
from muze.core.grid import Audio, Metre, TempoMark, TimeGrid
from muze.core.registry import Registry
from muze.core.settings import Settings
from muze.manifest import song_from_options
from muze.pipelines.draw import draw, draw_record
from muze.pipelines.plan import SHOWN_ORIGINS, OutputPlan, Plan, SectionPlan
from muze.pipelines.resolve import ComponentPlan, Recording, StreamPlan
from muze.report import SilentReport


class Curve:
    """Draws its value, and says nothing in its first second; hears the mean level."""

    name, primary = "curve", "value"
    layout = {"curve": "frames"}  # noqa: RUF012

    class Config(Settings):
        gain: float = 1.0

    class Values(Settings):
        value: float = Field(ge=0)

    def __init__(self, config):
        self.config = config

    def parse(self, values, grid):
        present = (grid.seconds >= 1.0).astype(np.float32)
        drawn = np.full((2, grid.frames), values.value * self.config.gain, np.float32)
        return {"curve": drawn, "present": present}

    def extract(self, audio, grid):
        assert audio.samples.shape[1] == grid.frames * 320
        level = np.abs(audio.mono).reshape(grid.frames, 320).mean(axis=1)
        return {"curve": np.stack([level, level]).astype(np.float32)}


class Words:
    """Draws a token a letter, and the number of letters as a vector."""

    name, primary = "words", "text"
    layout = {"letters": "tokens", "letters_span": "tokens", "count": "vector"}  # noqa: RUF012

    class Config(Settings):
        pass

    class Values(Settings):
        text: str

    def __init__(self, config):
        pass

    def parse(self, values, grid):
        letters = np.float32([[ord(letter)] for letter in values.text])
        span = np.tile(np.float32([grid.start, grid.start + grid.duration]), (len(letters), 1))
        return {"letters": letters, "letters_span": span, "count": np.float32([len(letters)])}


class Stubs:
    """A registry of the streams above."""

    def __init__(self, *streams):
        self.streams = {stream.name: stream for stream in streams or (Curve, Words)}

    def get(self, kind, name):
        return self.streams[name]

    @contextmanager
    def blame(self, name, doing):
        yield


def told(**values):
    return StreamPlan(origin="asked", values=values)


def plan_of(streams, sections=(), duration=4.0):
    parts = tuple(
        SectionPlan(
            type="verse", first_bar=i * 2 + 1, bars=2, start=i * 2.0, end=(i + 1) * 2.0, bpm=240,
            key="C major", streams=said,
        )
        for i, said in enumerate(sections or ({}, {}))
    )  # fmt: skip
    return Plan(
        muze="0", plugins={}, manifest=None, song=song_from_options({"PROMPT": "x"}), model="m",
        prompt="x", negative_prompt=None, seed=0, duration=duration, num_bars=4,
        tempo=(TempoMark(0.0, 240.0),), time_signature=str(Metre()), key="C major", sections=parts,
        streams=streams, guidance={"all": 1}, sampler=ComponentPlan(name="ddim"), num_steps=1,
        vocoder=None, output=OutputPlan(path="x.wav", format="wav", loudness=-14),
        origins=dict.fromkeys(SHOWN_ORIGINS, "decided"),
    )  # fmt: skip


def drawn(plan, *streams, configured=None):
    return draw(plan, Stubs(*streams), SilentReport(), configured)


def recording(path, seconds, level=0.5, rate=32000):
    samples = np.full((1, round(seconds * rate)), level, np.float32)
    write_audio(path, Audio(samples, rate))
    return StreamPlan(origin="asked", recording=Recording(path=str(path), sha256=sha256(path)))


def test_a_song_s_values_are_drawn_on_all_of_it_where_they_speak():
    features, present = drawn(plan_of({"curve": told(value=3)}))["curve"]
    assert features["curve"].shape == (2, 400)
    assert (features["curve"] == 3).all()
    assert present.dtype == bool
    assert (present == (np.arange(400) >= 100)).all()
    assert "present" not in features


def test_a_section_lies_over_its_own_frames_alone():
    plan = plan_of({"curve": told(value=1)}, ({}, {"curve": told(value=2)}))
    features, present = drawn(plan)["curve"]
    assert (features["curve"][:, :200] == 1).all()
    assert (features["curve"][:, 200:] == 2).all()
    assert not present[:100].any()
    assert present[100:].all()


def test_what_only_a_section_says_is_absent_elsewhere():
    features, present = drawn(plan_of({}, ({}, {"curve": told(value=2)})))["curve"]
    assert (features["curve"][:, :200] == 0).all()
    assert (present == (np.arange(400) >= 200)).all()


def test_a_section_adds_its_tokens_with_its_span_and_leaves_the_vector():
    plan = plan_of({"words": told(text="ab")}, ({}, {"words": told(text="xyz")}))
    features, present = drawn(plan)["words"]
    assert features["letters"][:, 0].tolist() == [ord(letter) for letter in "abxyz"]
    assert features["letters_span"].tolist() == [[0, 4]] * 2 + [[2, 4]] * 3
    assert features["count"].tolist() == [2]
    assert present.all()


class Timed(Words):
    """Hears a letter half a second into a sound, of a quarter of a second."""

    name = "timed"

    def extract(self, audio, grid):
        span = np.float32([[0.5, 0.75]]) + np.float32(grid.start)
        letters = np.float32([[ord("a")]])
        return {"letters": letters, "letters_span": span, "count": np.float32([1])}


def test_a_section_s_recording_gives_tokens_where_they_were_heard(tmp_path):
    whole = recording(tmp_path / "r.wav", 4.0)
    part = recording(tmp_path / "s.wav", 2.0)
    features, _ = drawn(plan_of({"timed": whole}, ({}, {"timed": part})), Timed)["timed"]
    np.testing.assert_allclose(features["letters_span"], [[0.5, 0.75], [2.5, 2.75]])


def test_tokens_of_a_section_between_frames_span_all_of_it():
    plan = plan_of({"words": told(text="a")}, ({}, {"words": told(text="b")}))
    cut = [
        p.model_copy(update={"start": 2.0042 * i, "end": 2.0042 + 1.9958 * i})
        for i, p in enumerate(plan.sections)
    ]
    features, _ = drawn(plan.model_copy(update={"sections": tuple(cut)}))["words"]
    np.testing.assert_allclose(features["letters_span"], [[0, 4], [2.0042, 4]], atol=1e-6)


def test_a_vector_cannot_come_from_a_section_alone():
    with pytest.raises(PluginError, match="not for a section alone"):
        drawn(plan_of({}, ({}, {"words": told(text="a")})))


def test_a_model_s_own_configuration_of_a_stream_is_used():
    loud = Curve(Curve.Config(gain=10))
    features, _ = drawn(plan_of({"curve": told(value=3)}), configured={"curve": loud})["curve"]
    assert (features["curve"] == 30).all()


@pytest.mark.parametrize("rate", [32000, 44100])
def test_a_recording_is_heard_from_the_song_s_start_and_cut_at_its_end(tmp_path, rate):
    plan = plan_of({"curve": recording(tmp_path / "r.wav", 6.0, rate=rate)})
    features, present = drawn(plan)["curve"]
    assert features["curve"].shape == (2, 400)
    assert np.allclose(features["curve"][:, 2:-2], 0.5, atol=0.01)
    assert present.all()


def test_where_a_recording_has_ended_the_stream_is_absent(tmp_path):
    notes = []
    report = SilentReport()
    report.note = notes.append
    plan = plan_of({"curve": recording(tmp_path / "r.wav", 1.5)})
    features, present = draw(plan, Stubs(), report)["curve"]
    assert features["curve"].shape == (2, 400)
    assert (present == (np.arange(400) < 150)).all()
    assert notes == ["r.wav lasts 1.5 s of 4.0 s; after that the model decides curve"]


def test_a_section_s_recording_starts_with_the_section(tmp_path):
    plan = plan_of({}, ({}, {"curve": recording(tmp_path / "r.wav", 1.0)}))
    features, present = drawn(plan)["curve"]
    assert np.allclose(features["curve"][:, 200:300], 0.5, atol=1e-3)
    assert present.tolist() == [200 <= frame < 300 for frame in range(400)]


def test_a_recording_that_changed_since_it_was_planned_is_refused(tmp_path):
    plan = plan_of({"curve": recording(tmp_path / "r.wav", 1.0)})
    recording(tmp_path / "r.wav", 2.0)
    with pytest.raises(AudioError, match="is not the recording that was planned"):
        drawn(plan)
    (tmp_path / "r.wav").unlink()
    with pytest.raises(AudioError, match="no such file"):
        drawn(plan)


def test_a_recording_shorter_than_a_frame_is_told(tmp_path):
    with pytest.raises(AudioError, match="too short to hear curve in"):
        drawn(plan_of({"curve": recording(tmp_path / "r.wav", 0.005)}))


def test_a_stream_that_draws_other_than_its_layout_is_blamed():
    class Short(Curve):
        def parse(self, values, grid):
            return {"curve": np.zeros((1, 3), np.float32)}

    class Other(Curve):
        def parse(self, values, grid):
            return {"kurve": np.zeros((1, grid.frames), np.float32)}

    plan = plan_of({"curve": told(value=1)})
    with pytest.raises(PluginError, match=r"drew 'curve' \(1, 3\), not \(F, 400\)"):
        drawn(plan, Short)
    with pytest.raises(PluginError, match="drew no array 'curve'"):
        drawn(plan, Other)


def test_the_installed_streams_are_drawn_as_planned(tmp_path, monkeypatch):
    from muze.pipelines.plan import plan_file

    monkeypatch.chdir(tmp_path)
    (tmp_path / "song.yaml").write_text(
        "muze: 1\nprompt: jazz\ntempo: 120\nstructure:\n  sections:\n"
        "  - {type: intro, bars: 1, energy: 0.2}\n"
        "  - {type: verse, bars: 1, energy: 0.8, streams: {chord: [G]}}\n"
        "streams: {chord: [C]}\n"
    )
    registry = Registry()
    plan = plan_file(tmp_path / "song.yaml", registry)
    text = plan.streams.pop("text")  # its language model is another test's
    made = draw(plan, registry, SilentReport())
    assert text.values == {"prompt": "jazz"}
    assert np.allclose(made["energy"][0]["energy"][0], np.repeat([0.2, 0.8], 200))
    chord = made["chord"][0]["chord"]
    assert chord[0, :200].all()
    assert chord[7, 200:].all()
    assert np.allclose(made["tempo"][0]["tempo"], 120)
    assert all(present.all() for _, present in made.values())


class Remembered(Curve):
    """Recalls what a record says of it, and speaks of the first half."""

    def recall(self, record, grid):
        if "curve" not in record:
            return None
        drawn = np.full((2, grid.frames), record["curve"], np.float32)
        return {"curve": drawn, "present": np.arange(grid.frames) < grid.frames / 2}


def test_a_record_is_drawn_as_a_song_is():
    streams = {"curve": Remembered(Remembered.Config())}
    grid = TimeGrid.of_song(4.0).window(100, 200)
    features, present = draw_record({"curve": 3}, grid, streams)["curve"]
    assert list(features) == ["curve"]
    assert (features["curve"] == 3).all()
    assert present.sum() == 100
    assert draw_record({}, grid, streams) == {}
