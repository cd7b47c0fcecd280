import importlib.util

import numpy as np
import pytest

from muze.core.errors import CheckpointError, MuzeError, NotInstalledError
from muze.evaluation import frechet, musicnn
from muze.evaluation.frechet import (
    Reference,
    check_same,
    distances,
    frechet_distance,
    sounds_in,
)
from muze.evaluation.tf_checkpoint import read_checkpoint
from muze.report import SilentReport

HERE = importlib.util.find_spec("musicnn") is not None
needs_weights = pytest.mark.skipif(not HERE, reason="musicnn is not installed")


def test_the_distance_of_two_normal_distributions_is_known():
    numbers = np.random.default_rng(0)
    first = numbers.normal(size=(20000, 3))
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-6)
    # means 2 apart, and spreads of 1 and 3 along the first axis: 4 + (3 - 1)**2
    other = first * [3, 1, 1] + [0, 2, 0]
    assert frechet_distance(first, other) == pytest.approx(8, rel=0.02)
    assert frechet_distance(other, first) == pytest.approx(frechet_distance(first, other))


def test_distances_of_other_embeddings_or_references_are_not_compared():
    side = {"embedding": "a 1", "reference": "songs", "reference_windows": 30}
    check_same([side, dict(side)])
    with pytest.raises(MuzeError, match="another embedding cannot be compared: a 1 and b 2"):
        check_same([side, {**side, "embedding": "b 2"}])
    with pytest.raises(MuzeError, match="another reference"):
        check_same([side, {**side, "reference_windows": 31}])


def test_too_little_sound_is_told(tmp_path, monkeypatch):
    with pytest.raises(MuzeError, match="holds no sounds"):
        sounds_in(tmp_path)
    (tmp_path / "a.wav").touch()
    monkeypatch.setattr(frechet, "read_audio", lambda path: None)
    monkeypatch.setattr(frechet, "embed", lambda audio: np.zeros((3, 200)))
    with pytest.raises(MuzeError, match="needs 60 s of sound at least, of 1 files there are 9"):
        Reference.heard(tmp_path, SilentReport())
    beside = Reference(tmp_path, np.zeros((30, 200)))
    monkeypatch.setattr(frechet, "embedding_name", lambda: "an embedding 1")
    found = distances({"told": [tmp_path / "a.wav"]}, beside, SilentReport())
    assert "told" not in found
    assert found["reason"].startswith("a Frechet distance needs 60 s")
    assert found["reference_windows"] == 30


def test_what_is_missing_is_told(monkeypatch):
    monkeypatch.setattr(musicnn.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NotInstalledError, match="pip install --no-deps musicnn"):
        musicnn.embedding_name()


@needs_weights
def test_an_embedding_hears_what_a_sound_is_like(right, wrong):
    """Songs of the same sounds lie nearer to one another than to noise."""
    from muze.core.grid import Audio

    noise = np.random.default_rng(0).normal(0, 0.1, (1, 32000 * 8)).astype(np.float32)
    one, other, far = (musicnn.embed(a).mean(0) for a in (right, wrong, Audio(noise, 32000)))
    assert one.shape == (200,)
    assert np.linalg.norm(one - other) < 0.5 * np.linalg.norm(one - far)
    assert musicnn.embed(Audio(noise[:, :32000], 32000)).shape == (0, 200)
    assert musicnn.embedding_name() == "MSD_musicnn penultimate (musicnn 0.1.0)"


@needs_weights
def test_the_checkpoint_has_the_arrays_of_the_network():
    arrays = read_checkpoint(musicnn._find() / musicnn.MODEL)
    assert arrays["conv2d/kernel"].shape == (7, 38, 1, 204)
    assert arrays["dense/kernel"].shape == (1506, 200)
    variances = [a for name, a in arrays.items() if name.endswith("moving_variance")]
    assert len(variances) == 11
    assert all((a >= 0).all() and np.isfinite(a).all() for a in variances)


def test_what_is_no_checkpoint_is_told(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(tmp_path)
    (tmp_path / ".data-00000-of-00001").write_bytes(b"")
    (tmp_path / ".index").write_bytes(b"x" * 100)
    with pytest.raises(CheckpointError, match="is no index"):
        read_checkpoint(tmp_path)
    magic = (0xDB4775248B80FB57).to_bytes(8, "little")
    (tmp_path / ".index").write_bytes(b"\xff" * 60 + magic)
    with pytest.raises(CheckpointError, match="is damaged"):
        read_checkpoint(tmp_path)
