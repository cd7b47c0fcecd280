"""Finds plugins by entry point, loads one at a time, and contains what breaks."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

import pluggy

from muze import __version__
from muze.core import hookspecs, protocols
from muze.core.errors import MuzeError, PluginError, did_you_mean
from muze.core.protocols import API

GROUP = "muze.plugins"
MODELS = "muze.models"
LIMIT = "MUZE_PLUGINS"
"""Environment variable: a comma list of the only plugins to know; unset or empty, all of them."""

HOOKS = {
    "stream": "muze_streams",
    "sampler": "muze_samplers",
    "vocoder": "muze_vocoders",
    "voice": "muze_voices",
    "separator": "muze_separators",
}
CONTRACTS: dict[str, type] = {
    "stream": protocols.Stream,
    "sampler": protocols.Sampler,
    "vocoder": protocols.Vocoder,
    "voice": protocols.VoiceBackend,
    "separator": protocols.Separator,
}


@dataclass(frozen=True)
class Plugin:
    """One name found among the entry points, after an attempt to load it."""

    name: str
    distribution: str
    """Name and version of the distribution that brings it; of each, where two claim the name."""
    state: Literal["ok", "broken", "incompatible", "claimed twice"]
    detail: str = ""
    components: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Classes by kind and name."""


class Registry:
    """The plugins and models installed beside muze.

    A component is called after its plugin, ``chord`` or ``acme.lyrics``, so that a manifest's
    names alone say which plugins to import.
    """

    def __init__(
        self,
        plugins: Iterable[EntryPoint] | None = None,
        models: Iterable[EntryPoint] | None = None,
    ) -> None:
        """Read the names of what is installed; import none of it.

        Raises:
            PluginError: ``MUZE_PLUGINS`` names a plugin that is not installed.
        """
        self._manager = pluggy.PluginManager("muze")
        self._manager.add_hookspecs(hookspecs)
        self._plugins: dict[str, Plugin] = {}
        self._found = _by_name(entry_points(group=GROUP) if plugins is None else plugins)
        self._models = _by_name(entry_points(group=MODELS) if models is None else models)
        wanted = [name.strip() for name in os.environ.get(LIMIT, "").split(",") if name.strip()]
        for name in wanted:
            if name not in self._found:
                raise PluginError(f"{LIMIT} names {name!r}, {_not_installed(name, self._found)}")
        self._left_out = {name for name in self._found if wanted and name not in wanted}

    def names(self, kind: str | None = None) -> list[str]:
        """Return every plugin's name, importing none.

        With ``kind``, return the names of its components that work, importing every plugin.
        """
        if kind is None:
            return sorted(set(self._found) - self._left_out)
        plugins = (self.plugin(name) for name in self.names())
        return sorted(name for plugin in plugins for name in plugin.components.get(kind, ()))

    def get(self, kind: str, name: str) -> Any:
        """Return a component's class, importing only the plugin that offers it.

        Raises:
            PluginError: there is no such component, or its plugin does not work.
        """
        owner = name.partition(".")[0]
        if owner not in self._found:
            raise PluginError(f"{kind} {name!r} is {_not_installed(name, self._found)}")
        plugin = self.working(owner)
        offered = plugin.components.get(kind, {})
        if name not in offered:
            others = [f"{k} {n}" for k, found in plugin.components.items() for n in found]
            raise PluginError(
                f"plugin {owner} ({plugin.distribution}) offers no {kind} {name!r}, "
                f"only {', '.join(others)}"
            )
        return offered[name]

    def working(self, name: str) -> Plugin:
        """Load one plugin, and raise ``PluginError`` unless it works."""
        plugin = self.plugin(name)
        if plugin.state != "ok":
            raise PluginError(
                f"plugin {name} ({plugin.distribution}) is {plugin.state}: {plugin.detail}"
            )
        return plugin

    def plugin(self, name: str) -> Plugin:
        """Load one plugin. What is wrong with it is told in its ``state``, never raised.

        Raises:
            PluginError: no plugin of this name is installed, or ``MUZE_PLUGINS`` leaves it out.
        """
        if name not in self._found:
            raise PluginError(f"plugin {name!r} is {_not_installed(name, self._found)}")
        if name in self._left_out:
            raise PluginError(f"plugin {name!r} is installed, but {LIMIT} leaves it out")
        if name not in self._plugins:
            self._plugins[name] = self._load(name, self._found[name])
        return self._plugins[name]

    def version(self, name: str) -> str:
        """Name and version of the distribution that brings a component, as plans record it."""
        owner = name.partition(".")[0]
        if owner not in self._found:
            raise PluginError(f"plugin {owner!r} is {_not_installed(owner, self._found)}")
        return _origin(self._found[owner])

    @contextmanager
    def blame(self, name: str, doing: str) -> Iterator[None]:
        """Turn whatever the component ``name`` raises while ``doing`` into a ``PluginError``."""
        try:
            yield
        except MuzeError:
            raise
        except Exception as fault:
            raise PluginError(
                f"plugin {name} ({self.version(name)}) failed to {doing}: {_told(fault)}"
            ) from fault

    def models(self) -> dict[str, EntryPoint]:
        """Return the entry points of installed models by name, importing none."""
        return {name: points[0] for name, points in sorted(self._models.items())}

    def model_path(self, name: str) -> Path:
        """Return the folder of an installed model.

        Raises:
            PluginError: no such model, two of that name, or its package does not give a folder.
        """
        if name not in self._models:
            raise PluginError(f"model {name!r} is {_not_installed(name, self._models)}")
        points = self._models[name]
        if len(points) > 1:
            raise PluginError(f"model {name!r} is {_claims(points)}")
        try:
            path = Path(points[0].load()())
        except (Exception, SystemExit) as fault:
            raise PluginError(
                f"model {name} ({_origin(points)}) gives no folder: {_told(fault)}"
            ) from fault
        if not path.is_dir():
            raise PluginError(f"model {name} ({_origin(points)}): there is no folder {path}")
        return path

    def _load(self, name: str, points: Sequence[EntryPoint]) -> Plugin:
        if len(points) > 1:
            return Plugin(name, _origin(points), "claimed twice", _claims(points))
        try:
            self._manager.register(points[0].load(), name)
            components = self._collect(name)
        except Incompatible as fault:
            return Plugin(name, _origin(points), "incompatible", str(fault))
        except (Exception, SystemExit) as fault:  # a stranger's code: whatever it raises is told
            self._manager.unregister(name=name)  # pluggy keeps a half-registered name
            return Plugin(name, _origin(points), "broken", _told(fault))
        return Plugin(name, _origin(points), "ok", "", components)

    def _collect(self, plugin: str) -> dict[str, dict[str, Any]]:
        callers = self._manager.get_hookcallers(self._manager.get_plugin(plugin)) or []
        known = ", ".join(HOOKS.values())
        for caller in callers:
            if not caller.has_spec():
                hint = did_you_mean(caller.name, HOOKS.values())
                raise PluginError(
                    f"unknown hook {caller.name!r}{hint or f'; the hooks are {known}'}"
                )
        components: dict[str, dict[str, Any]] = defaultdict(dict)
        for kind, hook in HOOKS.items():
            for caller in (caller for caller in callers if caller.name == hook):
                implementation = next(i for i in caller.get_hookimpls() if i.plugin_name == plugin)
                offered = implementation.function()
                if not isinstance(offered, (list, tuple)):
                    raise PluginError(f"{hook} must return a list of classes, not {offered!r}")
                for component in offered:
                    _check(kind, plugin, component)
                    if component.name in components[kind]:
                        raise PluginError(f"{hook} returns two {kind}s called {component.name!r}")
                    components[kind][component.name] = component
        if not any(components.values()):
            raise PluginError(f"it offers nothing; a plugin implements one of {known}")
        return dict(components)


