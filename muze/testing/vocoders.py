"""What every vocoder must do."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from muze.audio.io import resample
from muze.audio.mel import MelSettings, log_mel_array
from muze.core.errors import PluginError
from muze.core.protocols import Vocoder
from muze.core.settings import Settings
from muze.model.header import part_of, part_settings, weights_file
from muze.testing import sounds
from muze.testing.settings import check_config, check_light_import, require


class VocoderCase:
    """A vocoder under test, with its weights where it needs any.

    ``weights`` is a file of weights of its default size, or a model's folder, which tells the size.
    """

    def __init__(self, component: type[Vocoder], weights: Path | None = None) -> None:
        self.cls, self.weights = component, weights
        self.config: Settings = component.Config()
        if weights is not None and weights.is_dir():
            self.weights = weights_file(weights, "vocoder")
            if (name := part_of(weights, "vocoder").get("name")) != component.name:
                raise PluginError(f"{weights}: has weights of vocoder {name}, not {component.name}")
            self.config = part_settings(weights, "vocoder", component.Config)

    @cached_property
    def mel(self) -> MelSettings:
        """The mel it hears: what its settings say, or muze's own."""
        return getattr(self.config, "mel", MelSettings())

    @cached_property
    def vocoder(self) -> Vocoder:
        """The vocoder, loaded."""
        vocoder = self.cls(self.config)
        try:
            vocoder.load(self.weights)
        except PluginError as fault:
            require(
                self.weights is not None,
                f"it cannot be checked without weights; give --weights ({fault})",
            )
            raise
        return vocoder

    @cached_property
    def log_mel(self) -> NDArray[np.float32]:
        """A second of chords."""
        sound = resample(sounds.chords(["C", "Am"], 0.5), self.mel.sample_rate)
        return log_mel_array(sound.samples[0], self.mel)


def check_length(case: VocoderCase) -> None:
    """Every mel frame gives one hop of finite float32 samples."""
    for frames in (case.log_mel.shape[1], 7, 1):
        samples = case.vocoder.render(case.log_mel[:, :frames])
        want = (frames * case.mel.hop_length,)
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
