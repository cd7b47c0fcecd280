"""A backend from outside takes the place of another by one line of the song."""

import sys

import pytest
from typer.testing import CliRunner

from muze.cli import app
from muze.core.errors import PluginError
from muze.core.protocols import about, check_installed
from muze.core.registry import GROUP, Registry
from muze.core.voices import speak_timed
from muze.manifest.read import read_song
from muze.pipelines.new_plugin import write_plugin

SONG = """\
muze: 1
prompt: slow ballad
voice:
  backend: BACKEND
  lyrics: hold me close
"""


@pytest.fixture
def organ(tmp_path, monkeypatch):
    """A voice plugin, written as `muze plugins new` does and installed as pip would."""
    folder = write_plugin("organ", "voice", tmp_path / "plugin")
    info = folder / "muze_organ-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: muze-organ\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\norgan = muze_organ\n")
    monkeypatch.syspath_prepend(folder)
    yield "organ"
    sys.modules.pop("muze_organ", None)


def words_of(song):
    """Return who says a song's words and what is said, by the contract alone."""
    cls = Registry().get("voice", song.voice.backend)
    backend = cls(cls.Config())
    check_installed(backend)
    voice = song.voice.voice or backend.voices()[0]
    return about(backend), speak_timed(backend, song.voice.lyrics, voice, "en")


def test_one_line_of_the_song_says_who_speaks(organ, tmp_path):
    said = {}
    for backend in ("piper", organ):
        file = tmp_path / f"{backend}.yaml"
        file.write_text(SONG.replace("BACKEND", backend))
        who, said[backend] = words_of(read_song(file))
        assert who
    rates = {backend: spoken.audio.sample_rate for backend, spoken in said.items()}
    assert rates == {"piper": 22050, organ: 32000}
    assert said[organ].audio.duration == pytest.approx(0.1 * len("hold me close"))
    assert said[organ].phones == ()  # it tells no times
    assert len(said["piper"].phones) == 10


def test_its_voices_are_listed_beside_the_others(organ):
    done = CliRunner().invoke(app, ["voices", "list", "--backend", organ])
    assert [line.split() for line in done.stdout.splitlines()[1:]] == [
        ["organ", "low", "en"], ["organ", "high", "en"]
    ]  # fmt: skip


def test_without_it_the_song_is_told_what_is_missing(tmp_path):
    file = tmp_path / "song.yaml"
    file.write_text(SONG.replace("BACKEND", "organ"))
    with pytest.raises(PluginError, match="voice 'organ' is not installed"):
        words_of(read_song(file))
