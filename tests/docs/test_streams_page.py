"""docs/streams.md is true: its songs are planned, its widths are those of the streams."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import mido
import numpy as np
import pytest

import muze
from muze.audio.io import write_audio
from muze.core.registry import Registry
from muze.pipelines.plan import plan_file
from muze.testing.sounds import melody

PAGE = (Path(muze.__file__).parent.parent / "docs/streams.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^### (\w+)\n((?:(?!^##).*\n)*)", PAGE, re.MULTILINE)
ROW = r"^\| (\w+) \|((?: \d* ?\|){4}) [\w ]+ \|$"
NEEDS = {"phoneme": "gruut", "phoneme_timestamps": "gruut"}
SOUNDS = ("hum.wav", "singer.wav", "reference.wav", "beat.wav", "take.wav")
TUNE = """<score-partwise><part-list><score-part id="P1"><part-name>Lead</part-name></score-part>
</part-list><part id="P1"><measure number="1"><attributes><divisions>1</divisions></attributes>
<note><pitch><step>A</step><octave>4</octave></pitch><duration>1</duration></note></measure></part>
</score-partwise>"""
SCORES = ("lead.mid", "song.mid")


def songs():
    """Yield each song of the page with the stream it is about."""
    for name, text in SECTIONS:
        for block in re.findall(r"^```yaml\n((?:.*\n)*?)```$", text, re.MULTILINE):
            for number, song in enumerate(re.split(r"^---\n", block, flags=re.MULTILINE)):
                yield pytest.param(name, song, id=f"{name}-{number}")


def built_in(registry):
    classes = {name: registry.get("stream", name) for name in registry.names("stream")}
    return {name for name, cls in classes.items() if cls.__module__.startswith("muze.plugins.")}


@pytest.fixture
def folder(tmp_path):
    """A folder holding every file the page's songs name."""
    for name in SOUNDS:
        write_audio(tmp_path / name, melody([57, 60, 64, 62], 0.5))
    for name in SCORES:
        file = mido.MidiFile()
        file.tracks.append(mido.MidiTrack())
        file.tracks[0].append(mido.Message("note_on", note=69, velocity=90))
        file.tracks[0].append(mido.Message("note_off", note=69, time=480))
        file.save(tmp_path / name)
    (tmp_path / "tune.musicxml").write_text(TUNE)
    numbers = np.abs(np.sin(np.arange(1, 257))).round(3).tolist()
    (tmp_path / "artist_embeddings.json").write_text(json.dumps({"Ada Quist": numbers}))
    return tmp_path


@pytest.mark.parametrize(("name", "song"), list(songs()))
def test_every_song_of_the_page_is_planned(name, song, folder, monkeypatch):
    # 800 MB that no package has; where its tokenizer is not, words are counted as they are drawn
    monkeypatch.setattr("muze.plugins.streams.clap.model.weights_folder", lambda _: folder)
    if name in NEEDS and not find_spec(NEEDS[name]):
        pytest.skip(f"{NEEDS[name]} is not installed")
    if "musicxml" in song and not find_spec("music21"):
        pytest.skip("music21 is not installed")
    if "language: pl" in song and which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    prompt = "" if song.startswith("prompt:") else "prompt: x\n"
    (folder / "song.yaml").write_text(f"muze: 1\n{prompt}{song}", encoding="utf-8")
    plan = plan_file(folder / "song.yaml", Registry(), {"--seed": 0}, writes=False)
    told = [plan.streams, *(part.streams for part in plan.sections)]
    assert any(name in streams for streams in told)


def test_every_built_in_stream_has_a_section_with_a_song():
    names = built_in(Registry())
    assert {name for name, _ in SECTIONS} == names
    assert {param.values[0] for param in songs()} == names


def test_the_widths_of_the_page_are_those_of_the_streams():
    registry = Registry()
    told = {
        name: {
            site: int(width)
            for site, width in zip(
                ("vector", "frames", "tokens", "voice"), cells.split("|"), strict=False
            )
            if width.strip()
        }
        for name, cells in re.findall(ROW, PAGE, re.MULTILINE)
    }
    streams = {name: registry.get("stream", name) for name in built_in(registry)}
    assert told == {name: cls(cls.Config()).injects() for name, cls in streams.items()}


def test_every_array_of_a_stream_is_told_in_its_section():
    registry = Registry()
    for name, text in SECTIONS:
        for array in registry.get("stream", name).layout:
            assert f"`{array}`" in text, f"{name} draws {array}"


def test_every_stream_of_the_table_of_extractors_is_one():
    table = re.search(r"<!-- extractors -->\n(.*?)<!-- /extractors -->", PAGE, re.DOTALL)[1]
    rows = re.findall(r"^\| (\w+) \|.*\| (\w.*) \|$", table, re.MULTILINE)
    names = {name for name, _ in rows} - {"stream"}
    assert names
    assert names <= built_in(Registry())
