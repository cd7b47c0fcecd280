import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muze.core.genres import GENRES
from muze.core.grid import SECTION_TYPES
from muze.core.theory import MODES, QUALITIES, ROOTS
from muze.pipelines.caption_facts import facts_of
from muze.pipelines.captions import template_captions

GENRE = re.compile(rf"\b({'|'.join(map(re.escape, GENRES))})\b")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
SONG = {
    "audio_path": "a.flac", "audio_sha256": "f3", "duration": 31.0, "genre": ["jazz"],
    "tempo": 92.3, "tempo_map": [{"beat": 0.0, "bpm": 92.3}], "time_signature": "3/4",
    "key": "A minor", "key_index": 21, "has_vocals": True, "lyrics": "la", "language": "en",
    "loudness": -18.0,
    "instruments": [{"role": "lead", "name": "flute"}, {"role": "bass", "program": 32}],
    "chords": [{"chord": "Am7", "start": 0.0, "end": 16.0},
               {"chord": "D", "start": 16.0, "end": 31.0}],
    "segments": [{"type": "buildup", "start": 0.0, "end": 9.0, "energy": 0.4},
                 {"type": "drop", "start": 9.0, "end": 31.0, "energy": 0.9}],
}  # fmt: skip


def said(**fields):
    """Return everything that ever is said of such a record, in small letters."""
    told = (template_captions({**fields, "audio_sha256": str(n)}, 5) for n in range(40))
    return "\n".join(text for captions in told for text in captions).lower()


def test_a_record_says_the_same_every_time():
    assert template_captions(SONG) == template_captions(dict(reversed(SONG.items())))
    assert template_captions(SONG) != template_captions({**SONG, "audio_sha256": "f4"})


def test_the_wordings_differ_in_length():
    captions = template_captions(SONG)
    lengths = sorted(len(text) for text in captions)
    assert len(captions) == 3
    assert lengths[0] * 1.5 < lengths[1] < lengths[2]
    assert len(template_captions(SONG, 5)) == 5
    assert len(template_captions(SONG, 1)) == 1


def test_what_the_fields_say_is_said():
    text = said(**SONG)
    for words in ("jazz", "flute", "92 bpm", "in a minor", "waltz", "english vocals", "builds up",
                  "chords are mostly am7 and d", "acoustic bass", "relaxed",
                  "melancholy"):  # fmt: skip
        assert words in text, words


@pytest.mark.parametrize(
    ("record", "caption"),
    [({}, "a recording"), ({"duration": 31.2}, "a recording of 31 seconds"),
     ({"duration": 1.0}, "a recording of 1 second"),
     ({"duration": 0.04}, "a recording of 0.04 seconds"),
     ({"duration": 0.2, "genre": None, "tempo": None, "key": None, "has_vocals": None,
       "segments": [], "chords": [], "loudness": None, "instruments": None},
      "a recording of 0.2 seconds")],
)  # fmt: skip
def test_a_record_that_says_nothing_has_an_honest_caption(record, caption):
    assert template_captions({"audio_path": "a.wav", **record}) == [caption]


@pytest.mark.parametrize(
    ("fields", "there", "not_there"),
    [
        ({"has_vocals": True}, "vocals", "instrumental"),
        ({"has_vocals": False}, "instrumental", "vocals"),
        ({"has_vocals": True, "language": "en"}, "vocals", "english"),
        ({"has_vocals": True, "language": "xx", "lyrics": "la"}, "vocals", "xx"),
        ({"genre": "rock"}, "rock", "instrumental"),
        ({"time_signature": "4/4", "genre": "rock"}, "rock", "4/4"),
        ({"time_signature": "7/8"}, "7/8", "waltz"),
        ({"tempo": 100.0, "tempo_map": [{"beat": 0, "bpm": 80}, {"beat": 9, "bpm": 120}]},
         "the tempo changes", "bpm"),
        ({"tempo": 100.0, "genre": "rock",
          "tempo_map": [{"beat": 0, "bpm": 100}, {"beat": 9, "bpm": 110}]}, "rock", "tempo"),
        ({"key_index": 21}, "a minor", "major"),
        ({"key": "C major", "loudness": -30.0}, "gentle", "loud"),
        ({"key": "C major", "loudness": -8.0}, "uplifting", "quiet"),
        ({"key": "C major", "sentiment_score": -0.9}, "bittersweet", "cheerful"),
        ({"drum_onsets": {"kick": []}, "duration": 9.0}, "no drums", "with drums"),
        ({"drum_onsets": {"kick": [1.0, 2.0, 3.0, 4.0]}, "duration": 9.0}, "drums", "no drums"),
        ({"drum_onsets": {"kick": [1.0]}, "duration": 9.0, "genre": "pop"}, "pop", "drums"),
        ({"drum_onsets": None, "duration": 9.0, "genre": "pop"}, "pop", "drums"),
        ({"instruments": ["violin"], "drum_kit": None}, "violin", "drums"),
        ({"instruments": [{"name": "violin", "role": "lead"}], "drum_kit": None},
         "no drums", "with drums"),
        ({"instruments": [{"program": 127}, {"program": 26}]}, "electric guitar", "gunshot"),
        ({"notes": [{"program": 0, "pitch": 60, "start": 0, "end": 1}], "genre": "pop"},
         "pop", "piano"),
        ({"chord_progression": ["Am", "F", "N", "Am"]}, "mostly am and f", " n"),
        ({"chord_progression": list("ABCDEFGABCDEFG"), "genre": "pop"}, "pop", "chords"),
        ({"loudness_curve": [-40.0, -10.0] * 9}, "wide in dynamics", "even"),
        ({"loudness_curve": [-12.0, -11.0] * 9}, "even in dynamics", "wide"),
        ({"segments": [{"type": "intro", "energy": 0.1}, {"type": "chorus", "energy": 0.9}]},
         "starts with a quiet intro and opens up in the chorus", "outro"),
        ({"segments": [{"type": "unknown", "energy": 0.9}, {"type": "unknown", "energy": 0.1}]},
         "loses energy", "unknown"),
        ({"segments": [{"type": "unknown", "energy": 0.5}] * 3}, "keeps its energy", "gains"),
        ({"segments": [{"type": "intro"}, {"type": "bridge"}]}, "has a bridge", "intro"),
    ],
)  # fmt: skip
def test_one_field_says_its_own(fields, there, not_there):
    text = said(**fields)
    assert there in text
    assert not_there not in text


