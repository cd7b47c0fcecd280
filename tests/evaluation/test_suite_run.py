import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from muze.cli.evaluation_tables import show_suite
from muze.core.errors import MuzeError
from muze.evaluation import suite_run
from muze.evaluation.compare import compare_recordings, compare_suites
from muze.evaluation.page import write_comparison, write_suite
from muze.evaluation.rendering import Render, keep_render
from muze.evaluation.stems import VOCAL
from muze.evaluation.suite_run import Bench, evaluate_suite, read_evaluation, summary
from muze.report import SilentReport

ABOUT = {"suite": "two", "model": "mine", "sampler": "ddim", "steps": 2, "guidance": {"all": 1.0}}
PATHS = [Path("one.yaml"), Path("two.yaml")]


@pytest.fixture
def rendered(monkeypatch, right, wrong):
    """Stand in for a model: told all it makes the right song, else another; note what it makes."""
    made = []

    def render_plan(ready, plan, dropped):
        made.append((plan.prompt, plan.seed, dropped))
        return Render(wrong if dropped else right)

    monkeypatch.setattr(suite_run, "render_plan", render_plan)
    return made


@pytest.fixture
def run(plan, registry, tmp_path):
    def run(output="out", networks="a", best_of=1):
        ready = SimpleNamespace(registry=registry, networks={"denoiser": networks},
                                model=SimpleNamespace(streams={}))  # fmt: skip
        plans = [plan, plan.model_copy(update={"prompt": "another", "seed": 2})]
        bench = Bench(ready, tmp_path / output, best_of)
        return evaluate_suite(PATHS, plans, bench, ABOUT, SilentReport())

    return run


def figures(found):
    return {row["name"]: row for row in found["figures"]}


def test_a_suite_is_rendered_told_and_dropped_and_put_side_by_side(run, rendered, tmp_path):
    found = run()
    assert [(prompt, dropped) for prompt, _, dropped in rendered] == [
        ("test tones", False), ("test tones", True), ("another", False), ("another", True),
    ]  # fmt: skip
    majmin = figures(found)["chord majmin"]
    assert majmin["told"]["mean"] > 0.8 > 0.3 > majmin["dropped"]["mean"]
    gain = majmin["told"]["mean"] - majmin["dropped"]["mean"]
    assert majmin["gain"]["mean"] == pytest.approx(gain)
    assert (majmin["told"]["count"], majmin["floor"]) == (2, pytest.approx(1 / 24))
    assert read_evaluation(tmp_path / "out") == json.loads(json.dumps(found))
    for song in found["songs"]:
        for kind in ("told", "dropped"):
            assert (tmp_path / "out" / song[kind]["audio"]).is_file()


def test_what_is_kept_is_not_made_again(run, rendered, tmp_path):
    first = run()
    del rendered[:]
    assert (run(), rendered) == (first, [])
    (tmp_path / "out" / "renders" / "two-told.flac").unlink()
    assert (run()["figures"], rendered) == (first["figures"], [("another", 2, False)])
    del rendered[:]
    run(networks="b")  # another model
    assert len(rendered) == 4


def test_a_render_whose_stem_is_gone_is_made_again(right, tmp_path):
    made, path = [], tmp_path / "one.flac"

    def make():
        made.append(path)
        return Render(right, right, right)

    keep_render(path, {"plan": "one"}, make)
    keep_render(path, {"plan": "one"}, make)
    assert len(made) == 1
    path.with_suffix(VOCAL).unlink()
    keep_render(path, {"plan": "one"}, make)
    assert (len(made), path.with_suffix(VOCAL).is_file()) == (2, True)


def test_the_best_of_several_is_a_column_of_its_own(run, rendered, monkeypatch, right, wrong):
    def render_plan(ready, plan, dropped):
        return Render(wrong if dropped or plan.seed in (1, 2) else right)

    monkeypatch.setattr(suite_run, "render_plan", render_plan)
    found = run(best_of=2)
    majmin = figures(found)["chord majmin"]
    assert majmin["told"]["mean"] < 0.3 < 0.8 < majmin["best"]["mean"]
    assert majmin["gain of best"]["low"] > 0.5
    assert {song["best"]["seed"] for song in found["songs"]}.isdisjoint({1, 2})


