import numpy as np

import muze
from muze.audio.io import write_audio
from muze.core.grid import Audio


def test_a_plan_as_json_makes_the_same_plan_again(run, song, tmp_path, rendering):
    done = run("plan", "--manifest", song, "--json")
    (tmp_path / "made.json").write_text(done.stdout)
    run("generate", "--manifest", song)
    first = rendering.plan
    assert run("generate", "--plan", "made.json").exit_code == 0
    assert rendering.plan == first
    again = run("generate", "--plan", "made.json", "--output", "b.flac", "--quiet")
    assert again.stdout == f"{tmp_path / 'b.flac'}\n"
    assert rendering.plan.output.format == "flac"


def test_a_plan_is_never_made_over_a_recording_it_reads(run, song, tmp_path, rendering):
    write_audio(tmp_path / "hum.wav", Audio(np.full((1, 32000), 0.1, np.float32), 32000))
    song.write_text(song.read_text() + "streams: {chord: {from: hum.wav}}\n")
    (tmp_path / "p.json").write_text(run("plan", "--manifest", song, "--json").stdout)
    done = run("generate", "--plan", "p.json", "--output", "hum.wav")
    assert (done.exit_code, rendering.plan) == (1, None)
    assert "hum.wav: is read here and would be written over; give another --output" in done.stderr
    assert run("generate", "--plan", "p.json", "--output", "new.wav").exit_code == 0


def test_an_edited_plan_is_told_in_lines(run, planned, rendering):
    done = run("generate", "--plan", planned(origins={}, tempo=[], time_signature="foo"))
    assert (done.exit_code, rendering.plan) == (1, None)
    assert [line.partition(", key, seed")[0] for line in done.stderr.splitlines()] == [
        "muze: p.json: tempo: must have at least 1 item, not 0",
        "muze: p.json: time_signature: 'foo' is no time signature; write it like 4/4, 3/4 or 6/8",
        "muze: p.json: origins: lacks duration",
    ]


def test_a_plan_made_with_other_versions_is_refused(run, planned, rendering):
    done = run("generate", "--plan", planned(muze="0.0.1"))
    assert (done.exit_code, rendering.plan) == (1, None)
    assert done.stderr == (
        f"muze: p.json: this plan was made with muze 0.0.1; here is muze {muze.__version__}; the "
        "same file would not come back, so plan the manifest anew\n"
    )


def test_a_plan_writes_outside_its_folder_only_where_output_says_so(
    run, planned, rendering, tmp_path, monkeypatch
):
    plan = tmp_path / planned()  # its song would be written beside it
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    done = run("generate", "--plan", plan)
    assert (done.exit_code, rendering.plan) == (1, None)
    assert f"output.path: {tmp_path / 'song.wav'} leaves the folder" in done.stderr
    assert run("generate", "--plan", plan, "--output", "../song.wav").exit_code == 0
    assert rendering.plan.output.path == str(tmp_path / "song.wav")
