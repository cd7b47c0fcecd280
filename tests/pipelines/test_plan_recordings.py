import numpy as np
import pytest

from muze.analysis.loudness import integrated
from muze.audio.io import write_audio
from muze.core.grid import Audio


def noise(path):
    """Write eight seconds of noise; return how loud it is, in LUFS."""
    samples = 0.1 * np.random.default_rng(0).standard_normal((1, 32000 * 8)).astype(np.float32)
    write_audio(path, Audio(samples, 32000))
    return integrated(Audio(samples, 32000))


@pytest.mark.parametrize("stream", ["genre", "text", "section", "position"])
def test_what_no_recording_tells_is_not_taken_from_one(faults, tmp_path, stream):
    noise(tmp_path / "hum.wav")
    prompt = "" if stream == "text" else "prompt: x\n"
    (told,) = faults(f"{prompt}seed: 1\nstreams:\n  {stream}:\n    from: hum.wav\n")
    assert (
        f": streams.{stream}.from: {stream} cannot be heard in a recording; say it in val" in told
    )


def test_a_song_is_never_written_over_what_it_reads(plan, faults, tmp_path):
    noise(tmp_path / "song.wav")
    heard = "prompt: x\nstreams: {chord: {from: song.wav}}\n"
    lost = (
        f"{tmp_path / 'song.wav'} is read here and would be written over; give output another path"
    )
    assert plan(heard).output.path == str(tmp_path / "song-2.wav")
    assert faults(heard + "output: {path: song.wav}\n") == [f"4: output.path: {lost}"]
    told = faults(heard, options={"--output": "./song.wav"})
    assert told == [f"--output: {lost}"]
    assert plan(heard + "output: {path: other.wav}\n").output.format == "wav"
    # what is written beside the song counts, and so does a section's recording
    (tmp_path / "hum.png").symlink_to(tmp_path / "song.wav")
    (told,) = faults(
        "prompt: x\nstructure:\n  sections:\n"
        "  - {type: solo, bars: 2, streams: {chord: {from: hum.png}}}\noutput: {path: hum.wav}\n"
    )
    assert told.startswith("6: output.path: ")
    assert "would be written over" in told


def test_the_file_is_as_loud_as_the_stream_asks(plan, tmp_path):
    assert plan("prompt: x\n").output.loudness == -14
    assert plan("prompt: x\nstreams: {loudness: -30}\n").output.loudness == -30
    curve = "prompt: x\nstreams: {loudness: {curve: [-20, -10]}}\n"
    assert plan(curve).output.loudness == pytest.approx(-14.08)
    assert plan(curve + "output: {loudness: -14.1}\n").output.loudness == -14.1
    level = noise(tmp_path / "hum.wav")
    planned = plan("prompt: x\nduration: 4\nstreams: {loudness: {from: hum.wav}}\n")
    assert planned.output.loudness == pytest.approx(level, abs=0.1)


def test_a_broken_recording_is_a_fault_of_the_manifest(faults, tmp_path):
    (tmp_path / "hum.wav").write_text("no sound at all")
    (told,) = faults("prompt: x\nstreams:\n  chord:\n    from: hum.wav\n")
    assert told.startswith("5: streams.chord.from: ")
    assert "is no sound" in told


def test_a_recording_is_known_by_its_hash(plan, tmp_path):
    write_audio(tmp_path / "hum.wav", Audio(np.zeros((1, 32000), np.float32), 32000))
    planned = plan("prompt: x\nstreams: {chord: {from: hum.wav}}\n")
    recording = planned.streams["chord"].recording
    assert recording is not None
    assert recording.path == str(tmp_path / "hum.wav")
    assert len(recording.sha256) == 64
    assert planned.sections[0].chords == ()


def test_a_tempo_is_taken_from_a_recording(plan, faults, tmp_path):
    rate, bpm = 32000, 120
    clicks = np.zeros(rate * 10, np.float32)
    for beat in range(20):
        at = beat * rate * 60 // bpm
        clicks[at : at + 400] = np.hanning(400) * np.sin(np.arange(400) * 0.3)
    write_audio(tmp_path / "clicks.wav", Audio(clicks[None], rate))
    planned = plan("prompt: x\nstreams: {tempo: {from: clicks.wav}}\n")
    assert planned.tempo[0].bpm == pytest.approx(120, rel=0.03)
    write_audio(tmp_path / "hush.wav", Audio(np.zeros((1, rate * 4), np.float32), rate))
    (told,) = faults("prompt: x\nstreams: {tempo: {from: hush.wav}}\n")
    assert "lets no tempo be heard" in told
    (told,) = faults(
        "prompt: x\nstructure:\n  sections:\n  - type: solo\n    bars: 2\n    streams:\n"
        "      tempo: {from: hush.wav}\n"
    )
    assert told.startswith("8: structure.sections.0.streams.tempo: ")
    assert "lets no tempo be heard" in told


def test_decided_chords_are_in_the_key_heard_for_their_section(plan, tmp_path, monkeypatch):
    noise(tmp_path / "hum.wav")
    monkeypatch.setattr("muze.pipelines.asked.heard_fields", lambda *told: {"key": "F# major"})
    planned = plan(
        "prompt: pop\nkey: C major\nstructure:\n  sections:\n"
        "  - {type: verse, bars: 4}\n"
        "  - {type: bridge, bars: 4, streams: {key: {from: hum.wav}}}\n"
    )
    assert [section.key for section in planned.sections] == ["C major", "F# major"]
    roots = {str(chord).rstrip("m") for chord in planned.sections[1].chords}
    assert roots <= {"F#", "G#", "A#", "B", "C#", "D#", "Gb", "Ab", "Bb", "Db", "Eb", "E#", "F"}
