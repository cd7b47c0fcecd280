"""A song in a cloned voice: with consent or not at all, told and marked, and forgotten after."""

import json
import re
import sys
from datetime import date, timedelta
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from types import ModuleType
from typing import ClassVar

import pytest

from muze import hookimpl
from muze.audio.io import read_audio, write_audio
from muze.core.errors import ManifestError, NotInstalledError
from muze.core.files import sha256
from muze.core.registry import GROUP, Registry
from muze.pipelines import made_by
from muze.pipelines.draw import draw
from muze.pipelines.generate import generate
from muze.report import SilentReport
from muze.testing.sounds import melody
from muze.testing.speaking import KnownVoice
from muze.voice import adherence, singer, sung_words
from muze.voice.consent import read_consent
from muze.voice.provenance import CLONED, read_provenance
from muze.voice.quality import Quality
from muze.voice.registry import FOLDER, VoiceRegistry
from muze.voice.watermark import MARKED, heard_mark

pytest.importorskip("pyworld")
pytest.importorskip("gruut")
pytest.importorskip("pedalboard")

HEAD = "duration: 4\ntempo: 120\noutput: {path: sea.wav}\n"
SONG = HEAD + "voice: {backend: twin, voice: Zoë, lyrics: sail the silver sea}\n"
ONE_OFF = HEAD + (
    "voice: {backend: twin, lyrics: sail the silver sea,"
    " clone: {samples: me.wav, consent: consent.yaml}}\n"
)


class Twin(KnownVoice):
    """Clones: they speak as Ada does; what is asked of it is noted."""

    name, clones = "twin", True
    asked: ClassVar = []

    def __init__(self, config):
        super().__init__(config)
        self.HERTZ = dict(KnownVoice.HERTZ)

    def clone(self, reference, name):
        Twin.asked.append(("clone", name, reference))
        self.HERTZ[name] = 220.0
        return name

    def forget(self, voice):
        Twin.asked.append(("forget", voice))
        del self.HERTZ[voice]

    def speak_timed(self, text, voice, language):
        Twin.asked.append(("speak", voice))
        return super().speak_timed(text, voice, language)


@pytest.fixture
def asked():
    return Twin.asked


@pytest.fixture
def registry(monkeypatch):
    module = ModuleType("twin_voices")
    module.muze_voices = hookimpl(lambda: [Twin], specname="muze_voices")
    monkeypatch.setitem(sys.modules, "twin_voices", module)
    monkeypatch.setattr(Twin, "asked", [])
    return Registry([*entry_points(group=GROUP), EntryPoint("twin", "twin_voices", GROUP)], [])


@pytest.fixture(autouse=True)
def unheard(monkeypatch):
    """Neither the render nor the recording is listened to."""

    def missing(*_):
        raise NotInstalledError("not here")

    monkeypatch.setattr(sung_words, "hear_words", missing)
    monkeypatch.setattr(adherence, "likeness", missing)
    found = Quality(4.0, -20.0, -6.0, 0.0, 40.0, -30.0)
    monkeypatch.setattr(singer, "reference_quality", lambda audio, registry: found)


@pytest.fixture
def consent(tmp_path):
    """The path of a consent to a recording beside it."""
    write_audio(tmp_path / "me.wav", melody([60, 64, 67, 64], 1.0))
    (tmp_path / "consent.yaml").write_text(
        f"speaker: Ada Quist\ngranted_by: Ada Quist\npurpose: a song\ngranted_on: 2026-01-01\n"
        f"valid_until: {date.today() + timedelta(days=9)}\n"
        f"reference_sha256: {sha256(tmp_path / 'me.wav')}\n"
    )
    return tmp_path / "consent.yaml"


@pytest.fixture
def zoe(tmp_path, monkeypatch, consent):
    """A registered voice."""
    monkeypatch.setenv(FOLDER, str(tmp_path / "kept"))
    me = tmp_path / "me.wav"
    return VoiceRegistry().add("Zoë", [me], read_consent(consent, [me]))


@pytest.mark.skipif(find_spec("perth") is None, reason="needs resemble-perth")
def test_a_registered_voice_sings_told_marked_and_forgotten(zoe, plan_of, registry, asked):
    rendered = generate(plan_of(SONG), registry, SilentReport(), "cpu")
    assert [what for what, *_ in asked] == ["clone", "speak", "forget"]
    plan = json.loads(rendered.plan_path.read_text())
    told = read_provenance(rendered.path)
    assert plan["provenance"]["voice"]["consent"] == told.voice.consent == zoe.consent().id
    assert told.voice.voice == CLONED
    assert told.voice.watermark.startswith("PerTh")
    for path in (rendered.path, rendered.sung.vocal_path, rendered.sung.music_path):
        assert read_provenance(path) == told
        assert b"Quist" not in path.read_bytes()
    assert heard_mark(read_audio(rendered.sung.vocal_path)) >= MARKED


