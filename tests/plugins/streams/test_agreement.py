"""What a stream parses can be rendered, and is heard again: extract and parse mean the same."""

import itertools

import numpy as np
import pytest

from muze.analysis.chords import decode_chords
from muze.analysis.drums import DRUMS, read_hits
from muze.analysis.loudness import integrated
from muze.core.grid import Audio
from muze.testing import sounds
from muze.testing.drumming import drumming
from muze.testing.scores import check_agreement
from muze.testing.singing import singing
from muze.testing.streams import StreamCase

FINE = sounds.SAMPLE_RATE


def fine(curve, grid):
    """Return a curve (T,) at the rate of samples."""
    at = grid.start + (np.arange(round(grid.duration * FINE)) + 0.5) / FINE
    return np.interp(at, grid.seconds, curve)


def noise_at(decibels, grid):
    """Return white noise whose RMS follows decibels (T,)."""
    steady = sounds.noise(grid.duration, 1.0).samples
    return Audio((steady * 10 ** (fine(decibels, grid) / 20)).astype(np.float32), FINE)


def tone_at(hertz, sounding, grid):
    """Return a tone of five partials whose pitch follows hertz (T,) where it sounds."""
    phase = 2 * np.pi * np.cumsum(fine(hertz, grid)) / FINE
    tone = sum(np.sin(k * phase) / k for k in range(1, 6))
    return Audio((0.3 * tone * fine(sounding, grid)).astype(np.float32)[None], FINE)


def mixed(*sounding):
    return Audio(sum(audio.samples for audio in sounding) / len(sounding), FINE)


def energy(drawn, grid):
    return noise_at(30 * drawn["energy"][0] - 40, grid)


def loudness(drawn, grid):
    wanted = drawn["loudness"][0] + drawn["curve"][0]
    return noise_at(wanted - integrated(sounds.noise(grid.duration, 1.0)), grid)


def played(beats, grid):
    chords = sounds.chords(["C", "Am", "F", "G"], grid.duration / 4)
    return mixed(chords, sounds.clicks(beats, grid.duration, beats[::4]))


def tempo(drawn, grid):
    return played(np.arange(0, grid.duration - 0.05, 60 / drawn["tempo"][0, 0]), grid)


def beat(drawn, grid):
    return played(grid.beat_times, grid)


def chord(drawn, grid):
    spans = decode_chords(drawn["chord"], grid)
    parts = [sounds.chords([name], end - start).samples for name, start, end in spans]
    return Audio(np.hstack(parts), FINE)


def key(drawn, grid):
    return sounds.chords(["Am", "Dm", "E7", "Am"], grid.duration / 4)


def vibrato(drawn, grid):
    rate, depth, extent = drawn["vibrato"][:, 0]
    notes = [(62.0, 0.0, 4.0), (65.0, 4.0, 8.0)]
    straight = 4.0 * (1 - float(extent))
    return singing(notes, grid.duration, rate=float(rate), depth=float(depth), straight=straight)


def breath(drawn, grid):
    starts = [float(t) for t in grid.seconds[drawn["breath"][0] > 0.9]]
    found = [t for before, t in itertools.pairwise([-1.0, *starts]) if t - before > 0.5]
    edges = [0.0, *found, grid.duration]
    notes = [(64.0, a + (0.4 if a else 0.1), b - 0.1) for a, b in itertools.pairwise(edges)]
    return singing(notes, grid.duration, breaths=found, hiss=1e-4)


def f0(drawn, grid):
    return tone_at(np.maximum(drawn["f0"][0], 50), drawn["voiced"][0], grid)


def melody(drawn, grid):
    pitch = 60 + drawn["melody"].argmax(axis=0)
    return tone_at(440 * 2 ** ((pitch - 69) / 12), drawn["melody"].sum(axis=0), grid)


def drums(drawn, grid):
    hits = read_hits(drawn["drums"], grid)
    return drumming({name: [t for t, _ in hits.get(name, ())] for name in DRUMS}, grid.duration)


RENDERS = (
    energy, loudness, tempo, beat, chord, key, vibrato, breath, f0, melody, drums,
)  # fmt: skip


@pytest.mark.parametrize("render", RENDERS, ids=lambda render: render.__name__)
def test_what_is_rendered_is_heard(muze_registry, render):
    component = muze_registry.get("stream", render.__name__)
    stream = component(component.Config())
    check_agreement(
        StreamCase(component, lambda values, grid: render(stream.parse(values, grid), grid))
    )
