"""Songs of chords and clicks, and a plan they follow."""

import numpy as np
import pytest

from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.pipelines.plan import plan_file
from muze.testing.sounds import SAMPLE_RATE, chords, clicks

SONG = """muze: 1
prompt: test tones
seed: 1
tempo: 120
key: C major
structure: {sections: [{type: verse, bars: 2}, {type: chorus, bars: 2}]}
streams: {chord: {progression: [C, Am]}}
"""


def song_audio(symbols, tempo=120.0, duration=8.0):
    """Chords of a bar of 4/4 each, with a click on every beat."""
    bar = 240 / tempo
    turns = int(np.ceil(duration / bar))
    sound = chords([symbols[k % len(symbols)] for k in range(turns)], bar).samples[0]
    length = round(duration * SAMPLE_RATE)
    beats = np.arange(0, duration - 0.05, 60 / tempo)
    mix = sound[:length] + clicks(beats, duration, beats[::4]).samples[0, :length]
    return Audio((0.7 * mix / np.abs(mix).max()).astype(np.float32)[None], SAMPLE_RATE)


@pytest.fixture(scope="session")
def registry():
    return Registry()


@pytest.fixture(scope="session")
def plan(tmp_path_factory, registry):
    folder = tmp_path_factory.mktemp("evaluated")
    (folder / "song.yaml").write_text(SONG)
    return plan_file(folder / "song.yaml", registry, writes=False)


@pytest.fixture(scope="session")
def right():
    """The song that the plan asks for."""
    return song_audio(["C", "Am"])


@pytest.fixture(scope="session")
def wrong():
    """A song of other chords in another tempo."""
    return song_audio(["F#", "D#m"], 97.0)


@pytest.fixture
def row():
    """Make a row of an adherence."""

    def row(stream, name, value, **more):
        return {
            "stream": stream, "name": name, "value": value, "unit": "share",
            "higher_is_better": True, "floor": 0.0, "dropped": None, "origin": "asked",
            "extractor": "an ear 1 (muze 0)", "ceiling": None, **more,
        }  # fmt: skip

    return row
