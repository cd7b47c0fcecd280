"""docs/training.md is true: its commands run, on small data, and its tables are the settings'."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml
from pydantic import BaseModel
from typer.testing import CliRunner

import muze
from muze.audio.io import write_audio
from muze.cli import app
from muze.core.grid import Audio
from muze.manifest.training import read_settings
from muze.model.header import read_header
from muze.pipelines import train_diffusion, train_planner, train_vae, train_vocoder
from muze.pipelines.training import LoopSettings
from muze.testing.sounds import SAMPLE_RATE, chords, clicks

ROOT = Path(muze.__file__).parent.parent
PAGE = (ROOT / "docs/training.md").read_text(encoding="utf-8")
HEARD = "--streams tempo,loudness,energy --workers 1 --quiet"
LOOP = "--steps 2 --batch-size 2 --quiet --device cpu --set save_every=1"
CROPS = "--set crop_frames=64 --set preview_every=null"
SMALL = "--set unet.model_channels=32 --set unet.num_heads=2 --set unet.vector_dim=32"
MORE = {
    "muze dataset build": HEARD,
    "muze dataset add": HEARD,
    "muze dataset encode": "--quiet",
    "muze train vae": f"{LOOP} {CROPS} --set autoencoder.channels=[192] "
    "--set autoencoder.num_res_blocks=1",
    "muze train planner": f"{LOOP} --set planner.width=16 --set planner.num_heads=2",
    "muze train diffusion --from": f"{LOOP} {CROPS}",
    "muze train diffusion --config": f"{LOOP} {CROPS} {SMALL}",
    "muze train diffusion --run": "--quiet",
    "muze generate": "--num-steps 2 --duration 3 --quiet --device cpu",
}
"""What is said besides, by how a command begins, so that it takes seconds."""
SETTINGS = {"loop": LoopSettings, "diffusion": train_diffusion.TrainingSettings,
            "vae": train_vae.TrainingSettings, "vocoder": train_vocoder.TrainingSettings,
            "planner": train_planner.TrainingSettings}  # fmt: skip


def commands(heading):
    """Return the commands of a section of the page."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```console\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    found = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    assert found, heading
    return found


def song(seed, seconds=6.0):
    sound = chords([("C", "Am", "F", "G")[(seed + k) % 4] for k in range(3)], seconds / 3)
    beats = np.arange(0, seconds - 0.1, 0.5)
    mix = sound.samples + clicks(beats, seconds, beats[::4]).samples[:, : sound.samples.shape[1]]
    return Audio((0.5 * mix / np.abs(mix).max()).astype(np.float32), SAMPLE_RATE)


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """Follow some commands in a folder with songs and the examples, in this process."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")

    def follow(lines):
        for line in lines:
            more = next((m for start, m in MORE.items() if line.startswith(start)), "")
            done = CliRunner().invoke(app, shlex.split(f"{line} {more}")[1:])
            assert done.exit_code == 0, f"{line} {more}\n{done.stdout}{done.stderr}"

    return follow


def write_songs(folder, names, first=0):
    for index, name in enumerate(names, first):
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_audio(path, song(index))


@pytest.mark.slow
def test_a_model_of_own_songs_from_nothing_and_then_more(reader, tmp_path):
    write_songs("music", ["one.mp3", "two.mp3"])
    write_songs("more", ["three.mp3"], first=2)
    reader(commands("Own MP3s, from nothing"))
    for name in ("songs.parquet", "night.wav", "mine/muze.json"):
        assert Path(name).stat().st_size
    reader(commands("Stopped, resumed, repeated"))
    reader(commands("Adding tracks, and fine-tuning"))
    assert read_header(Path("runs/more/denoiser"))["base"]["model"] == "../../../mine"
    assert "Songs by me" in Path("mine-2/README.md").read_text()


@pytest.mark.slow
def test_a_few_songs_beside_the_starter(reader):
    write_songs("few", ["one.wav", "two.flac"])
    reader(commands("A few songs of your own, beside the starter"))
    header = read_header(Path("runs/few/denoiser"))
    assert header["base"]["model"] == "starter"
    assert Path("runs/few/denoiser/denoiser.safetensors").stat().st_size < 3e6
    assert Path("few.wav").stat().st_size


@pytest.mark.slow
def test_a_downloaded_fma_folder(reader, tmp_path):
    write_songs("fma_small", ["000/000002.mp3", "000/000005.mp3"])
    tables = tmp_path / "fma_metadata"
    tables.mkdir()
    (tables / "tracks.csv").write_text(
        ",track,track,artist\n,title,genre_top,name\ntrack_id,,,\n"
        "2,Food,Electronic,AWOL\n5,This World,Rock,AWOL\n"
    )
    reader(commands("A downloaded FMA folder"))
    assert Path("fma.wav").stat().st_size
    assert Path("fma.latents").exists()


def table(name):
    """Return the table of a training's settings as the page should have it."""
    model = SETTINGS[name]
    shared = {} if model is LoopSettings else LoopSettings.model_fields
    rows = ["| setting | unless said | which is |", "| --- | --- | --- |"]
    for key, field in model.model_fields.items():
        if key in shared and shared[key].default == field.default:
            continue
        default = "must be said" if field.is_required() else _said(field.get_default(
            call_default_factory=True))  # fmt: skip
        told = field.description or "its own settings: see the examples"
        rows.append(f"| `{key}` | {default} | {told} |")
    return "\n".join(rows)


def _said(value):
    if value is None or value == [] or value == ():
        return "-"
    if isinstance(value, (BaseModel, dict)):
        return "its own" if value else "-"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


@pytest.mark.parametrize("name", SETTINGS)
def test_the_tables_are_those_of_the_settings(name):
    found = PAGE.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- /{name} -->")[0].strip()
    assert found == table(name), f"docs/training.md should hold\n{table(name)}"


def test_the_lines_of_the_example_are_settings(tmp_path):
    (told,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    (tmp_path / "train.yaml").write_text(told)
    found = read_settings(tmp_path / "train.yaml", train_diffusion.TrainingSettings, {})
    assert set(yaml.safe_load(told)) <= found.model_fields_set


def test_every_example_that_is_named_is_there_and_every_one_is_named():
    named = {*re.findall(r"examples/train/([\w-]+\.yaml)", PAGE)}
    there = {path.name for path in (ROOT / "examples/train").iterdir()}
    assert named <= there
    short = {*re.findall(r"`(-\w+)`", PAGE)}
    for name in there:
        stem = name.removesuffix(".yaml")
        assert f"`{name}`" in PAGE or name in named or f"-{stem.rpartition('-')[2]}" in short, name


def test_options_of_the_specification_work_or_are_told():
    run = CliRunner().invoke
    for phase, kind in (("1", "vae"), ("3", "diffusion")):
        done = run(app, ["train", "--phase", phase, "--epochs", "5"])
        assert done.exit_code == 2
        assert "muze counts steps" in done.stderr
        assert kind
    done = run(app, ["train", "vae", "--audio_dir", "music"])
    assert done.exit_code == 2
    assert "muze dataset build" in done.stderr
