"""The state of a run on disk: whole or not at all, earlier ones kept, damage and change told."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from muze.audio.io import write_whole
from muze.core.errors import CheckpointError, MuzeError, first_fault
from muze.core.files import sha256
from muze.model.checkpoint import save_tensors
from muze.pipelines.training import FREE, LoopSettings

About = dict[str, Any]  # Any: JSON
"""What ``state.json`` says: step, settings, losses, and the hashes of what they came from."""
FAULTS = (ValueError, TypeError, KeyError, SafetensorError, RuntimeError)
"""What a state may raise that is no state, or another network's."""


def write_state(run: Path, tensors: Mapping[str, Tensor], about: About, keep: int) -> None:
    """Write a state as ``<run>/state``; the one before stays until the new is whole.

    The ``keep`` last before it are ``<run>/checkpoints/<step>``. Those of steps that are still to
    come, of before the run was taken back to an earlier state, are removed.
    """
    fresh, state, old = run / "state.part", run / "state", run / "state.old"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    save_tensors({k: v.contiguous() for k, v in tensors.items()}, fresh / "state.safetensors")
    about = {**about, "sha256": sha256(fresh / "state.safetensors")}
    write_whole(fresh / "state.json", json.dumps(about).encode())
    if state.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(state, old)
    os.replace(fresh, state)
    _keep_old(run, old, int(about["step"]), keep)


def _keep_old(run: Path, old: Path, step: int, keep: int) -> None:
    kept = run / "checkpoints"
    if keep and old.exists():
        try:
            before = int(json.loads((old / "state.json").read_text(encoding="utf-8"))["step"])
        except (OSError, *FAULTS):
            before = step  # of no use
        if before < step:
            kept.mkdir(exist_ok=True)
            shutil.rmtree(kept / str(before), ignore_errors=True)
            os.replace(old, kept / str(before))
    shutil.rmtree(old, ignore_errors=True)
    there = sorted((p for p in kept.glob("*") if p.name.isdecimal()), key=lambda p: int(p.name))
    past = [path for path in there if int(path.name) < step]
    for path in there:
        if path not in past[len(past) - keep :]:
            shutil.rmtree(path)
    if kept.exists() and not any(kept.iterdir()):
        kept.rmdir()


def read_about(folder: Path) -> About:
    """Return what a state says of itself.

    Raises:
        CheckpointError: there is none, or it makes no sense.
    """
    try:
        about: About = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        return {**about}
    except FileNotFoundError:
        raise CheckpointError(f"{folder}: there is no run to resume") from None
    except FAULTS as fault:
        raise does_not_fit(folder, fault) from None


def read_tensors(folder: Path, about: About) -> dict[str, Tensor]:
    """Return the tensors of a state.

    Raises:
        CheckpointError: they are missing, damaged, or not those it tells ``about``.
    """
    file = folder / "state.safetensors"
    try:
        told = about.get("sha256")  # an older muze's tells none
        if told is not None and sha256(file) != told:
            raise CheckpointError(f"{folder}: is damaged; its weights are not those it tells of")
        return load_file(file)
    except FileNotFoundError:
        raise CheckpointError(f"{file}: is missing") from None
    except FAULTS as fault:
        raise does_not_fit(folder, fault) from None


def recover(run: Path) -> None:
    """Finish what a kill between the two renames of ``write_state`` left."""
    state, old = run / "state", run / "state.old"
    if old.exists() and not state.exists():
        os.replace(old, state)


def does_not_fit(folder: Path, fault: Exception) -> CheckpointError:
    """Return the error of a state that is not this training's, in one line."""
    told = shorten(str(fault), 300, placeholder=" ...")
    return CheckpointError(f"{folder}: does not fit this training: {told}")


def check_same(settings: LoopSettings, about: About, folder: Path, now: About) -> None:
    """Check that a run goes on as it began; the states of older muzes may say less.

    ``now`` has the ``dataset_sha256`` and ``autoencoder_sha256`` of what is trained on.

    Raises:
        CheckpointError: it was saved with settings that this muze does not know.
        MuzeError: a setting that decides the weights is another; names both.
    """
    ours = settings.model_dump(mode="json")
    try:
        said = {**about["settings"], **{key: ours[key] for key in FREE if key in ours}}
    except (KeyError, TypeError) as fault:
        raise does_not_fit(folder, fault) from None
    try:
        before = type(settings).model_validate(said).model_dump(mode="json")
    except ValidationError as fault:
        told = f"was saved with settings this muze does not know: {first_fault(fault)}"
        raise CheckpointError(f"{folder}: {told}") from None
    if settings.start is None:  # the run's own weights take its place anyway
        before["start"] = None
    differ = [
        f"{path} was {a!r} and is {b!r}"
        for path, a, b in _differing(before, ours)
        if path not in FREE
    ]
    if about.get("dataset_sha256", now["dataset_sha256"]) != now["dataset_sha256"]:
        differ.append(f"what is in {settings.dataset} has changed")
    if "autoencoder_sha256" not in about:  # an older muze's
        old, new = (said.get("vae") for said in (about["settings"], ours))
        differ += [f"vae was {old!r} and is {new!r}"] if old != new else []
    elif about["autoencoder_sha256"] != now["autoencoder_sha256"]:
        differ.append(f"vae is another autoencoder, {ours['vae']!r}")
    if differ:
        raise MuzeError(
            f"{settings.run}: cannot be resumed: {'; '.join(differ)}; give what it began with "
            "(leave the option out), or start another run in a new folder"
        )


def _differing(
    before: dict[str, Any], now: dict[str, Any], under: str = ""
) -> Iterator[tuple[str, Any, Any]]:  # Any: JSON
    """Yield where two settings differ, and how: ``unet.dropout``, the old, the new."""
    for key in dict.fromkeys([*before, *now]):
        old, new, path = before.get(key), now.get(key), f"{under}{key}"
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differing(old, new, f"{path}.")
        elif old != new:
            yield path, old, new
