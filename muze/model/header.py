"""What a model folder says of itself in ``muze.json``; read without torch."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from muze.core.errors import CheckpointError, PluginError, first_fault
from muze.core.files import sha256
from muze.core.registry import Registry
from muze.core.settings import Settings
from muze.model.folders import model_folder

FORMAT = 1
PARTS = ("autoencoder", "denoiser", "vocoder", "planner")
S = TypeVar("S", bound=Settings)
M = TypeVar("M", bound=BaseModel)


class Said(BaseModel):
    """Something a header says; what else it says there is left to others."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)


class Part(Said):
    """One network of a model."""

    settings: dict[str, Any] = Field(description="JSON of the network's own settings.")
    file: str = Field(description="Name of the file of its weights.")
    sha256: str = Field(description="Hash of that file.")
    trained_sha256: str | None = Field(None, description="Hash of the weights as trained.")
    autoencoder_sha256: str | None = Field(None, description="That of the latents' autoencoder.")
    name: str | None = Field(None, description="A vocoder's name.")


class Base(Said):
    """The model that one was fine-tuned from, and takes the parts from that it has not."""

    model: str = Field(description="An installed model, a hub id, or a folder, from the header's.")
    parts: dict[str, str] = Field(description="SHA-256 of each of that model's files, by part.")


class Evaluation(Said):
    """What a benchmark found of a model."""

    dropped: dict[str, float] | None = Field(None, description="Figures without any control.")


class Header(Said):
    """What ``muze.json`` says, as far as muze reads it."""

    parts: dict[str, Part] = Field(default_factory=dict)
    vocoder: str | None = Field(None, description="The vocoder the model is heard through.")
    evaluation: Evaluation = Evaluation()
    base: Base | None = Field(None, description="The model it was fine-tuned from.")
    licence: str | None = Field(None, description="Its licence, as MIT or CC-BY-NC-4.0.")
    data: str | None = Field(None, description="What it was trained on, in words.")


def read_header(folder: Path) -> dict[str, Any]:
    """Return what ``muze.json`` says; what ``Header`` names is as that tells.

    Raises:
        CheckpointError: no such folder, no header, one of another format, or one that says what
            makes no sense; names the file and the key.
    """
    path = folder / "muze.json"
    if not path.exists():
        hint = "; a run's parts become one by muze models assemble" if _is_run(folder) else ""
        raise CheckpointError(f"{folder}: is no model folder; it has no muze.json{hint}")
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as fault:
        raise CheckpointError(f"{path}: cannot be read: {fault}") from None
    if not isinstance(header, dict) or header.get("muze_model") != FORMAT:
        raise CheckpointError(
            f"{path}: is of format {header.get('muze_model') if isinstance(header, dict) else '?'};"
            f" this muze reads format {FORMAT}"
        )
    check_header(folder, Header, header)
    return header


def _is_run(folder: Path) -> bool:
    return any((folder / part / "muze.json").exists() for part in PARTS)


def check_header(folder: Path, model: type[M], said: Any, under: str = "") -> M:
    """Return what stands ``under`` a key of ``muze.json``, as a model of it.

    Raises:
        CheckpointError: something is missing or of another kind; names the file and the key.
    """
    try:
        return model.model_validate(said)
    except ValidationError as fault:
        told = first_fault(fault, *([under] if under else []))
        raise CheckpointError(f"{folder / 'muze.json'}: {told}") from None


def write_header(folder: Path, header: dict[str, Any]) -> None:
    """Write ``muze.json``, whole or not at all.

    Raises:
        CheckpointError: the disk is full, or the folder is missing or not writable.
    """
    file, fresh = folder / "muze.json", folder / "muze.json.part"
    try:
        fresh.write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")
        os.replace(fresh, file)
    except BaseException as fault:  # also Ctrl-C
        fresh.unlink(missing_ok=True)
        if isinstance(fault, OSError):  # that of a full disk names no file
            raise CheckpointError(f"{file}: cannot be written: {fault.strerror}") from None
        raise


def whole_header(folder: Path, through: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return what ``muze.json`` says, with what a fine-tuned model takes from its base.

    Raises:
        CheckpointError: as ``read_header``, or the base is not there, or another by now.
    """
    header = read_header(folder)
    if header.get("base") is None:
        return header
    base = whole_header(base_folder(folder, through), (*through, folder))
    taken = {name: base["parts"][name] for name in header["base"]["parts"]}
    same: dict[str, Any] = {key: base[key] for key in ("vocoder", "licence") if key in base}
    return {**same, **header, "parts": {**taken, **header.get("parts", {})}}


def base_folder(folder: Path, through: tuple[Path, ...] = ()) -> Path:
    """Return the folder of the model that one was fine-tuned from, as long as it is the same.

    Raises:
        CheckpointError: it is not there, it is another by now, or it leads back here.
    """
    said = read_header(folder)["base"]
    try:
        base = model_folder(said["model"], Registry(), folder)
    except PluginError as fault:
        raise CheckpointError(f"{folder}: was fine-tuned from another model: {fault}") from None
    if base in (folder, *through):
        raise CheckpointError(f"{folder / 'muze.json'}: base: is this model itself")
    theirs = whole_header(base, (*through, folder)).get("parts", {})
    for part, wanted in said["parts"].items():
        if part not in theirs or theirs[part]["sha256"] != wanted:
            now = theirs[part]["sha256"][:12] if part in theirs else "missing"
            raise CheckpointError(
                f"{folder}: was fine-tuned from {said['model']}, whose {part} was {wanted[:12]} "
                f"and is {now} now; put the former back, or fine-tune anew"
            )
    return base


def part_of(folder: Path, part: str) -> dict[str, Any]:
    """Return the header of one network: its ``settings``, ``file``, ``sha256`` and more.

    Raises:
        CheckpointError: the model has no such part, or says too little of it.
    """
    return _found(folder, part)[1]


def weights_file(folder: Path, part: str) -> Path:
    """Return where one network's weights lie, once they are what the header tells of.

    Raises:
        CheckpointError: the file is missing, cut short, or not the one the header tells of.
    """
    folder, about = _found(folder, part)
    file = folder / Path(about["file"]).name  # a name, never a path out of the folder
    if not file.is_file():
        raise CheckpointError(f"{file}: is missing")
    if sha256(file) != about["sha256"]:
        raise CheckpointError(f"{file}: is damaged or was changed; its sha256 is not muze.json's")
    return file


def _found(folder: Path, part: str) -> tuple[Path, dict[str, Any]]:
    """Return the folder that has a part, a model's own or its base's, and the part's header."""
    header = read_header(folder)
    parts = header.get("parts", {})
    if part in parts:
        return folder, parts[part]
    if part in (header.get("base") or {"parts": {}})["parts"]:
        return _found(base_folder(folder), part)
    has = ", ".join(parts) or "nothing"
    raise CheckpointError(
        f"{folder}: has no {part}; it has {has} (muze models assemble puts parts together)"
    )


def part_settings(folder: Path, part: str, model: type[S]) -> S:
    """Return one network's settings as the header says them.

    Raises:
        CheckpointError: they are not settings of that network in this muze.
    """
    try:
        return model.model_validate(part_of(folder, part)["settings"])
    except ValidationError as fault:
        told = f"the settings of its {part} are wrong: {first_fault(fault)}"
        raise CheckpointError(f"{folder}: {told}") from None


def trained_sha256(about: dict[str, Any]) -> str:
    """Return the hash of a network's weights as trained, whatever precision they ship in.

    Latents are tied to the autoencoder by it.
    """
    return str(about.get("trained_sha256") or about["sha256"])
