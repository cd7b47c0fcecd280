"""How recordings of a voice are told apart, and how well a mark is heard: known recordings.

Run with ``python -m benchmarks.references``. Voices of kokoro and piper speak, and their speech is
laid on a melody; noise, music, a second speaker and clipping are put in by known amounts.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import AsJson, Docs, Findings, markdown
from muze.audio.io import encode_audio, read_audio, resample
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.report import open_report
from muze.testing import sounds
from muze.voice.quality import Quality, reference_quality
from muze.voice.watermark import MARKED, heard_mark, mark

RATE = 32_000
TEXT = (
    "Carry the river home and follow the light. Hold me under the morning sky, and let the music "
    "say my name. Nobody knows how long we waited, but the train was late again."
)
TUNE = (0, 4, 7, 5)
Samples = NDArray[np.float32]


def speakers(registry: Registry) -> dict[str, Audio]:
    """Return what every packaged English voice says, at half of full scale."""
    found = {}
    for name in ("kokoro", "piper"):
        cls = registry.get("voice", name)
        backend = cls(cls.Config())
        for voice in backend.voices():
            said = resample(backend.speak(TEXT, voice, "en"), RATE).samples
            found[voice] = Audio((0.5 * said / np.abs(said).max()).astype(np.float32), RATE)
    return found


def sung(audio: Audio) -> Audio:
    """Return speech on four notes around its own pitch, by WORLD."""
    import pyworld

    x = audio.mono.astype(np.float64)
    f0, t = pyworld.harvest(x, RATE)
    envelope = pyworld.cheaptrick(x, f0, t, RATE)
    noise = pyworld.d4c(x, f0, t, RATE)
    low = float(np.median(f0[f0 > 0]))
    note = np.array(TUNE)[t.astype(int) % len(TUNE)]
    told = pyworld.synthesize(np.where(f0 > 0, low * 2 ** (note / 12), 0), envelope, noise, RATE)
    return Audio((0.5 * told / np.abs(told).max()).astype(np.float32)[None], RATE)


def put(audio: Audio, other: NDArray[np.float64], decibels: float) -> Audio:
    """Return a sound with another under it, so many dB beside it in power."""
    own = audio.mono
    other = np.resize(other, len(own))
    other = other * np.sqrt((own**2).mean() / (other**2).mean()) * 10 ** (decibels / 20)
    both = own + other
    return Audio((both / max(1.0, np.abs(both).max())).astype(np.float32)[None], RATE)


def recordings(voices: dict[str, Audio]) -> Iterator[tuple[str, Audio, str]]:
    """Yield a kind of recording, one of it, and the word that its warning should have."""
    chords = resample(sounds.chords(["C", "Am", "F", "G"], 2.0), RATE).mono.astype(float)
    for number, audio in enumerate(voices.values()):
        white = np.random.default_rng(number).standard_normal(audio.samples.shape[1])
        clipped = Audio(np.clip(audio.samples * 3, -0.5, 0.5), RATE)
        yield "clean speech", audio, ""
        yield "clean, on a melody", sung(audio), ""
        yield "noise at -10 dB", put(audio, white, -10), "noisy"
        yield "noise at -30 dB", put(audio, white, -30), ""
        yield "chords at -10 dB", put(audio, chords, -10), "music"
        yield "chords at 0 dB", put(audio, chords, 0), "music"
        yield "clipped", clipped, "clipped"
    for one, other in itertools.combinations(voices.values(), 2):
        half = [part.samples[:, : part.samples.shape[1] // 2] for part in (one, other)]
        yield "two speakers", Audio(np.concatenate(half, axis=1), RATE), "more than one speaker"


def is_told(quality: Quality, word: str) -> bool:
    """Whether what should be told is, or, where nothing should, nothing but the length is."""
    told = [text for text in quality.warnings if not text.startswith("lasts")]
    return any(word in text for text in told) if word else not told


def encoded(audio: Audio, name: str, folder: Path) -> Audio:
    """Return a sound as it comes out of a file of a format."""
    path = folder / name
    path.write_bytes(encode_audio(path, audio))
    return read_audio(path)


def main(docs: Docs = None, as_json: AsJson = False) -> None:
    """Measure what is told of known recordings, and where a mark is heard."""
    import tempfile

    began, registry = time.monotonic(), Registry()
    with open_report() as report, tempfile.TemporaryDirectory() as name:
        voices, folder = speakers(registry), Path(name)
        found: dict[str, list[tuple[bool, Quality]]] = {}
        cases = list(recordings(voices))
        advance = report.task("listening", len(cases))
        for kind, audio, word in cases:
            quality = reference_quality(audio, registry)
            found.setdefault(kind, []).append((is_told(quality, word), quality))
            advance()
        takes = [take for audio in voices.values() for take in (audio, sung(audio))]
        ways: dict[str, Callable[[Audio], Audio]] = {
            "as it is": lambda audio: audio,
            "16 bit": lambda audio: encoded(audio, "a.wav", folder),
            "MP3": lambda audio: encoded(audio, "a.mp3", folder),
            "Ogg Vorbis": lambda audio: encoded(audio, "a.ogg", folder),
            "at 44.1 kHz": lambda audio: resample(audio, 44_100),
            "14 dB softer": lambda audio: Audio(0.2 * audio.samples, RATE),
        }
        scores: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        snr, spent = [], 0.0
        advance = report.task("marking", len(takes))
        for take in takes:
            start = time.monotonic()
            marked = mark(take)
            spent += (time.monotonic() - start) / take.duration
            change = marked.samples - take.samples
            snr.append(10 * np.log10((take.samples**2).sum() / (change**2).sum()))
            for way, through in ways.items():
                scores[way].append((heard_mark(through(take)), heard_mark(through(marked))))
            advance()
    findings = Findings("references", {"takes marked": len(takes),
        "resemble-perth": version("resemble-perth")}, time.monotonic() - began)  # fmt: skip
    findings.tables["What is told of known recordings"] = markdown(
        ["recording", "told rightly", "of", "voice over noise, dB", "tones beside the voice, dB",
         "least alike parts, cosine"],
        [[kind, str(sum(right for right, _ in rows)), str(len(rows)),
          *(_span([getattr(q, key) for _, q in rows], digits) for key, digits in
            (("snr_db", 0), ("music_db", 0), ("speakers_cosine", 2)))]
         for kind, rows in found.items()],
    )  # fmt: skip
    rows = []
    for way, told in scores.items():
        plain, marked = zip(*told, strict=True)
        heard = [
            f"{sum(score >= MARKED for score in side)} of {len(told)}" for side in (marked, plain)
        ]
        rows.append([way, heard[0], f"{min(marked):.2f}", heard[1], f"{max(plain):.2f}"])
    findings.tables["The mark of a cloned voice"] = markdown(
        ["", f"marked, heard (at least {MARKED:g})", "lowest", "unmarked, heard", "highest"], rows
    )
    findings.tables["What it costs"] = markdown(
        ["voice over what the mark changes, dB", "seconds a second of sound"],
        [[_span(snr, 1), f"{spent / len(takes):.3f}"]],
    )
    findings.data = {"told": {k: [r for r, _ in rows] for k, rows in found.items()},
                     "scores": scores, "snr": snr}  # fmt: skip
    findings.show(as_json, docs)


def _span(values: list[float | None], digits: int) -> str:
    known = [value for value in values if value is not None]
    return f"{min(known):.{digits}f} to {max(known):.{digits}f}" if known else "-"


if __name__ == "__main__":
    import typer

    typer.run(main)
