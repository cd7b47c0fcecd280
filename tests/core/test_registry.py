"""A broken plugin says why, and breaks nothing else."""

import sys
from importlib.metadata import EntryPoint, entry_points

import pytest

from muze.core.errors import ManifestError, PluginError
from muze.core.registry import GROUP, MODELS, Registry

HEAD = "from muze import hookimpl\nfrom muze.plugins.samplers.ddim import DDIMSampler\n"
HOOK = "\n@hookimpl\ndef muze_samplers(): return [S]\n"
BROKEN = {
    "import_fails": ("import no_such_module", "broken", "No module named 'no_such_module'"),
    "exits": ("raise SystemExit('bye')", "broken", "SystemExit: bye"),
    "hook_misspelt": (
        HEAD + "@hookimpl\ndef muze_sampler(): ...",
        "broken",
        "unknown hook 'muze_sampler'; did you mean 'muze_samplers'?",
    ),
    "hook_argument": (HEAD + "@hookimpl\ndef muze_samplers(x): ...", "broken", "Argument(s) {'x'}"),
    "hook_raises": (HEAD + "@hookimpl\ndef muze_samplers(): 1/0", "broken", "ZeroDivisionError"),
    "no_hook": ("import math", "broken", "offers nothing"),
    "no_list": (
        HEAD + "@hookimpl\ndef muze_samplers(): return DDIMSampler",
        "broken",
        "must return a list of classes",
    ),
    "instance": (
        HEAD + "S = DDIMSampler(DDIMSampler.Config())" + HOOK,
        "broken",
        "must return classes",
    ),
    "foreign_name": (HEAD + "S = DDIMSampler" + HOOK, "broken", "must be named 'foreign_name'"),
    "same_name": (
        HEAD + "class S(DDIMSampler): name = 'same_name'\n"
        "@hookimpl\ndef muze_samplers(): return [S, S]",
        "broken",
        "two samplers called 'same_name'",
    ),
    "no_methods": (
        HEAD + "class S: name, api = 'no_methods', 1" + HOOK,
        "broken",
        "lacks Config, sample",
    ),
    "newer": (
        HEAD + "class S(DDIMSampler): name, api = 'newer', 2" + HOOK,
        "incompatible",
        "S speaks contract 2, muze 0.1.0 speaks 1: the plugin is newer; update muze",
    ),
    "older": (
        HEAD + "class S(DDIMSampler): name, api = 'older', 0" + HOOK,
        "incompatible",
        "muze is newer; update the plugin",
    ),
}
DDIM = EntryPoint("ddim", "muze.plugins.samplers.ddim", GROUP)


def write_module(folder, monkeypatch, name, source):
    (folder / f"{name}.py").write_text(source)
    monkeypatch.delitem(sys.modules, name, raising=False)


