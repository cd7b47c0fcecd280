"""One recording's track record: everything that is heard in it, and how it was found out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from muze.audio.mono import Mono, read_mono
from muze.core.errors import AudioError, MuzeError, NotInstalledError
from muze.core.grid import Audio, TimeGrid
from muze.core.protocols import Stream, confidence, hears
from muze.core.registry import Registry
from muze.data.track import track_grid
from muze.pipelines.annotation import Fields, Memory, Outcome, Task, Unheard
from muze.pipelines.caption_services import TEMPLATE, CaptionService
from muze.pipelines.captions import template_captions
from muze.pipelines.draw import LISTENING_RATE
from muze.pipelines.tagged import TAGGED, read_tagged

WORDS_SECONDS = 60.0
"""Seconds from the start in which words are heard, unless all are asked for."""
OTHER_TEMPO = 0.04
"""Share by which a tempo that is told may differ from the beats heard, and still be theirs."""
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
OF_VOICES = ("voice", "vibrato", "breath", "phoneme", "phoneme_timestamps")
"""Streams that tell of a voice, and tell nothing where there is none."""
OF_WORDS = ("phoneme", "phoneme_timestamps")
FIRST = ("tempo", "beat", "has_vocals")
"""Streams that are heard before the others: the grid is made of them, and what else is asked."""


@dataclass
class Listener:
    """Hears tracks with a choice of streams; a worker makes one and keeps it.

    One that only ``recalls`` hears nothing: a track about which something is not known yet raises
    ``Unheard``.
    """

    streams: dict[str, Stream]
    registry: Registry
    whisper_full: bool = False
    segments: bool = True
    captions: CaptionService | None = None
    """Who puts the template's captions into other words."""
    recalls: bool = False
    _absent: dict[str, str] = field(default_factory=dict)

    def annotate(self, task: Task) -> Outcome:
        """Return a recording's record; a file that is no sound gives the reason instead."""
        memory = Memory(task.cache, closed=self.recalls)
        try:
            track = _Track(self, task, memory)
            record = track.listen()
        except AudioError as fault:
            told = str(fault).removeprefix(f"{task.audio}: ")
            return Outcome(task.audio_path, None, told, seconds=memory.seconds)
        except MemoryError:
            told = "is too long for the memory that is free"
            return Outcome(task.audio_path, None, told, seconds=memory.seconds)
        finally:
            memory.save()
        return Outcome(task.audio_path, record, "", tuple(track.notes), memory.seconds)

    def absent(self, name: str) -> str:
        """Return what a stream lacks to hear anything here; nothing where it lacks nothing."""
        if name not in self._absent:
            noise = np.random.default_rng(0).normal(0, 0.1, (1, LISTENING_RATE))
            second = Audio(noise.astype(np.float32), LISTENING_RATE)
            self._absent[name] = ""
            try:
                with self.registry.blame(name, "listen"):
                    self.streams[name].extract(second, TimeGrid.of_song(1.0))
            except NotInstalledError as fault:
                self._absent[name] = str(fault)
            except MuzeError:  # whoever hears the track will tell
                pass
        return self._absent[name]


