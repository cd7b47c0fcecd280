import json
import sys
from types import ModuleType


def test_plugins_are_listed_and_described(run):
    assert "stream chord" in run("plugins", "list").stdout
    rows = {row["name"]: row for row in json.loads(run("plugins", "list", "--json").stdout)}
    assert rows["chord"]["state"] == "ok"
    told = run("plugins", "info", "chord").stdout
    assert "progression: required" in told
    assert "(may stand alone)" in told
    done = run("plugins", "info", "chrod")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "did you mean 'chord'?" in done.stderr


def test_a_plugin_that_fails_a_check_exits_with_1(run, monkeypatch):
    results = [("stream chord", "examples", None), ("stream chord", "null", "it leaks\nbadly")]
    module = ModuleType("muze.testing.checks")
    module.run_checks = lambda registry, name: iter(results)
    monkeypatch.setitem(sys.modules, "muze.testing.checks", module)
    done = run("plugins", "check", "chord")
    assert done.exit_code == 1
    assert done.stdout == (
        "pass  stream chord  examples\nFAIL  stream chord  null\n      it leaks\n      badly\n"
    )
    results.pop()
    assert run("plugins", "check", "chord").exit_code == 0
