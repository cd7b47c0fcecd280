"""Tests of reading sound as one channel at one rate."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from muze.audio.mono import read_mono
from muze.core.errors import AudioError


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2), (48000, 6), (192000, 2)])
def test_any_rate_and_any_channels_become_one(tmp_path: Path, rate: int, channels: int) -> None:
    seconds = np.arange(rate) / rate
    tone = 0.5 * np.sin(2 * np.pi * 440 * seconds)
    soundfile.write(tmp_path / "x.wav", np.stack([tone] * channels, axis=1), rate, subtype="FLOAT")
    read = read_mono(tmp_path / "x.wav", 32000)
    assert (read.sample_rate, read.channels, read.duration) == (rate, channels, 1.0)
    assert read.audio.samples.shape == (1, 32000)
    want = 0.5 * np.sin(2 * np.pi * 440 * np.arange(32000) / 32000)
    assert np.abs(read.audio.samples[0] - want)[500:-500].max() < 1e-3


def test_pieces_join_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tone = np.sin(np.arange(40000) / 9).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", tone, 24000, subtype="FLOAT")
    whole = read_mono(tmp_path / "x.wav", 32000)
    monkeypatch.setattr("muze.audio.mono.PIECE", 700)
    pieces = read_mono(tmp_path / "x.wav", 32000)
    np.testing.assert_allclose(pieces.audio.samples, whole.audio.samples, atol=1e-6)


def test_what_is_no_sound_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("these are words, no sound\n" * 100)
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), 32000)
    for name in ("text.mp3", "empty.wav", "none.wav", "nowhere.wav"):
        with pytest.raises(AudioError, match=name):
            read_mono(tmp_path / name, 32000)


def test_a_file_cut_short_is_told(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.flac", np.sin(np.arange(64000) / 9), 32000)
    whole = (tmp_path / "x.flac").read_bytes()
    (tmp_path / "x.flac").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AudioError, match=r"x\.flac"):
        read_mono(tmp_path / "x.flac", 32000)
