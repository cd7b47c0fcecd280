"""A song as MIDI, and MIDI as audio through FluidSynth."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import mido
import numpy as np
import numpy.typing as npt
import pyloudnorm
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import lfilter

from muze_corpus.score import TICKS, Metre, Rng, Song, Track

SAMPLE_RATE = 32_000
ROLES = ("comp", "bass", "pad", "arp", "lead", "counter", "drums")
FOLDERS = ("/usr/share/sounds/sf2", "/usr/share/sounds/sf3", "/usr/share/soundfonts")
SOUNDFONTS: dict[str, tuple[tuple[str, ...], str]] = {
    "FluidR3_GM": (("FluidR3_GM.sf2",), "fluid-soundfont-gm"),
    "MuseScore_General": (
        ("MuseScore_General_Full.sf2", "MuseScore_General_Full.sf3"),
        "musescore-general-soundfont-lossless",
    ),
}
"""By name: their files, the first there is, and Debian's package; both under the MIT licence."""
POLYPHONY = 64
"""Notes that sound at once, those that ring on included: more is not heard (40 dB down)."""
LINEAR = "interp 1\n"
"""FluidSynth's shell: linear interpolation of samples, less work for a difference 39 dB down."""
Audio = npt.NDArray[np.float32]


class RenderError(RuntimeError):
    """Something needed for rendering is missing or failed."""


def soundfont(name: str) -> Path:
    """The path of a soundfont.

    Raises:
        RenderError: where FluidSynth or the soundfont is not installed.
    """
    if shutil.which("fluidsynth") is None:
        raise RenderError("fluidsynth is not installed; apt-get install fluidsynth")
    files, package = SOUNDFONTS[name]
    for file in files:
        for folder in FOLDERS:
            if (path := Path(folder) / file).exists():
                return path
    raise RenderError(
        f"{files[0]} is not in {' or '.join(FOLDERS)}; apt-get install {package}, "
        "or leave it out with --soundfonts"
    )


@dataclass(frozen=True)
class Sound:
    """Settings of one song's rendering."""

    gain: float
    room: float
    damp: float
    reverb: float
    chorus: float
    sends: tuple[int, int]  # CC 91 and 93
    target: float  # LUFS
    font: str
    levels: dict[str, float]  # dB of each role beside what is usual


def draw_sound(rng: Rng, fonts: Sequence[str] = tuple(SOUNDFONTS)) -> Sound:
    """A room, a chorus and a loudness; a soundfont of those there are, and levels of the roles."""
    return Sound(
        round(float(rng.uniform(0.25, 0.5)), 2), round(float(rng.uniform(0.1, 0.75)), 2),
        round(float(rng.uniform(0.0, 0.6)), 2), round(float(rng.uniform(0.1, 0.7)), 2),
        round(float(rng.choice([0.0, 0.5, 1.2])), 2),
        (int(rng.integers(15, 75)), int(rng.choice([0, 0, 10, 30]))),
        round(float(rng.uniform(-22, -11)), 1),
        sorted(fonts)[int(rng.integers(len(fonts)))],
        {role: round(float(np.clip(rng.normal(0, 2), -5, 4)), 1) for role in ROLES},
    )  # fmt: skip


def midi(song: Song, sound: Sound, roles: Sequence[str] | None = None) -> mido.MidiFile:
    """The song, or only some of its roles, with its tempo map and named tracks."""
    out = mido.MidiFile(type=1, ticks_per_beat=TICKS)
    per_beat = song.metre.ticks_per_beat
    head = mido.MidiTrack()
    numerator, denominator = (int(x) for x in song.metre.name.split("/"))
    events: list[tuple[int, mido.MetaMessage]] = [
        (0, mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator))
    ]
    for beat, bpm in song.tempo_map:
        tempo = round(60e6 / (bpm * song.metre.quarters_per_beat))
        events.append((round(beat * per_beat), mido.MetaMessage("set_tempo", tempo=tempo)))
    clock = song.timeline
    last = song.bars * song.metre.beats
    end = round((last + song.tail * clock.bpm_at(last) / 60) * per_beat)
    _write(head, list(events), end)
    out.tracks.append(head)
    channels = iter([c for c in range(16) if c != 9])
    for role, track in song.tracks.items():
        channel = 9 if role == "drums" else next(channels)
        if roles is None or role in roles:
            out.tracks.append(_midi_track(track, channel, song.metre, end, sound))
    return out


def _midi_track(track: Track, channel: int, metre: Metre, end: int, sound: Sound) -> mido.MidiTrack:
    out = mido.MidiTrack()
    out.append(mido.MetaMessage("track_name", name=track.role))
    out.append(mido.Message("program_change", channel=channel, program=track.program))
    reverb, chorus = sound.sends
    # FluidSynth's gain goes with the square of a channel's volume
    volume = track.volume * 10 ** (sound.levels[track.role] / 40)
    for control, value in ((7, round(min(127, volume))), (91, reverb), (93, chorus)):
        out.append(mido.Message("control_change", channel=channel, control=control, value=value))
    events: list[tuple[int, int, mido.Message]] = []
    for start, stop, n in track.played(metre):
        on = mido.Message("note_on", channel=channel, note=n.pitch, velocity=n.velocity)
        events.append((start, 1, on))
        events.append((stop, 0, mido.Message("note_off", channel=channel, note=n.pitch)))
    ordered = sorted(events, key=lambda e: (e[0], e[1]))
    _write(out, [(t, m) for t, _, m in ordered], end)
    return out


