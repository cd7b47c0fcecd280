import json
from typing import get_args

import numpy as np
import pytest

from muze.analysis.drums import DRUMS
from muze.core.grid import SECTION_TYPES
from muze.core.registry import Registry
from muze.data.faults import record_faults
from muze.data.fields import Drum
from muze.data.schema import WholeRecord, dataset_schema
from muze.data.track import TrackRecord
from muze.testing.streams import SONG, StreamCase

SPECIFIED = (
    "audio_path prompt tempo key genre has_vocals lyrics loudness sentiment_score artist "
    "voice_embedding ecapa_embedding clap_audio_embedding clap_text_embedding f0_contour f0_coarse "
    "f0_voiced_mask vibrato_rate vibrato_depth vibrato_extent breath_positions phonemes_ipa "
    "phoneme_timestamps num_beats beat_positions time_signature chord_progression segments"
)


def spans(*times):
    return [{"chord": "C", "start": start, "end": end} for start, end in times]


def test_every_field_of_the_specification_is_in_the_schema():
    assert set(SPECIFIED.split()) <= WholeRecord.model_fields.keys()


def test_what_training_reads_is_part_of_the_whole_record():
    assert TrackRecord.model_fields.keys() <= WholeRecord.model_fields.keys()


def test_a_record_that_tells_every_field_has_no_fault(record):
    assert record_faults(record()) == []
    assert record().keys() == WholeRecord.model_fields.keys()


