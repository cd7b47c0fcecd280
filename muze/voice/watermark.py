"""A mark in the sound of a cloned voice, made to be masked by it, which outlasts an MP3 (PerTh).

Its detector was trained on voices: a steady tone without a mark it takes for one.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from muze.audio.io import resample
from muze.core.errors import NotInstalledError
from muze.core.grid import Audio
from muze.core.voices import within

WEIGHTS = "perth_net/pretrained/implicit"
MARKED, UNSURE = 0.7, 0.4
"""What the detector says of a sound from which it is marked, and from which it may be."""


def about_watermark() -> str:
    """Return what marks, as records tell it.

    Raises:
        NotInstalledError: its package is not there; says how to get it.
    """
    from importlib.metadata import version

    if find_spec("perth") is None:
        raise NotInstalledError('a watermark needs resemble-perth: pip install "muze[watermark]"')
    return f"PerTh implicit (resemble-perth {version('resemble-perth')})"


def mark(audio: Audio) -> Audio:
    """Return the sound with the mark, of the same shape; below 2 kHz it differs where it sounds.

    Raises:
        NotInstalledError: the package is not there.
    """
    about_watermark()
    net = _network()
    rate = int(net.hp.sample_rate)
    plain = resample(Audio(np.ascontiguousarray(audio.mono[None]), audio.sample_rate), rate)
    added = Audio(_marked(net, plain.samples[0])[None] - plain.samples, rate)
    difference = resample(added, audio.sample_rate).samples[0]
    length = audio.samples.shape[1]
    difference = np.pad(difference, (0, max(0, length - len(difference))))[:length]
    return Audio(within((audio.samples + difference).astype(np.float32)), audio.sample_rate)


def heard_mark(audio: Audio) -> float:
    """Return how sure the detector is of a mark, 0 to 1; see ``MARKED`` and ``UNSURE``.

    Raises:
        NotInstalledError: the package is not there.
    """
    import torch

    about_watermark()
    net = _network()
    mono = Audio(np.ascontiguousarray(audio.mono[None]), audio.sample_rate)
    samples = resample(mono, int(net.hp.sample_rate)).samples[0]
    if not np.any(np.abs(samples) > 1e-4) or len(samples) <= net.hp.n_fft:
        return 0.0  # where nothing sounds, the network divides by nothing
    with torch.inference_mode():
        magnitude, _ = net.ap.signal_to_magphase(samples)
        return float(net.decoder(magnitude[None])[0].clip(0.0, 1.0))


def _marked(net: Any, samples: np.ndarray) -> np.ndarray:
    """Return marked samples, as ``PerthImplicitWatermarker.apply_watermark`` does."""
    import torch

    if len(samples) <= net.hp.n_fft:
        return samples
    with torch.inference_mode():
        magnitude, phase = net.ap.signal_to_magphase(samples)
        changed, _ = net.encoder(magnitude[None])
        made = net.ap.magphase_to_signal(changed[0], phase).numpy()
    whole: np.ndarray = np.concatenate([made, samples[len(made) :]])[: len(samples)]
    return whole


@lru_cache(maxsize=1)
def _network() -> Any:  # a class without types
    import torch
    import yaml

    from muze.audio.torchaudio_import import torchaudio_import

    torchaudio_import()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports what setuptools deprecates
        try:
            import perth
            from perth.perth_net.perth_net_implicit.config import PerthConfig
            from perth.perth_net.perth_net_implicit.model.perth_net import PerthNet
        except ModuleNotFoundError as fault:
            raise NotInstalledError(
                f'a watermark needs {fault.name}: pip install "muze[watermark]" (setuptools must '
                "be below 81)"
            ) from None
    folder = Path(perth.__file__).parent / WEIGHTS
    net = PerthNet(PerthConfig(**yaml.safe_load((folder / "hparams.yaml").read_text())))
    (file,) = folder.glob("*.pth.tar")
    net.load_state_dict(torch.load(file, map_location="cpu", weights_only=True)["model"])
    return net.eval()
