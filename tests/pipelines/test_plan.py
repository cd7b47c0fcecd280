import pytest

from muze.core.errors import ManifestError
from muze.pipelines.plan import Plan, read_plan


def test_nothing_said_is_thirty_seconds_decided_by_seed_and_words(plan):
    planned = plan("prompt: sleepy lo-fi hip hop waltz\nseed: 3\n")
    assert planned.duration == 30
    assert planned.time_signature == "3/4"
    assert 70 <= planned.tempo[0].bpm <= 88
    assert planned.streams["genre"].values == {"names": ["lo-fi hip hop", "waltz"]}
    assert set(planned.streams) == {
        "beat", "genre", "key", "loudness", "position", "section", "tempo", "text",
    }  # fmt: skip
    assert all({"chord", "energy"} <= set(section.streams) for section in planned.sections)
    assert planned.origins == {
        "seed": "asked", "tempo": "decided", "key": "decided", "time_signature": "decided",
        "structure": "decided", "duration": "decided",
    }  # fmt: skip
    assert plan("prompt: sleepy lo-fi hip hop waltz\nseed: 3\n") == planned
    assert plan("prompt: sleepy lo-fi hip hop waltz\nseed: 4\n").key != planned.key


def test_a_seed_that_is_not_given_is_drawn_and_kept(plan):
    first, second = (plan("prompt: x\n") for _ in range(2))
    assert first.seed != second.seed
    assert first.origins["seed"] == "decided"


def test_what_a_prompt_s_words_name_decides_and_the_manifest_wins_over_it(plan):
    planned = plan("prompt: techno at 132 bpm in F# minor\nkey: C major\n")
    assert (planned.tempo[0].bpm, planned.key) == (132, "C major")
    assert (planned.origins["tempo"], planned.origins["key"]) == ("decided", "asked")
    assert planned.streams["tempo"].origin == "decided"


def test_a_plan_survives_its_file(plan, tmp_path, registry):
    planned = plan(
        "prompt: café\ntitle: T\ntempo: [{bar: 1, bpm: 100}]\nbars: 8\n"
        "structure: {template: loop}\nsampler: {name: ddim, eta: 0.5}\n"
    )
    (tmp_path / "x.plan.json").write_text(planned.to_json())
    again = read_plan(tmp_path / "x.plan.json")
    assert again == planned
    assert again.to_json() == planned.to_json()
    assert again.grid == planned.grid
    assert "café" in planned.to_json()
    assert again.manifest is not None
    assert set(again.plugins) == {*again.streams, "energy", "chord", "ddim"}


def test_what_is_no_plan_is_told(tmp_path):
    (tmp_path / "x.json").write_text('{"format": 2}')
    for path, told in (
        (tmp_path / "x.json", "is no plan"),
        (tmp_path / "y.json", "cannot be read"),
    ):
        with pytest.raises(ManifestError, match=told):
            read_plan(path)
    with pytest.raises(ManifestError, match="is no plan"):
        Plan.from_json("{")


def test_the_prompt_is_the_short_form_of_the_text(plan):
    planned = plan(
        "streams: {text: {prompt: techno at 133 bpm}}\nstructure:\n  sections:\n"
        "  - {type: solo, bars: 2, streams: {text: piano}}\n"
        "  - {type: solo, bars: 2, prompt: bass}\n"
    )
    assert (planned.prompt, planned.tempo[0].bpm) == ("techno at 133 bpm", 133)
    assert planned.streams["genre"].values == {"names": ["techno"]}
    assert planned.streams["text"].values == {"prompt": "techno at 133 bpm"}
    assert [section.prompt for section in planned.sections] == ["piano", "bass"]
    assert Plan.from_json(planned.to_json()) == planned


def test_a_genre_the_prompt_negates_is_not_decided(plan):
    assert "genre" not in plan("prompt: calm piano, not jazz\n").streams
    planned = plan("prompt: a house by the sea, without techno, warm folk\n")
    assert planned.streams["genre"].values == {"names": ["folk"]}


def test_planning_changes_nothing_and_needs_no_torch(tmp_path):
    import subprocess
    import sys

    (tmp_path / "song.yaml").write_text("muze: 1\nprompt: jazz\nstreams: {chord: [Am]}\n")
    code = (
        "import sys; from pathlib import Path; from muze.core.registry import Registry;"
        "from muze.pipelines.plan import plan_file;"
        "plan_file(Path('song.yaml'), Registry()); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["song.yaml"]
