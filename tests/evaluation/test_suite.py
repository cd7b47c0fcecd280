import pytest

from muze.core.errors import ManifestError, MuzeError
from muze.evaluation.suite import cut, plan_suite, suite_names, suite_paths
from muze.pipelines import model_info
from muze.pipelines.draw import draw
from muze.pipelines.model_info import ModelInfo
from muze.pipelines.plan import Plan, plan_file
from muze.report import SilentReport

SONG = "muze: 1\nprompt: x\nseed: 1\nduration: 8\ntempo: 120\n"


@pytest.fixture
def any_model(monkeypatch):
    monkeypatch.setattr(model_info, "find_model", lambda song, _: ModelInfo(name=song.model))


def test_the_held_out_suite_has_a_hundred_songs_of_20_s_in_two_kinds(registry):
    paths = suite_paths("held-out")
    assert "held-out" in suite_names()
    assert len(paths) == 100
    assert [path.stem for path in paths[:4]] == [
        "held-00-rock", "new-00-rock", "held-01-pop", "new-01-pop",
    ]  # fmt: skip
    assert len({path.stem for path in paths}) == 100
    assert suite_paths("held-out", 3) == paths[:3]
    for path in paths[::20]:
        plan = plan_file(path, registry, writes=False)
        assert plan.duration == 20
        assert {plan.origin_of(name) for name in ("tempo", "key", "chord")} == {"asked"}
        assert plan.origins["seed"] == "asked"


def test_a_folder_of_manifests_is_a_suite(tmp_path):
    for name in ("b.yaml", "a.yaml", "notes.txt"):
        (tmp_path / name).write_text(SONG)
    assert [path.name for path in suite_paths(str(tmp_path))] == ["a.yaml", "b.yaml"]


@pytest.mark.parametrize(
    ("suite", "count", "told"),
    [("held-ot", None, "did you mean 'held-out'"), ("held-out", 101, "holds 100 manifests")],
)
def test_what_is_no_suite_is_told(suite, count, told):
    with pytest.raises(MuzeError, match=told):
        suite_paths(suite, count)


def test_an_empty_folder_is_no_suite(tmp_path):
    with pytest.raises(MuzeError, match=r"holds no manifests"):
        suite_paths(str(tmp_path))


def test_faults_of_all_songs_are_told_at_once(tmp_path, registry, any_model):
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(f"{SONG}key: H major\n")
    with pytest.raises(ManifestError) as told:
        plan_suite(suite_paths(str(tmp_path)), registry, {})
    assert len(str(told.value).splitlines()) == 2


def test_a_song_is_cut_short(plan, registry):
    short = cut(plan, 5.0)
    assert (short.duration, short.num_bars, len(short.sections)) == (5.0, 3, 2)
    assert [(part.start, part.end, part.bars) for part in short.sections] == [(0, 4, 2), (4, 5, 1)]
    assert Plan.from_json(short.to_json()).duration == 5.0
    whole, part = (
        draw(one, registry, SilentReport())["chord"][0]["chord"] for one in (plan, short)
    )
    assert part.shape[1] == 500
    assert (part == whole[:, :500]).all()


def test_a_sliver_of_a_section_is_left_out(plan):
    short = cut(plan, 4.2)
    assert len(short.sections) == 1
    assert (short.sections[0].end, short.sections[0].bars) == (4.2, 2)


def test_what_is_short_enough_stays_as_it_is(plan):
    assert cut(plan, 8.0) is plan


def test_too_short_is_told(tmp_path, registry, any_model):
    (tmp_path / "a.yaml").write_text(SONG)
    with pytest.raises(MuzeError, match="too short to hear a tempo"):
        plan_suite(suite_paths(str(tmp_path)), registry, {}, 2.0)
