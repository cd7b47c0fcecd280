"""T5's encoder (Raffel et al. 2020; Flan-T5, Chung et al. 2022), run frozen."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from muze.core.errors import CheckpointError, ManifestError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_TOKENS = 512
"""Length T5 was trained on; its relative positions do not forbid more."""


@lru_cache(maxsize=1024)
def encode_prompt_t5(
    prompt: str, weights: str, hidden: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the last hidden states (N, hidden) and their L2-normalised mean (hidden,), read-only.

    Raises:
        ManifestError: the prompt has more than 512 word pieces.
        CheckpointError: the weights are not there, or of another width.
    """
    import torch

    tokenizer, model = _load(weights)
    if model.config.d_model != hidden:
        raise CheckpointError(
            f"{weights}: this T5's states are {model.config.d_model} wide, the config says {hidden}"
        )
    ids = tokenizer(prompt).input_ids
    _check_count(len(ids))
    with torch.inference_mode():
        states = model(input_ids=torch.tensor([ids])).last_hidden_state[0].float()
        mean = torch.nn.functional.normalize(states.mean(dim=0), dim=0)
    tokens, pooled = states.numpy(), mean.numpy()
    tokens.flags.writeable = pooled.flags.writeable = False  # shared by every caller
    return tokens, pooled


def check_length(prompt: str, weights: str) -> None:
    """Raise ``ManifestError`` for a prompt of more than 512 word pieces; without torch.

    Where the folder has no ``tokenizer.json`` they are counted when the prompt is encoded.
    """
    file = Path(weights) / "tokenizer.json"
    if file.is_file():
        _check_count(len(_tokenizer(str(file)).encode(prompt).ids))


def _check_count(count: int) -> None:
    if count > MAX_TOKENS:
        raise ManifestError(
            f"a prompt of {count} word pieces; T5 reads {MAX_TOKENS} at most, so shorten it"
        )


@lru_cache(maxsize=1)
def _tokenizer(file: str) -> Tokenizer:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(file)


@lru_cache(maxsize=1)
def _load(weights: str) -> tuple[Any, Any]:  # third-party classes without types
    from importlib.util import find_spec

    from muze.audio.torchaudio_import import torchaudio_import

    if find_spec("torchaudio"):  # transformers imports it where it is installed
        torchaudio_import()
    from transformers import AutoTokenizer, T5EncoderModel

    try:
        tokenizer = AutoTokenizer.from_pretrained(weights)
        model = T5EncoderModel.from_pretrained(weights)
    except (OSError, ValueError) as fault:
        raise CheckpointError(
            f"text encoder t5: no weights at {weights!r}; give a folder that holds a T5 with its "
            "tokenizer, or with a network a hub id such as google/flan-t5-base, which "
            f"`hf download google/flan-t5-base` fetches beforehand ({type(fault).__name__})"
        ) from None
    return tokenizer, model.eval()
