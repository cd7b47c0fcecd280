"""XTTS by coqui-tts: its checkpoint read as weights only, a voice heard, words spoken."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from muze.audio.io import resample
from muze.core.errors import CheckpointError, NotInstalledError
from muze.core.grid import Audio
from muze.core.voices import pieces, within

REPOSITORY = "coqui/XTTS-v2"
FILES = ("config.json", "model.pth", "vocab.json", "speakers_xtts.pth")
LANGUAGES = {"zh-cn": "cmn"}
"""muze's names of languages that XTTS calls otherwise."""
HEARD_RATE = 22_050
"""Samples a second at which XTTS hears a reference."""
LONGEST = 250
"""Letters read at once where its tokenizer sets no limit of its own."""
PAUSE = 0.15
"""Seconds of silence between two lines."""
NOT_SAID = ("torch_mel_spectrogram_style_encoder", "torch_mel_spectrogram_dvae", "dvae")
"""Parts of a training that are in some checkpoints, and are not needed to speak."""


@dataclass(frozen=True)
class Likeness:
    """What XTTS knows of a voice: latents (1, N, width) and an embedding (1, width, 1)."""

    latents: Any  # torch tensors; torch is imported late
    embedding: Any


def find_folder(folder: str | None) -> Path:
    """Return the folder of the checkpoint; nothing is fetched, some 1.9 GB.

    Raises:
        NotInstalledError: coqui-tts or the checkpoint are not there; says how to get them.
        CheckpointError: ``folder`` names none, or one that lacks a file.
    """
    if find_spec("TTS") is None:
        raise NotInstalledError(
            'voice backend xtts needs coqui-tts: pip install "muze-xtts[coqui]"'
        )
    if folder is None:
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(REPOSITORY, FILES[0])
        if not isinstance(cached, str):
            raise NotInstalledError(
                f"xtts: no weights are on this machine; `hf download {REPOSITORY}` fetches them, "
                "for non-commercial use, or give their folder as its setting folder"
            )
        found = Path(cached).parent
    else:
        found = Path(folder)
    missing = [name for name in FILES if not (found / name).is_file()]
    if missing:
        raise CheckpointError(f"{found}: holds no {missing[0]}; want {', '.join(FILES)}")
    return found


@lru_cache(maxsize=4)
def read_languages(folder: Path) -> tuple[str, ...]:
    """Return the languages of a checkpoint, as muze calls them.

    Raises:
        CheckpointError: its config is damaged.
    """
    try:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))["languages"]
        return tuple(LANGUAGES.get(code, code) for code in map(str, told))
    except (ValueError, KeyError, TypeError) as fault:
        raise CheckpointError(
            f"{folder / 'config.json'}: is no config of XTTS ({type(fault).__name__}: {fault})"
        ) from None


def read_speakers(folder: Path) -> dict[str, Likeness]:
    """Return the speakers that come with a checkpoint.

    Raises:
        CheckpointError: their file is damaged, or holds more than tensors.
    """
    file = folder / "speakers_xtts.pth"
    speakers = _read(file, ())
    try:
        return {str(name): Likeness(*_pair(told)) for name, told in speakers.items()}
    except (AttributeError, IndexError, KeyError, TypeError) as fault:
        raise CheckpointError(f"{file}: lists no speakers of XTTS ({fault})") from None


