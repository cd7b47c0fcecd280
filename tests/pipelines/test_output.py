from pathlib import Path

import pytest

from muze.core.errors import AudioError, ManifestError
from muze.core.registry import Registry
from muze.pipelines.output import check_output
from muze.pipelines.plan import plan_file


def test_a_song_is_never_written_over_its_manifest(tmp_path, monkeypatch, registry):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "song.plan.json"
    path.write_text('{"muze": 1, "prompt": "x", "output": {"path": "song.wav"}}')
    with pytest.raises(ManifestError, match=r"plan\.json:1: output\.path: .* is read here"):
        plan_file(path, registry)


def test_the_output_is_beside_the_manifest_or_where_the_option_says(plan, tmp_path):
    (tmp_path / "deep").mkdir()
    assert plan("prompt: x\n").output.path == str(tmp_path / "song.wav")
    planned = plan("prompt: x\noutput: {path: deep/a.flac, loudness: -20}\n")
    assert planned.output.path == str(tmp_path / "deep" / "a.flac")
    assert (planned.output.format, planned.output.loudness) == ("flac", -20)
    assert planned.streams["loudness"].values == {"value": -20}
    assert planned.streams["loudness"].origin == "asked"
    outside = str(tmp_path.parent / "b.ogg")
    assert plan("prompt: x\n", options={"--output": outside}).output.path == outside


def test_a_file_that_the_song_does_not_name_takes_no_other_s_place(plan, tmp_path):
    def name(text="prompt: x\n", **options):
        return Path(plan(text, **options).output.path).name

    assert name() == "song.wav"
    (tmp_path / "song.wav").touch()
    assert name() == name(writes=False) == "song-2.wav"
    (tmp_path / "song-2.png").touch()  # what is written beside it counts, and a dead link does
    (tmp_path / "song-3.wav").symlink_to("gone.wav")
    assert name() == "song-4.wav"
    # one that is named is written where it is said
    assert name("prompt: x\noutput: {path: song.wav}\n") == "song.wav"
    assert name(options={"--output": "song.wav"}) == "song.wav"
    assert Path(plan_file(None, Registry(), {"PROMPT": "x"}).output.path).name == "song-4.wav"


def test_an_output_that_cannot_be_written_is_told_before_anything(tmp_path, monkeypatch):
    check_output(tmp_path / "a.wav")
    (tmp_path / "b.wav").mkdir()
    for path, told in (
        (tmp_path / "b.wav", "is a folder"),
        (tmp_path / "no" / "a.wav", "there is no folder"),
    ):
        with pytest.raises(ManifestError, match=told):
            check_output(path)
    with pytest.raises(AudioError, match="cannot write"):
        check_output(tmp_path / "a.txt")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(ManifestError, match="not writable"):
        check_output(tmp_path / "a.wav")


def test_where_nothing_is_written_the_place_does_not_matter(plan, faults, tmp_path):
    (tmp_path / "a.wav").mkdir()
    for name in ("gone/a.wav", "../a.wav", "a.wav"):
        planned = plan(f"prompt: x\noutput: {{path: {name}}}\n", writes=False)
        assert planned.output.path == str((tmp_path / name).resolve())
    (told,) = faults("prompt: x\noutput: {path: a.txt}\n", writes=False)
    assert "cannot write .txt" in told


@pytest.mark.parametrize("writes", [True, False])
def test_a_link_that_loops_is_told(faults, tmp_path, writes):
    (tmp_path / "song.wav").symlink_to("song.wav")
    assert faults("prompt: x\noutput: {path: song.wav}\n", writes=writes) == [
        f"3: output.path: {tmp_path / 'song.wav'}: is a link that leads back to itself"
    ]
