"""CLAP (Wu et al. 2023) through the laion-clap package, run frozen on the CPU."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muze.analysis.embeddings import unit
from muze.core.errors import CheckpointError, NotInstalledError
from muze.core.grid import Audio
from muze.plugins.streams.clap.model import check_count, stretches

RATE, LONGEST = 48_000, 480_000
"""Samples a second that it hears, and how many at once; of more it would take a random part."""
TOKENIZERS = ("roberta-base", "bert-base-uncased", "facebook/bart-base")
"""Fetched from a hub when the package is imported, though roberta-base alone is used."""
NO_WEIGHT = "text_branch.embeddings.position_ids"
"""In LAION's files; current transformers computes it."""

Embedding = NDArray[np.float32]


@lru_cache(maxsize=4096)  # 2 kB each
def embed_text(text: str, checkpoint: str, audio_model: str, fusion: bool, width: int) -> Embedding:
    """Return the embedding of words, shape (width,) and of length 1, read-only.

    Raises:
        ManifestError: the text has more than 77 word pieces, of which it would drop the rest.
        NotInstalledError: laion-clap is not installed.
        CheckpointError: the checkpoint or the tokenizers are not there, or of another kind.
    """
    model = load_laion(checkpoint, audio_model, fusion)
    check_count(len(model.tokenize(text).input_ids))
    return _embedding(model.get_text_embedding([text])[0], checkpoint, width)


def embed_audio(
    audio: Audio, checkpoint: str, audio_model: str, fusion: bool, width: int
) -> Embedding:
    """Return the embedding of sound, shape (width,) and of length 1.

    Of sound longer than ten seconds, the mean of evenly placed stretches that cover it.

    Raises:
        NotInstalledError: laion-clap is not installed.
        CheckpointError: the checkpoint or the tokenizers are not there, or of another kind.
    """
    import soxr

    model = load_laion(checkpoint, audio_model, fusion)
    samples = soxr.resample(audio.mono, audio.sample_rate, RATE)
    heard = [
        model.get_audio_embedding_from_data(piece[None])[0] for piece in stretches(samples, LONGEST)
    ]
    return _embedding(np.mean(heard, axis=0), checkpoint, width)


def _embedding(found: Any, checkpoint: str, width: int) -> Embedding:
    if len(found) != width:
        raise CheckpointError(
            f"{checkpoint}: this CLAP's embeddings are {len(found)} wide, the config says {width}"
        )
    embedding = unit(found)
    embedding.flags.writeable = False  # shared by every caller
    return embedding


@lru_cache(maxsize=1)
def load_laion(checkpoint: str, audio_model: str, fusion: bool) -> Any:  # a class without types
    """Return laion-clap's module with the weights of a checkpoint.

    Raises:
        NotInstalledError: laion-clap is not installed.
        CheckpointError: the checkpoint or the tokenizers are not there, or of another kind.
    """
    if not find_spec("laion_clap"):
        raise NotInstalledError(
            'stream laion_clap needs laion-clap: pip install "muze-laion-clap[laion]" '
            "(it wants numpy below 2)"
        )
    weights = _weights(checkpoint)
    from muze.audio.torchaudio_import import torchaudio_import

    if find_spec("torchaudio"):  # laion-clap imports it where it is installed
        torchaudio_import()
    try:
        from laion_clap import CLAP_Module

        module = CLAP_Module(enable_fusion=fusion, device="cpu", amodel=audio_model)
    except OSError as fault:
        raise CheckpointError(
            "laion-clap fetches tokenizers from a hub when it is imported, and roberta-base with "
            "its weights; without a network fetch them beforehand: "
            f"{', '.join(f'`hf download {name}`' for name in TOKENIZERS)} ({fault})"
        ) from None
    try:
        module.model.load_state_dict(weights)
    except RuntimeError as fault:
        first = str(fault).strip().splitlines()[-1].strip()
        raise CheckpointError(
            f"{checkpoint}: is no {'fusion ' if fusion else ''}CLAP with {audio_model}; see "
            f"audio_model and fusion ({first[:120]})"
        ) from None
    return module.eval()


def _weights(checkpoint: str) -> dict[str, Any]:
    """Return the tensors of LAION's file, read without running what it holds."""
    import pickle

    import torch

    if not Path(checkpoint).is_file():
        raise CheckpointError(
            f"laion_clap: there is no file {checkpoint!r}; give a checkpoint of LAION's, which "
            f"`hf download lukewys/laion_clap {Path(checkpoint).name} --local-dir .` fetches"
        )
    # beside the tensors, numbers of the training are kept as numpy's
    kinds: list[Any] = [np.float64(0).__reduce__()[0], np.dtype]
    kinds += [type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64)]
    try:
        with torch.serialization.safe_globals(kinds):
            found = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as fault:
        raise CheckpointError(
            f"{checkpoint}: is no checkpoint of CLAP: it is damaged, or holds other than tensors "
            f"and numbers ({type(fault).__name__})"
        ) from None
    found = found.get("state_dict", found)
    return {name.removeprefix("module."): x for name, x in found.items() if NO_WEIGHT not in name}
