"""YAML read with the place of every value kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from muze.core.errors import ManifestError
from muze.manifest.faults import Faults, Keys, Source


def read_yaml(path: Path) -> tuple[Any, Faults]:
    """Return what the file says and the faults found on the way: keys given twice.

    Raises:
        ManifestError: the file cannot be read, or is no YAML; with the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as fault:
        raise ManifestError(f"{path}: is not text in UTF-8") from fault
    except OSError as fault:
        raise ManifestError(f"{path}: cannot be read ({fault.strerror})") from fault
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise ManifestError(f"{path}: is empty")
        faults = Faults(Source(str(path), path.parent, node))
        _find_doubled(node, (), faults, set())
        return loader.construct_document(node), faults
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line = f":{mark.line + 1}" if mark else ""
        told = " ".join(str(part) for part in (fault.context, fault.problem) if part)
        raise ManifestError(f"{path}{line}: {told}") from fault
    except yaml.YAMLError as fault:  # a character YAML does not know
        raise ManifestError(f"{path}: {' '.join(str(fault).split())}") from fault
    except (RecursionError, ValueError) as fault:  # nested without end; an impossible date
        raise ManifestError(f"{path}: cannot be read as YAML ({fault})") from fault
    finally:
        loader.dispose()


def _find_doubled(node: yaml.Node, keys: Keys, faults: Faults, seen: set[int]) -> None:
    if id(node) in seen:  # an alias leads back to its anchor
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _find_doubled(value, (*keys, index), faults, seen)
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in lines:
                faults.add(
                    (*keys, key.value), f"is given twice; the first is in line {lines[key.value]}"
                )
            if isinstance(key, yaml.ScalarNode):
                lines.setdefault(key.value, key.start_mark.line + 1)
                _find_doubled(value, (*keys, key.value), faults, seen)
