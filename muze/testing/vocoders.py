"""What every vocoder must do."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from muze.audio.mel import MelSettings, log_mel_array
from muze.core.errors import PluginError
from muze.core.protocols import Vocoder
from muze.testing import sounds
from muze.testing.settings import check_config, check_light_import, require

MEL = MelSettings()


class VocoderCase:
    """A vocoder under test, with its weights where it needs any."""

    def __init__(self, component: type[Vocoder], weights: Path | None = None) -> None:
        self.cls, self.weights = component, weights

    @cached_property
    def vocoder(self) -> Vocoder:
        """The vocoder with its default settings, loaded."""
        vocoder = self.cls(self.cls.Config())
        try:
            vocoder.load(self.weights)
        except PluginError as fault:
            require(self.weights is not None, f"it cannot be checked without weights ({fault})")
            raise
        return vocoder

    @cached_property
    def log_mel(self) -> NDArray[np.float32]:
        """A second of chords."""
        return log_mel_array(sounds.chords(["C", "Am"], 0.5).samples[0], MEL)


def check_length(case: VocoderCase) -> None:
    """Every mel frame gives one hop of finite float32 samples."""
    for frames in (100, 7, 1):
        samples = case.vocoder.render(case.log_mel[:, :frames])
        want = (frames * MEL.hop_length,)
        require(samples.shape == want, f"{frames} frames give {samples.shape}, want {want}")
        require(samples.dtype == np.float32, f"samples are {samples.dtype}, not float32")
        require(bool(np.isfinite(samples).all()), f"{frames} frames give samples not finite")


def check_level(case: VocoderCase) -> None:
    """A chord at 0.4 of full scale comes back below four times full scale."""
    peak = float(np.abs(case.vocoder.render(case.log_mel)).max())
    require(peak < 4, f"a chord of peak 0.4 comes back with peak {peak:.3g}")


def check_repeats(case: VocoderCase) -> None:
    """The same mel gives the same bits and is left as it was."""
    given = case.log_mel.copy()
    first, second = case.vocoder.render(given), case.vocoder.render(given)
    require(np.array_equal(first, second), "the same mel gives other samples")
    require(np.array_equal(given, case.log_mel), "render changes the mel it is given")


CHECKS = (
    check_config,
    check_light_import,
    check_length,
    check_level,
    check_repeats,
)
