import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
import soundfile

from muze.audio import io
from muze.cli import main
from muze.core.errors import ManifestError, MuzeError, PluginError
from muze.model.checkpoint import save_part
from muze.model.denoiser import Denoiser, DenoiserSettings
from muze.model.header import part_settings
from muze.pipelines.components import open_streams
from muze.pipelines.generate import generate
from muze.pipelines.output import check_output
from muze.pipelines.plan import read_plan
from muze.report import SilentReport


@pytest.fixture
def render(plan_of, registry):
    def render(text="", **options):
        return generate(plan_of(text, **options), registry, SilentReport(), "cpu")

    return render


def left(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "song.yaml")


def test_a_render_leaves_its_sound_plan_adherence_and_picture(render, tmp_path):
    rendered = render("title: Night $x^ Drive\n")
    assert left(tmp_path) == ["song.adherence.json", "song.plan.json", "song.png", "song.wav"]
    samples, rate = soundfile.read(rendered.path)
    assert (len(samples), rate) == (96000, 32000)
    assert 0.01 < abs(samples).max() <= 1
    adherence = json.loads(rendered.adherence_path.read_text())
    assert adherence == rendered.adherence
    assert {row["stream"] for row in adherence["scores"]} >= {"chord", "beat", "tempo", "key"}
    assert rendered.picture_path.read_bytes().startswith(b"\x89PNG")


def test_the_same_plan_makes_the_same_bytes(plan_of, registry, tmp_path):
    plan, made = plan_of(), []
    for _ in range(2):
        generate(plan, registry, SilentReport(), "cpu")
        made.append({path.name: path.read_bytes() for path in tmp_path.iterdir()})
    assert made[0] == made[1]


def test_the_plan_left_beside_a_song_makes_it_again(render, registry, tmp_path):
    rendered = render("streams: {chord: {progression: [Am, F]}}\nkey: A minor\n")
    first = rendered.path.read_bytes()
    plan = read_plan(rendered.plan_path)
    rendered.path.unlink()
    again = generate(plan, registry, SilentReport(), "cpu")
    assert again.path.read_bytes() == first
    assert again.adherence == rendered.adherence


def test_another_vocoder_can_be_named(render):
    song = render("vocoder: {name: griffin_lim}\n")
    assert read_plan(song.plan_path).vocoder.name == "griffin_lim"


@pytest.mark.parametrize(
    ("kind", "name", "method", "doing"),
    [("stream", "tempo", "score", "measure the render"),
     ("stream", "chord", "extract", "measure the render"),
     ("stream", "chord", "parse", "draw what the manifest says"),
     ("sampler", "ddim", "sample", "sample"),
     ("vocoder", "vocos", "load", "load its weights"),
     ("vocoder", "vocos", "render", "render the song")],
)  # fmt: skip
def test_a_plugin_that_raises_in_the_middle_is_blamed_and_leaves_nothing(
    plan_of, registry, tmp_path, monkeypatch, kind, name, method, doing
):
    def broken(*arguments):
        raise ZeroDivisionError("by its own fault")

    plan = plan_of("streams: {chord: {progression: [Am, F]}}\n")
    monkeypatch.setattr(registry.get(kind, name), method, broken)
    with pytest.raises(PluginError) as told:
        generate(plan, registry, SilentReport(), "cpu")
    assert str(told.value) == (
        f"plugin {name} ({registry.version(name)}) failed to {doing}: "
        "ZeroDivisionError: by its own fault"
    )
    assert left(tmp_path) == []


@pytest.mark.parametrize("fault", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_render_leaves_nothing(plan_of, registry, tmp_path, fault):
    class Interrupted(SilentReport):
        def task(self, description, total):
            def advance(steps=1):
                if description == "making music":
                    raise fault

            return advance

    plan = plan_of()
    with pytest.raises((fault, PluginError)):
        generate(plan, registry, Interrupted(), "cpu")
    assert left(tmp_path) == []


@pytest.mark.parametrize("at", [1, 2, 4])  # of the four files
def test_a_full_disk_leaves_no_file_and_no_part_of_one(
    plan_of, registry, tmp_path, monkeypatch, at
):
    calls, fsync = [], io.os.fsync

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == at:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    plan = plan_of()
    monkeypatch.setattr(io.os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as told:
        generate(plan, registry, SilentReport(), "cpu")
    assert Path(told.value.filename).parent == tmp_path
    assert len(calls) == at
    assert left(tmp_path) == []


def test_ctrl_c_in_the_middle_of_writing_leaves_the_song_before_as_it_was(
    plan_of, tmp_path, monkeypatch, capsys
):
    plan_of()  # writes song.yaml
    beside = {"song.wav": b"old", "song.plan.json": b"old"}
    for name, data in beside.items():
        (tmp_path / name).write_bytes(data)
    fsync, calls = os.fsync, []

    def stopped(descriptor):
        calls.append(descriptor)
        fsync(descriptor)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)

    command = ["muze", "generate", "--manifest", "song.yaml", "--quiet", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", [*command, "--output", "song.wav"])
    monkeypatch.setattr(os, "fsync", stopped)
    # who ran the tests in the background may have had it ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(SystemExit) as end:
            main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert (end.value.code, len(calls)) == (130, 3)
    assert capsys.readouterr() == ("", "muze: interrupted; nothing half-written is left\n")
    assert {name: (tmp_path / name).read_bytes() for name in left(tmp_path)} == beside


def test_a_render_is_measured_by_the_model_s_own_streams(plan_of, registry, monkeypatch):
    asked = []

    def measured(audio, plan, drawn, registry, report, dropped, streams):
        asked.append(streams)
        return {"scores": []}

    monkeypatch.setattr("muze.pipelines.generate.measure", measured)
    generate(plan_of(), registry, SilentReport(), "cpu")
    assert asked[0]["chord"].injects() == {"vector": 8, "frames": 8}  # as it was trained


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_loaded(
    plan_of, registry, tmp_path, monkeypatch
):
    plan = plan_of()
    gone = plan.output.model_copy(update={"path": str(tmp_path / "gone" / "song.wav")})
    monkeypatch.setattr("muze.pipelines.generate.load_model", None)
    with pytest.raises(ManifestError, match="there is no folder"):
        generate(plan.model_copy(update={"output": gone}), registry, SilentReport(), "cpu")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(ManifestError, match="is not writable"):
        generate(plan, registry, SilentReport(), "cpu")
    with pytest.raises(ManifestError, match="is not writable"):
        check_output(Path(plan.output.path))


def test_a_stream_the_model_was_not_trained_with_is_told(plan_of, registry, tmp_path, model):
    deaf = shutil.copytree(model, tmp_path / "deaf")
    about = part_settings(model, "denoiser", DenoiserSettings)
    heard = {name: config for name, config in about.streams.items() if name != "chord"}
    about = about.model_copy(update={"streams": heard})
    save_part(deaf, "denoiser", Denoiser(about, open_streams(heard, registry)), about, {})
    plan = plan_of().model_copy(update={"model": str(deaf)})
    with pytest.raises(MuzeError, match=r"deaf was not trained to hear chord; it hears text, "):
        generate(plan, registry, SilentReport(), "cpu")
    assert left(tmp_path) == ["deaf"]
