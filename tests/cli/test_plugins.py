import json
import sys
from types import ModuleType

from muze.model.checkpoint import save_part
from muze.plugins.vocoders.hifigan import HifiGanVocoder
from muze.plugins.vocoders.hifigan.network import build


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
    module.run_checks = lambda registry, name, weights: iter(results)
    monkeypatch.setitem(sys.modules, "muze.testing.checks", module)
    done = run("plugins", "check", "chord")
    assert done.exit_code == 1
    assert done.stdout == (
        "pass  stream chord  examples\nFAIL  stream chord  null\n      it leaks\n      badly\n"
    )
    results.pop()
    assert run("plugins", "check", "chord").exit_code == 0


def test_a_vocoder_is_checked_with_the_weights_of_a_model(run, tmp_path):
    config = HifiGanVocoder.Config(
        mel={"sample_rate": 22050, "hop_length": 256, "num_mels": 80, "f_max": 8000},
        upsample_rates=(16, 16), upsample_kernel_sizes=(32, 32), upsample_initial_channel=8,
        resblock_kernel_sizes=(3,), resblock_dilation_sizes=((1,),),
    )  # fmt: skip
    extra = {"name": "hifigan"}
    save_part(tmp_path / "mine", "vocoder", build(config), config, {}, extra=extra)
    done = run("plugins", "check", "hifigan", "--weights", "mine")
    assert done.exit_code == 0, done.stdout
    assert "pass  vocoder hifigan  length" in done.stdout
    done = run("plugins", "check", "hifigan")
    assert done.exit_code == 1
    assert "it cannot be checked without weights; give --weights" in done.stdout
    done = run("plugins", "check", "vocos", "--weights", "mine")
    assert done.exit_code == 1
    assert "mine: has weights of vocoder hifigan, not vocos" in done.stderr


def test_a_new_plugin_is_written_and_what_comes_next_told(run, tmp_path):
    done = run("plugins", "new", "late_glow")
    assert (done.exit_code, done.stdout) == (0, "muze-late-glow\n")
    assert "pip install -e muze-late-glow, muze plugins check late_glow" in done.stderr
    assert (tmp_path / "muze-late-glow/muze_late_glow/encoder.py").is_file()
    done = run("plugins", "new", "late_glow", "--kind", "sampler", "--folder", "my glow")
    assert done.stdout == "my glow\n"
    assert "pip install -e 'my glow'" in done.stderr
    assert "muze_samplers" in (tmp_path / "my glow/muze_late_glow/__init__.py").read_text()


def test_a_plugin_that_cannot_be_written_is_told_in_a_line(run):
    for args, told in (
        (["chord"], "plugin 'chord' is installed already"),
        (["Late Glow"], "as 'late_glow'"),
        (["glow", "--folder", "."], "exists already"),
    ):
        done = run("plugins", "new", *args)
        assert (done.exit_code, done.stdout) == (1, "")
        assert told in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert run("plugins", "new", "glow", "--kind", "stranger").exit_code == 2
