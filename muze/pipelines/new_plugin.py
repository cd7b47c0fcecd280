"""Writes a plugin to begin with: a whole distribution that passes every check as it is."""

from __future__ import annotations

import re
import tempfile
from importlib.metadata import distributions, entry_points
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Literal

from muze.core.errors import MuzeError, PluginError
from muze.core.registry import GROUP

Kind = Literal["stream", "sampler", "vocoder", "voice", "separator"]

COMPONENT = {
    "pyproject.toml": "pyproject.toml", "README.md": "README.md", "LICENSE": "LICENSE",
    "$module/__init__.py": "$kind.py", "tests/test_$name.py": "component_test.py",
}  # fmt: skip
STREAM = {
    **COMPONENT, "$module/encoder.py": "encoder.py", "tests/test_$name.py": "stream_test.py",
}  # fmt: skip
"""What is written, and the skeleton it is written from."""
USAGE = {
    "stream": "streams:\n  $name: [0.3, 0.9]   # over the song, of a model trained with it",
    "sampler": "sampler: {name: $name}",
    "vocoder": "vocoder: {name: $name}",
    "voice": "voice: {backend: $name, voice: low, lyrics: la la}",
}
"""How a song asks for it; it does not ask for a separator."""
RESERVED = {
    "all": "guidance calls every stream together so",
    "true": "YAML reads it as no name",
    "false": "YAML reads it as no name",
    "null": "YAML reads it as no name",
}


def write_plugin(name: str, kind: Kind, folder: Path | None = None) -> Path:
    """Write a plugin that offers one component ``name``; return its folder.

    The folder is ``muze-<name>`` unless another is given. It appears whole or not at all.

    Raises:
        PluginError: the name is none, or taken.
        MuzeError: the folder exists, or there is nothing it could lie in.
    """
    check_name(name)
    words = {
        "name": name, "kind": kind, "module": f"muze_{name}",
        "distribution": f"muze-{name.replace('_', '-')}",
        "camel": "".join(part.capitalize() for part in name.split("_")),
    }  # fmt: skip
    usage = Template(USAGE.get(kind, "")).substitute(words)
    words["usage"] = f"\n```yaml\n{usage}\n```\n" if usage else ""
    folder = Path(words["distribution"]) if folder is None else folder
    if folder.exists() or folder.is_symlink():
        raise MuzeError(f"{folder} exists already; take it away, or say another --folder")
    if not folder.parent.is_dir():
        raise MuzeError(f"{folder}: there is no folder {folder.parent}")
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        half = Path(beside) / "half-written"
        half.mkdir()
        for path, skeleton in (STREAM if kind == "stream" else COMPONENT).items():
            out = half / Template(path).substitute(words)
            out.parent.mkdir(exist_ok=True)
            source = files("muze") / "skeletons" / f"{Template(skeleton).substitute(words)}.txt"
            text = Template(source.read_text(encoding="utf-8")).substitute(words)
            out.write_text(text, encoding="utf-8")
        half.rename(folder)
    return folder


def check_name(name: str) -> None:
    """Raise ``PluginError`` unless a new plugin may be called so."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name, re.ASCII):
        tamed = re.sub(r"[^a-z0-9]+", "_", re.sub(r"^muze[-_]", "", name.lower())).strip("_")
        hint = f", as {tamed!r}" if re.match("[a-z]", tamed) else ""
        raise PluginError(
            f"{name!r} cannot be a plugin's name; it is what a song will say, in small letters, "
            f"digits and single underscores, a letter first{hint}"
        )
    if name in RESERVED:
        raise PluginError(f"{name!r} cannot be a plugin's name: {RESERVED[name]}")
    from torch.nn import ModuleDict

    if hasattr(ModuleDict(), name):  # where a model keeps its streams by name
        raise PluginError(f"{name!r} cannot be a plugin's name: torch has a use for it")
    for point in entry_points(group=GROUP, name=name):
        origin = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        raise PluginError(f"plugin {name!r} is installed already, by {origin}; take another name")
    wanted = f"muze_{name}"
    for found in distributions():
        if re.sub(r"[-_.]+", "_", found.name or "").lower() == wanted:
            raise PluginError(f"{found.name} is installed already; take another name")
    if find_spec(wanted) is not None:
        raise PluginError(f"there is a module {wanted} already; take another name")
