"""Every fault of a manifest, gathered with its line and told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from muze.core.errors import ManifestError, did_you_mean

Keys = tuple[str | int, ...]
"""Where a value stands: ``("streams", "chord", "progression", 1)``."""
LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Source:
    """What a song was read from: a file, the command line, or a file with options over it."""

    # where it was read from is no part of what a song says, so all sources are equal
    name: str = field(compare=False)
    folder: Path = field(compare=False)
    """Relative paths in it start here."""
    node: yaml.Node | None = field(default=None, compare=False)
    options: Mapping[Keys, str] = field(default_factory=dict, compare=False)
    """Options of the command line, by the key each one sets."""

    def place(self, keys: Keys) -> str:
        """Return ``song.yaml:12: streams.chord.progression.1``, or the option ``--duration``."""
        if keys in self.options:
            return self.options[keys]
        dotted = ".".join(map(str, keys))
        if self.node is None:
            return f"{self.name}: {dotted}" if dotted else self.name
        place = f"{self.name}:{line_of(self.node, keys)}"
        return f"{place}: {dotted}" if dotted else place


class Faults:
    """The faults found so far in one source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[tuple[Keys, str]] = []

    def add(self, keys: Keys, message: str) -> None:
        """Note a fault of the value at ``keys``, unless it or what it is part of has one."""
        if not any(keys[: len(known)] == known for known, _ in self.found):
            self.found.append((keys, message))

    def add_invalid(
        self,
        fault: ValidationError,
        model: type[BaseModel],
        data: Any,
        under: Keys = (),
        bare: str = "",
        beside: tuple[str, ...] = (),
    ) -> None:
        """Note every error of a pydantic model in ``data``, which stands at ``under``.

        ``bare`` names the field that the value there fills by itself, without being named;
        ``beside`` names keys that may stand there besides the model's.
        """
        schema = model.model_json_schema()
        told: dict[Keys, list[tuple[str, str]]] = {}
        names: dict[Keys, list[str]] = {}
        for error in fault.errors(include_url=False):
            keys = location(error, data)
            known = _known_keys(schema, schema, keys[:-1])
            message = _worded(error, known if keys[:-1] else [*beside, *known])
            if error["loc"][-1:] == ("[key]",):  # a name, beside which its value may be wrong too
                names.setdefault(keys, []).append(message)
            else:
                told.setdefault(keys, []).append((error["type"], message))
        for keys in dict.fromkeys([*names, *told]):
            errors = told.get(keys, [])
            if any(other[: len(keys)] == keys and other != keys for other in told):
                continue  # the branches of a union that were not meant
            # of a union's branches, the one whose type was right knows best what is wrong
            right = [text for kind, text in errors if not kind.endswith(("_type", "_parsing"))]
            messages = list(dict.fromkeys(right or [text for _, text in errors]))
            where = keys[1:] if bare and keys[:1] == (bare,) else keys
            value = [_either(messages)] if messages else []
            self.add(under + where, "; ".join([*names.get(keys, []), *value]))

    def under(self, *keys: Keys) -> bool:
        """Whether a fault is known at one of ``keys`` or below it."""
        return any(known[: len(key)] == key for known, _ in self.found for key in keys)

    def raise_any(self) -> None:
        """Raise ``ManifestError`` with one line per fault, in the order of the file."""
        if self.found:
            node = self.source.node
            if node is not None:
                self.found.sort(key=lambda fault: line_of(node, fault[0]))
            raise ManifestError(
                "\n".join(f"{self.source.place(keys)}: {text}" for keys, text in self.found)
            )


def location(error: Any, data: Any) -> Keys:  # Any: pydantic_core.ErrorDetails
    """Return where an error is, without the names pydantic gives to the branches of a union."""
    keys: list[str | int] = []
    loc = error["loc"]
    for index, part in enumerate(loc):
        missing = error["type"] == "missing" and index == len(loc) - 1
        if isinstance(data, dict) and (part in data or missing):
            keys.append(part)
            data = data.get(part)
        elif isinstance(data, (list, tuple)) and isinstance(part, int):
            keys.append(part)
            data = data[part]
    return tuple(keys)


def _either(messages: list[str]) -> str:
    """Join what the branches of a union want: ``must be a number, not 'x'; or a list``."""
    first, *others = messages
    wanted = [text.removeprefix("must be ").partition(", not ")[0] for text in others]
    return "; or ".join([first, *wanted])


def line_of(node: yaml.Node, keys: Keys) -> int:
    """Return the 1-based line of the deepest part of ``keys`` that the file has."""
    line = int(node.start_mark.line) + 1
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            # the last of doubled keys is the one that counts
            found = [(k, v) for k, v in node.value if k.value == str(key)]
            if not found:
                break
            line, node = found[-1][0].start_mark.line + 1, found[-1][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.ScalarNode) and isinstance(key, int):
            line += key + (node.style in ("|", ">"))  # a text's line, counted from 0
            break
        else:
            break
    return line


def _worded(error: Any, known: list[str]) -> str:  # Any: pydantic_core.ErrorDetails
    value, message = error["input"], str(error["msg"])
    if error["type"] == "extra_forbidden":
        listed = f"; known are {', '.join(known)}" if known else "; nothing can be said here"
        return f"unknown key{did_you_mean(str(error['loc'][-1]), known) or listed}"
    if error["type"] == "missing":
        return "is required and not given"
    if error["type"] == "value_error":
        return message.removeprefix("Value error, ")
    if error["type"] == "string_too_short":
        return "must not be empty"
    if error["type"] in ("model_type", "dict_type"):
        return f"must be a mapping, not {_shown(value)}"
    if error["type"] == "literal_error":
        expected = str(error["ctx"]["expected"])
        words = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
        misspelt = isinstance(value, str) and value not in words
        hint = did_you_mean(value, words) if misspelt else ""
        return f"must be {expected}, not {_shown(value)}{hint}"
    if not message.startswith("Input should be "):  # "List should have at least 1 item..."
        return "must " + message.partition(" should ")[2].replace(" after validation", "")
    message = message.removeprefix("Input should be ").removeprefix("a valid ")
    kind = error["type"].endswith(("_type", "_parsing"))
    article = ("an " if message[0] in "aeiou" else "a ") if kind else ""
    quoted = "; put it in quotes" if error["type"] == "string_type" and _scalar(value) else ""
    return f"must be {article}{message}, not {_shown(value)}{quoted}"


def _scalar(value: Any) -> bool:
    return not isinstance(value, (dict, list)) and value is not None


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _known_keys(whole: dict[str, Any], schema: dict[str, Any], keys: Keys) -> list[str]:
    """Return the properties that a JSON schema allows at ``keys``."""
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    branches = schema.get("anyOf", []) + schema.get("oneOf", [])
    names = [name for branch in branches for name in _known_keys(whole, branch, keys)]
    if not keys:
        return list(dict.fromkeys([*schema.get("properties", {}), *names]))
    inside = (
        schema.get("items")
        if isinstance(keys[0], int)
        else schema.get("properties", {}).get(keys[0])
    )
    return names + (_known_keys(whole, inside, keys[1:]) if isinstance(inside, dict) else [])
