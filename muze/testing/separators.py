"""What every separator must do."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from muze.core.grid import Audio
from muze.core.protocols import Separator, about, check_installed
from muze.testing import sounds
from muze.testing.settings import check_config, check_light_import, require

QUIET = 1e-4
"""Peak up to which a stem of silence counts as silent."""


class SeparatorCase:
    """A separator under test, with settings other than its own where it needs any."""

    def __init__(self, component: type[Separator], config: Any = None) -> None:
        self.cls, self.config = component, config  # Any: the component's own Config

    @cached_property
    def separator(self) -> Separator:
        """The separator."""
        return self.cls(self.cls.Config() if self.config is None else self.config)

    def stems(self, mix: Audio) -> dict[str, Audio]:
        """Return the stems of a mix, which is as long as they are, and has as many channels."""
        stems = self.separator.separate(mix)
        require(bool(stems), "it gives no stem")
        for name, stem in stems.items():
            samples = stem.samples
            require(
                stem.sample_rate == mix.sample_rate and samples.shape == mix.samples.shape,
                f"{name} is {samples.shape} at {stem.sample_rate} Hz, "
                f"the mix {mix.samples.shape} at {mix.sample_rate} Hz",
            )
            require(samples.dtype == np.float32, f"{name} is {samples.dtype}, not float32")
            require(bool(np.isfinite(samples).all()), f"{name} is not finite")
        return stems


def check_stems(case: SeparatorCase) -> None:
    """Stems have names, and the mix's rate, channels and length, at any of them."""
    one = sounds.chords(["C", "Am"], 1.0)
    for rate, channels in ((one.sample_rate, 1), (44100, 2), (22050, 1), (one.sample_rate, 3)):
        case.stems(Audio(np.repeat(one.samples, channels, axis=0), rate))


def check_short(case: SeparatorCase) -> None:
    """A tenth of a second is taken apart as well."""
    case.stems(sounds.sine(220.0, 0.1))


def check_silence(case: SeparatorCase) -> None:
    """Silence gives silence."""
    for name, stem in case.stems(sounds.silence(1.0)).items():
        peak = float(np.abs(stem.samples).max())
        require(peak < QUIET, f"{name} of silence has a peak of {peak:.3g}")


def check_repeats(case: SeparatorCase) -> None:
    """The same mix gives the same bits and is left as it was."""
    mix = sounds.chords(["F", "G"], 0.7)
    given = Audio(mix.samples.copy(), mix.sample_rate)
    first, second = case.stems(given), case.stems(given)
    same = first.keys() == second.keys() and all(
        np.array_equal(first[name].samples, second[name].samples) for name in first
    )
    require(same, "the same mix gives other stems")
    require(np.array_equal(given.samples, mix.samples), "separate changes the mix it is given")


def check_about(case: SeparatorCase) -> None:
    """What it tells of itself, if it does, is a line; ``check``, if there is one, a method."""
    check = getattr(case.cls, "check", None)
    require(check is None or callable(check), f"check is {check!r}; it must be a method")
    check_installed(case.separator)
    told = about(case.separator)
    require(
        isinstance(told, str) and bool(told.strip()) and "\n" not in told,
        f"about is {told!r}; it must be a line that tells what takes the mix apart",
    )


CHECKS = (
    check_config,
    check_light_import,
    check_about,
    check_stems,
    check_short,
    check_silence,
    check_repeats,
)