@lru_cache(maxsize=1)
def load_xtts(folder: Path, device: str) -> Any:  # coqui-tts has no types
    """Return the model, ready to speak. The checkpoint is read as tensors, and left as it is.

    coqui-tts's own loader writes an old checkpoint anew in its place.

    Raises:
        CheckpointError: a file is damaged, is no XTTS, or holds more than weights.
    """
    from muze.audio.torchaudio_import import torchaudio_import

    torchaudio_import()
    from TTS.config.shared_configs import BaseDatasetConfig
    from TTS.tts.configs.xtts_config import XttsArgs, XttsAudioConfig, XttsConfig
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
    from TTS.tts.models.xtts import Xtts

    config = XttsConfig()
    for name, load in (("config.json", config.load_json), ("vocab.json", _check_vocabulary)):
        try:
            load(str(folder / name))
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            raise CheckpointError(f"{folder / name}: is not XTTS's ({fault})") from None
    # the published checkpoint holds its config too, under names its classes once had
    known = [BaseDatasetConfig, XttsConfig, XttsArgs, XttsAudioConfig]
    known += [
        (kind, f"TTS.tts.models.xtts.{kind.__name__}") for kind in (XttsArgs, XttsAudioConfig)
    ]
    file = folder / "model.pth"
    found = _read(file, known)
    model = Xtts(config)
    try:
        model.tokenizer = VoiceBpeTokenizer(vocab_file=folder / "vocab.json")
        model.init_models()
        weights = {name.removeprefix("xtts."): x for name, x in found["model"].items()}
        spoken = {n: x for n, x in weights.items() if n.partition(".")[0] not in NOT_SAID}
        if any(name.startswith("gpt.gpt_inference") for name in spoken):  # those of XTTS v1
            model.gpt.init_gpt_for_inference(kv_cache=model.args.kv_cache)
        model.load_state_dict(spoken)
    except (RuntimeError, KeyError, TypeError, AttributeError) as fault:
        told = str(fault).strip().splitlines()[-1].strip()
        raise CheckpointError(f"{file}: is no XTTS as its config says ({told[:120]})") from None
    model.eval()
    return model.to(device)


def listen(model: Any, reference: Audio) -> Likeness:
    """Return what XTTS hears of a voice in a recording of it."""
    import torch

    config = model.config
    heard = resample(Audio(reference.mono[None], reference.sample_rate), HEARD_RATE).samples
    samples = torch.from_numpy(heard[:, : HEARD_RATE * config.max_ref_len])
    latents = model.get_gpt_cond_latents(
        samples, HEARD_RATE, config.gpt_cond_len, config.gpt_cond_chunk_len
    )
    return Likeness(latents, model.get_speaker_embedding(samples, HEARD_RATE))


def speak(
    model: Any,
    text: str,
    language: str,
    likeness: Likeness,
    seed: int,
    speed: float,
    temperature: float | None,
) -> Audio:
    """Return the text spoken in a voice, drawn by the seed.

    Raises:
        NotInstalledError: what the language is read with is not there.
    """
    import torch

    config, code = model.config, next((n for n, c in LANGUAGES.items() if c == language), language)
    limits = model.tokenizer.char_limits
    rate = int(config.audio.output_sample_rate)
    silence = np.zeros(round(PAUSE * rate), np.float32)
    sounds: list[Any] = []
    device = torch.device(model.device)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)  # coqui-tts draws from torch's own generator
        for piece in pieces(text, limits.get(code.partition("-")[0], LONGEST)):
            try:
                said = model.inference(
                    piece, code, likeness.latents, likeness.embedding, speed=speed,
                    temperature=config.temperature if temperature is None else temperature,
                    length_penalty=config.length_penalty, top_k=config.top_k, top_p=config.top_p,
                    repetition_penalty=config.repetition_penalty,
                )  # fmt: skip
            except ImportError as fault:
                raise NotInstalledError(f"xtts cannot read {language!r}: {fault}") from None
            sounds += [silence, np.atleast_1d(said["wav"])] if sounds else [said["wav"]]
    samples = np.concatenate(sounds).astype(np.float32)
    return Audio(within(samples)[None], rate)


def _read(file: Path, known: Any) -> Any:
    """Return what torch saved, as tensors and the ``known`` classes; nothing in it is run."""
    import pickle

    import torch

    try:
        with torch.serialization.safe_globals(list(known)):
            return torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as fault:
        raise CheckpointError(
            f"{file}: is damaged, or holds more than weights ({type(fault).__name__})"
        ) from None


def _check_vocabulary(file: str) -> None:
    """Raise ``KeyError`` unless a file lists tokens; the tokenizers library has no such error."""
    found = json.loads(Path(file).read_text(encoding="utf-8"))
    found["model"]["vocab"]["[STOP]"]


def _pair(told: Any) -> tuple[Any, Any]:
    return told["gpt_cond_latent"], told["speaker_embedding"]
