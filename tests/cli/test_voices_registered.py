"""``muze voices add, info, remove, extract`` and ``muze provenance``."""

import json
from datetime import date, timedelta

import numpy as np
import pytest
from typer.testing import CliRunner

from muze.audio.io import read_audio, write_audio
from muze.cli import app
from muze.core.errors import NotInstalledError
from muze.core.files import sha256
from muze.core.grid import Audio
from muze.testing.sounds import melody, noise, sine
from muze.voice import registering
from muze.voice.provenance import provenance_of
from muze.voice.quality import Quality
from muze.voice.registry import FOLDER, VoiceRegistry

ANSWERS = ("Ada Quist", "Ada Quist", "a song", "2026-01-01", "2999-12-31")


@pytest.fixture
def heard(monkeypatch):
    """Recordings are not listened to; what is told of them is what a test puts here."""
    told = {"warnings": (), "errors": ()}

    def quality(audio, registry):
        found = np.eye(256, dtype=np.float32)[0]
        return Quality(audio.duration, -20.0, -6.0, 0.0, 40.0, -30.0, 0.9, embedding=found, **told)

    monkeypatch.setattr(registering, "reference_quality", quality)
    monkeypatch.setattr("muze.pipelines.extract_voice.reference_quality", quality)
    return told


@pytest.fixture
def run(tmp_path, monkeypatch, heard):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(FOLDER, str(tmp_path / "kept"))

    def run(*words, answers=None):
        given = None if answers is None else "\n".join(answers) + "\n"
        return CliRunner().invoke(app, [str(word) for word in words], input=given)

    return run


@pytest.fixture
def me(tmp_path):
    write_audio(tmp_path / "me.wav", sine(220.0, 4.0))
    until = date.today() + timedelta(days=9)
    (tmp_path / "consent.yaml").write_text(
        f"speaker: Ada\ngranted_by: Ada\npurpose: a song\ngranted_on: 2026-01-01\n"
        f"valid_until: {until}\nreference_sha256: {sha256(tmp_path / 'me.wav')}\n"
    )
    return tmp_path / "me.wav"


def add(run, name="Zoë"):
    return run("voices", "add", name, "me.wav", "--consent", "consent.yaml")


def test_a_voice_is_added_and_its_folder_told(run, me, tmp_path, heard):
    heard["warnings"] = ("is noisy: 12 dB",)
    done = add(run)
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'kept' / 'Zoë'}\n")
    assert "warning: the recording is noisy: 12 dB\n" in done.stderr
    assert VoiceRegistry(tmp_path / "kept").names() == ["Zoë"]


def test_what_is_known_of_it_is_told(run, me):
    add(run)
    told = json.loads(run("voices", "info", "zoë", "--json").stdout)
    assert (told["voice"], told["speaker"], told["embedding"]) == ("Zoë", "Ada", "by Resemblyzer")
    assert told["consent"].startswith("sha256:")
    assert "valid until" in run("voices", "info", "Zoë").stdout


def test_it_stands_in_the_list_with_its_consent(run, me, tmp_path):
    add(run)
    rows = json.loads(run("voices", "list", "--json").stdout)
    until = date.today() + timedelta(days=9)
    assert rows[0] == {
        "backend": None, "voice": "Zoë", "languages": [], "consent": f"consent until {until}",
    }  # fmt: skip
    (tmp_path / "kept/Zoë/consent.yaml").unlink()
    listed = run("voices", "list").stdout
    assert listed.splitlines()[1].split()[:4] == ["registered", "Zoë", "may", "not"]


def test_at_a_terminal_the_consent_is_asked_for(run, me, monkeypatch, tmp_path):
    monkeypatch.setattr("muze.cli.voices._asks", lambda: True)
    done = run("voices", "add", "me", "me.wav", answers=ANSWERS)
    assert done.exit_code == 0, done.stderr
    assert "Whose voice is it" in done.stderr
    assert done.stdout.splitlines()[-1] == str(tmp_path / "kept" / "me")  # answers are echoed
    consent = VoiceRegistry(tmp_path / "kept").find("me").consent()
    assert (consent.speaker, consent.hashes) == ("Ada Quist", [sha256(me)])


def test_answers_that_give_no_consent_are_told(run, me, monkeypatch, tmp_path):
    monkeypatch.setattr("muze.cli.voices._asks", lambda: True)
    done = run("voices", "add", "me", "me.wav", answers=(*ANSWERS[:3], "tomorrow", "2020-01-01"))
    assert done.exit_code == 1
    assert "muze: consent: granted_on: must be a day such as 2026-03-31" in done.stderr
    assert "muze: consent: valid_until: the consent ran out on 2020-01-01" in done.stderr
    assert not (tmp_path / "kept").exists()


def test_elsewhere_it_must_be_given(run, me):
    done = run("voices", "add", "me", "me.wav", answers=())
    assert done.exit_code == 2
    assert "give --consent, a YAML file with speaker, granted_by" in done.stderr


def test_what_cannot_be_added_is_told_and_nothing_is_kept(run, me, tmp_path, heard):
    heard["errors"] = ("is silent",)
    assert add(run).stderr.endswith("muze: me.wav: is silent\n")
    assert add(run, "../x").stderr.startswith("muze: voice '../x': '/' may not be in a name")
    me.write_bytes(me.read_bytes() + b"\0")
    assert "muze: consent.yaml:6: reference_sha256: the consent is for another" in add(run).stderr
    assert not (tmp_path / "kept").exists()


