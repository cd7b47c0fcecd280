"""``muze plan``: words become a song file that its user can change."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from muze.cli import app

SONG = ("plan", "calm jazz", "--duration", 60, "--seed", 7)


def dry_run(run, text, tmp_path):
    path = tmp_path / "again.yaml"
    path.write_text(text)
    done = run("generate", "--manifest", path, "--dry-run", "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def shown(plan):
    """Return what of a plan is heard."""
    sections = [
        {
            "type": part["type"], "bars": part["bars"], "chords": part["chords"],
            "energy": part["streams"]["energy"]["values"],
        }
        for part in plan["sections"]
    ]  # fmt: skip
    names = ("prompt", "duration", "num_bars", "tempo", "time_signature", "key", "seed")
    return {**{name: plan[name] for name in names}, "sections": sections}


def test_words_become_a_song_file_that_gives_the_same_plan(run, tmp_path):
    done = run(*SONG)
    assert done.exit_code == 0, done.stderr
    assert done.stderr == ""
    said = yaml.safe_load(done.stdout)
    assert (said["muze"], said["prompt"], said["duration"], said["seed"]) == (1, "calm jazz", 60, 7)
    assert said["streams"] == {"genre": ["jazz"]}
    assert {"type", "bars", "energy", "streams"} == set(said["structure"]["sections"][0])
    again = dry_run(run, done.stdout, tmp_path)
    assert shown(again) == shown(json.loads(run(*SONG, "--json").stdout))
    for name in ("tempo", "key", "time_signature", "structure", "duration"):
        assert again["origins"][name] == "asked"
    assert done.stdout.count("#") >= 6


def test_it_is_written_to_a_file_and_to_stdout(run, tmp_path):
    done = run(*SONG, "--output", "my song.yaml")
    assert done.exit_code == 0, done.stderr
    text = (tmp_path / "my song.yaml").read_text()
    assert "muze generate --manifest 'my song.yaml'" in text
    assert text == done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["my song.yaml"]


@pytest.mark.parametrize(
    ("name", "told"), [("song.wav", "no name of a song file"), ("there.yaml", "is there already")]
)
def test_no_other_file_is_written(run, tmp_path, name, told):
    (tmp_path / "there.yaml").write_text("mine")
    done = run(*SONG, "--output", name)
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.replace("│", " ").split())
    assert (tmp_path / "there.yaml").read_text() == "mine"
    assert not (tmp_path / "song.wav").exists()


def test_what_options_say_is_in_the_file(run, tmp_path):
    done = run(
        "plan", "x: #1, \"loud\"\nand 'odd' ☃", "--tempo", 97.5, "--key", "Bb dorian",
        "--time-signature", "3/4", "--template", "aaba", "--seed", 1, "--cfg-scale", 3,
        "--num-steps", 9, "--sampler", "ddim", "--eta", 0.5, "--model", "no", "--vocoder",
        "griffin_lim",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    plan = dry_run(run, done.stdout, tmp_path)
    assert plan["prompt"] == "x: #1, \"loud\"\nand 'odd' ☃"
    assert (plan["tempo"][0]["bpm"], plan["key"], plan["time_signature"]) == (
        97.5, "A# dorian", "3/4",
    )  # fmt: skip
    assert plan["sections"][0]["type"] in ("intro", "verse")
    assert (plan["duration"], plan["model"], plan["guidance"]["all"]) == (30, "no", 3)
    assert (plan["num_steps"], plan["sampler"]["config"]) == (9, {"eta": 0.5})
    assert plan["vocoder"]["name"] == "griffin_lim"


def test_templates_decide_where_the_model_has_no_planner(run):
    text = run(*SONG).stdout
    assert text.startswith("# Planned by templates from the prompt and the seed.")
    assert "planner" not in yaml.safe_load(text)


def test_a_manifest_is_shown_and_not_written_anew(run, song):
    done = run("plan", "--manifest", song)
    assert done.exit_code == 0
    assert "* decided by muze, not asked" in done.stdout
    assert run("plan", "--manifest", song, "--tempo", 90, "--json").exit_code == 0


def test_faults_of_options_are_told_by_their_names(run):
    done = run("plan", "x", "--tempo", 900, "--key", "H moll", "--time-signature", "4")
    assert done.exit_code == 1
    told = [line.partition(": ")[2].partition(":")[0] for line in done.stderr.splitlines()]
    assert sorted(told) == ["--key", "--tempo", "--time-signature"]
    done = run("plan", "x", "--planner", "nobody")
    assert done.stderr == "muze: --planner: model 'nobody' is not installed\n"


def test_nothing_to_plan_is_bad_usage(run):
    done = run("plan")
    assert done.exit_code == 2
    assert "give one of PROMPT and --manifest; none was given" in " ".join(done.stderr.split())


def test_a_planner_by_option_leaves_the_file_s_settings_behind(run, song):
    song.write_text(song.read_text() + "planner: {name: nobody, top_p: 0.5}\n")
    assert "planner.name: model 'nobody' is not installed" in run("plan", "--manifest", song).stderr
    assert run("plan", "--manifest", song, "--planner", "templates").exit_code == 0
    assert run("generate", "--manifest", song, "--planner", "templates", "--dry-run").exit_code == 0


def test_the_installed_starter_plans_by_its_own_planner(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, [str(arg) for arg in SONG])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("# Planned by the planner of starter from the prompt")
    (tmp_path / "song.yaml").write_text(done.stdout)
    again = CliRunner().invoke(app, ["generate", "--manifest", "song.yaml", "--dry-run", "--json"])
    plan = json.loads(again.stdout)
    made = json.loads(CliRunner().invoke(app, [str(arg) for arg in (*SONG, "--json")]).stdout)
    assert shown(plan) == shown(made)
    assert made["planner"]["name"] == "starter"
    assert "planner" not in made["parts"]
    song = ["generate", "calm jazz", "--planner", "starter", "--seed", "7", "--dry-run"]
    told = CliRunner().invoke(app, song).stdout
    assert "* decided by muze (the planner of starter), not asked" in told
