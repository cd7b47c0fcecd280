"""What the shared analyses hear in sound with known answers."""

import tracemalloc

import numpy as np
import pytest

from muze.analysis import sound as sound_module
from muze.analysis.beats import find_metre, track
from muze.analysis.chord_network import SYMBOLS, chord_likelihoods
from muze.analysis.chroma import semitones
from muze.analysis.keys import key_of_chords
from muze.analysis.loudness import intensity, short_term
from muze.analysis.onsets import N_FFT, NUM_MELS, _filters, log_mel, onset_bands
from muze.analysis.sections import find_sections
from muze.analysis.sound import RATE, frames_of, hear
from muze.core.grid import Audio, Metre, TimeGrid
from muze.testing import sounds


def test_the_same_content_is_the_same_sound():
    audio = sounds.noise(1.0)
    copy = Audio(audio.samples.copy(), audio.sample_rate)
    assert hear(audio) == hear(copy) != hear(sounds.noise(1.0, seed=1))


def test_frames_are_centred_and_padded_with_silence():
    (frames,) = frames_of(np.arange(1, 9, dtype=np.float32), 4, 2)
    assert frames.tolist() == [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7], [6, 7, 8, 0]]
    (frames,) = frames_of(np.arange(8, dtype=np.float32), 2, 4)
    assert frames.tolist() == [[1, 2], [5, 6]]


@pytest.mark.parametrize(("length", "hop", "num_frames"), [(9, 2, None), (2, 5, None), (4, 4, 40)])
def test_frames_in_pieces_are_those_of_the_whole(length, hop, num_frames, monkeypatch):
    samples = np.arange(1, 102, dtype=np.float32)
    (whole,) = frames_of(samples, length, hop, num_frames)
    monkeypatch.setattr(sound_module, "PIECE", 3)
    pieces = list(frames_of(samples, length, hop, num_frames))
    assert len(whole) == (num_frames or len(samples) // hop)
    assert max(len(piece) for piece in pieces) == 3
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def peak_memory(function, *arguments):
    """Return the most bytes of arrays that a call holds at once, over those there before."""
    short_term(sounds.noise(0.1), TimeGrid.of_song(0.1))  # what is imported does not count
    tracemalloc.start()
    function(*arguments)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_five_minutes_are_heard_without_copies_of_them():
    audio, grid = sounds.noise(300.0), TimeGrid.of_song(300.0)
    sound = hear(audio)
    assert peak_memory(hear, audio) < 1e5  # known again by its content
    assert peak_memory(semitones, sound) < 0.5 * sound.samples.nbytes
    assert peak_memory(log_mel, sound) < 1.2 * sound.samples.nbytes
    assert peak_memory(short_term, audio, grid) < 0.2 * sound.samples.nbytes
    assert peak_memory(track, np.zeros(5000)) < 3e6


@pytest.mark.parametrize("note", [36, 57, 69, 84, 95])
def test_a_tone_sounds_in_its_semitone(note):
    heard = semitones(hear(sounds.melody([note], 2.0)))
    assert heard.shape == (84, 2 * RATE // 1024)
    middle = heard[:, 10:-10].mean(axis=1)
    assert middle.argmax() == note - 24
    assert middle[note - 24] > 10 * np.delete(middle, [note - 25, note - 24, note - 23]).max()


def test_noise_is_equally_loud_in_every_octave():
    octaves = semitones(hear(sounds.noise(20.0))).reshape(7, 12, -1).mean(axis=(1, 2))
    assert octaves.max() < 1.2 * octaves.min()


def test_mel_bands_are_those_of_librosa():
    from librosa.filters import mel

    theirs = mel(sr=RATE, n_fft=N_FFT, n_mels=NUM_MELS, fmin=30, fmax=RATE / 2)
    np.testing.assert_allclose(_filters(), theirs, rtol=1e-4, atol=1e-7)


def test_onsets_are_where_clicks_are():
    flux = onset_bands(hear(sounds.clicks([1.0, 2.0, 3.5], 5.0))).sum(axis=0)
    peaks = [t for t in range(3, 497) if flux[t] == flux[t - 3 : t + 4].max() and flux[t] > 5]
    assert np.asarray(peaks) / 100 == pytest.approx([1.0, 2.0, 3.5], abs=0.03)


def test_beats_join_what_the_network_is_sure_of():
    times = np.arange(0.25, 20, 0.5)
    logits = np.full(1000, -4.0)
    logits[(times * 50).astype(int)] = 4.0
    logits[(times[10:20] * 50).astype(int)] = -1.0  # faint for five seconds
    assert track(logits) == pytest.approx(times, abs=0.02)


def test_a_tempo_may_change_between_beats():
    times = np.concatenate([np.arange(0.25, 10, 0.5), np.arange(10.25, 20, 0.6)])
    logits = np.full(1000, -4.0)
    logits[(times * 50).astype(int)] = 4.0
    assert track(logits) == pytest.approx(times, abs=0.03)


@pytest.mark.parametrize("metre", ["4/4", "3/4"])
def test_the_metre_follows_the_downbeats(metre):
    times = np.arange(0.25, 20, 0.5)
    downbeat = np.full(1000, -4.0)
    downbeat[(times[1 :: Metre.parse(metre).beats_per_bar] * 50).astype(int)] = 4.0
    assert find_metre(times, downbeat, np.log([1 / 3, 1 / 3, 1 / 3])) == (Metre.parse(metre), 1)


@pytest.mark.parametrize("symbol", ["C", "F#m", "A#7", "Dmaj7", "Em7"])
def test_a_chord_is_heard_at_every_root(symbol):
    likelihoods = chord_likelihoods(hear(sounds.chords([symbol], 4.0)), np.asarray([0.0, 2.0, 4.0]))
    assert likelihoods.shape == (145, 2)
    np.testing.assert_allclose(np.exp(likelihoods).sum(axis=0), 1, rtol=1e-5)
    assert SYMBOLS[likelihoods[:, 0].argmax()] == symbol


def test_a_key_turns_with_its_chords():
    cadence = [("C", 0.0, 2.0), ("F", 2.0, 4.0), ("G7", 4.0, 6.0), ("C", 6.0, 8.0)]
    up = [("D#", 0.0, 2.0), ("G#", 2.0, 4.0), ("A#7", 4.0, 6.0), ("D#", 6.0, 8.0)]
    assert (str(key_of_chords(cadence)), str(key_of_chords(up))) == ("C major", "D# major")


def test_loudness_over_time_follows_the_level():
    noise = sounds.noise(10.0)
    stepped = noise.samples * np.where(np.arange(320000) < 160000, 0.1, 1)
    curve = short_term(Audio(stepped.astype(np.float32), 32000), TimeGrid.of_song(10.0))
    assert curve[800] - curve[200] == pytest.approx(20, abs=0.3)


def test_intensity_of_an_even_sound_is_even():
    assert np.ptp(intensity(sounds.noise(10.0), TimeGrid.of_song(10.0))) < 0.1


def test_an_even_sound_has_no_borders():
    audio = sounds.chords(["C", "G"] * 10, 1.0)
    assert len(find_sections(sounds.silence(20.0), TimeGrid.of_song(20.0))) == 0
    assert len(find_sections(audio, TimeGrid.of_song(20.0))) <= 2
