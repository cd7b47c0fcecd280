import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from muze.core.errors import DatasetError
from muze.data.store import write_dataset
from muze.pipelines.timeline import CHORDS_A_ROW, draw_names, split_rows
from muze.pipelines.track_card import draw_track, find_track, track_card

TRACKS = [
    {"audio_path": "one/Night Drive.flac", "duration": 3.0, "title": "Night Drive"},
    {"audio_path": "two/a.flac", "duration": 3.0, "title": "Day Drive"},
    {"audio_path": "7", "duration": 3.0, "title": "Straße"},
]


@pytest.fixture
def songs(tmp_path):
    write_dataset(tmp_path / "songs.parquet", TRACKS)
    return tmp_path / "songs.parquet"


@pytest.mark.parametrize(
    ("wanted", "number"),
    [("0", 0), ("2", 2), ("7", 2), ("two/a.flac", 1), ("two", 1), ("night", 0), ("STRASSE", 2)],
)
def test_a_track_is_found_by_number_path_or_part_of_a_name(songs, wanted, number):
    assert find_track(songs, wanted) == (number, TRACKS[number])


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("3", "has no track 3; the last is 2"),
        ("Nigth Drive", "has no track 'Nigth Drive'; did you mean 'Night Drive'?"),
        ("drive", r"part of tracks 0 \(one/Night Drive\.flac\), 1 \(two/a\.flac\); say more"),
    ],
)
def test_a_track_that_is_not_one_is_told(songs, wanted, told):
    with pytest.raises(DatasetError, match=told):
        find_track(songs, wanted)


def test_a_card_tells_values_and_who_told_them():
    record = {
        "audio_path": "a\x1b.wav", "tempo": 120.0, "key": None, "has_vocals": True,
        "genre": ["jazz", "funk"], "beat_positions": [0.5 * k for k in range(9)], "melody": [],
        "chords": [{"chord": "Am", "start": 0.0, "end": 2.0}], "lyrics": "one\ntwo",
        "provenance": {"tempo": {"backend": "beats", "version": "2", "confidence": 0.7},
                       "key": {"backend": "keys", "version": "1", "reason": "no chord"}},
    }  # fmt: skip
    assert [(told.field, told.value, told.source) for told in track_card(record)] == [
        ("audio_path", "a\\x1b.wav", ""),
        ("tempo", "120.0", "beats, version 2, confidence 0.7"),
        ("key", "-", "no chord (keys, version 1)"),
        ("has_vocals", "yes", ""),
        ("genre", "jazz, funk", ""),
        ("beat_positions", "0, 0.5, 1, 1.5, 2, 2.5, ... (9)", ""),
        ("melody", "none", ""),
        ("chords", "Am@0.0", ""),
        ("lyrics", "one / two", ""),
    ]


def test_one_maker_of_all_is_told_once():
    record = {"audio_path": "a.wav", "tempo": 1.0, "provenance": {"backend": "corpus"}}
    assert [(t.field, t.source) for t in track_card(record)][-1] == ("provenance", "corpus")


def picture(**said):
    record = {"audio_path": "a.wav", "duration": 20.0, **said}
    return np.asarray(Image.open(io.BytesIO(draw_track(record))).convert("RGB")).astype(int)


def red(pixels):
    return pixels[..., 0] - pixels[..., 1:].max(axis=2) > 60


def green(pixels):
    return pixels[..., 1] - pixels[..., ::2].max(axis=2) > 40


def cyan(pixels):
    return pixels[..., 1:].min(axis=2) - pixels[..., 0] > 100


def test_a_picture_shows_what_is_told():
    blank = picture()
    assert [int(colour(blank).sum()) for colour in (red, green, cyan)] == [0, 0, 0]
    pitch = picture(f0_contour=[220.0] * 2000)
    assert pitch.shape[0] > blank.shape[0]
    assert red(pitch).any(axis=0).sum() > 0.8 * pitch.shape[1]
    loud = picture(loudness_curve=[-14.0, -20.0] * 100)
    assert green(loud).any(axis=0).sum() > 0.8 * loud.shape[1]
    section = {"type": "chorus", "start": 10.0, "end": 20.0}
    (columns,) = np.nonzero(cyan(picture(segments=[section])).sum(axis=0) > 50)
    assert 0.45 * blank.shape[1] < columns.mean() < 0.55 * blank.shape[1]


def test_what_is_unvoiced_is_not_drawn():
    sung = picture(f0_contour=[220.0] * 2000, f0_voiced_mask=[True] * 1000 + [False] * 1000)
    (columns,) = np.nonzero(red(sung).any(axis=0))
    assert columns.max() < 0.55 * sung.shape[1]


def test_energy_is_a_curve_or_that_of_sections():
    def blue(**said):
        pixels = picture(**said)
        return int(((pixels[..., 2] - pixels[..., 0]) > 30).sum())

    low, high = ([{"type": "verse", "start": 0.0, "end": 20.0, "energy": e}] for e in (0.2, 0.8))
    assert blue(segments=high) > 3 * blue(segments=low) > 0
    assert blue(energy_curve=[0.8] * 20) > 3 * blue(segments=low)


def test_an_hour_has_no_more_rows_than_fit():
    assert len(split_rows(3600.0, 12)) == 12
    assert split_rows(70.0, 12) == [(0, 70 / 3), (70 / 3, 140 / 3), (140 / 3, 70)]
    assert picture(duration=3600.0).shape[0] < 3000


def test_of_chords_that_follow_fast_only_some_are_written():
    axes = Figure().subplots()
    draw_names(axes, 0.0, 10.0, [], [(0.01 * k, f"C{k}") for k in range(1000)])
    assert CHORDS_A_ROW / 2 < len(axes.texts) <= CHORDS_A_ROW
    assert axes.texts[0].get_text() == "C0"


def test_the_same_record_gives_the_same_picture():
    record = {"audio_path": "a.wav", "duration": 5.0, "title": "東京 $x$", "chords": [
        {"chord": "$Am", "start": 0.0, "end": 2.0}]}  # fmt: skip
    assert draw_track(record) == draw_track(record)


@pytest.mark.parametrize("curve", ["abc", [[1.0]], [1.0, "x"], [float("nan")], {"a": 1}])
def test_a_curve_that_is_none_is_told(curve):
    with pytest.raises(DatasetError, match=r"a\.wav: f0_contour is no list of numbers"):
        picture(f0_contour=curve)
