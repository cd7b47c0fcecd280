"""Reads a song from a YAML file or from options, and tells all its faults at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from muze.manifest.faults import Faults, Keys, Source, location
from muze.manifest.song import (
    SECTION_SHORT_FORMS,
    SHORT_FORMS,
    VOICE_SHORT_FORMS,
    Song,
    short_forms,
)
from muze.manifest.yaml_lines import read_yaml

OPTIONS: dict[str, Keys] = {
    "PROMPT": ("prompt",),
    "--duration": ("duration",),
    "--seed": ("seed",),
    "--model": ("model",),
    "--template": ("structure", "template"),
    "--planner": ("planner", "name"),
    "--tempo": ("tempo",),
    "--key": ("key",),
    "--time-signature": ("time_signature",),
    "--cfg-scale": ("guidance", "all"),
    "--sampler": ("sampler", "name"),
    "--num-steps": ("sampler", "steps"),
    "--eta": ("sampler", "eta"),
    "--vocoder": ("vocoder", "name"),
    "--output": ("output", "path"),
    "--style-of": ("voice", "style_of"),
    "--voice-backend": ("voice", "backend"),
    "--voice-clone": ("voice", "voice"),
    "--voice-clone-samples": ("voice", "clone", "samples"),
    "--voice-consent": ("voice", "clone", "consent"),
    "--separate-vocals": ("voice", "separate_vocals"),
    "--lyrics": ("voice", "lyrics"),
    "--language": ("voice", "language"),
}
"""The option of the command line that says the same as a key of the manifest."""


def read_song(path: Path, options: Mapping[str, Any] | None = None) -> Song:
    """Return the song a manifest describes; an option given wins over the same key in the file.

    Raises:
        ManifestError: one line per fault, ``song.yaml:12: key.path: what is wrong``.
    """
    song, faults = parse_song(path, options)
    faults.raise_any()
    assert song is not None
    return song


def song_from_options(options: Mapping[str, Any]) -> Song:
    """Return the song that the options of the command line describe, ``PROMPT`` among them.

    Raises:
        ManifestError: one line per fault, ``--duration: what is wrong``.
    """
    song, faults = parse_song(None, options)
    faults.raise_any()
    assert song is not None
    return song


def parse_song(
    path: Path | None, options: Mapping[str, Any] | None = None
) -> tuple[Song | None, Faults]:
    """Return what can be read of a song, and its faults.

    The song lacks what is faulty, so that a planner can look for further faults in the rest; it
    is None where nothing is left.
    """
    given = {OPTIONS[name]: (name, value) for name, value in (options or {}).items()}
    if path is None:
        data: Any = {"muze": 1}
        faults = Faults(Source("command line", Path.cwd()))
    else:
        data, faults = read_yaml(path)
    names = {keys: name for keys, (name, _) in given.items()}
    faults.source = replace(faults.source, options=names)
    if not isinstance(data, dict):
        faults.add((), "must be a mapping, like `prompt: warm lo-fi house`")
        return None, faults
    data = deepcopy(data)
    _make_room(data, given)
    for keys, (_, value) in given.items():
        _put(data, keys, value)
    song = _validate(data, faults)
    if song is not None:
        song._source = faults.source
        _look_across(song, faults)
    return song, faults


def _make_room(data: dict[str, Any], given: Mapping[Keys, Any]) -> None:
    """Take out what an option that names another thing leaves without a meaning."""
    if ("structure", "template") in given:
        data["structure"] = {}  # a template takes the place of the sections
    if ("planner", "name") in given:
        data["planner"] = {}  # settings belong to the one the file names
    if ("vocoder", "name") in given:
        data["vocoder"] = {}
    voice = data.get("voice")
    if isinstance(voice, dict):  # whoever sings instead
        if ("voice", "voice") in given:
            voice.pop("clone", None)
        if ("voice", "clone", "samples") in given:
            voice.pop("voice", None)
            voice["clone"] = {}
    if ("sampler", "name") in given:
        sampler = data.get("sampler")
        steps = sampler.get("steps") if isinstance(sampler, dict) else None
        data["sampler"] = {} if steps is None else {"steps": steps}


def _put(data: dict[str, Any], keys: Keys, value: Any) -> None:
    for key in keys[:-1]:
        inner = data.setdefault(str(key), {})
        if not isinstance(inner, dict):  # the file has no mapping here, which is told anyway
            return
        data = inner
    data[str(keys[-1])] = value


def _validate(data: dict[str, Any], faults: Faults) -> Song | None:
    try:
        return Song.model_validate(data)
    except ValidationError as fault:
        faults.add_invalid(fault, Song, data)
        first = fault
    left = {"muze": 1, **data}
    for _ in range(4):  # taking a faulty key out can leave its mapping incomplete
        found = [(error, location(error, left)) for error in first.errors(include_url=False)]
        for error, keys in found:  # all of them placed before one is taken out
            _cut(left, keys[:-1] if error["type"] == "missing" else keys)
        try:
            return Song.model_validate({"muze": 1, **left})
        except ValidationError as fault:
            first = fault
    return None


def _cut(data: Any, keys: Keys) -> None:
    """Take the value at ``keys`` out; a list with a faulty item goes whole, to keep its count."""
    for depth, key in enumerate(keys):
        if isinstance(data, dict) and key in data:
            held = data[key]
            if depth == len(keys) - 1 or _is_broken_list(held, keys[depth + 1 :]):
                del data[key]
                return
            data = held
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            data = data[key]
        else:
            return


def _is_broken_list(held: Any, keys: Keys) -> bool:
    return isinstance(held, list) and (len(keys) == 1 or not isinstance(held[int(keys[0])], dict))


def _look_across(song: Song, faults: Faults) -> None:
    """Note what is wrong between keys that are each right."""
    if song.prompt is None and "text" not in song.streams:
        faults.add(("prompt",), "is required and not given")
    structure = song.structure
    if structure is not None and not faults.under(("structure",)):
        said = [name for name in ("template", "sections") if getattr(structure, name) is not None]
        if len(said) != 1:
            faults.add(("structure",), "give a template or sections, one of them")
    for index, section in enumerate(song.sections):
        keys: Keys = ("structure", "sections", index)
        if not faults.under((*keys, "bars"), (*keys, "seconds")) and (
            (section.bars is None) == (section.seconds is None)
        ):
            faults.add(keys, "give its length as bars or as seconds, one of them")
        _not_both(section, SECTION_SHORT_FORMS, keys, faults)
    _not_both(song, SHORT_FORMS, (), faults)
    for key, name in short_forms(song.voice).items():
        if getattr(song.voice, key, None) is not None and name in song.streams:
            faults.add(("voice", key), f"is the short form of streams.{name}; give one of them")
    if isinstance(song.tempo, list):
        bars = [change.bar for change in song.tempo]
        if bars[0] != 1:
            faults.add(("tempo", 0, "bar"), "the first tempo must start at bar 1")
        for index in range(1, len(bars)):
            if bars[index] <= bars[index - 1]:
                faults.add(("tempo", index, "bar"), f"must come after bar {bars[index - 1]}")
    for keys, value in said_streams(song):
        if isinstance(value, dict) and "from" in value:
            _look_at_recording(value, keys, song.source.folder, faults)


def _not_both(part: Any, short: Mapping[str, str], keys: Keys, faults: Faults) -> None:
    for name, stream in short.items():
        if getattr(part, name) is not None and stream in part.streams:
            faults.add(
                (*keys, name),
                f"is the short form of streams.{stream}, also given; keep one of them",
            )


def said_streams(song: Song) -> Iterator[tuple[Keys, Any]]:
    """Yield what is said of streams, of the song and of its sections, with its place."""
    for name, value in song.streams.items():
        yield ("streams", name), value
    for key in VOICE_SHORT_FORMS:
        if (value := getattr(song.voice, key, None)) is not None:
            yield ("voice", key), value
    for index, section in enumerate(song.sections):
        for name, value in section.streams.items():
            yield ("structure", "sections", index, "streams", name), value


def _look_at_recording(value: dict[str, Any], keys: Keys, folder: Path, faults: Faults) -> None:
    for other in value:
        if other != "from":
            faults.add((*keys, other), "a stream taken from a recording has no other keys")
    if not isinstance(value["from"], str):
        faults.add((*keys, "from"), "must be the path of a recording")
        return
    path = folder / value["from"]
    if not os.path.isfile(path):  # where Path.is_file raises for a name that is too long
        faults.add((*keys, "from"), f"there is no file {path}")
    elif not os.access(path, os.R_OK):
        faults.add((*keys, "from"), f"{path} may not be read")