def test_all_but_two_fields_may_be_missing_or_null():
    assert record_faults({"audio_path": "a.wav", "duration": 1.0}) == []
    nulls = dict.fromkeys(WholeRecord.model_fields)
    assert record_faults({**nulls, "audio_path": "a.wav", "duration": 1.0}) == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"tempo": 10.0}, "tempo: Input should be greater than or equal to 20"),
        ({"tempo": "fast"}, "tempo: Input should be a valid number"),
        ({"loudness": float("nan")}, "loudness: Input should be a finite number"),
        ({"sentiment_score": 1.5}, "sentiment_score: Input should be less than or equal to 1"),
        ({"audio_sha256": "xyz"}, "audio_sha256: String should match"),
        ({"language": "English"}, "language: String should match"),
        ({"genre": ["jaz"]}, "genre.0: unknown genre 'jaz'; did you mean 'jazz'?"),
        ({"genre": "jaz"}, "genre: unknown genre 'jaz'; did you mean 'jazz'?"),
        ({"genre": 3}, "genre: Input should be a valid string"),
        ({"key": "H"}, "key: unknown key 'H'"),
        ({"key_index": 3}, "key_index: is 3; that of A minor is 21"),
        ({"time_signature": "4"}, "time_signature: '4' is no time signature"),
        ({"prompts": ["loud"]}, "prompts: should begin with what prompt says"),
        ({"num_beats": 3}, "num_beats: is 3, but there are 4 beat_positions"),
        ({"beat_positions": [0.0, 1.0, 0.5, 2.0]}, "beat_positions: must rise"),
        ({"breath_positions": [2.2]}, "breath_positions: 2.2 at 0 lies outside the track, 0 to 2"),
        ({"downbeat_positions": [-0.1]}, "downbeat_positions: -0.1 at 0 lies outside"),
        ({"voice_embedding": [0.1] * 255}, "voice_embedding: List should have at least 256"),
        ({"ecapa_embedding": [0.0] * 192}, "ecapa_embedding: is all zeros"),
        ({"clap_text_embedding": [0.1] * 513}, "clap_text_embedding: List should have at most"),
        ({"f0_contour": [220.0] * 120}, "f0_contour: has 120 values; 100 a second over 2 s are"),
        ({"f0_coarse": [0] * 199}, "f0_coarse: has 199 values, f0_contour has 200"),
        ({"f0_coarse": [84] + [0] * 199}, "f0_coarse.0: Input should be less than or equal to 83"),
        ({"f0_voiced_mask": [True]}, "f0_voiced_mask: has 1 values, f0_contour has 200"),
        ({"energy_curve": [0.5, 1.2]}, "energy_curve.1: Input should be less than or equal to 1"),
        ({"loudness_curve": [-14.0]}, "loudness_curve: has 1 values; 10 a second over 2 s are 20"),
        ({"segments": [{"type": "corus", "start": 0, "end": 1}]}, "segments.0.type: unknown type"),
        ({"segments": [{"type": "verse", "start": 0, "end": 1.5},
                       {"type": "verse", "start": 1, "end": 2}]},
         "segments: 1 starts at 1, before the one ahead ends"),
        ({"segments": [{"type": "verse", "start": 0, "end": 1, "energy": 2}]},
         "segments.0.energy: Input should be less than or equal to 1"),
        ({"chords": [{"chord": "Xm", "start": 0, "end": 1}]}, "chords.0.chord: "),
        ({"chords": spans((1, 2), (0, 1))}, "chords: 1 starts at 0, before the one ahead of it"),
        ({"chords": spans((1, 0.5))}, "chords: 0 ends at 0.5, before its start, 1"),
        ({"chords": spans((0, 3))}, "chords: 0 lies outside the track, 0 to 2"),
        ({"chords": spans((0, 1), *[(0.5, 0.6)] * 5)}, "; and 2 more"),
        ({"words": [{"word": "x", "start": 0.1}]}, "words.0.end: Field required"),
        ({"notes": [{"pitch": 128, "start": 0, "end": 1}]}, "notes.0.pitch: Input should be less"),
        ({"drum_onsets": {"gong": [0.1]}}, "drum_onsets.gong: Input should be 'kick',"),
        ({"drum_velocities": {"kick": [1.0]}}, "drum_velocities: has 1 of kick, drum_onsets has 2"),
        ({"vibrato_extent": 1.1}, "vibrato_extent: Input should be less than or equal to 1"),
        ({"melody_chroma": [12]}, "melody_chroma.0: Input should be less than or equal to 11"),
        ({"provenance": {"tempo": {"version": "1"}}}, "provenance.tempo.backend: Field required"),
        ({"provenance": {"tempo": {"backend": "x", "confidence": 2.0}}},
         "provenance.tempo.confidence: Input should be less than or equal to 1"),
        ({"provenance": {"backend": "x", "confidence": 2.0}},
         "provenance.confidence: Input should be less than or equal to 1"),
        ({"brightness": [0.1, float("inf")]}, "brightness: holds what is no number"),
        ({"artist": None}, "artist: is null, and provenance gives no reason"),
        ({"provenance": {"tempo": {"backend": "x", "reason": "no beat"}}},
         "tempo: is there, but provenance says why it is not: no beat"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told_with_its_key(record, said, told):
    faults = [f"{key}: {text}" for key, text in record_faults(record(**said))]
    assert len(faults) == 1
    assert told in faults[0]


def test_all_faults_of_a_record_are_told_at_once(record):
    faults = record_faults(record(tempo=-1.0, key="H", f0_coarse=[99] * 200, channels=0))
    assert [key for key, _ in faults] == [
        "channels", "tempo", "key", "f0_coarse.0", "f0_coarse.1", "f0_coarse.2", "f0_coarse",
    ]  # fmt: skip
    assert faults[-1][1] == "has 197 more faults"


def test_a_misspelt_field_is_told_and_a_plugin_s_own_is_let_be(record):
    told = record(brightness=[0.1], loundess=-3.0)
    del told["loudness"]
    assert record_faults(told) == [
        ("loundess", "is no field of a record; did you mean 'loudness'?")
    ]


def test_a_null_field_has_its_reason_or_one_maker_for_all(record):
    reason = {"artist": {"backend": "tags", "reason": "its tags do not say"}}
    assert record_faults(record(artist=None, provenance=reason)) == []
    assert record_faults(record(artist=None, provenance={"backend": "x", "version": 2})) == []


@pytest.mark.parametrize("record", [None, [], "a.wav", 3])
def test_a_record_that_is_no_mapping_is_told(record):
    assert record_faults(record) == [("", "should be a mapping of fields")]


def test_drums_are_those_that_are_heard():
    assert get_args(Drum) == DRUMS


def test_what_built_in_streams_write_is_in_the_schema():
    registry, told = Registry(), {}
    for name in registry.names("stream"):
        component = registry.get("stream", name)
        if component.__module__.startswith("muze.") and name != "clap":  # which needs its weights
            case = StreamCase(component)
            for drawn in case.parsed:
                told |= case.stream.fields(drawn, SONG)
    assert told.keys() >= {"tempo", "chords", "drum_onsets", "f0_contour", "voice_embedding"}
    assert told.keys() <= WholeRecord.model_fields.keys()
    record = {"audio_path": "a.wav", "duration": SONG.duration, **json.loads(json.dumps(told))}
    assert record_faults(record) == []


def test_the_json_schema_tells_ranges_lengths_and_names():
    schema = json.loads(json.dumps(dataset_schema()))
    assert schema["properties"]["muze_dataset"]["const"] == 1
    fields = schema["$defs"]["WholeRecord"]["properties"]
    assert schema["$defs"]["WholeRecord"]["required"] == ["audio_path", "duration"]
    vector = fields["voice_embedding"]["anyOf"][0]
    assert (vector["minItems"], vector["maxItems"]) == (256, 256)
    assert schema["$defs"]["Segment"]["properties"]["type"]["enum"] == list(SECTION_TYPES)
    assert all("description" in field for field in fields.values())


def test_curves_may_be_off_by_what_rounding_takes(record):
    for frames in (195, 205):
        zeros = np.zeros(frames).tolist()
        said = {"f0_contour": zeros, "f0_coarse": None, "f0_voiced_mask": None}
        whole = {"provenance": {"backend": "x"}}
        assert record_faults(record(**said, **whole)) == []
