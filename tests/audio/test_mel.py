import numpy as np
import pytest
import torch

from muze.audio import mel
from muze.audio.mel import MelSettings, log_mel, log_mel_array
from muze.testing.sounds import noise

MEL = MelSettings()


@pytest.mark.parametrize("num_samples", [640, 6 * 320 + 319, 100 * 320, 101 * 320 + 1])
def test_in_pieces_it_is_the_spectrogram_of_the_whole(num_samples, monkeypatch):
    samples = noise(2.0).samples[0, :num_samples]
    whole = log_mel(torch.from_numpy(samples)[None], MEL)[0].numpy()
    monkeypatch.setattr(mel, "PIECE", 7)
    assert whole.shape == (128, len(samples) // 320)
    np.testing.assert_allclose(log_mel_array(samples, MEL), whole, atol=1e-5)


def test_only_one_piece_is_computed_at_once(monkeypatch):
    lengths = []

    def watched(samples, settings):
        lengths.append(samples.shape[1] // settings.hop_length)
        return log_mel(samples, settings)

    monkeypatch.setattr(mel, "log_mel", watched)
    assert log_mel_array(noise(30.0).samples[0], MEL).shape == (128, 3000)
    assert max(lengths) < mel.PIECE + 10
