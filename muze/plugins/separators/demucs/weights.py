"""Demucs' weights: found on this machine, and read without running anything that is in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import yaml
from pydantic import Field, StringConstraints, ValidationError

from muze.core.errors import CheckpointError, NotInstalledError, first_fault
from muze.core.settings import Settings

SUFFIXES = (".safetensors", ".th")
CLASSES = ("demucs.htdemucs.HTDemucs", "demucs.hdemucs.HDemucs")
"""Networks that a checkpoint may name; Demucs itself imports and calls whatever one names."""

Signature = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_]+$")]


class Bag(Settings):
    """Networks whose stems are averaged, as Demucs lists them in ``htdemucs.yaml``."""

    models: list[Signature] = Field(min_length=1, description="Names of files of weights.")
    weights: list[list[float]] | None = Field(None, description="One of each network for a stem.")
    segment: float | None = Field(None, gt=0, description="Seconds heard at once.")


@dataclass(frozen=True)
class Found:
    """A bag, and the file of each of its networks."""

    bag: Bag
    files: tuple[Path, ...]


def find_weights(model: str, weights: str | None) -> Found:
    """Return the files of a model of Demucs', from a folder or file or from its downloads.

    Nothing is fetched: some 80 MB a network.

    Raises:
        NotInstalledError: Demucs or the weights are not there; says how to get them.
        CheckpointError: ``weights`` names nothing, or a folder that lacks the model's files.
    """
    package = find_spec("demucs")
    if package is None or not package.submodule_search_locations:
        raise NotInstalledError('demucs: it is not installed; `pip install "muze[separation]"`')
    listed = Path(package.submodule_search_locations[0]) / "remote"
    if weights is not None:
        given = Path(weights)
        if given.is_file():
            return Found(Bag(models=["given"]), (given,))
        if not given.is_dir():
            raise CheckpointError(f"{weights}: there is no such file or folder of Demucs' weights")
        found = _in(given, given, model) or _in(given, listed, model) or _alone(given)
        if found is None:
            raise CheckpointError(
                f"{weights}: holds no weights of {model}; want the {' or '.join(SUFFIXES)} files "
                f"that {model}.yaml lists, or one such file alone"
            )
        return found
    import torch
    from demucs.hf import DEFAULT_NAMESPACE, hf_repo_name
    from huggingface_hub import try_to_load_from_cache

    repository = f"{DEFAULT_NAMESPACE}/{hf_repo_name(model)}"
    cached = try_to_load_from_cache(repository, f"{model}.yaml")
    if isinstance(cached, str) and (found := _in(Path(cached).parent, Path(cached).parent, model)):
        return found
    if found := _in(Path(torch.hub.get_dir()) / "checkpoints", listed, model):
        return found
    raise NotInstalledError(
        f"demucs: no weights of {model} are installed; `hf download {repository}` fetches them, "
        "or give their folder as its setting weights"
    )


def load_network(found: Found) -> Any:  # Demucs' classes have no types
    """Return the networks of a bag as one, ready to be applied.

    Raises:
        CheckpointError: a file is damaged, is no Demucs, or does not load as weights only.
    """
    from demucs.apply import BagOfModels

    networks = [_read(file) for file in found.files]
    try:
        return BagOfModels(networks, found.bag.weights, found.bag.segment).eval()
    except AssertionError:
        raise CheckpointError(
            f"{found.files[0]}: the networks of this bag have other stems, rates or channels, "
            "or its weights are not one for each stem of each network"
        ) from None


def _in(folder: Path, lists: Path, model: str) -> Found | None:
    """Return the files in a folder that ``lists/model.yaml`` names; None unless all are there."""
    file = lists / f"{model}.yaml"
    if not file.is_file():
        return None
    try:
        bag = Bag.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise CheckpointError(f"{file}: is no YAML ({type(fault).__name__})") from None
    except ValidationError as fault:
        raise CheckpointError(f"{file}: lists no networks: {first_fault(fault)}") from None
    files = []
    for name in bag.models:
        named = [folder / f"{name}.safetensors", folder / f"{name}.th"]
        named += folder.glob(f"{name}-*.th")  # an older download, with the start of its hash
        there = [path for path in named if path.is_file()]
        if not there:
            return None
        files.append(there[0])
    return Found(bag, tuple(files))


def _alone(folder: Path) -> Found | None:
    files = [path for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES]
    return Found(Bag(models=["alone"]), (files[0],)) if len(files) == 1 else None


def _read(file: Path) -> Any:
    from pickle import UnpicklingError

    from safetensors import SafetensorError

    try:
        return _read_safetensors(file) if file.suffix == ".safetensors" else _read_pickle(file)
    except UnpicklingError as fault:
        why = str(fault).strip().splitlines()[-1]
        raise CheckpointError(
            f"{file}: does not load as weights only, and nothing else in it is run ({why}); "
            "use the .safetensors that Demucs offers now"
        ) from None
    except (SafetensorError, OSError, EOFError, RuntimeError, LookupError, TypeError,
            ValueError) as fault:  # fmt: skip
        told = str(fault).strip().splitlines() or [type(fault).__name__]
        raise CheckpointError(f"{file}: is no checkpoint of Demucs ({told[0]})") from None


def _read_safetensors(file: Path) -> Any:
    from demucs.hf import load_safetensors_model
    from safetensors import safe_open

    with safe_open(str(file), framework="pt") as opened:
        about: Mapping[str, str] = opened.metadata() or {}
    if about.get("klass") not in CLASSES:
        raise ValueError(f"it names the network {about.get('klass')!r}, not one of {CLASSES}")
    if "structure" in about:
        raise ValueError("its weights are quantized")
    return load_safetensors_model(file)


def _read_pickle(file: Path) -> Any:
    import torch
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs
    from demucs.states import load_model
    from torch.serialization import safe_globals

    # what stands in Demucs' files beside tensors: the class, a fraction, numbers of numpy's
    scalar = np.float64(0).__reduce__()[0]
    known = [HTDemucs, HDemucs, Fraction, np.dtype, type(np.dtype("float64")), scalar,
             (scalar, "numpy.core.multiarray.scalar")]  # fmt: skip
    with safe_globals(known):
        package = torch.load(file, map_location="cpu", weights_only=True)
    if package["klass"] not in (HTDemucs, HDemucs):
        raise ValueError(f"it names the network {package['klass']!r}, not one of {CLASSES}")
    if package["state"].get("__quantized"):
        raise ValueError("its weights are quantized")
    return load_model(package)
