"""What one stream hears in a recording, as fields of its record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from muze.core.errors import MuzeError, NotInstalledError
from muze.core.grid import Audio, TimeGrid
from muze.core.protocols import about, confidence, hears, listens_with
from muze.pipelines.annotation import Fields, Unheard
from muze.pipelines.heard_track import HeardTrack, digest
from muze.pipelines.separate import hears_words_in_vocals

if TYPE_CHECKING:
    from muze.pipelines.annotate import Listener

WORDS_SECONDS = 60.0
"""Seconds from the start in which words are heard, unless all are asked for."""
FIELDS: dict[str, tuple[str, ...]] = {
    "tempo": ("tempo",),
    "beat": ("num_beats", "beat_positions", "downbeat_positions", "time_signature"),
    "key": ("key", "key_index"),
    "chord": ("chords", "chord_progression"),
    "energy": ("energy_curve",),
    "loudness": ("loudness", "loudness_curve"),
    "clap": ("clap_audio_embedding", "clap_text_embedding"),
    "voice": ("voice_embedding", "ecapa_embedding"),
    "f0": ("f0_contour", "f0_coarse", "f0_voiced_mask"),
    "vibrato": ("vibrato_rate", "vibrato_depth", "vibrato_extent"),
    "breath": ("breath_positions",),
    "phoneme": ("phonemes_ipa",),
    "phoneme_timestamps": ("phoneme_timestamps",),
    "midi": ("notes",),
    "melody": ("melody_chroma",),
    "drums": ("drum_onsets", "drum_velocities"),
    "has_vocals": ("has_vocals",),
}
"""The record's fields that built-in streams fill; another stream's are those it gives."""
OF_WORDS = ("phoneme", "phoneme_timestamps")
OF_VOICES = ("voice", "vibrato", "breath", *OF_WORDS)
"""Streams that tell of a voice, and tell nothing where there is none."""
OF_A_LINE = ("voice", "vibrato", "breath", "f0")
"""Streams that hear a voice better alone than in a mix."""


def hear_stream(track: HeardTrack, by: Listener, name: str, grid: TimeGrid) -> None:
    """Let a stream fill its fields, but those that are told; what it cannot is null."""
    stream = by.streams.get(name)
    if stream is None or not hears(type(stream)):
        return
    wanted = [key for key in FIELDS.get(name, ()) if not track.knows(key)]
    if FIELDS.get(name) and not wanted:
        return
    if name in OF_VOICES and track.record.get("has_vocals") is False:
        track.lack(wanted, "has_vocals", "", "no voice is heard")
        return
    until = WORDS_SECONDS if name in OF_WORDS and not by.whisper_full else None
    alone = _alone(track, name)
    asked: Fields = {
        "version": stream.feature_version,
        "config": stream.config.model_dump(mode="json"),  # type: ignore[attr-defined]
        "grid": digest(grid),
        "until": until,
    }
    if alone:
        asked["vocals"] = alone
    if tools := listens_with(stream):
        asked["listens_with"] = tools

    def work() -> Fields:
        audio, cut = _cut(track.vocals if alone else track.mono.audio, grid, until)
        with by.registry.blame(name, "listen"):
            features = stream.extract(audio, cut)
            found = stream.fields(features, cut)
            sure = confidence(stream, audio, cut) if found else {}
            sure = {key: round(value, 3) for key, value in sure.items()}
            json.dumps([found, sure], allow_nan=False)  # or no record could be written
        backend = f"{stream.extractor}, in vocals by {alone}" if alone else stream.extractor
        return {"fields": found, "backend": backend, "confidence": sure}

    try:
        heard = track.memory.find(name, asked, work)
    except (NotInstalledError, Unheard) as fault:
        told = str(fault) if isinstance(fault, NotInstalledError) else by.absent(name)
        if not told:
            raise
        track.lack(wanted, name, "", told)
        track.note(told)  # so it is for every track
        return
    except MuzeError as fault:
        track.lack(wanted, name, "", str(fault))
        track.note(f"{track.task.audio_path}: {fault}")
        return
    version = str(stream.feature_version)
    track.tell(heard["fields"], heard["backend"], version, heard["confidence"])
    track.lack(wanted, heard["backend"], version, "nothing of it is heard")


def _alone(track: HeardTrack, name: str) -> str:
    """Return who takes the voice out of the mix for a stream; nothing where it hears the mix."""
    if track.separator is None or not track.record.get("has_vocals"):
        return ""
    if name in OF_A_LINE or (name in OF_WORDS and hears_words_in_vocals(track.separator)):
        return about(track.separator)
    return ""


def _cut(audio: Audio, grid: TimeGrid, until: float | None) -> tuple[Audio, TimeGrid]:
    if until is None or audio.duration <= until:
        return audio, grid
    samples = audio.samples[:, : round(until * audio.sample_rate)]
    return Audio(samples, audio.sample_rate), grid.between(0.0, until)
