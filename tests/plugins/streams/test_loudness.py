import numpy as np
import pytest

from muze.core.grid import Audio, TimeGrid
from muze.plugins.streams.loudness import LoudnessStream
from muze.testing import sounds

STREAM = LoudnessStream(LoudnessStream.Config())
GRID = TimeGrid.of_song(10.0)


def test_a_full_scale_sine_of_997_hz_measures_minus_3_lufs():  # ITU-R BS.1770-4, annex 1
    heard = STREAM.extract(sounds.sine(997, 10.0, level=0.999), GRID)
    assert heard["loudness"][0] == pytest.approx(-3.01, abs=0.1)
    np.testing.assert_allclose(heard["curve"][0, 100:-100], 0, atol=0.05)


def test_six_decibels_are_six_lu():
    levels = [STREAM.extract(sounds.noise(10.0, level=x), GRID)["loudness"][0] for x in (0.1, 0.2)]
    assert levels[1] - levels[0] == pytest.approx(20 * np.log10(2), abs=1e-3)


def test_a_value_alone_says_nothing_of_the_curve():
    drawn = STREAM.parse(LoudnessStream.Values(value=-14), GRID)
    assert drawn["loudness"] == [-14]
    assert not drawn["curve"].any()


def test_a_curve_that_is_followed_scores_1():
    noise = sounds.noise(10.0).samples
    gain = 10 ** (np.interp(np.arange(320000), [0, 160000, 320000], [-12, 0, -12]) / 20)
    heard = STREAM.extract(Audio((noise * gain).astype(np.float32), 32000), GRID)
    top = float(heard["loudness"][0] + heard["curve"][0].max())
    asked = STREAM.parse(LoudnessStream.Values(curve=[top - 12, top, top - 12]), GRID)
    error, shape = STREAM.score(asked, heard, GRID)
    assert shape.value > 0.99
    assert error.value < 0.5


def test_recall_reads_what_fields_wrote():
    heard = STREAM.extract(sounds.noise(10.0), GRID)
    recalled = STREAM.recall(STREAM.fields(heard, GRID), GRID)
    assert recalled["loudness"][0] == pytest.approx(heard["loudness"][0], abs=0.01)
    np.testing.assert_allclose(recalled["curve"], heard["curve"], atol=0.5)
    alone = STREAM.recall({"loudness": -14.0}, GRID)
    np.testing.assert_array_equal(
        alone["curve"], STREAM.parse(LoudnessStream.Values(value=-14), GRID)["curve"]
    )


def test_silence_is_minus_70():
    assert STREAM.extract(sounds.silence(10.0), GRID)["loudness"] == [-70]


@pytest.mark.parametrize("values", [{}, {"value": -14, "curve": [-20, -10]}, {"value": 3}])
def test_one_of_value_and_curve_is_needed(values):
    with pytest.raises(ValueError, match="value"):
        LoudnessStream.Values(**values)
