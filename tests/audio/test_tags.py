import shutil
import struct
import subprocess

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutagen import id3
from mutagen.asf import ASF
from mutagen.flac import FLAC, Picture
from mutagen.id3 import ID3
from mutagen.mp4 import MP4, MP4FreeForm
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from muze.audio.io import write_audio
from muze.audio.tags import LYRICS_LETTERS, RAW_LETTERS, Tags, read_tags, told_length
from muze.core.grid import Audio

SUNG = "one line\nanother line"
SAID = {
    "title": "Noc nad rzeką", "artist": "Zażółć", "album": "夜", "genre": ["Hip-Hop", "Jazz"],
    "date": "2011-05-03", "bpm": 92.5, "key": "Am", "language": "pol", "lyrics": SUNG,
}  # fmt: skip


def sound(path, format=None, subtype=None, rate=48000):
    noise = np.random.default_rng(1).uniform(-0.1, 0.1, rate // 2)
    soundfile.write(path, noise, rate, format=format, subtype=subtype)
    return path


def says(tags, **other):
    wanted = {**SAID, **other}
    assert {name: getattr(tags, name) for name in wanted} == wanted
    assert tags.note == ""


def id3_frames(frames):
    for frame in (
        id3.TIT2(text=SAID["title"]), id3.TPE1(text=SAID["artist"]), id3.TALB(text=SAID["album"]),
        id3.TCON(text=SAID["genre"]), id3.TDRC(text=SAID["date"]), id3.TBPM(text="92.5"),
        id3.TKEY(text="Am"), id3.TLAN(text="pol"), id3.USLT(lang="pol", text=SUNG),
        id3.TXXX(desc="mood", text="calm"), id3.COMM(lang="eng", text="a remark"),
        id3.APIC(data=b"\xff" * 50_000, mime="image/png"), id3.PRIV(owner="x", data=b"\0\1"),
    ):  # fmt: skip
        frame.encoding = id3.Encoding.UTF8
        frames.add(frame)


def comments(file):
    file.update({
        "TITLE": SAID["title"], "artist": SAID["artist"], "album": SAID["album"],
        "genre": SAID["genre"], "date": SAID["date"], "bpm": "92,5", "initialkey": "Am",
        "language": "pol", "lyrics": SUNG, "mood": "calm",
    })  # fmt: skip


def test_an_mp3_tells_its_id3v2(tmp_path):
    path = sound(tmp_path / "a.mp3", "MP3")
    frames = ID3()
    id3_frames(frames)
    frames.save(path)
    tags = read_tags(path)
    says(tags)
    assert tags.year == 2011
    assert tags.raw["TXXX:mood"] == "calm"
    assert tags.raw["COMM::eng"] == "a remark"
    assert not any("APIC" in key or "PRIV" in key for key in tags.raw)


def test_what_id3_has_no_frame_for_is_read_from_its_own_entries(tmp_path):
    path = sound(tmp_path / "a.mp3", "MP3")
    frames = ID3()
    for what, text in {"initialkey": "8A", "BPM": "128", "LYRICS": SUNG, "Language": "en"}.items():
        frames.add(id3.TXXX(encoding=3, desc=what, text=text))
    frames.save(path)
    tags = read_tags(path)
    assert (tags.key, tags.bpm, tags.lyrics, tags.language) == ("8A", 128.0, SUNG, "en")


def test_an_old_year_is_a_date(tmp_path):
    path = sound(tmp_path / "a.mp3", "MP3")
    frames = ID3()
    frames.add(id3.TYER(encoding=0, text="1987"))
    frames.save(path, v2_version=3)
    tags = read_tags(path)
    assert (tags.date, tags.year) == ("1987", 1987)


def test_an_mp3_tells_its_id3v1(tmp_path):
    path = sound(tmp_path / "a.mp3", "MP3")
    with path.open("ab") as file:
        file.write(struct.pack("3s30s30s30s4s30sB", b"TAG", b"Old", b"Somebody", b"First", b"1999",
                               b"", 17))  # fmt: skip
    tags = read_tags(path)
    assert (tags.title, tags.artist, tags.album, tags.year) == ("Old", "Somebody", "First", 1999)
    assert tags.genre == ["Rock"]


@pytest.mark.parametrize(
    ("name", "format", "subtype", "kind"),
    [("a.flac", "FLAC", None, FLAC), ("a.ogg", "OGG", "VORBIS", OggVorbis),
     ("a.opus", "OGG", "OPUS", OggOpus)],
)  # fmt: skip
def test_vorbis_comments_are_told(tmp_path, name, format, subtype, kind):
    path = sound(tmp_path / name, format, subtype)
    file = kind(path)
    comments(file)
    if kind is FLAC:
        picture = Picture()
        picture.data = b"\x89PNG" * 1000
        file.add_picture(picture)
    else:
        file["metadata_block_picture"] = "AAAA" * 1000
    file.save()
    tags = read_tags(path)
    says(tags)
    assert tags.raw["mood"] == "calm"
    assert "metadata_block_picture" not in tags.raw


def ffmpeg(source, path):
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg makes the file, and is not installed")
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", source, path], capture_output=True)
    assert done.returncode == 0, done.stderr
    return path


def test_an_m4a_tells_its_atoms(tmp_path):
    path = ffmpeg(sound(tmp_path / "a.wav"), tmp_path / "a.m4a")
    file = MP4(path)
    file.update({
        "©nam": SAID["title"], "©ART": SAID["artist"], "©alb": SAID["album"],
        "©gen": SAID["genre"], "©day": SAID["date"], "tmpo": [92], "©lyr": SUNG,
        "----:com.apple.iTunes:initialkey": MP4FreeForm(b"Am"),
        "----:com.apple.iTunes:LANGUAGE": MP4FreeForm(b"pol"), "cpil": True, "trkn": [(3, 9)],
    })  # fmt: skip
    file.save()
    tags = read_tags(path)
    says(tags, bpm=92.0)
    assert not {"cpil", "trkn"} & set(tags.raw)


def test_a_wma_tells_its_attributes(tmp_path):
    path = ffmpeg(sound(tmp_path / "a.wav"), tmp_path / "a.wma")
    file = ASF(path)
    file["Title"], file["Author"], file["WM/InitialKey"] = "A Title", "Somebody", "Am"
    file["WM/Genre"], file["WM/BeatsPerMinute"] = ["Hip-Hop", "Jazz"], "92"
    file.save()
    tags = read_tags(path)
    assert (tags.title, tags.artist, tags.key, tags.bpm) == ("A Title", "Somebody", "Am", 92.0)
    assert tags.genre == ["Hip-Hop", "Jazz"]


def test_a_wav_tells_its_id3(tmp_path):
    path = sound(tmp_path / "a.wav")
    wave = WAVE(path)
    wave.add_tags()
    id3_frames(wave.tags)
    wave.save()
    says(read_tags(path))


def test_a_wav_without_id3_tells_its_info(tmp_path):
    path = tmp_path / "a.wav"
    with soundfile.SoundFile(path, "w", 8000, 1) as file:
        file.title, file.artist, file.genre, file.date = "Plain", "Somebody", "Rock", "2001"
        file.write(np.zeros(800))
    tags = read_tags(path)
    assert (tags.title, tags.artist, tags.genre, tags.year) == ("Plain", "Somebody", ["Rock"], 2001)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_what_muze_writes_is_read(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    audio = Audio(np.zeros((1, 22050), np.float32), 44100)
    write_audio(path, audio, {"title": "Ścieżka", "genre": "jazz", "artist": "x"})
    tags = read_tags(path)
    assert (tags.title, tags.genre, tags.artist) == ("Ścieżka", ["jazz"], "x")


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
def test_a_file_without_tags_says_so(tmp_path, suffix):
    assert read_tags(sound(tmp_path / f"a{suffix}")).note == "it has no tags"


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".ogg", ".opus", ".m4a", ".wav", ".wma"])
@pytest.mark.parametrize("content", [b"", b"only text\n" * 99, b"ID3\x04\0\0\x7f\x7f\x7f\x7f" * 9])
def test_what_is_no_sound_has_a_note_and_no_tags(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    tags = read_tags(path)
    assert tags.note
    assert tags == Tags(note=tags.note)
    assert str(tmp_path) not in tags.note
    assert "\n" not in tags.note


def test_a_missing_file_has_a_note(tmp_path):
    assert read_tags(tmp_path / "none.mp3").note.startswith("its tags cannot be read")


@pytest.fixture(scope="module")
def tagged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tagged")
    path = sound(folder / "a.mp3", "MP3", rate=8000)
    frames = ID3()
    id3_frames(frames)
    frames.save(path)
    flac = FLAC(sound(folder / "a.flac", rate=8000))
    comments(flac)
    flac.save()
    m4a = MP4(ffmpeg(sound(folder / "b.wav", rate=8000), folder / "a.m4a"))
    m4a["©nam"] = "x"
    m4a.save()
    return {name: (folder / name).read_bytes() for name in ("a.mp3", "a.flac", "a.m4a", "b.wav")}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_damaged_file_never_raises(tagged, tmp_path, data):
    name = data.draw(st.sampled_from(sorted(tagged)))
    content = bytearray(tagged[name])
    for at in data.draw(st.lists(st.integers(0, min(len(content), 2000) - 1), max_size=20)):
        content[at] = data.draw(st.integers(0, 255))
    path = tmp_path / name
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    tags = read_tags(path)
    assert all(isinstance(text, str) and text.encode() for text in tags.raw.values())


@pytest.mark.parametrize(
    ("written", "bpm", "note"),
    [("0", None, ""), ("128", 128.0, ""), ("fast", None, "its tempo 'fast' is none"),
     ("nan", None, "its tempo 'nan' is none"), ("12800", None, "its tempo '12800' is none"),
     ("-3", None, "its tempo '-3' is none")],
)  # fmt: skip
def test_a_tempo_that_is_none_is_not_believed(tmp_path, written, bpm, note):
    path = sound(tmp_path / "a.flac")
    file = FLAC(path)
    file["bpm"] = written
    file.save()
    tags = read_tags(path)
    assert (tags.bpm, tags.note) == (bpm, note)


def test_long_entries_are_cut(tmp_path):
    path = sound(tmp_path / "a.flac")
    file = FLAC(path)
    file.update({"title": "x" * 9999, "lyrics": "la " * 99_999, "empty": "", "nul": "a\0b"})
    file.save()
    tags = read_tags(path)
    assert len(tags.title) == RAW_LETTERS
    assert len(tags.lyrics) == LYRICS_LETTERS
    assert len(tags.raw["lyrics"]) == RAW_LETTERS
    assert tags.raw["nul"] == "a b"
    assert "empty" not in tags.raw


def test_a_header_tells_its_length(tmp_path):
    wav = sound(tmp_path / "a.wav")
    assert told_length(wav) == 0.5
    assert told_length(ffmpeg(wav, tmp_path / "a.m4a")) == pytest.approx(0.5, abs=0.1)
    (tmp_path / "b.wav").write_bytes(b"nothing")
    assert told_length(tmp_path / "b.wav") is None
