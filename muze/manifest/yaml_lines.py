"""YAML read with the place of every value kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from muze.core.errors import ManifestError
from muze.manifest.faults import LONGEST_SHOWN, Faults, Keys, Source

PREFIX = "tag:yaml.org,2002:"
KINDS = ("str", "int", "float", "bool", "null", "seq", "map")
"""What a value may be: what JSON has."""
MERGE = f"{PREFIX}merge"
FORMS = {
    "int": re.compile(r"-?(0|[1-9][0-9]*)\Z"),
    "float": re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z"),
    "bool": re.compile(r"(true|false)\Z"),
    "null": re.compile(r"(null|~|)\Z"),
    "merge": re.compile(r"<<\Z"),
}
"""What a word without quotes may be besides text (RFC 8259, but for the empty null and <<)."""
DEEPEST = 100
"""Levels a value may lie inside others; a song needs ten."""
MOST = 100_000
"""Values of a file, those an alias repeats counted each time."""


def read_yaml(path: Path) -> tuple[Any, Faults]:
    """Return what the file says and the faults found on the way: keys given twice, odd tags.

    Keys are words, whatever YAML would make of them. A value without quotes is a number, a truth
    or nothing where JSON says so (``~`` and no value are nothing too), else text: ``off``, a date.

    Raises:
        ManifestError: the file cannot be read, or is no YAML; with the line.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise ManifestError(f"{path}:{line}: is not text in UTF-8") from fault
    except OSError as fault:
        raise ManifestError(f"{path}: cannot be read ({fault.strerror})") from fault
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise ManifestError(f"{path}: is empty")
        faults = Faults(Source(str(path), path.parent, node))
        if _look_at(node, (), faults, {}) > MOST:
            raise ManifestError(f"{path}:1: holds more than {MOST} values, aliases repeated")
        return loader.construct_document(node), faults
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        where = f":{mark.line + 1}" if mark else ""
        told = " ".join(str(part) for part in (fault.context, fault.problem) if part)
        raise ManifestError(f"{path}{where}: {told}") from fault
    except yaml.reader.ReaderError as fault:
        line = text.count("\n", 0, fault.position) + 1
        raise ManifestError(
            f"{path}:{line}: holds a character that YAML does not know, {text[fault.position]!r}"
        ) from fault


def read_value(text: str) -> Any:
    """Return one value as ``read_yaml`` reads those of a file: ``off`` is text, ``1e-3`` a number.

    Raises:
        ManifestError: it is no YAML.
    """
    try:
        return _Loader(text).get_single_data()
    except yaml.YAMLError:
        raise ManifestError(f"{text!r} is no value that YAML knows") from None


class _Loader(yaml.SafeLoader):
    """YAML of text, numbers, lists and mappings from words, as JSON has them."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (an instance's in the types of PyYAML)
        None: [(f"{PREFIX}{kind}", form) for kind, form in FORMS.items()]  # of any first letter
    }
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth += 1
        if self.depth > DEEPEST:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise ComposerError(None, None, f"is nested more than {DEEPEST} deep", mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        if isinstance(node, yaml.MappingNode):
            node.value = [(_word(key), value) for key, value in node.value]
        elif isinstance(node, yaml.ScalarNode):
            node.value = _whole_letters(node.value)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError:  # a number of more digits than Python reads
            told = f"{str(node.value)[:LONGEST_SHOWN]!r} is no number that can be read"
            raise ConstructorError(None, None, told, node.start_mark) from None


def _word(key: yaml.Node) -> yaml.Node:
    """Return a key as the word it is written as: ``on`` is no truth, ``~`` not nothing."""
    if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
        return key
    return yaml.ScalarNode(f"{PREFIX}str", key.value, key.start_mark, key.end_mark)


def _look_at(node: yaml.Node, keys: Keys, faults: Faults, sizes: dict[int, int]) -> int:
    """Note what no file may say, and return how many values there are, aliases followed."""
    if id(node) in sizes:
        if not sizes[id(node)]:
            raise ComposerError(None, None, "a value holds itself by an alias", node.start_mark)
        return sizes[id(node)]
    sizes[id(node)] = 0  # still counting
    size = 1
    if node.tag.removeprefix(PREFIX) not in KINDS:
        tag = node.tag.replace(PREFIX, "!!")
        faults.add(keys, f"the tag {tag} is not known; write text, a number, a list or a mapping")
        node.tag = f"{PREFIX}{_kind(node)}"
    elif not _fits(node):
        tag = node.tag.replace(PREFIX, "!!")
        faults.add(keys, f"the tag {tag} does not fit {node.value[:LONGEST_SHOWN]!r}; take it out")
        node.tag = f"{PREFIX}str"
    if isinstance(node, yaml.ScalarNode):
        if any("\ud800" <= letter <= "\udfff" for letter in node.value):
            faults.add(keys, "holds half a character, a lone surrogate")
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            size += _look_at(value, (*keys, index), faults, sizes)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in lines and key.tag != MERGE:
                faults.add((*keys, name), f"is given twice; the first is in line {lines[name]}")
            lines.setdefault(name, key.start_mark.line + 1)
            size += _look_at(value, (*keys, name), faults, sizes)
    sizes[id(node)] = size
    return size


def _fits(node: yaml.Node) -> bool:
    """Whether a word has the form of what its tag says it is."""
    form = FORMS.get(node.tag.removeprefix(PREFIX))
    return form is None or not isinstance(node, yaml.ScalarNode) or bool(form.match(node.value))


def _whole_letters(text: str) -> str:
    """Return the text with the letters whole that JSON writes in halves, ``\\ud83d\\ude00``."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return "str"
    return "seq" if isinstance(node, yaml.SequenceNode) else "map"
