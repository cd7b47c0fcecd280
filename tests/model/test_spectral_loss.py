"""Spectral losses are auraloss's, example by example."""

import pytest
import torch

from muze.audio.mel import MelSettings, log_mel
from muze.model.spectral_loss import (
    AUDIBLE,
    MEL_FLOOR,
    MEL_RESOLUTIONS,
    RESOLUTIONS,
    multi_resolution_stft,
)


def sound(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_one_example_s_loss_is_that_of_auraloss():
    freq = pytest.importorskip("auraloss").freq
    sizes, hops = ([r[k] for r in RESOLUTIONS] for k in (0, 1))
    theirs = freq.MultiResolutionSTFTLoss(sizes, hops, sizes)
    made, wanted = sound(0, 1, 8000), sound(1, 1, 8000)
    ours = multi_resolution_stft(made, wanted)
    torch.testing.assert_close(ours, theirs(made[:, None], wanted[:, None]), atol=0, rtol=1e-4)


def test_a_batch_s_loss_is_the_mean_of_its_examples():
    made, wanted = sound(0, 4, 8000), sound(1, 4, 8000)
    made[0] *= 3
    each = [multi_resolution_stft(made[k : k + 1], wanted[k : k + 1]) for k in range(4)]
    torch.testing.assert_close(multi_resolution_stft(made, wanted), torch.stack(each).mean())


def test_what_is_below_the_floor_is_alike():
    hiss, silence = 1e-5 * sound(0, 1, 8000), torch.zeros(1, 8000)
    assert float(multi_resolution_stft(hiss, silence, floor=AUDIBLE)) < 0.5
    assert float(multi_resolution_stft(hiss, silence)) > 1
    loud, other = sound(0, 1, 8000), sound(1, 1, 8000)
    told, all_told = (multi_resolution_stft(loud, other, floor=f) for f in (AUDIBLE, 1e-5))
    torch.testing.assert_close(told, all_told)


def test_mel_bands_are_compared_by_their_rise_and_fall():
    wanted = sound(0, 2, 128, 64)
    assert float(multi_resolution_stft(wanted, wanted, MEL_RESOLUTIONS, MEL_FLOOR)) == 0
    near, far = wanted + 0.1 * sound(1, 2, 128, 64), wanted + sound(1, 2, 128, 64)
    blurred = torch.nn.functional.avg_pool1d(wanted, 5, 1, 2)
    told = [
        float(multi_resolution_stft(made, wanted, MEL_RESOLUTIONS, MEL_FLOOR))
        for made in (near, far, blurred)
    ]
    assert 0 < told[0] < told[1] < told[2]  # what blurs is further off than as much noise as sound
    # the L1 distance tells less of the blur than of the noise
    assert (blurred - wanted).abs().mean() < (far - wanted).abs().mean()


def test_the_mel_is_as_exact_under_autocast():
    samples = 0.1 * sound(0, 1, 6400)
    with torch.autocast("cpu", torch.bfloat16):
        low = log_mel(samples, MelSettings())
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, log_mel(samples, MelSettings()))