class _Track:
    """The work on one recording: what is known so far, and how it was found out."""

    def __init__(self, listener: Listener, task: Task, memory: Memory) -> None:
        self.by, self.task, self.memory = listener, task, memory
        self.record: Fields = {"audio_path": task.audio_path, "audio_sha256": task.sha256}
        self.provenance: Fields = dict(task.provenance)
        self.notes: list[str] = []

    @cached_property
    def mono(self) -> Mono:
        """The sound, read when something must be heard in it."""
        return read_mono(self.task.audio, LISTENING_RATE)

    def listen(self) -> Fields:
        """Return the record."""
        about = self.memory.find("about", LISTENING_RATE, self._about)
        self.record |= {**about, **self.task.told}
        self._read_tags()
        plain = TimeGrid.of_song(self.record["duration"])
        for name in ("tempo", "beat"):
            self._hear(name, plain)
        self._map_tempo()
        self._hear_voice()
        if self.by.segments:
            self._find_segments()
        grid = self._grid()
        for name in self.by.streams:
            if name not in FIRST:
                self._hear(name, grid)
        self._read_sentiment()
        self._write_captions()
        return {**self.record, "provenance": self.provenance}

    def _about(self) -> Fields:
        mono = self.mono
        return {
            "duration": round(mono.duration, 6),  # one sample is 0.000005 s, and no track of 0 s
            "sample_rate": mono.sample_rate,
            "channels": mono.channels,
        }

    def _read_tags(self) -> None:
        read = self.memory.find("tags", 1, lambda: read_tagged(self.task.audio))
        for key, value in read["fields"].items():
            if self.record.get(key) is None:
                self.record[key] = value
                self.provenance[key] = {"backend": read["backend"], "version": "1"}
        missing = [key for key in TAGGED if self.record.get(key) is None]
        self._lack(missing, read["backend"], "1", read["note"] or "its tags do not say")

    def _write_captions(self) -> None:
        """Add the prompts, unless they are told, and CLAP's embedding of the first."""
        if not (self.record.get("prompt") or self.record.get("prompts")):
            texts, backend = template_captions(self.record), TEMPLATE
            if self.by.captions is not None:
                texts, backend = self._enriched(texts, self.by.captions)
            self.record["prompts"] = texts
            self.provenance["prompts"] = {"backend": backend, "version": "1"}
        prompts = self.record.get("prompts") or [self.record["prompt"]]
        if self.record.get("prompt") is None:
            self.record["prompt"] = prompts[0]
            self.provenance["prompt"] = self.provenance["prompts"]
        clap = self.by.streams.get("clap")
        if clap is None or self.record.get("clap_text_embedding") is not None:
            return
        if self.record.get("clap_audio_embedding") is None:  # its reason is told
            return
        text, grid = self.record["prompt"], TimeGrid.of_song(1.0)

        def work() -> Fields:
            drawn = clap.parse(clap.Values.model_validate({"text": text}), grid)
            told: Fields = clap.fields(drawn, grid)
            return told

        try:
            about = {
                "version": clap.feature_version,
                "config": clap.config.model_dump(mode="json"),  # type: ignore[attr-defined]
                "text": text,
            }
            self.record |= self.memory.find("clap text", about, work)
        except MuzeError as fault:
            self._lack(["clap_text_embedding"], clap.extractor, "", str(fault))
            return
        version = str(clap.feature_version)
        self.provenance["clap_text_embedding"] = {"backend": clap.extractor, "version": version}

    def _enriched(self, texts: list[str], service: CaptionService) -> tuple[list[str], str]:
        """Return captions in other words and who wrote them; where that failed, those given."""
        note = ""

        def ask() -> Fields:
            nonlocal note
            caption = service.enrich(texts)
            note = caption.note
            return {"texts": caption.texts, "backend": caption.backend}

        about = {"service": service.backend, "model": service.model, "texts": texts}
        written = self.memory.find("captions", about, ask)
        if note:
            self.memory.forget("captions", about)  # the next build asks again
            self.notes.append(note)
        return written["texts"], written["backend"]

    def _grid(self) -> TimeGrid:
        if not self.record.get("tempo"):
            return TimeGrid.of_song(self.record["duration"])
        return track_grid(self.record)

    def _hear(self, name: str, grid: TimeGrid) -> None:
        """Let a stream fill its fields, but those that are told; what it cannot is null."""
        if name not in self.by.streams:
            return
        stream = self.by.streams[name]
        if not hears(type(stream)):
            return
        wanted = [f for f in FIELDS.get(name, ()) if self.record.get(f) is None]
        if FIELDS.get(name) and not wanted:
            return
        if name in OF_VOICES and self.record.get("has_vocals") is False:
            self._lack(wanted, "has_vocals", "", "no voice is heard")
            return
        audio_until = None
        if name in OF_WORDS and not self.by.whisper_full:
            audio_until = WORDS_SECONDS
        about = {
            "version": stream.feature_version,
            "config": stream.config.model_dump(mode="json"),  # type: ignore[attr-defined]
            "grid": _digest(grid),
            "until": audio_until,
        }

        def work() -> Fields:
            audio, cut = self._cut(grid, audio_until)
            with self.by.registry.blame(name, "listen"):
                features = stream.extract(audio, cut)
                found = stream.fields(features, cut)
                sure = confidence(stream, audio, cut) if found else {}
                sure = {key: round(value, 3) for key, value in sure.items()}
                json.dumps([found, sure], allow_nan=False)  # or no record could be written
            return {"fields": found, "backend": stream.extractor, "confidence": sure}

        try:
            heard = self.memory.find(name, about, work)
        except (NotInstalledError, Unheard) as fault:
            told = str(fault) if isinstance(fault, NotInstalledError) else self.by.absent(name)
            if not told:
                raise
            self._lack(wanted, name, "", told)
            self.notes.append(told)  # so it is for every track
            return
        except MuzeError as fault:
            self._lack(wanted, name, "", str(fault))
            self.notes.append(f"{self.task.audio_path}: {fault}")
            return
        version = str(stream.feature_version)
        for key, value in heard["fields"].items():
            if self.record.get(key) is None:
                self.record[key] = value
                self.provenance[key] = {"backend": heard["backend"], "version": version}
                if key in heard["confidence"]:
                    self.provenance[key]["confidence"] = heard["confidence"][key]
        missing = [key for key in wanted if self.record.get(key) is None]
        self._lack(missing, heard["backend"], version, "nothing of it is heard")

    def _cut(self, grid: TimeGrid, until: float | None) -> tuple[Audio, TimeGrid]:
        audio = self.mono.audio
        if until is None or audio.duration <= until:
            return audio, grid
        samples = audio.samples[:, : round(until * audio.sample_rate)]
        return Audio(samples, audio.sample_rate), grid.between(0.0, until)

    def _lack(self, fields: Sequence[str], backend: str, version: str, reason: str) -> None:
        for key in fields:
            self.record[key] = None
            self.provenance[key] = {"backend": backend, "version": version, "reason": reason}

    def _map_tempo(self) -> None:
        """Add the tempo map of the beats heard, whose beat 0 is the first downbeat."""
        from muze.analysis.tempo_map import tempo_map

        beats = self.record.get("beat_positions") or []
        if len(beats) < 2 or self.record.get("tempo_map"):
            return
        downbeats = self.record.get("downbeat_positions") or beats
        first = int(np.abs(np.asarray(beats) - downbeats[0]).argmin())
        if len(beats) - first < 2:
            return
        marks = tempo_map(beats, first)
        middle = float(np.median(60 / np.diff(beats)))
        if "tempo" in self.task.told and abs(middle / self.task.told["tempo"] - 1) > OTHER_TEMPO:
            return  # who told the tempo does not count the beats that are heard
        self.record["tempo_map"] = [{"beat": m.beat, "bpm": m.bpm} for m in marks]
        self.provenance["tempo_map"] = dict(self.provenance.get("beat_positions", {}))
        if self.record.get("tempo") is None:
            self.record["tempo"] = round(middle, 2)
            self.provenance["tempo"] = dict(self.provenance.get("beat_positions", {}))

    def _hear_voice(self) -> None:
        """Add has_vocals, the words and their language, from voice and transcription together."""
        if "has_vocals" not in self.by.streams or self.record.get("has_vocals") is False:
            return
        about = {"version": 1, "model": self._whisper, "full": self.by.whisper_full}
        keys = ("has_vocals", "lyrics", "words", "language")
        try:
            heard = self.memory.find("words", about, self._hear_words)
        except (MuzeError, Unheard) as fault:
            told = str(fault) if isinstance(fault, MuzeError) else self.by.absent("has_vocals")
            if not told:
                raise
            self._lack([k for k in keys if self.record.get(k) is None], "whisper", "", told)
            self.notes.append(told)
            return
        for key in keys:
            if self.record.get(key) is not None:
                continue
            self.record[key] = heard[key]
            self.provenance[key] = {"backend": heard["backend"], "version": "1"}
            if heard[key] is None:
                self.provenance[key]["reason"] = heard["reason"]
            elif key in heard["confidence"]:
                self.provenance[key]["confidence"] = heard["confidence"][key]

    def _hear_words(self) -> Fields:
        from muze.pipelines.sung import hear_sung_words

        until = None if self.by.whisper_full else WORDS_SECONDS
        return hear_sung_words(self.mono.audio, self._whisper, until)

    @property
    def _whisper(self) -> str | None:
        model: str | None = self.by.streams["has_vocals"].config.whisper_model  # type: ignore[attr-defined]
        return model

    def _find_segments(self) -> None:
        from muze.analysis.structure import hear_segments

        if self.record.get("segments"):
            return
        grid, sung = self._grid(), self._sung()

        def work() -> Fields:
            vocals = None if sung is None else _drawn(sung, grid)
            found = hear_segments(self.mono.audio, grid, vocals)
            return {
                "segments": [
                    {"type": s.type, "start": round(s.start, 3), "end": round(s.end, 3),
                     "energy": round(s.energy, 3), "confidence": round(s.confidence, 3)}
                    for s in found
                ]
            }  # fmt: skip

        about = {"version": 1, "grid": _digest(grid), "sung": sung}
        self.record |= self.memory.find("segments", about, work)
        self.provenance["segments"] = {"backend": "muze structure analysis", "version": "1"}

    def _sung(self) -> list[list[float]] | None:
        """When somebody sings, in seconds; None where that is not known of all the track."""
        if self.record.get("has_vocals") is False:
            return []
        words = self.record.get("words")
        whole = self.by.whisper_full or self.record["duration"] <= WORDS_SECONDS
        return [[w["start"], w["end"]] for w in words] if words and whole else None

    def _read_sentiment(self) -> None:
        from muze.analysis.sentiment import reader, sentiment_of

        if "sentiment" not in self.by.streams or self.record.get("sentiment_score") is not None:
            return
        lyrics, language = self.record.get("lyrics"), self.record.get("language") or "en"
        if not lyrics:
            self._lack(["sentiment_score"], "lyrics", "", "there are no words")
            return
        try:
            self.record["sentiment_score"] = round(sentiment_of(lyrics, language), 4)
            self.provenance["sentiment_score"] = {"backend": reader(), "version": "1"}
        except MuzeError as fault:
            self._lack(["sentiment_score"], "vaderSentiment", "", str(fault))


def _drawn(spans: Sequence[Sequence[float]], grid: TimeGrid) -> NDArray[np.bool_]:
    """Return the frames within half a second of a span [s], (T,)."""
    drawn = np.zeros(grid.frames, bool)
    for start, end in spans:
        first, last = grid.frames_between(start - 0.5, end + 0.5)
        drawn[first:last] = True
    return drawn


def _digest(grid: TimeGrid) -> str:
    return hashlib.sha256(repr(grid).encode()).hexdigest()[:16]
