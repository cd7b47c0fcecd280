import pytest

from muze.pipelines.best_of import generate_best
from muze.pipelines.generate import generate
from muze.pipelines.rerank import other_seeds, progress, rank
from muze.report import SilentReport


def row(stream, value, floor=0.0, more=True, origin="asked"):
    return {"stream": stream, "name": "x", "value": value, "floor": floor,
            "higher_is_better": more, "origin": origin}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "floor", "more", "share"),
    [(1.0, 0.25, True, 1.0), (0.25, 0.25, True, 0.0), (0.0, 0.5, True, -1.0),
     (0.4, None, True, 0.4), (0.25, 1.0, False, 0.75), (2.0, 1.0, False, -1.0),
     (3.0, None, False, None)],
)  # fmt: skip
def test_a_figure_counts_from_chance_to_the_best(value, floor, more, share):
    assert progress(row("a", value, floor, more)) == share


def test_a_stream_of_many_figures_counts_as_much_as_one_of_one():
    many = [row("chord", 1.0) for _ in range(7)]
    assert rank([*many, row("tempo", 0.0)]) == 0.5


def test_what_was_asked_counts_alone_and_all_does_where_nothing_was():
    rows = [row("chord", 1.0), row("tempo", 0.0, origin="decided")]
    assert rank(rows) == 1.0
    assert rank(rows[1:]) == 0.0
    assert rank([row("tempo", 1.0, origin="decided")]) == 1.0
    assert rank([row("loudness", 3.0, None, False)]) == 0.0


def test_seeds_follow_from_the_first_and_none_comes_twice():
    seeds = other_seeds(7, 20)
    assert seeds[:3] == other_seeds(7, 3)
    assert len({7, *seeds}) == 21
    assert other_seeds(8, 20) != seeds
    assert other_seeds(7, 0) == []


def test_the_best_render_is_kept_and_its_seed_makes_it_alone(plan_of, registry, tmp_path):
    asked = "streams: {chord: {progression: [Am, F]}}\nkey: A minor\n"
    plans = [plan_of(asked, **{"--seed": seed}) for seed in (5, *other_seeds(5, 2))]
    best = generate_best(plans, registry, SilentReport(), "cpu")
    ranks = [found for _, found in best.tried]
    assert [seed for seed, _ in best.tried] == [plan.seed for plan in plans]
    assert rank(best.rendered.adherence["scores"]) == max(ranks)
    assert best.plan.seed == best.tried[ranks.index(max(ranks))][0]
    kept = {path.name: path.read_bytes() for path in tmp_path.glob("song.*[!l]")}
    for name in kept:
        (tmp_path / name).unlink()  # or the file would be called song-2
    generate(plan_of(asked, **{"--seed": best.plan.seed}), registry, SilentReport(), "cpu")
    assert {path.name: path.read_bytes() for path in tmp_path.glob("song.*[!l]")} == kept
