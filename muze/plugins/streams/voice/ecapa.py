"""ECAPA-TDNN (Desplanques et al. 2020) by SpeechBrain: 192 numbers of a voice."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.analysis.device import listening_device
from muze.analysis.embeddings import unit
from muze.core.errors import CheckpointError

log = logging.getLogger(__name__)

WEIGHTS = "embedding_model.ckpt"
NUM_MELS, WIDTH = 80, 192
DILATIONS = [1, 2, 3, 4, 1]
"""Not to be read from the weights; those of the paper, as in all of SpeechBrain's recipes."""


@dataclass(frozen=True)
class Ecapa:
    """A network, the mel features it hears, and where it is from."""

    name: str
    network: Any  # SpeechBrain's classes have no types
    features: Any


def embed_ecapa(samples: NDArray[np.float32], ecapa: Ecapa) -> NDArray[np.float32]:
    """Return the embedding of voiced samples at 16 kHz, shape (192,) and of length 1."""
    import torch

    with torch.inference_mode():
        heard = torch.from_numpy(samples)[None].to(next(ecapa.network.parameters()).device)
        mel = ecapa.features(heard)
        embedding = ecapa.network(mel - mel.mean(dim=1, keepdim=True))[0, 0]
    return unit(embedding.cpu().numpy())


@lru_cache(maxsize=1)
def load_ecapa(source: str) -> Ecapa | None:
    """Return the network of a folder or a hub id.

    None, with a warning, where SpeechBrain is not installed or the hub does not give the weights:
    then Resemblyzer listens alone.

    Raises:
        CheckpointError: ``source`` is a folder without the weights, or they are of another kind.
    """
    if not find_spec("speechbrain"):  # without it nothing is fetched
        _warn('SpeechBrain is not installed; `pip install "muze[ecapa]"`')
        return None
    file = weights_file(source)
    if file is None:
        return None
    from pickle import UnpicklingError

    import torch

    import_speechbrain()
    from speechbrain.lobes.features import Fbank
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    try:
        weights = torch.load(file, map_location="cpu", weights_only=True)
        network = ECAPA_TDNN(NUM_MELS, **sizes(weights))
        network.load_state_dict(weights)
    except (RuntimeError, LookupError, ValueError, EOFError, UnpicklingError) as fault:
        raise CheckpointError(
            f"{file}: is no ECAPA-TDNN of SpeechBrain's with {NUM_MELS} mels and {WIDTH} numbers "
            f"({type(fault).__name__})"
        ) from None
    device = listening_device()
    features = Fbank(n_mels=NUM_MELS).to(device)
    return Ecapa(Path(source).name, network.eval().to(device), features)


def has_ecapa(source: str) -> bool:
    """Return whether ``load_ecapa`` would find the network here, without a network's help."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    if not find_spec("speechbrain"):
        return False
    try:
        kept = isinstance(try_to_load_from_cache(source, WEIGHTS), str)
    except HFValidationError:  # a folder, as no hub id is so
        kept = False
    return kept or (Path(source) / WEIGHTS).is_file()


def import_speechbrain() -> None:
    """Import SpeechBrain, and take out the modules it leaves that fail when they are looked at.

    They stand for renamed and for optional parts; whatever goes through ``sys.modules``, as
    hypothesis and ``inspect`` do, would import the latter.
    """
    from muze.audio.torchaudio_import import torchaudio_import

    torchaudio_import()  # SpeechBrain imports it
    import speechbrain  # noqa: F401
    from speechbrain.utils.importutils import LazyModule

    for name, module in [*sys.modules.items()]:
        if issubclass(type(module), LazyModule):
            del sys.modules[name]


def weights_file(source: str) -> Path | None:
    """Return the file of weights in a folder or, by hub id, from the hub; None where it has none.

    Raises:
        CheckpointError: the folder is not there or lacks it.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HFValidationError

    file = Path(source) / WEIGHTS
    if file.is_file():
        return file
    if Path(source).is_dir():
        raise CheckpointError(f"{source}: holds no {WEIGHTS} of SpeechBrain's ECAPA-TDNN")
    try:
        return Path(hf_hub_download(source, WEIGHTS))
    except HFValidationError:
        raise CheckpointError(f"{source}: there is no such folder, and no hub id is so") from None
    except (OSError, ValueError) as fault:
        _warn(
            f"no weights of {source} ({type(fault).__name__}); with a network "
            f"`hf download {source}` fetches them, or give their folder as the stream's setting"
        )
        return None


def sizes(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of SpeechBrain's class that built a network of these weights."""
    first, last, mixed = (
        weights[f"{name}.conv.conv.weight"] for name in ("blocks.0", "mfa", "asp.tdnn")
    )
    inner = [weights[f"blocks.{i}.tdnn1.conv.conv.weight"].shape[0] for i in (1, 2, 3)]
    part = "blocks.{}.res2net_block.blocks.{}.conv.conv.weight"
    kernels = [weights[part.format(i, 0)].shape[2] for i in (1, 2, 3)]
    scale = 1 + sum(part.format(1, i) in weights for i in range(64))
    width = weights["fc.conv.weight"].shape[0]
    if width != WIDTH:
        raise ValueError(f"{width} numbers")
    return {
        "lin_neurons": WIDTH,
        "channels": [first.shape[0], *inner, last.shape[0]],
        "kernel_sizes": [first.shape[2], *kernels, last.shape[2]],
        "dilations": DILATIONS,
        "attention_channels": mixed.shape[0],
        "res2net_scale": scale,
        "se_channels": weights["blocks.1.se_block.conv1.conv.weight"].shape[0],
    }


def _warn(reason: str) -> None:
    log.warning("voices are heard with Resemblyzer alone: %s", reason)