def test_two_of_one_name_are_not_added(run, me):
    assert add(run).exit_code == 0
    assert "a voice 'Zoë' is registered already" in add(run, "ZOË").stderr


def test_removing_tells_what_is_gone(run, me, tmp_path):
    add(run)
    done = run("voices", "remove", "Zoë")
    assert [line.rpartition("/")[2] for line in done.stdout.splitlines()] == [
        "consent.yaml", "embedding.safetensors", "reference-1.wav", "voice.json",
    ]  # fmt: skip
    assert list((tmp_path / "kept").iterdir()) == []
    gone = run("voices", "remove", "Zoë")
    assert (gone.exit_code, "no voice 'Zoë' is registered" in gone.stderr) == (1, True)


def test_a_service_that_cannot_be_told_keeps_the_files_too(run, me, tmp_path, monkeypatch):
    add(run)
    voices = VoiceRegistry(tmp_path / "kept")
    voices.note_clone(voices.find("Zoë"), "kokoro", "id7")  # which has no forget
    done = run("voices", "remove", "Zoë")
    assert done.exit_code == 1
    assert "kokoro still keeps voice id7 of 'Zoë', and its files are kept too" in done.stderr
    assert voices.names() == ["Zoë"]
    done = run("voices", "remove", "Zoë", "--local-only")
    assert done.stderr == "still kept by kokoro: id7\n"
    assert voices.names() == []


def test_a_folder_may_be_given(run, me, tmp_path):
    done = run("voices", "add", "a", me, "--consent", "consent.yaml", "--voices", tmp_path / "b")
    assert done.stdout == f"{tmp_path / 'b' / 'a'}\n"
    assert "no voice 'a'" in run("voices", "info", "a").stderr


@pytest.fixture
def mixed(tmp_path):
    """A tone that wanders, and noise: what stands out is taken for the voice."""
    lead = melody([60, 62, 64, 65], 1.0).samples
    under = noise(4.0, 0.03).samples[:, : lead.shape[1]]
    write_audio(tmp_path / "song.wav", Audio(0.8 * lead + under, 32_000))


def test_a_song_is_taken_apart_into_two_that_add_up(run, mixed, tmp_path):
    done = run("voices", "extract", "song.wav", "--output-dir", "out", "--separator", "foreground")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "out/vocal.wav\nout/music.wav\n"
    assert "no trained separator" in done.stderr
    parts = [read_audio(tmp_path / "out" / name).samples for name in ("vocal.wav", "music.wav")]
    told = json.loads((tmp_path / "out/quality.json").read_text())
    song = read_audio(tmp_path / "song.wav").samples * told["gain"]
    assert np.abs(parts[0] + parts[1] - song).max() < 1e-4
    high = [np.abs(np.fft.rfft(part[0]))[40_000:].mean() for part in parts]  # above 10 kHz
    assert high[1] > 3 * high[0]
    assert (parts[0] ** 2).sum() > 0.2 * (song**2).sum()
    assert told["separator"].startswith("harmonics of the foreground pitch")


def test_nothing_is_written_over_unasked(run, mixed, tmp_path):
    said = ("voices", "extract", "song.wav", "--output-dir", "out", "--separator", "foreground")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/music.wav").write_text("mine")
    done = run(*said)
    assert (done.exit_code, done.stderr) == (
        1, "muze: out/music.wav: is there already; --force writes over it\n",
    )  # fmt: skip
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["music.wav"]
    assert run(*said, "--force").exit_code == 0
    (tmp_path / "out/vocal.wav").write_bytes((tmp_path / "song.wav").read_bytes())
    own = run("voices", "extract", "out/vocal.wav", "--output-dir", "out", "--force")
    assert "is the song itself; give another folder" in own.stderr


def test_a_separator_that_is_none_is_told(run, mixed):
    done = run("voices", "extract", "song.wav", "--output-dir", "out", "--separator", "demucz")
    assert (done.exit_code, "did you mean 'demucs'?" in done.stderr) == (1, True)


@pytest.fixture
def score(monkeypatch):
    """What the detector says of every file."""
    told = {"score": 0.95}
    monkeypatch.setattr("muze.voice.watermark.about_watermark", lambda: "PerTh")
    monkeypatch.setattr("muze.voice.watermark.heard_mark", lambda audio: told["score"])
    return told


def test_what_a_file_tells_is_told(run, score, tmp_path):
    told = provenance_of("0.1.0", "starter")
    write_audio(tmp_path / "a.mp3", sine(220.0, 1.0), told.tags())
    done = run("provenance", "a.mp3")
    assert done.stdout == (
        "Made by a machine: muze 0.1.0, model starter.\n"
        "The mark of a cloned voice is heard (score 0.95; PerTh).\n"
    )
    for value, heard in ((0.5, "unsure"), (0.1, "no")):
        score["score"] = value
        found = json.loads(run("provenance", "a.mp3", "--json").stdout)
        assert found["watermark"] == {"heard": heard, "score": value, "by": "PerTh", "reason": None}
        assert found["provenance"]["model"] == "starter"


def test_a_file_of_somebody_else_tells_nothing(run, score, tmp_path, monkeypatch):
    write_audio(tmp_path / "a.wav", sine(220.0, 1.0))

    def missing():
        raise NotInstalledError("a watermark needs resemble-perth")

    monkeypatch.setattr("muze.voice.watermark.about_watermark", missing)
    assert run("provenance", "a.wav").stdout == (
        "a.wav does not say how it was made.\n"
        "A mark was not listened for: a watermark needs resemble-perth\n"
    )
    assert "there is no such file" in run("provenance", "b.wav").stderr
