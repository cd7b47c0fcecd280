import numpy as np
import pytest
from muze_brightness import BrightnessStream

from muze.core.grid import TimeGrid
from muze.testing import sounds, stream_checks


@stream_checks("brightness")
def test_brightness_conforms(check):
    check()


@pytest.mark.parametrize("hertz", [200, 800, 3200])
def test_a_tone_is_as_bright_as_its_pitch(hertz):
    stream, grid = BrightnessStream(BrightnessStream.Config()), TimeGrid.of_song(2.0)
    heard = stream.extract(sounds.sine(hertz, 2.0), grid)["brightness"][0, 20:-20]
    np.testing.assert_allclose(heard, np.log2(hertz / 100) / 6, atol=0.01)
