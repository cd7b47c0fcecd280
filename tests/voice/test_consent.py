"""A consent that does not hold is told, all that is wrong with it at once."""

from datetime import date, timedelta

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from muze.core.errors import ManifestError, MuzeError
from muze.voice.consent import Consent, asked_consent, read_consent

TODAY = date.today()
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1
).filter(lambda text: text.strip())
RECORD = {
    "speaker": "Ada", "granted_by": "Ada", "purpose": "songs", "granted_on": "2025-01-01",
    "valid_until": "2030-12-31", "reference_sha256": "ab" * 32,
}  # fmt: skip


def told_of(path, references, today=TODAY):
    with pytest.raises(ManifestError) as fault:
        read_consent(path, references, today)
    return str(fault.value).replace(f"{path}:", "").splitlines()


def test_a_consent_that_holds_is_read(consent_file, me):
    consent = read_consent(consent_file(), [me])
    assert (consent.speaker, consent.granted_on) == ("Ada Quist", TODAY)
    assert read_consent(consent_file(valid_until=str(TODAY)), [me]).valid_until == TODAY


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"valid_until": "2020-01-31"}, "5: valid_until: the consent ran out on 2020-01-31; today"),
     ({"granted_on": "2999-01-01", "valid_until": "2999-02-01"},
      "4: granted_on: 2999-01-01 is still to come; today is "),
     ({"granted_on": "2025-02-29"}, "4: granted_on: 2025-02-29 is no day of the calendar"),
     ({"granted_on": "20250101"}, "4: granted_on: must be a day such as 2026-03-31, not "),
     ({"purpose": "''"}, "3: purpose: must not be empty"),
     ({"purpose": "'  '"}, "3: purpose: must not be empty"),
     ({"purpose": None}, "1: purpose: is required and not given"),
     ({"reference_sha256": "00" * 32}, "6: reference_sha256: the consent is for another recording: "
      "me.wav has "),
     ({"reference_sha256": "0a"}, "6: reference_sha256: must be a SHA-256, 64 digits"),
     ({"sepaker": "x"}, "7: sepaker: unknown key; did you mean 'speaker'?")],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_line(consent_file, me, changes, told):
    (line,) = told_of(consent_file(**changes), [me])
    assert line.startswith(told)


def test_all_faults_are_told_at_once(consent_file, me):
    path = consent_file(
        speaker="''", granted_on="soon", valid_until="2020-01-01", reference_sha256="11" * 32
    )
    lines = told_of(path, [me])
    assert [line.split(":")[1] for line in lines] == [
        " speaker", " granted_on", " valid_until", " reference_sha256",
    ]  # fmt: skip


def test_an_end_before_the_beginning_is_told(consent_file, me):
    path = consent_file(granted_on=str(TODAY), valid_until=str(TODAY - timedelta(days=1)))
    (line,) = told_of(path, [me])
    assert "ran out" in line
    path = consent_file(granted_on="2025-06-02", valid_until="2025-06-01")
    lines = told_of(path, [me], date(2025, 5, 1))
    assert "is still to come" in lines[0]
    assert "is before 2025-06-02, when it was granted" in lines[1]


def test_consent_that_is_no_mapping_or_not_there_is_told(tmp_path, me):
    (tmp_path / "list.yaml").write_text("- a\n")
    assert told_of(tmp_path / "list.yaml", [me]) == [
        "1: must be a mapping with speaker, granted_by, purpose, ..."
    ]
    with pytest.raises(ManifestError, match=r"none\.yaml: cannot be read"):
        read_consent(tmp_path / "none.yaml", [me])


def test_a_recording_that_was_changed_is_no_longer_consented_to(consent_file, me):
    path = consent_file()
    me.write_bytes(me.read_bytes() + b"\0")
    (line,) = told_of(path, [me])
    assert "it was changed since" in line


def test_several_recordings_each_have_their_hash(consent_file, me, tmp_path):
    other = tmp_path / "other.wav"
    other.write_bytes(b"other")
    (line,) = told_of(consent_file(), [me, other])
    assert "other.wav has " in line
    assert "me.wav" not in line
    consent = asked_consent({k: v for k, v in RECORD.items() if "sha" not in k}, [me, other])
    assert len(consent.hashes) == 2


def test_what_a_person_tells_is_checked_alike(me):
    told = {k: v for k, v in RECORD.items() if "sha" not in k}
    with pytest.raises(ManifestError, match="consent: valid_until: the consent ran out") as fault:
        asked_consent({**told, "purpose": " ", "valid_until": "2025-01-02"}, [me])
    assert "consent: purpose: must not be empty" in str(fault.value)


def test_the_id_tells_one_record_from_another_and_no_name():
    first = Consent.model_validate(RECORD)
    assert first.id == Consent.model_validate(RECORD).id
    assert first.id.startswith("sha256:")
    assert first.id != Consent.model_validate({**RECORD, "purpose": "other songs"}).id


@given(
    speaker=WORDS, by=WORDS, purpose=WORDS,
    begins=st.dates(date(2000, 1, 1), date(2030, 1, 1)), lasts=st.integers(0, 5000),
    hashes=st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=3),
)  # fmt: skip
def test_what_is_written_is_read_again(
    tmp_path_factory, speaker, by, purpose, begins, lasts, hashes
):
    ends = begins + timedelta(days=lasts)
    told = [one.hex() for one in hashes]
    record = Consent(
        speaker=speaker, granted_by=by, purpose=purpose, granted_on=begins, valid_until=ends,
        reference_sha256=told[0] if len(told) == 1 else told,
    )  # fmt: skip
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(record.to_yaml(), encoding="utf-8")
    again = read_consent(path, [], ends)
    assert again == record
    assert again.id == record.id


@given(
    today=st.dates(date(2000, 1, 1), date(2040, 1, 1)),
    begins=st.dates(date(2000, 1, 1), date(2040, 1, 1)),
    ends=st.dates(date(2000, 1, 1), date(2040, 1, 1)),
)
def test_it_holds_on_the_days_between_and_no_other(tmp_path_factory, today, begins, ends):
    path = tmp_path_factory.getbasetemp() / "days.yaml"
    path.write_text(
        "".join(
            f"{key}: {value}\n"
            for key, value in {
                **RECORD, "granted_on": begins, "valid_until": ends,
            }.items()
        )
    )  # fmt: skip
    if begins <= today <= ends:
        assert read_consent(path, [], today).granted_on == begins
    else:
        assert told_of(path, [], today)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([*RECORD, "x"]) | st.text(), inner, max_size=6),
    max_leaves=12,
))  # fmt: skip
def test_whatever_a_file_says_it_is_a_consent_or_told(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    with pytest.raises(MuzeError, match=r"any\.yaml"):
        read_consent(path, [])


@given(key=st.sampled_from(list(RECORD)), value=st.sampled_from(
    [None, True, 3, 2.5, [], ["x"], {"a": 1}, "", "\u202e", "2025-1-1", "२०२५-०१-०१"]))  # fmt: skip
def test_one_key_that_is_wrong_is_named(tmp_path_factory, key, value):
    path = tmp_path_factory.getbasetemp() / "one.yaml"
    path.write_text(yaml.safe_dump({**RECORD, key: value}, allow_unicode=True), encoding="utf-8")
    if key in ("speaker", "granted_by", "purpose") and isinstance(value, str) and value:
        assert getattr(read_consent(path, [], date(2026, 1, 1)), key) == value
    else:
        assert f" {key}" in "\n".join(told_of(path, [], date(2026, 1, 1)))
