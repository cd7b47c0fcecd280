import json
import math

import numpy as np
import pytest
import soundfile

from muze.data.store import write_dataset

WHERE = {"backend": "listener", "version": "2", "confidence": 0.5}


def whole_record(**said):
    """A record in which every field of the schema is told, of a sound of 2 s."""
    vector = {w: [round(math.sin(i + 1), 6) for i in range(w)] for w in (192, 256, 512)}
    record = {
        "audio_path": "a.wav", "duration": 2.0, "audio_sha256": "0f" * 32, "sample_rate": 8000,
        "channels": 1, "title": "Żółw 東京 \"x\"", "artist": "Ada", "album": "One",
        "tags": {"TIT2": "Żółw"}, "genre": ["jazz", "r&b"], "prompt": "calm", "prompts": ["calm"],
        "tempo": 120.0, "tempo_map": [{"beat": 0.0, "bpm": 120.0}], "time_signature": "4/4",
        "beat_positions": [0.0, 0.5, 1.0, 1.5], "downbeat_positions": [0.0], "num_beats": 4,
        "key": "A minor", "key_index": 21, "chord_progression": ["Am"],
        "chords": [{"chord": "Am", "start": 0.0, "end": 2.0}],
        "segments": [{"type": "verse", "start": 0.0, "end": 1.0},
                     {"type": "chorus", "start": 1.0, "end": 2.0, "energy": 0.4,
                      "confidence": 0.9}],
        "loudness": -14.2, "loudness_curve": [-14.0] * 20, "energy_curve": [0.1, 0.9],
        "has_vocals": True, "language": "en", "lyrics": "hello\nyou",
        "words": [{"word": "hello", "start": 0.1, "end": 0.5}], "phonemes_ipa": ["hə", "loʊ"],
        "phoneme_timestamps": [{"phoneme": "h", "start": 0.1, "end": 0.2, "word": 0}],
        "sentiment_score": -0.5, "voice_embedding": vector[256], "ecapa_embedding": vector[192],
        "clap_audio_embedding": vector[512], "clap_text_embedding": vector[512],
        "f0_contour": [0.0, 220.5] * 100, "f0_coarse": [0, 33] * 100,
        "f0_voiced_mask": [False, True] * 100, "f0_spans": [[0.0, 1.0]], "vibrato_rate": 5.5,
        "vibrato_depth": 30.0, "vibrato_extent": 0.2,
        "vibrato_spans": [{"start": 0.0, "end": 1.0, "rate": 5.5, "depth": 30.0, "extent": 0.4}],
        "breath_positions": [0.3],
        "notes": [{"pitch": 60, "start": 0.0, "end": 1.0, "program": None, "velocity": 0.7},
                  {"pitch": 64, "start": 0.5, "end": 1.0, "program": 3, "velocity": 0.7}],
        "melody_chroma": [0, -1, None], "drum_onsets": {"kick": [0.0, 1.0], "snare": []},
        "drum_velocities": {"kick": [0.5, 1.0], "snare": []}, "provenance": {"tempo": WHERE},
    }  # fmt: skip
    return record | said


@pytest.fixture
def record():
    return whole_record


@pytest.fixture
def music(tmp_path):
    """Write sounds of 2 s, each of its own noise; return their folder."""

    def write(*names):
        for name in names:
            seed = sum(str(name).encode())
            noise = np.random.default_rng(seed).uniform(-0.5, 0.5, 16000)
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(tmp_path / name, noise, 8000)
        return tmp_path

    return write


@pytest.fixture
def write(tmp_path):
    """Write records as a dataset, or any content as JSON; return the path."""

    def write(records, name="songs.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(records, dict):
            path.write_text(json.dumps(records))
        else:
            write_dataset(path, records)
        return path

    return write