def install(folder, monkeypatch, name, version, plugins=(), models=()):
    """Write a distribution's metadata, as pip would."""
    monkeypatch.syspath_prepend(folder)
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"[{GROUP}]", *plugins, f"[{MODELS}]", *models]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Every broken plugin above, installed beside a sound one."""
    monkeypatch.syspath_prepend(tmp_path)
    for name, (source, *_) in BROKEN.items():
        write_module(tmp_path, monkeypatch, name, source)
    return Registry([*(EntryPoint(name, name, GROUP) for name in BROKEN), DDIM], [])


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_contained(installed, name):
    _, state, reason = BROKEN[name]
    plugin = installed.plugin(name)
    assert (plugin.state, reason in plugin.detail) == (state, True), plugin
    with pytest.raises(PluginError, match=f"plugin {name} .* is {state}: "):
        installed.get("sampler", name)
    assert installed.get("sampler", "ddim").name == "ddim"


def test_names_of_a_kind_are_those_that_work(installed):
    assert installed.names("sampler") == ["ddim"]
    assert installed.names("stream") == []
    assert set(installed.names()) == {*BROKEN, "ddim"}


def test_naming_one_plugin_imports_no_other(installed):
    installed.get("sampler", "ddim")
    with pytest.raises(PluginError):
        installed.get("sampler", "ddin")
    assert not set(BROKEN) & set(sys.modules)


def test_a_misspelt_name_is_told_with_the_nearest(installed):
    with pytest.raises(
        PluginError, match=r"sampler 'dimm' is not installed; did you mean 'ddim'\?"
    ):
        installed.get("sampler", "dimm")


def test_a_name_of_another_kind_says_what_it_is(installed):
    with pytest.raises(PluginError, match="offers no stream 'ddim', only sampler ddim"):
        installed.get("stream", "ddim")


def test_one_plugin_may_offer_several_components(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = (
        HEAD + "class A(DDIMSampler): name = 'acme'\nclass B(DDIMSampler): name = 'acme.fast'\n"
        "@hookimpl\ndef muze_samplers(): return [A, B]"
    )
    write_module(tmp_path, monkeypatch, "acme_plugin", source)
    registry = Registry([EntryPoint("acme", "acme_plugin", GROUP)])
    assert registry.get("sampler", "acme.fast").name == "acme.fast"
    assert registry.names("sampler") == ["acme", "acme.fast"]
    with pytest.raises(PluginError, match=r"offers no sampler 'acme\.slow'"):
        registry.get("sampler", "acme.slow")


def test_a_name_claimed_twice_is_an_error_for_that_name_only(tmp_path, monkeypatch):
    for name, version in (("one", "1.0"), ("two", "2.1")):
        (tmp_path / name).mkdir()
        install(tmp_path / name, monkeypatch, name, version, plugins=["taken = no_such_module"])
    registry = Registry([*entry_points(group=GROUP, name="taken"), DDIM])
    plugin = registry.plugin("taken")
    assert plugin.state == "claimed twice"
    assert "one 1.0" in plugin.distribution
    assert "two 2.1" in plugin.distribution
    with pytest.raises(PluginError, match="uninstall all but one"):
        registry.get("stream", "taken")
    assert registry.get("sampler", "ddim").name == "ddim"


def test_what_is_installed_is_read_from_metadata(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "muze-acme", "3.2", plugins=["acme = no_such_module"])
    registry = Registry()
    assert "acme" in registry.names()
    assert registry.version("acme.any") == "muze-acme 3.2"
    assert registry.version("ddim").startswith("muze 0.")


def test_the_environment_limits_what_is_known(monkeypatch):
    other = EntryPoint("other", "no_such_module", GROUP)
    monkeypatch.setenv("MUZE_PLUGINS", "ddim")
    registry = Registry([DDIM, other])
    assert registry.names() == ["ddim"]
    with pytest.raises(PluginError, match="MUZE_PLUGINS leaves it out"):
        registry.get("sampler", "other")
    monkeypatch.setenv("MUZE_PLUGINS", "dim")
    with pytest.raises(PluginError, match="MUZE_PLUGINS names 'dim', not installed; did you mean"):
        Registry([DDIM, other])


def test_blame_names_the_plugin_and_its_distribution():
    registry = Registry()
    with (
        pytest.raises(PluginError, match=r"plugin ddim \(muze 0.*\) failed to sample: ZeroDiv"),
        registry.blame("ddim", "sample"),
    ):
        _ = 1 / 0
    with pytest.raises(ManifestError, match="as it was"), registry.blame("ddim", "sample"):
        raise ManifestError("as it was")


def test_models_are_found_and_give_their_folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "weights").mkdir()
    source = (
        "from pathlib import Path\n"
        "def folder(): return Path(__file__).parent / 'weights'\n"
        "def nowhere(): return 'no/such/folder'\ndef fails(): 1/0\n"
    )
    write_module(tmp_path, monkeypatch, "acme_model", source)
    points = {
        "good": "acme_model:folder",
        "lost": "acme_model:nowhere",
        "bad": "acme_model:fails",
        "absent": "no_such_module:folder",
    }
    registry = Registry([], [EntryPoint(name, to, MODELS) for name, to in points.items()])
    assert list(registry.models()) == sorted(points)
    assert "acme_model" not in sys.modules
    assert registry.model_path("good") == tmp_path / "weights"
    for name, reason in (
        ("lost", "there is no folder"),
        ("bad", "ZeroDivisionError"),
        ("absent", "no_such_module"),
        ("god", "did you mean 'good'?"),
    ):
        with pytest.raises(PluginError, match=reason):
            registry.model_path(name)


def test_a_model_claimed_twice_is_refused():
    registry = Registry([], [EntryPoint("m", "a:f", MODELS), EntryPoint("m", "b:f", MODELS)])
    with pytest.raises(PluginError, match="claimed by"):
        registry.model_path("m")
