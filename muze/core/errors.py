"""Every error muze raises on purpose. The CLI prints these without a traceback."""

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

MOST_TOLD = 8
"""Faults of one value that are told."""


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


class VoiceError(MuzeError):
    """A registered voice, its recording or its consent is missing or wrong; names it."""


class DatasetError(MuzeError):
    """A dataset file or record is wrong; names the file and the track."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest known name, or an empty string."""
    near = difflib.get_close_matches(name, list(known), 1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def all_told(faults: Iterable[str]) -> str:
    """Return the faults of one value in one line; of many, the first and how many more there are.

    What several end with alike, as how it is written right, is told once, at the end.
    """
    found = list(dict.fromkeys(faults))
    more = f"; and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
    told = found[:MOST_TOLD]
    ends = [text.partition("; ")[2] for text in told]
    for index, end in enumerate(ends):
        if end and end in ends[index + 1 :]:
            told[index] = told[index].removesuffix(f"; {end}")
    return "; ".join(told) + more


def first_fault(fault: "ValidationError", *under: str | int) -> str:
    """Return the first thing found wrong, as ``unet.dropout: what is wrong there``."""
    first = fault.errors(include_url=False)[0]
    where = ".".join(map(str, (*under, *first["loc"])))
    told = first["msg"].removeprefix("Value error, ")
    return f"{where}: {told}" if where else told
