"""Who sings is found, or told why not, before anything is spoken or cloned."""

from datetime import date, timedelta

import pytest

from muze.core.errors import ManifestError, VoiceError
from muze.manifest.song import Voice, sings
from muze.report import SilentReport
from muze.voice.consent import read_consent
from muze.voice.singer import find_singer, on_stage

pytestmark = pytest.mark.usefixtures("good_quality")


@pytest.fixture
def find(tmp_path, backends, voices):
    def find(**said):
        return find_singer(Voice.model_validate(said), tmp_path, backends, voices)

    return find


@pytest.fixture
def told(find):
    def told(**said):
        with pytest.raises(ManifestError) as fault:
            find(**said)
        return str(fault.value).splitlines()

    return told


@pytest.fixture
def registered(voices, consent_file, me):
    return voices.add("Ada", [me], read_consent(consent_file(), [me]))


def test_who_sings_is_said_by_any_of_three_keys():
    assert not sings(None)
    assert not sings(Voice(lyrics="la"))
    assert sings(Voice(backend="plain"))
    assert sings(Voice(voice="x"))


def test_a_backend_s_own_voice_is_found(find):
    singer = find(backend="plain", voice="Ann")
    assert (singer.backend.name, singer.voice, singer.language) == ("plain", "Ann", "en")
    assert not singer.cloned
    assert singer.reference is None


def test_where_no_voice_is_named_it_is_the_first_that_speaks_the_language(find):
    assert find(backend="plain").voice == "Ann"
    assert find(backend="plain", language="de").voice == "Bo"


def test_of_a_voice_with_one_language_it_is_that_one(find):
    assert find(backend="plain", voice="Bo").language == "de"


@pytest.mark.parametrize(
    ("said", "line"),
    [({"backend": "plian"}, "song: voice.backend: voice 'plian' is not installed; "
      "did you mean 'plain'?"),
     ({"backend": "plain", "voice": "An"}, "song: voice.voice: voice backend plain has no voice "
      "'An', and none is registered; did you mean 'Ann'?"),
     ({"backend": "plain", "voice": "Xyz"}, "song: voice.voice: voice backend plain has no voice "
      "'Xyz', and none is registered; it has Ann, Bo"),
     ({"backend": "plain", "voice": "Bo", "language": "en"},
      "song: voice.language: voice 'Bo' of plain does not speak 'en'; it speaks de"),
     ({"backend": "plain", "language": "fro"},
      "song: voice.language: plain does not speak 'fro'; did you mean 'fr'?"),
     ({"lyrics": "la"}, "song: voice.backend: is required and not given; `muze voices list` lists "
      "who there is")],
)  # fmt: skip
def test_what_is_wrong_is_told_with_what_would_be_right(told, said, line):
    assert told(**said) == [line]


def test_a_registered_voice_is_found_with_its_consent(find, registered, asked):
    singer = find(backend="mimic", voice="ada")
    assert singer.cloned
    assert singer.consent.speaker == "Ada Quist"
    assert [path.parent for path in singer.references] == [registered.folder]
    assert asked == []  # nothing is cloned yet


def test_a_backend_that_cannot_clone_is_told_and_those_that_can(told, registered):
    assert told(backend="plain", voice="Ada") == [
        "song: voice.voice: plain cannot clone a voice, as this needs; cloud and mimic can"
    ]


def test_a_voice_of_both_is_told(told, voices, consent_file, me):
    voices.add("Ann", [me], read_consent(consent_file(), [me]))
    (line,) = told(backend="mimic", voice="Ann")
    assert line.endswith(
        "'Ann' is a voice of mimic and a registered voice; add it under another name"
    )


def test_of_a_backend_without_clones_its_own_voice_is_meant(find, voices, consent_file, me):
    voices.add("Ann", [me], read_consent(consent_file(), [me]))
    assert not find(backend="plain", voice="Ann").cloned


def test_consent_that_ran_out_is_told_before_anything_is_cloned(told, registered, tmp_path, asked):
    path = registered.folder / "consent.yaml"
    text = path.read_text().replace(str(date.today() + timedelta(days=30)), "2025-01-01")
    path.write_text(text.replace("a song for Bo", ""))
    (line,) = told(backend="mimic", voice="Ada")
    assert line.startswith(f"song: voice.voice: {path}:4: purpose: must not be empty; {path}:")
    assert "valid_until: the consent ran out on" in line
    assert asked == []


def test_without_a_consent_nothing_is_cloned(told, registered):
    (registered.folder / "consent.yaml").unlink()
    assert "consent.yaml: cannot be read" in told(backend="mimic", voice="Ada")[0]


def test_a_clone_for_one_song(find, consent_file, asked):
    consent_file()
    singer = find(backend="mimic", clone={"samples": "me.wav", "consent": "consent.yaml"})
    assert (singer.voice, singer.reference.name) == ("clone of me", "me.wav")
    assert asked == []
    with on_stage(singer, SilentReport()) as ready:
        assert ready.backend.voices() == ["Ann", "clone of me"]
    assert asked == [("clone", "clone of me", 4.0), ("forget", "clone of me")]


