import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muze.core.errors import ManifestError
from muze.manifest import read_song
from muze.manifest.yaml_lines import read_yaml

LETTERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | LETTERS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(LETTERS, inner, max_size=5),
    max_leaves=20,
)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(value=JSON, spaced=st.booleans())
def test_what_is_json_is_read_as_json(tmp_path, value, spaced):
    text = json.dumps(value, separators=(", ", ": ") if spaced else (",", ":"))
    text = text.replace("Infinity", "1e999")
    (tmp_path / "song.yaml").write_text(text)
    read, faults = read_yaml(tmp_path / "song.yaml")
    assert repr(read) == repr(json.loads(text))  # where 0.0 is not -0.0, nor 1 true
    assert faults.found == []


@pytest.mark.parametrize(
    ("word", "value"),
    [("0", 0), ("-12", -12), ("0.50", 0.5), ("1e2", 100.0), ("-2.5E-3", -0.0025),
     ("1e999", math.inf), ("true", True), ("false", False), ("null", None), ("~", None),
     ("", None), ('"\\ud83d\\ude00"', "\N{GRINNING FACE}"), ("!!float 3", 3.0), ("!!str 3", "3")],
)  # fmt: skip
def test_a_value_is_what_json_has(write, word, value):
    read, faults = read_yaml(write(f"a: {word}\n"))
    assert repr(read["a"]) == repr(value)
    assert faults.found == []


@pytest.mark.parametrize(
    "word",
    ["0120", "1_00", "3:30", "1:2", "3/4", "+1", ".5", "5.", "0x10", "0o7", "0b1", "0b_", "1e",
     ".nan", ".inf", "-.inf", "NaN", "Infinity", "on", "off", "yes", "no", "y", "True", "FALSE",
     "Null", "C", "2024-01-31", "2024-01-31T20:59:43Z", "="],
)  # fmt: skip
def test_what_json_does_not_have_is_text(write, word):
    read, faults = read_yaml(write(f"a: {word}\nb: [{word}]\n"))
    assert (read, faults.found) == ({"a": word, "b": [word]}, [])


def test_what_looks_like_a_number_and_is_none_is_told_by_its_key(write, faults_of):
    path = write("muze: 1\nprompt: off\ntempo: 1_20\nseed: 0120\nduration: 3:30\n")
    assert faults_of(path) == [
        "3: tempo: must be a number, not '1_20'; or a list",
        "4: seed: must be an integer, not '0120'",
        "5: duration: must be a number, not '3:30'",
    ]


@pytest.mark.parametrize("word", ["!!int 0x10", "!!int 1.5", "!!bool yes", "!!float", "!!null x"])
def test_a_tag_that_does_not_fit_is_told(write, faults_of, word):
    (told,) = faults_of(write(f"muze: 1\nprompt: x\nstreams:\n  chord: {word}\n"))
    assert told.startswith(f"4: streams.chord: the tag {word.split()[0]} does not fit '")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("muze: 1\nprompt: [x", r":2: while parsing a flow sequence expected"),
        ("muze: 1\n\tprompt: x", r":2: while scanning for the next token"),
        ("muze: 1\nprompt: !!python/object:os.system x", r":2: prompt: the tag !!python/object:os"),
        ("muze: 1\nprompt: *nobody", r":2: found undefined alias"),
        ("muze: 1\na: " + "[" * 5000, ":2: is nested more than 100 deep"),
        ("muze: 1\nprompt: x\nseed: " + "9" * 5000, r":3: '9{60}' is no number that can be read"),
        ("muze: 1\nprompt: \x07", r":2: holds a character that YAML does not know, '\\x07'"),
        ("muze: 1\nstreams: &a {chord: *a}", ":2: a value holds itself by an alias"),
        (
            "a: &a [x,x,x,x,x,x,x,x]\n"
            + "".join(
                f"{b}: &{b} [{','.join([f'*{a}'] * 8)}]\n"
                for a, b in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            ":1: holds more than 100000 values",
        ),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(write, text, told):
    with pytest.raises(ManifestError, match=told) as fault:
        read_song(write(text))
    assert "\n" not in str(fault.value)


def test_a_key_given_twice_is_a_fault(write, faults_of):
    assert faults_of(write("muze: 1\nprompt: x\nkey: C\ntitle: y\nkey: D\n")) == [
        "5: key: is given twice; the first is in line 3"
    ]
    nested = (
        "muze: 1\nprompt: x\nstructure:\n  sections:\n  - type: solo\n    bars: 2\n    bars: 3\n"
    )
    assert faults_of(write(nested)) == [
        "7: structure.sections.0.bars: is given twice; the first is in line 6"
    ]


def test_keys_are_words_and_their_faults_have_their_lines(write, faults_of):
    told = faults_of(write("muze: 1\nprompt: x\non: 2\n~: 2\n3: 4\nstreams: {no: 1, no: 2}\n"))
    assert [line.partition("; known")[0] for line in told] == [
        "3: on: unknown key",
        "4: ~: unknown key",
        "5: 3: unknown key",
        "6: streams.no: is given twice; the first is in line 6",
    ]
    assert "known are muze, title, prompt" in told[0]


def test_what_json_does_not_have_is_refused_or_is_text(write, faults_of):
    dated = read_song(write("muze: 1\nprompt: 2024-02-31\ntitle: 2024-01-01\n"))
    assert (dated.prompt, dated.title) == ("2024-02-31", "2024-01-01")
    assert faults_of(
        write('muze: 1\nprompt: x\nstreams:\n  chord: !!set {C, F}\ntitle: "\\ud800"\nseed: 1.5\n')
    ) == [
        "4: streams.chord: the tag !!set is not known; write text, a number, a list or a mapping",
        "5: title: holds half a character, a lone surrogate",
        "6: seed: must be an integer, not 1.5",
    ]


def test_an_anchor_that_holds_itself_is_refused(write, faults_of):
    (told,) = faults_of(write("muze: 1\nprompt: x\ntitle: &a [*a]\n"))
    assert told.endswith("a value holds itself by an alias")


def test_files_that_cannot_be_read_are_told(tmp_path):
    for path in (tmp_path / "nowhere.yaml", tmp_path):
        with pytest.raises(ManifestError, match="cannot be read"):
            read_song(path)
    (tmp_path / "latin.yaml").write_bytes(b"muze: 1\nprompt: caf\xe9\n")
    with pytest.raises(ManifestError, match=r"latin.yaml:2: is not text in UTF-8"):
        read_song(tmp_path / "latin.yaml")