names = st.sampled_from(["violin", "808 drums", "synth bass", "saw lead", "electric piano"])
chord = st.tuples(st.sampled_from(ROOTS), st.sampled_from(sorted(QUALITIES))).map("".join)
maybe = lambda strategy: st.none() | strategy  # noqa: E731
share = st.floats(0, 1)
spans = st.lists(st.floats(0.1, 9), min_size=1, max_size=9)
records = st.fixed_dictionaries(
    {"audio_path": st.just("a.wav"), "audio_sha256": st.text(max_size=8)},
    optional={
        "duration": st.floats(0.05, 4000),
        "genre": maybe(st.sampled_from(GENRES) | st.lists(st.sampled_from(GENRES), unique=True)),
        "tempo": maybe(st.floats(20, 300)),
        "tempo_map": maybe(st.lists(st.fixed_dictionaries({"bpm": st.floats(60, 75)}))),
        "time_signature": st.sampled_from([None, "4/4", "3/4", "6/8", "7/8", "12/8"]),
        "key": maybe(
            st.tuples(st.sampled_from(ROOTS), st.sampled_from(sorted(MODES))).map(" ".join)),
        "key_index": maybe(st.integers(0, 23)),
        "has_vocals": maybe(st.booleans()),
        "lyrics": maybe(st.just("la la")),
        "language": st.sampled_from([None, "en", "pl", "xx"]),
        "loudness": maybe(st.floats(-70, 0)),
        "loudness_curve": maybe(st.lists(st.floats(-70, 0), max_size=9)),
        "sentiment_score": maybe(st.floats(-1, 1)),
        "drum_kit": maybe(st.just("808 drums")),
        "drum_onsets": maybe(st.fixed_dictionaries({"kick": st.lists(share, max_size=9)})),
        "instruments": maybe(st.lists(
            names | st.fixed_dictionaries({}, optional={
                "name": maybe(names), "program": maybe(st.integers(0, 127)),
                "role": st.sampled_from([None, "lead", "comp", "pad", "bass", "drums"])}))),
        "chord_progression": maybe(st.lists(chord | st.just("N"))),
        "chords": maybe(st.lists(st.fixed_dictionaries(
            {"chord": chord | st.just("N"), "start": share, "end": st.floats(1.1, 3)}))),
        "segments": maybe(st.lists(st.fixed_dictionaries(
            {"type": st.sampled_from(SECTION_TYPES), "energy": maybe(share)}), max_size=6)),
    },
)  # fmt: skip


def numbers_of(record):
    """Return the numbers that a caption may say, as it would write them."""
    seconds, tempo = record.get("duration"), record.get("tempo")
    known = {f"{seconds:.2g}", f"{seconds:.0f}"} if seconds else set()
    known |= {str(round(tempo))} if tempo else set()
    spans = record.get("chords") or ()
    texts = [
        record.get("time_signature"),
        record.get("chord_progression"),
        record.get("instruments"),
    ]
    texts += [span["chord"] for span in spans]
    return known | set(NUMBER.findall(str(texts)))


@settings(max_examples=300, deadline=None)
@given(records, st.integers(1, 6))
def test_every_number_in_a_caption_is_in_the_record(record, count):
    captions = template_captions(record, count)
    assert 1 <= len(captions) <= count
    assert len(set(captions)) == len(captions)
    known = numbers_of(record)
    for text in captions:
        assert set(NUMBER.findall(text)) <= known, text
        for fault in ("None", "nan", "  ", " ,", " .", "..", "[", "'", "{", "unknown"):
            assert fault not in text, text
        assert text == text.strip(" ,;")


@settings(max_examples=200, deadline=None)
@given(records)
def test_no_caption_claims_what_is_null(record):
    text = "\n".join(template_captions(record, 6))
    if record.get("has_vocals") is None:
        assert "vocals" not in text
        assert "instrumental" not in text
    if not record.get("genre"):
        assert not GENRE.search(text.replace("waltz time", ""))
    if not record.get("tempo") or facts_of(record).bpm is None:
        assert "bpm" not in text
    if not record.get("key") and record.get("key_index") is None:
        assert not re.search(r"\b(major|minor|dorian)\b", text)
    if not record.get("instruments") and not record.get("drum_onsets"):
        assert "drums" not in text
