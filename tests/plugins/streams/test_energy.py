import numpy as np
import pytest

from muze.core.grid import Audio, TimeGrid
from muze.plugins.streams.energy import EnergyStream
from muze.testing import sounds

STREAM = EnergyStream(EnergyStream.Config())
GRID = TimeGrid.of_song(20.0)


def test_values_are_spread_evenly_and_joined_by_lines():
    drawn = STREAM.parse(EnergyStream.Values(value=[0.0, 1.0, 0.0]), GRID)["energy"][0]
    assert drawn[[500, 1000, 1500]] == pytest.approx([0.5, 1.0, 0.5], abs=2e-3)


def test_one_value_is_held():
    assert (STREAM.parse(EnergyStream.Values(value=0.25), GRID)["energy"] == 0.25).all()


@pytest.mark.parametrize("value", [1.2, -0.1, [], [0.5, 7], "loud"])
def test_impossible_values_are_refused(value):
    with pytest.raises(ValueError, match=r"energy|value"):
        EnergyStream.Values(value=value)


def test_recall_draws_the_energy_of_each_segment():
    record = {"segments": [
        {"type": "verse", "start": 0, "end": 8, "energy": 0.3},
        {"type": "chorus", "start": 8, "end": 16, "energy": 0.9},
    ]}  # fmt: skip
    drawn = STREAM.recall(record, GRID)
    assert (drawn["energy"][0, :800] == np.float32(0.3)).all()
    assert (drawn["energy"][0, 800:1600] == np.float32(0.9)).all()
    assert not drawn["present"][1600:].any()
    part = STREAM.recall(record, GRID.window(700, 200))
    np.testing.assert_array_equal(part["energy"], drawn["energy"][:, 700:900])
    assert STREAM.recall({"segments": [{"type": "verse", "start": 0, "end": 8}]}, GRID) is None


def test_a_sound_that_grows_is_heard_to_grow():
    noise = sounds.noise(20.0).samples
    gain = 10 ** (np.linspace(-30, 0, noise.shape[1]) / 20)
    heard = STREAM.extract(Audio((noise * gain).astype(np.float32), 32000), GRID)
    asked = STREAM.parse(EnergyStream.Values(value=[0, 1]), GRID)
    (score,) = STREAM.score(asked, heard, GRID)
    assert score.value > 0.99
    assert heard["energy"][0, 0] < 0.05
    assert heard["energy"][0, -1] > 0.95


def test_a_flat_wish_has_no_shape_to_score():
    flat = STREAM.parse(EnergyStream.Values(value=0.5), GRID)
    assert STREAM.score(flat, flat, GRID) == []