def test_without_the_library_it_is_told_and_stands_in_the_file(zoe, plan_of, registry, monkeypatch):
    def missing():
        raise NotInstalledError('pip install "muze[watermark]"')

    monkeypatch.setattr(made_by, "about_watermark", missing)
    notes, report = [], SilentReport()
    report.note = notes.append
    rendered = generate(plan_of(SONG), registry, report, "cpu")
    assert any("which the file's tags alone will tell: pip install" in note for note in notes)
    assert read_provenance(rendered.path).voice.watermark is None


@pytest.mark.parametrize("song", [SONG, ONE_OFF])
def test_a_consent_that_ran_out_stops_the_plan_at_its_line(
    zoe, consent, plan_of, asked, song, tmp_path
):
    for path in (consent, zoe.folder / "consent.yaml"):
        path.write_text(re.sub("valid_until: .*", "valid_until: 2026-02-01", path.read_text()))
    with pytest.raises(
        ManifestError, match=r"song\.yaml:\d+: voice\.(voice|clone\.consent): "
    ) as told:
        plan_of(song)
    assert "the consent ran out on 2026-02-01" in str(told.value)
    assert asked == []
    assert not (tmp_path / "sea.wav").exists()


def test_a_consent_withdrawn_after_planning_stops_the_render(
    zoe, plan_of, registry, asked, tmp_path
):
    plan = plan_of(SONG)
    (zoe.folder / "consent.yaml").unlink()
    with pytest.raises(ManifestError, match=r"consent\.yaml: cannot be read"):
        generate(plan, registry, SilentReport(), "cpu")
    assert asked == []
    assert not (tmp_path / "sea.wav").exists()


def test_a_clone_for_one_song_hears_the_voice_that_was_taken_out(consent, plan_of, registry, asked):
    song = ONE_OFF.replace("lyrics:", "separate_vocals: foreground, lyrics:")
    made = plan_of(song)
    assert made.voice.separator == "foreground"
    generate(made, registry, SilentReport(), "cpu")
    whole = read_audio(consent.parent / "me.wav").mono
    (heard,) = [rest[1].mono for what, *rest in asked if what == "clone"]
    assert heard.shape == whole.shape
    assert 0.2 < (heard**2).sum() / (whole**2).sum() < 0.99
    assert asked[-1] == ("forget", "clone of me")


def test_what_a_clone_is_made_of_is_not_written_over(consent, plan_of):
    with pytest.raises(ManifestError, match="is read here and would be written over"):
        plan_of(ONE_OFF.replace("sea.wav", "me.wav"))


def test_a_voice_is_taken_out_of_a_recording_of_a_style(plan, registry, consent, monkeypatch):
    text = "prompt: x\nduration: 4\nvoice: {style_of: me.wav, separate_vocals: foreground}\n"
    made = plan(text)
    assert made.streams["voice"].recording.separator == "foreground"
    told = made.model_copy(update={"streams": {"voice": made.streams["voice"]}, "sections": ()})
    cls = registry.get("stream", "voice")
    heard, notes, report = [], [], SilentReport()
    report.note = notes.append

    class Ear(cls):
        def extract(self, audio, grid):
            heard.append(audio)
            found = {name: [1.0] for name in ("resemblyzer", "ecapa", "given")}
            return {**found, "present": [1.0] * grid.frames}

    monkeypatch.setattr("muze.pipelines.draw._checked", lambda f, s, g: (f, _Everywhere()))
    draw(told, registry, report, {"voice": Ear(cls.Config(ecapa=None))})
    whole = read_audio(consent.parent / "me.wav").mono
    assert (heard[0].mono ** 2).mean() < 0.99 * (whole**2).mean()
    assert notes[0].startswith("the voice is taken out of me.wav by harmonics of the foreground")


class _Everywhere:
    def any(self):
        return True


@pytest.mark.parametrize(
    ("voice", "told"),
    [("{style_of: me.wav, separate_vocals: demucz}", "did you mean 'demucs'"),
     ("{backend: twin, lyrics: la, separate_vocals: true}", "goes with a recording, as style_of"),
     ("{style_of: me.wav, separate_vocals: 3}", "must be a")],
)  # fmt: skip
def test_cleaning_that_cannot_be_is_told(plan, consent, voice, told):
    with pytest.raises(ManifestError, match=r"3: voice\.separate_vocals: ") as fault:
        plan(f"prompt: x\nvoice: {voice}\n")
    assert told in str(fault.value)