def _write(track: mido.MidiTrack, events: Sequence[tuple[int, mido.Message]], end: int) -> None:
    now = 0
    for tick, message in events:
        track.append(message.copy(time=max(0, tick - now)))
        now = max(now, tick)
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - now)))


def synthesise(path: Path, sound: Sound, duration: float) -> Audio:
    """The mono sound (samples,) of a MIDI file at 32 kHz, not yet normalised, of some seconds.

    It is read from a pipe and FluidSynth is stopped then: of notes whose soundfont lets them ring
    for ever it would write without end.

    Raises:
        RenderError: where FluidSynth is missing or fails.
    """
    shell = path.with_suffix(".fluidsynth")
    shell.write_text(LINEAR)
    command = ["fluidsynth", "-ni", "-q", "-r", str(SAMPLE_RATE), "-g", str(sound.gain),
               "-F", "/dev/stdout", "-O", "float", "-T", "raw", "-f", str(shell)]  # fmt: skip
    for name, value in {
        "synth.reverb.room-size": sound.room, "synth.reverb.damp": sound.damp,
        "synth.reverb.level": sound.reverb, "synth.chorus.active": int(sound.chorus > 0),
        "synth.chorus.level": max(sound.chorus, 0.1), "synth.dynamic-sample-loading": 1,
        "synth.polyphony": POLYPHONY, "synth.audio-channels": 1,
    }.items():  # fmt: skip
        command += ["-o", f"{name}={value}"]
    command += [str(soundfont(sound.font)), str(path)]
    wanted = 2 * 4 * round(duration * SAMPLE_RATE)
    try:
        with TemporaryFile() as told, subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=told
        ) as process:  # fmt: skip
            assert process.stdout is not None
            raw = process.stdout.read(wanted)
            whole = len(raw) == wanted
            if whole:
                process.kill()
            failed = process.wait() != 0 and not whole
            told.seek(0)
            fault = told.read().decode(errors="replace").strip()
    finally:
        shell.unlink(missing_ok=True)
    if failed or len(raw) < wanted // 2:
        raise RenderError(f"fluidsynth failed on {path}: {fault[-300:]}")
    stereo = np.frombuffer(raw[: len(raw) // 8 * 8], np.float32).reshape(-1, 2)
    mono: Audio = stereo.mean(axis=1)
    return mono


def fitted(audio: Audio, duration: float) -> Audio:
    """The audio at exactly this length, its last 0.4 s faded."""
    samples = round(duration * SAMPLE_RATE)
    out: Audio = np.zeros(samples, dtype=np.float32)
    n = min(samples, len(audio))
    out[:n] = audio[:n]
    fade = int(0.4 * SAMPLE_RATE)
    out[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return out


def mastering_gain(audio: Audio, target: float) -> Audio:
    """The gain (samples,) that brings the audio near the target [LUFS] with peaks under 0.97.

    Peaks are held by at most 6 dB, 5 ms ahead; where that is not enough the target is lowered, so
    that nothing clips. One curve serves the mix and its stems, whose sum stays the mix.
    """
    ceiling, most = 0.97, 10 ** (6 / 20)
    loudness = float(pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(audio))
    peak = max(1e-6, float(np.abs(audio).max()))
    gain = min(10 ** ((target - loudness) / 20), most * ceiling / peak)
    if gain * peak <= ceiling:
        return np.full(len(audio), gain, dtype=np.float32)
    hold = int(0.005 * SAMPLE_RATE)
    peaks = maximum_filter1d(np.abs(audio) * np.float32(gain), 4 * hold + 1)
    needed = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-6))
    # The mean of a minimum over a wider window never exceeds what its middle needs.
    smooth: Audio = (gain * uniform_filter1d(needed, 2 * hold + 1)).astype(np.float32)
    return smooth


def measured_loudness(audio: Audio) -> float:
    """Integrated loudness [LUFS] (ITU-R BS.1770)."""
    return float(pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(audio))


def loudness_curve(audio: Audio) -> list[float]:
    """Momentary loudness [LUFS] ten times a second, over 0.4 s around each (ITU-R BS.1770).

    Never under -70, the measure's own gate.
    """
    weighted = audio.astype(np.float64)
    for stage in pyloudnorm.Meter(SAMPLE_RATE)._filters.values():
        weighted = lfilter(stage.b, stage.a, weighted)
    step = SAMPLE_RATE // 10
    tenths = (weighted[: len(weighted) // step * step] ** 2).reshape(-1, step).mean(axis=1)
    power = uniform_filter1d(tenths, 4, mode="nearest")
    return [round(float(x), 1) for x in np.maximum(-70, 10 * np.log10(power + 1e-12) - 0.691)]
