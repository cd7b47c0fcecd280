"""CLAP (Elizalde et al. 2022; LAION's, Wu et al. 2023), run frozen through transformers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from muze.analysis.device import listening_device
from muze.analysis.embeddings import unit
from muze.core.errors import CheckpointError, ManifestError, NotInstalledError
from muze.core.grid import Audio

if TYPE_CHECKING:
    from tokenizers import Tokenizer

USUAL = "laion/larger_clap_music"
"""Checkpoint that the stream reads where its settings name none."""
MAX_TOKENS = 77
"""Length LAION's models were trained on."""


@lru_cache(maxsize=4096)  # 2 kB each
def embed_text(text: str, checkpoint: str, width: int) -> NDArray[np.float32]:
    """Return the embedding of words, shape (width,) and of length 1, read-only.

    Raises:
        ManifestError: the text has more than 77 word pieces.
        NotInstalledError: the weights are not there.
        CheckpointError: they are damaged, or of another width.
    """
    model, tokenizer, _ = load_clap(checkpoint, width)
    import torch

    ids = tokenizer(text).input_ids
    check_count(len(ids))
    with torch.inference_mode():
        told = model.get_text_features(input_ids=torch.tensor([ids], device=model.device))
    embedding = unit(_embedding(told))
    embedding.flags.writeable = False  # shared by every caller
    return embedding


def embed_audio(audio: Audio, checkpoint: str, width: int) -> NDArray[np.float32]:
    """Return the embedding of sound, shape (width,) and of length 1.

    CLAP hears ten seconds. Of longer sound, the mean of evenly placed stretches that cover it:
    the library's own way is one stretch at random.

    Raises:
        NotInstalledError: the weights are not there.
        CheckpointError: they are damaged, or of another width.
    """
    model, _, listener = load_clap(checkpoint, width)  # first, as the imports take seconds
    import soxr
    import torch

    samples = soxr.resample(audio.mono, audio.sample_rate, listener.sampling_rate)
    heard = []
    for piece in stretches(samples, listener.nb_max_samples):
        inputs = listener(piece, sampling_rate=listener.sampling_rate, return_tensors="pt")
        inputs = inputs.to(model.device)
        with torch.inference_mode():
            heard.append(_embedding(model.get_audio_features(**inputs)))
    return unit(np.mean(heard, axis=0))


def stretches(samples: NDArray[np.float32], longest: int) -> Iterator[NDArray[np.float32]]:
    """Yield evenly placed stretches of ``longest`` samples that cover a sound; a short one whole.

    Their starts are whole and the same for the same length, so that it is heard the same again.
    """
    spare = max(0, len(samples) - longest)
    for start in np.linspace(0, spare, 1 + -(-spare // longest)).astype(int):
        yield samples[start : start + longest]


def check_length(text: str, checkpoint: str) -> None:
    """Raise ``ManifestError`` for a text of more than 77 word pieces; without torch.

    Where the folder has no ``tokenizer.json`` they are counted when it is embedded.

    Raises:
        NotInstalledError: the weights that would read it are not there.
    """
    file = weights_folder(checkpoint) / "tokenizer.json"
    if file.is_file():
        check_count(len(_tokenizer(str(file)).encode(text).ids))


def check_count(count: int) -> None:
    """Raise ``ManifestError`` for more than 77 word pieces."""
    if count > MAX_TOKENS:
        raise ManifestError(
            f"a text of {count} word pieces; CLAP reads {MAX_TOKENS} at most, so shorten it"
        )


@lru_cache(maxsize=1)
def _tokenizer(file: str) -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(file)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _embedding(told: Any) -> NDArray[np.float32]:
    """Return what transformers 4 gives as a tensor (1, width) and 5 as a part of its output."""
    embedding: NDArray[np.float32] = getattr(told, "pooler_output", told)[0].float().cpu().numpy()
    return embedding


def weights_folder(checkpoint: str) -> Path:
    """Return the folder of a CLAP: the one named, or that in which a hub id was downloaded.

    Nothing is fetched: the weights are 800 MB, and the hub is asked for minutes where it is away.

    Raises:
        NotInstalledError: no weights are there; says how to get them.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    folder = Path(checkpoint)
    if not folder.is_dir():
        try:
            folder = Path(snapshot_download(checkpoint, local_files_only=True))
        except (HFValidationError, LocalEntryNotFoundError):
            raise NotInstalledError(_missing(checkpoint)) from None
    if not any((*folder.glob("*.safetensors"), *folder.glob("*.bin"))):
        raise NotInstalledError(_missing(checkpoint))
    return folder


def _missing(checkpoint: str, why: str = "") -> str:
    if checkpoint == USUAL and not why:  # a build tells it in a line
        return f"clap: its weights are not installed; `hf download {USUAL}` fetches them"
    return (
        f"clap: its weights are not installed, none are at {checkpoint!r}{why}; `hf download "
        f"{USUAL}` fetches some, or give its setting checkpoint a folder that holds a CLAP with "
        "its tokenizer and feature extractor"
    )


@lru_cache(maxsize=1)
def load_clap(checkpoint: str, width: int) -> tuple[Any, Any, Any]:
    """Return the model, its tokenizer and its feature extractor, classes without types.

    Raises:
        NotInstalledError: they are not there.
        CheckpointError: they are damaged, or the embeddings are of another width.
    """
    folder = weights_folder(checkpoint)  # first, as the imports take seconds
    from importlib.util import find_spec

    from muze.audio.torchaudio_import import torchaudio_import

    if find_spec("torchaudio"):  # transformers imports it where it is installed
        torchaudio_import()
    from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        listener = ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
        model = ClapModel.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as fault:
        raise NotInstalledError(_missing(checkpoint, f" ({type(fault).__name__})")) from None
    if model.config.projection_dim != width:
        raise CheckpointError(
            f"{checkpoint}: this CLAP's embeddings are {model.config.projection_dim} wide, "
            f"the config says {width}"
        )
    return model.eval().to(listening_device()), tokenizer, listener
