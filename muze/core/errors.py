"""Every error muze raises on purpose. The CLI prints these without a traceback."""

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class MuzeError(Exception):
    """Parent of all errors a user can act on."""


class ManifestError(MuzeError):
    """A manifest value is missing, unknown or impossible; names file, line and key."""


class PluginError(MuzeError):
    """A plugin is missing, broken or of another contract; names it and its distribution."""


class NotInstalledError(PluginError):
    """A library or model that a plugin listens or reads with is missing; says how to get it."""


class CheckpointError(MuzeError):
    """A model folder is missing, damaged, or lacks what was asked of it."""


class AudioError(MuzeError):
    """A sound file cannot be read or written; names the file."""


class DatasetError(MuzeError):
    """A dataset file or record is wrong; names the file and the track."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest known name, or an empty string."""
    near = difflib.get_close_matches(name, list(known), 1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def first_fault(fault: "ValidationError", *under: str | int) -> str:
    """Return the first thing found wrong, as ``unet.dropout: what is wrong there``."""
    first = fault.errors(include_url=False)[0]
    where = ".".join(map(str, (*under, *first["loc"])))
    told = first["msg"].removeprefix("Value error, ")
    return f"{where}: {told}" if where else told
