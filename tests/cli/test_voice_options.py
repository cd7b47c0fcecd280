"""Who sings, by options of ``muze generate``: each wins over the manifest's key."""

import pytest

from muze.audio.io import write_audio
from muze.manifest.read import OPTIONS, parse_song
from muze.testing.sounds import sine

VOICE = "voice: {backend: kokoro, lyrics: la, clone: {samples: a.wav, consent: a.yaml}}\n"


@pytest.fixture
def voice(tmp_path):
    """Return the voice of a song with options, and what is told of it."""

    def voice(manifest, **options):
        path = tmp_path / "song.yaml"
        path.write_text(f"muze: 1\nprompt: x\n{manifest}")
        song, faults = parse_song(path, {f"--{k.replace('_', '-')}": v for k, v in options.items()})
        assert faults.found == []
        return song.voice.model_dump(exclude_unset=True)

    return voice


def test_a_voice_takes_the_place_of_a_clone(voice):
    told = voice(VOICE, voice_clone="Zoë", voice_backend="xtts", language="pl")
    assert told == {"backend": "xtts", "lyrics": "la", "voice": "Zoë", "language": "pl"}


def test_samples_take_the_place_of_a_voice_and_of_other_samples(voice):
    said = {"voice_clone_samples": "me.wav", "voice_consent": "me.yaml"}
    for manifest in (VOICE, "voice: {backend: kokoro, lyrics: la, voice: Zoë}\n"):
        told = voice(manifest, **said)
        assert told["clone"] == {"samples": "me.wav", "consent": "me.yaml"}
        assert "voice" not in told


def test_samples_without_a_consent_are_told_by_their_option(run, tmp_path):
    write_audio(tmp_path / "me.wav", sine(220.0, 1.0))
    done = run("generate", "x", "--lyrics", "la", "--voice-clone-samples", "me.wav", "--dry-run")
    assert done.exit_code == 1
    assert "voice.clone.consent: is required and not given" in done.stderr


def test_a_registered_voice_that_is_none_is_told_at_its_option(run, monkeypatch, tmp_path):
    monkeypatch.setenv("MUZE_VOICES", str(tmp_path))
    done = run(
        "generate", "x", "--lyrics", "la", "--voice-clone", "Zoë", "--voice-backend", "piper",
        "--dry-run",
    )  # fmt: skip
    assert done.exit_code == 1
    assert "--voice-clone: voice backend piper has no voice 'Zoë', and none is reg" in done.stderr


def test_words_may_lie_in_a_file(run, tmp_path):
    (tmp_path / "words.txt").write_text("one two\nthree\n")
    done = run("generate", "x", "--duration", "8", "--lyrics", "words.txt", "--voice-backend",
               "kokoro", "--dry-run", "--json")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert '"three"' in done.stdout
    (tmp_path / "words.txt").write_bytes(b"\xff\xfe")
    refused = run("generate", "x", "--lyrics", "words.txt", "--dry-run")
    assert (refused.exit_code, "is no text in UTF-8" in refused.stderr) == (2, True)


def test_a_file_of_an_option_starts_where_muze_was_started(run, tmp_path):
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs/song.yaml").write_text("muze: 1\nprompt: x\nduration: 8\n")
    write_audio(tmp_path / "me.wav", sine(220.0, 1.0))
    done = run("generate", "--manifest", "songs/song.yaml", "--style-of", "me.wav",
               "--separate-vocals", "--dry-run", "--json")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert f'"path": "{tmp_path / "me.wav"}"' in done.stdout
    assert '"separator": "foreground"' in done.stdout


def test_cleaning_without_a_recording_is_told_at_its_option(run):
    done = run("generate", "x", "--separate-vocals", "--dry-run")
    assert done.exit_code == 1
    assert done.stderr == (
        "muze: --separate-vocals: goes with a recording, as style_of or clone; take it out\n"
    )


def test_every_option_of_a_voice_has_a_key():
    assert {keys for name, keys in OPTIONS.items() if keys[0] == "voice"} == {
        ("voice", "style_of"), ("voice", "backend"), ("voice", "voice"), ("voice", "lyrics"),
        ("voice", "clone", "samples"), ("voice", "clone", "consent"), ("voice", "language"),
        ("voice", "separate_vocals"),
    }  # fmt: skip