def test_a_clone_is_forgotten_also_where_singing_fails(find, consent_file, asked):
    consent_file()
    singer = find(backend="cloud", clone={"samples": "me.wav", "consent": "consent.yaml"})
    with pytest.raises(ZeroDivisionError), on_stage(singer, SilentReport()):
        raise ZeroDivisionError
    assert asked[-1] == ("forget", "id1")


def test_all_that_is_wrong_with_a_clone_is_told_at_once(told, consent_file):
    consent_file(valid_until="2020-01-01")
    lines = told(backend="plian", clone={"samples": "you.wav", "consent": "consent.yaml"})
    assert [line.split(": ")[1] for line in lines] == [
        "voice.backend", "voice.clone.samples", "voice.clone.consent",
    ]  # fmt: skip
    consent_file()
    (line,) = told(backend="plain", clone={"samples": "me.wav", "consent": "consent.yaml"})
    assert line.endswith(
        "voice.clone: plain cannot clone a voice, as this needs; cloud and mimic can"
    )


def test_of_a_folder_every_recording_needs_consent(find, told, consent_file, tmp_path, me, asked):
    folder = tmp_path / "many"
    folder.mkdir()
    me.rename(folder / "a.wav")
    (folder / "b.wav").write_bytes((folder / "a.wav").read_bytes()[:-2] + b"\1\0")
    (folder / "notes.txt").write_text("no sound")
    me.write_bytes((folder / "a.wav").read_bytes())
    said = {"backend": "mimic", "clone": {"samples": "many", "consent": "consent.yaml"}}
    consent_file()
    (line,) = told(**said)
    assert "for another recording: b.wav has" in line
    from muze.core.files import sha256

    consent_file(reference_sha256=[sha256(folder / "a.wav"), sha256(folder / "b.wav")])
    with on_stage(find(**said), SilentReport()):
        assert asked == [("clone", "clone of a", 8.3)]


def test_a_voice_and_a_clone_are_not_both_said(told, consent_file):
    consent_file()
    clone = {"samples": "me.wav", "consent": "consent.yaml"}
    (line,) = told(backend="mimic", voice="Ann", clone=clone)
    assert line == "song: voice.clone: a voice is named beside it; leave voice or clone out"


def test_of_a_voice_to_be_cloned_xtts_speaks_unasked_and_it_is_told(told, registered):
    (line,) = told(voice="Ada")
    assert line.startswith("song: voice.voice: no backend is named, so xtts would speak, and voice")


def test_a_registered_voice_is_cloned_anew_where_clones_do_not_last(find, registered, asked):
    for _ in range(2):
        with on_stage(find(backend="mimic", voice="Ada"), SilentReport()) as singer:
            assert singer.backend.speak("la", singer.voice, "en").duration > 0
    assert [what for what, *_ in asked] == ["clone", "forget"] * 2


def test_a_service_keeps_a_registered_voice_and_it_still_needs_consent(
    find, told, registered, voices, asked, account
):
    for _ in range(2):
        with on_stage(find(backend="cloud", voice="Ada"), SilentReport(), voices) as singer:
            assert singer.voice == "id1"
    assert [what for what, *_ in asked] == ["clone"]
    assert voices.find("Ada").card.clones == {"cloud": "id1"}
    assert find(backend="cloud", voice="id1").cloned  # by its id as well
    (registered.folder / "consent.yaml").unlink()
    for name in ("Ada", "id1"):
        assert "consent.yaml: cannot be read" in told(backend="cloud", voice=name)[0]


def test_a_clone_that_was_deleted_at_the_service_is_made_again(find, registered, voices, account):
    with on_stage(find(backend="cloud", voice="Ada"), SilentReport(), voices):
        pass
    account.clear()
    account["other"] = "someone"
    with on_stage(find(backend="cloud", voice="Ada"), SilentReport(), voices) as singer:
        assert singer.voice == "id2"


def test_the_licence_of_a_backend_is_told_at_use(find):
    notes = []
    report = SilentReport()
    report.note = notes.append
    with on_stage(find(backend="mimic", voice="Ann"), report):
        pass
    assert notes == ["voice backend mimic: for tests only"]


def test_what_is_wrong_with_a_recording_is_told_when_it_is_cloned(find, consent_file, good_quality):
    consent_file()
    singer = find(backend="mimic", clone={"samples": "me.wav", "consent": "consent.yaml"})
    notes = []
    report = SilentReport()
    report.note = notes.append
    good_quality["warnings"] = ("is noisy",)
    with on_stage(singer, report):
        pass
    assert notes[-1].endswith("me.wav: the recording is noisy")
    good_quality["errors"] = ("is silent",)
    with pytest.raises(VoiceError, match=r"me\.wav: is silent"), on_stage(singer, report):
        pass