class Incompatible(Exception):
    """The plugin speaks another version of the contract."""


def _check(kind: str, plugin: str, component: Any) -> None:
    """Raise unless ``component`` has what its kind's protocol names, in our contract's version."""
    if not isinstance(component, type):
        raise PluginError(f"{HOOKS[kind]} must return classes, not {component!r}")
    if (api := getattr(component, "api", API)) != API:
        if isinstance(api, int) and api > API:
            remedy = "the plugin is newer; update muze, or install an older version of the plugin"
        else:
            remedy = "muze is newer; update the plugin, or install an older muze"
        raise Incompatible(
            f"{component.__name__} speaks contract {api}, muze {__version__} speaks {API}: {remedy}"
        )
    missing = [name for name in _members(CONTRACTS[kind]) if not hasattr(component, name)]
    if missing:
        raise PluginError(f"{kind} {component.__name__} lacks {', '.join(missing)}")
    name: str = component.name  # type: ignore[attr-defined]
    if name != plugin and not name.startswith(f"{plugin}."):
        raise PluginError(
            f"{kind} {name!r} must be named {plugin!r} or {plugin + '.…'!r}, after its entry point"
        )


def _members(contract: type) -> list[str]:
    """Return the public names a protocol declares."""
    parts = [part for part in contract.__mro__ if getattr(part, "_is_protocol", False)]
    names = {name for part in parts for name in (*vars(part), *part.__annotations__)}
    return sorted(name for name in names if not name.startswith("_"))


def _by_name(points: Iterable[EntryPoint]) -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = defaultdict(list)
    for point in points:
        found[point.name].append(point)
    return dict(found)


def _origin(points: Sequence[EntryPoint]) -> str:
    return " and ".join(
        f"{point.dist.name} {point.dist.version}"
        if point.dist
        else f"no distribution, {point.value}"
        for point in points
    )


def _claims(points: Sequence[EntryPoint]) -> str:
    return f"claimed by {_origin(points)}; uninstall all but one"


def _not_installed(name: str, found: Iterable[str]) -> str:
    return f"not installed{did_you_mean(name, found)}"


def _told(fault: BaseException) -> str:
    return str(fault) if isinstance(fault, MuzeError) else f"{type(fault).__name__}: {fault}"