def test_the_table_of_a_suite_cuts_no_figure_off(result, capsys):
    found = result([0.1234, 0.5])
    for song in found["songs"]:
        song["best"] = song["told"]
    found |= {"best_of": 4, "figures": summary(found["songs"])}
    show_suite(found)
    told = capsys.readouterr().out
    assert "2 songs, best of 4" in told
    assert "…" not in told
    assert told.count("0.31 [0.12, 0.50]") == 3  # told, gain over nothing, best


def test_manifests_of_one_name_are_refused(plan, registry, tmp_path):
    ready = SimpleNamespace(registry=registry, networks={}, model=None)
    with pytest.raises(MuzeError, match="cannot be told apart: one"):
        evaluate_suite([PATHS[0]] * 2, [plan] * 2, Bench(ready, tmp_path), ABOUT, SilentReport())


def test_a_folder_without_an_evaluation_is_told(tmp_path):
    with pytest.raises(MuzeError, match="is no evaluation"):
        read_evaluation(tmp_path)
    (tmp_path / "evaluation.json").write_text('{"muze_evaluation": 2}')
    with pytest.raises(MuzeError, match="this muze reads"):
        read_evaluation(tmp_path)


@pytest.fixture
def result(row):
    """Make an evaluation of one figure from its value in each song."""

    def result(values, extractor="an ear 1", **more):
        songs = [
            {"name": f"song {number}", "prompt": "x", "seconds": 8.0,
             "told": {"scores": [row("chord", "majmin", value, extractor=extractor)]},
             "dropped": {"scores": [row("chord", "majmin", 0.0, extractor=extractor)]}}
            for number, value in enumerate(values)
        ]  # fmt: skip
        return {"songs": songs, "figures": summary(songs), "best_of": 1, **ABOUT, **more}

    return result


def test_two_models_are_compared_song_by_song(result):
    rows = compare_suites(result([0.1, 0.5, 0.9]), result([0.2, 0.6, 1.0]))
    assert len(rows) == 1
    assert rows[0]["difference"]["mean"] == pytest.approx(0.1)
    assert rows[0]["difference"]["low"] == pytest.approx(0.1)
    assert rows[0]["a"]["mean"] == pytest.approx(0.5)
    assert rows[0]["b"]["mean"] == pytest.approx(0.6)


def test_what_cannot_be_compared_is_refused(result):
    with pytest.raises(MuzeError, match="heard by an ear 1 and by an ear 2"):
        compare_suites(result([0.1]), result([0.1], extractor="an ear 2"))
    other = result([0.1])
    other["songs"][0]["prompt"] = "y"
    with pytest.raises(MuzeError, match="song 0: is another song"):
        compare_suites(result([0.1]), other)
    other["songs"][0]["name"] = "elsewhere"
    with pytest.raises(MuzeError, match="no song in common"):
        compare_suites(result([0.1]), other)


def test_two_recordings_are_compared_figure_by_figure(row):
    first, second = (
        {"scores": [row("chord", "majmin", value), row("tempo", name, 1.0)]}
        for value, name in ((0.25, "Acc1"), (0.75, "Acc2"))
    )
    rows = compare_recordings(first, second)
    assert [(r["name"], r["a"], r["b"], r["difference"]) for r in rows] == [
        ("majmin", 0.25, 0.75, 0.5)
    ]


def test_the_page_of_a_suite_has_players_pictures_and_figures_and_loads_nothing(
    run, rendered, tmp_path
):
    write_suite(tmp_path / "report.html", run(), tmp_path / "out")
    page = (tmp_path / "report.html").read_text()
    for name in ("one-told", "one-dropped", "two-told", "two-dropped"):
        assert f'src="out/renders/{name}.flac"' in page
    assert page.count("data:image/webp;base64,") == 2
    assert "chord majmin" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page


def test_the_page_of_two_models_has_both_sounds(result, tmp_path):
    sides = [result([0.1]), result([0.3], model="theirs <b>")]
    for side in sides:
        side["songs"][0]["told"]["audio"] = "renders/song.flac"
    rows = compare_suites(*sides)
    write_comparison(tmp_path / "r.html", rows, sides, [tmp_path / "a", tmp_path / "b"])
    page = (tmp_path / "r.html").read_text()
    assert 'src="a/renders/song.flac"' in page
    assert 'src="b/renders/song.flac"' in page
    assert "theirs &lt;b&gt;" in page
