"""Imports go one way, modules stay short, and nothing a listing touches imports torch."""

import ast
import subprocess
import sys
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import muze
from muze.core.registry import GROUP, Registry

ROOT = Path(muze.__file__).parent
PATHS = sorted(ROOT.rglob("*.py"))
MAY_IMPORT = {
    "core": {"core"},
    "report": {"core"},
    "manifest": {"core", "manifest"},
    "audio": {"core", "audio"},
    "analysis": {"core", "audio", "analysis"},
    "model": {"core", "audio", "model"},
    "data": {"core", "report", "audio", "analysis", "data", "model.conditioning"},
    "plugins": {"core", "audio", "analysis", "model.conditioning"},
    "testing": {"core", "audio", "analysis.phonemes", "analysis.phonemizers", "model", "testing"},
    "voice": {"core", "report", "manifest", "audio", "analysis", "voice"},
    "pipelines": {
        "core", "report", "manifest", "audio", "analysis", "model", "data", "plugins", "voice",
        "pipelines",
    },
}  # fmt: skip
MAY_IMPORT["evaluation"] = {*MAY_IMPORT["pipelines"], "evaluation"}
MAY_IMPORT["cli"] = {*MAY_IMPORT["evaluation"], "testing", "cli"}
MAY_IMPORT["__main__"] = {"cli"}


def name_of(path):
    return str(path.relative_to(ROOT))


@cache
def parsed(path):
    return ast.parse(path.read_text())


def imported(path):
    """Yield the modules of muze a file imports when it runs, inside functions too."""
    tree = parsed(path)
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: a relative import"
            if node.module == "muze":
                yield from (f"muze.{a.name}" for a in node.names if (ROOT / a.name).exists())
            else:
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_imports_point_one_way(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts == ("__init__",):
        return
    allowed = {f"muze.{part}" for part in MAY_IMPORT[parts[0]]}
    if parts[0] == "plugins":  # and of plugins only itself
        allowed.add(".".join(("muze", *parts[:3])))
    for module in imported(path):
        if module.startswith("muze."):
            inside = any(module == a or module.startswith(f"{a}.") for a in allowed)
            assert inside, f"{name_of(path)} imports {module}"


def test_no_module_is_longer_than_400_lines():
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in PATHS}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_whatever_a_plugin_raises_is_caught_in_the_registry_only():
    everything = ("", "Exception", "BaseException")
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in PATHS
        for node in ast.walk(parsed(path))
        # one that cleans up and raises it again catches nothing
        if isinstance(node, ast.ExceptHandler)
        and ast.unparse(node.body[-1]) != "raise"
        and (ast.unparse(node.type) if node.type else "") in everything
    ]
    assert {place.partition(":")[0] for place in found} == {"core/registry.py"}, found


def test_what_a_listing_touches_imports_without_torch():
    light = [p for p in PATHS if p.relative_to(ROOT).parts[0] in ("core", "cli", "manifest")]
    kinds = [p for p in (ROOT / "plugins").iterdir() if p.is_dir()]
    light += [p for kind in kinds for p in (*kind.glob("*.py"), *kind.glob("*/__init__.py"))]
    modules = sorted(
        ".".join(("muze", *p.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        for p in light
    )
    code = "import sys; sys.modules['torch'] = None\n" + "\n".join(f"import {m}" for m in modules)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name", sorted(p.name for p in entry_points(group=GROUP) if p.dist and p.dist.name == "muze")
)
def test_every_built_in_plugin_loads(name):
    plugin = Registry().plugin(name)
    assert (plugin.state, plugin.detail) == ("ok", "")


def test_every_built_in_plugin_has_an_entry_point():
    values = {point.value for point in entry_points(group=GROUP)}
    for kind in (p for p in (ROOT / "plugins").iterdir() if p.is_dir() and p.name[0] != "_"):
        for path in (*kind.glob("[!_]*.py"), *(p.parent for p in kind.glob("*/__init__.py"))):
            assert f"muze.plugins.{kind.name}.{path.stem}" in values
