"""Writes a model to be shared: whole or beside its base, with licence and card."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from muze.audio.io import write_whole
from muze.core.errors import CheckpointError, MuzeError
from muze.core.precision import Precision
from muze.core.registry import Registry
from muze.model.checkpoint import write_weights
from muze.model.header import FORMAT, read_header, weights_file, whole_header, write_header
from muze.model.precision import restored, stored
from muze.pipelines.assemble import assemble
from muze.pipelines.model_card import model_card
from muze.pipelines.model_info import model_folder


def export(
    model: str,
    out: Path,
    merged: bool = False,
    precision: Precision | str = Precision.fp32,
    licence: str | None = None,
    data: str | None = None,
    force: bool = False,
) -> None:
    """Write a model as a folder of its own, with a card; whole or not at all.

    One that LoRA made stays beside its base, unless ``merged``; else all parts are written. The
    licence is carried over from the model or its base where none is given.

    Raises:
        MuzeError: no licence is told anywhere, the folder holds a model already, or the base lies
            in a folder that others have not.
        CheckpointError: a part is missing or damaged.
    """
    folder = model_folder(model, Registry(), Path.cwd())
    whole = whole_header(folder)
    licence = licence or whole.get("licence")
    if not licence:
        raise MuzeError(
            f"{model} does not tell its licence; say --license, as MIT or CC-BY-NC-4.0: whoever "
            "made the songs it was trained on may have a say in that"
        )
    if out.exists() and any(out.iterdir()) and not (force and (out / "muze.json").exists()):
        holds = (
            "holds a model already; say --force" if (out / "muze.json").exists() else "is in use"
        )
        raise MuzeError(f"{out}: {holds}, or name another folder")
    told: dict[str, Any] = {"licence": licence}  # Any: JSON
    told |= {key: whole[key] for key in ("vocoder", "data", "evaluation") if key in whole}
    told |= {"data": data} if data else {}
    fresh, old = (out.with_name(f"{out.name}.{end}") for end in ("part", "old"))
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        if "lora" in whole["parts"].get("denoiser", {}) and not merged:
            _beside_base(model, folder, fresh, precision, told)
        else:
            assemble(fresh, dict.fromkeys(whole["parts"], folder), precision)
            made_of = {"made_of": _named(base)} if (base := whole.get("base")) else {}
            write_header(fresh, {**read_header(fresh), **told, **made_of})
        card = model_card(out.resolve().name, read_header(fresh))
        write_whole(fresh / "README.md", card.encode())
        if out.exists():
            os.replace(out, old)
        try:
            os.replace(fresh, out)
        except BaseException:  # also Ctrl-C
            if old.exists() and not out.exists():
                os.replace(old, out)
            raise
    finally:
        for leftover in (fresh, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _beside_base(
    model: str, folder: Path, out: Path, precision: Precision | str, told: dict[str, Any]
) -> None:
    header = read_header(folder)
    base = header["base"]["model"]
    if base not in Registry().models() and (folder / base).is_dir():
        raise CheckpointError(
            f"{model}: was fine-tuned from a folder of this machine, {base}; say --merged, and the "
            "whole model is written"
        )
    about = header["parts"]["denoiser"]
    weights = stored(restored(load_file(weights_file(folder, "denoiser"))), precision)
    whole = {"muze_model": FORMAT, "base": header["base"], "parts": {"denoiser": about}, **told}
    write_weights(out, whole, [("denoiser", weights)])


def _named(base: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of a base whose parts are taken: a folder's own name, not its place."""
    model = str(base["model"])
    return {**base, "model": Path(model).name if model.startswith((".", "/")) else model}
