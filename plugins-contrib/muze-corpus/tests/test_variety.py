"""Tempi that wander, last choruses that lift, and what a desk does."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from muze_corpus.arrange import compose
from muze_corpus.production import Production, draw_production, pressing_gain, toned
from muze_corpus.record import record
from muze_corpus.render import SAMPLE_RATE, RenderError, draw_sound, synthesise
from muze_corpus.variety import MACHINES, draw_drift, lifted, varied


@pytest.fixture(scope="module")
def plain():
    """Songs as they are written: no drift, no lift."""
    return [replace(compose(11, i), drift=(), lift=None) for i in range(12)]


def draws(number: int) -> np.random.Generator:
    return np.random.default_rng(number)


def test_a_drifting_song_is_as_long_as_it_was_but_for_its_last_bars(plain):
    drifting = [replace(s, drift=draw_drift(s, draws(i))) for s in plain for i in range(3)]
    assert any(s.drift for s in drifting)
    for song in (s for s in drifting if s.drift):
        assert song.genre not in MACHINES
        steady = replace(song, drift=())
        middle = (song.bars - 4) * song.metre.beats
        assert song.timeline.seconds(middle) == pytest.approx(
            steady.timeline.seconds(middle), rel=0.03
        )
        assert steady.duration * 0.97 < song.duration < steady.duration * 1.12
        assert record(song)["tempo"] == record(steady)["tempo"]
        assert np.ptp([bpm for _, bpm in song.tempo_map]) > 0


def test_the_same_draws_vary_a_song_alike(plain):
    assert varied(plain[0], draws(4)) == varied(plain[0], draws(4))


def test_a_lift_moves_chords_and_notes_from_its_bar_on_and_nothing_else(plain):
    found = [(s, up) for s in plain for i in range(30) if (up := lifted(s, draws(i))).lift]
    assert found
    for song, up in found[:5]:
        bar, by = up.lift
        step, beat = bar * song.metre.steps, bar * song.metre.beats
        for at in range(0, song.bars * song.metre.steps, 2):
            old, new = (
                next(c.chord for c in s.chords if c.start <= at < c.end) for s in (song, up)
            )
            if old is None:
                assert new is None
            else:
                assert (new.root - old.root) % 12 == (by if at >= step else 0)
                assert new.quality == old.quality
        for role, track in song.tracks.items():
            for old, new in zip(track.notes, up.tracks[role].notes, strict=True):
                higher = role != "drums" and old.start > beat - 0.12
                assert new.pitch - old.pitch == (by if higher else 0)
        assert record(up)["key_lift"]["semitones"] == by


def test_a_desk_is_linear_but_for_the_compressor():
    noise = draws(0).normal(0, 0.1, (2, SAMPLE_RATE)).astype(np.float32)
    desks = [draw_production(draws(i)) for i in range(20)]
    assert 4 < sum(d.low[1] == d.high[1] == 0 for d in desks) < 14
    for desk in desks[:6]:
        apart = toned(noise[0], desk) + toned(noise[1], desk)
        assert np.allclose(toned(noise[0] + noise[1], desk), apart, atol=1e-4)


def test_a_compressor_holds_down_what_is_loud():
    desk = Production((100, 0.0), (1000, 0.0, 1.0), (5000, 0.0), None, (-6.0, 4.0), 0, (0.5, 0.0),
                      (0, 0))  # fmt: skip
    wave = np.sin(np.arange(2 * SAMPLE_RATE) * 0.1).astype(np.float32) * 0.5
    wave[:SAMPLE_RATE] *= 0.05
    gain = pressing_gain(wave, desk)
    assert gain[SAMPLE_RATE // 2] == pytest.approx(1, abs=0.01)
    assert gain[3 * SAMPLE_RATE // 2] < 0.7
    plain_desk = replace(desk, compressor=None)
    assert (pressing_gain(wave, plain_desk) == 1).all()


def test_a_sound_names_a_soundfont_that_was_offered():
    fonts = {draw_sound(draws(i), ("b", "a")).font for i in range(20)}
    assert fonts == {"a", "b"}
    assert draw_sound(draws(0), ("a",)).levels == draw_sound(draws(0), ("b",)).levels


@pytest.mark.parametrize(("code", "told"), [(0, 0.9), (1, 0.9), (0, 0.1)])
def test_a_render_that_breaks_off_is_told(tmp_path: Path, monkeypatch, code, told):
    fake = tmp_path / "fluidsynth"
    samples = round(told * SAMPLE_RATE)
    fake.write_text(f"#!/bin/sh\nhead -c {8 * samples} /dev/zero\necho broken >&2\nexit {code}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("muze_corpus.render.soundfont", Path)
    if code == 0 and told > 0.5:  # a song may end a little early
        assert len(synthesise(tmp_path / "song.mid", draw_sound(draws(0)), 1.0)) == samples
    else:
        with pytest.raises(RenderError, match="broken"):
            synthesise(tmp_path / "song.mid", draw_sound(draws(0)), 1.0)
    assert not list(tmp_path.glob("*.fluidsynth"))
