import json

import numpy as np
import pytest

from muze.core.errors import DatasetError
from muze.data.artists import artist_embeddings, write_artists
from muze.plugins.streams.voice.artists import find_artist

WIDTHS = {"voice_embedding": 256, "ecapa_embedding": 192}


def axis(number, width=256, length=1.0):
    return (length * np.eye(width)[number]).tolist()


def track(artist, voice=None, **said):
    name = f"{artist}-{np.argmax(voice) if voice else 0}.wav"
    return {"audio_path": name, "duration": 1.0, "artist": artist, "voice_embedding": voice, **said}


def test_an_artist_is_the_mean_of_tracks_however_long_their_embeddings(write):
    path = write([track("Ada", axis(0, length=5.0)), track("Ada", axis(1)), track("Bo", axis(2)),
                  track(None, axis(3)), track(" ", axis(3)), track("Cy")])  # fmt: skip
    found = artist_embeddings(path)
    assert found.embeddings.keys() == {"Ada", "Bo"}
    assert found.tracks == {"Ada": 2, "Bo": 1}
    ada = np.asarray(found.embeddings["Ada"]["voice_embedding"])
    np.testing.assert_allclose(ada[:3], [0.5**0.5, 0.5**0.5, 0], atol=1e-6)
    assert np.linalg.norm(ada) == pytest.approx(1, abs=1e-5)


def test_songs_find_the_artists_that_are_written(write, tmp_path):
    both = track("Ada Quist", axis(4), ecapa_embedding=axis(7, 192))
    path = write([both, track("Żółw", axis(5))], "songs.parquet")
    written = write_artists(artist_embeddings(path), path)
    assert written == tmp_path / "songs.artist_embeddings.json"
    told = find_artist("Ada Quist", tmp_path, WIDTHS)
    assert (np.argmax(told["voice_embedding"]), np.argmax(told["ecapa_embedding"])) == (4, 7)
    assert [*find_artist("Żółw", tmp_path, WIDTHS)] == ["voice_embedding"]


def test_names_that_look_alike_are_told_and_kept_apart(write):
    names = ("Ada Quist", "ada  quist", "Z\u0307uk", "\u017buk", "Bo")
    found = artist_embeddings(write([track(name, axis(i)) for i, name in enumerate(names)]))
    assert found.embeddings.keys() == set(names)
    assert len(found.notes) == 2
    assert "'Ada Quist' and 'ada  quist' may be the same artist" in found.notes[0]


def test_tracks_that_do_not_sound_alike_are_told(write):
    close = np.add(axis(0), axis(1, length=0.5)).tolist()
    records = [track("One", axis(0)), track("One", close), track("Two", axis(2)),
               track("Two", axis(3)), track("Two", axis(4))]  # fmt: skip
    found = artist_embeddings(write(records))
    assert found.notes == (
        "'Two': voice_embedding of 3 tracks has a mean cosine of 0.00; it may be several voices",
    )


def test_an_artist_whose_voices_cancel_out_is_left_out_and_told(write):
    against = [track("Two", axis(2)), track("Two", axis(2, length=-1.0)), track("One", axis(1))]
    found = artist_embeddings(write(against))
    assert found.embeddings.keys() == {"One"}
    assert any("'Two': is left out" in note for note in found.notes)


def test_embeddings_of_two_methods_are_told(write):
    made = [{"provenance": {"voice_embedding": {"backend": name}}} for name in ("A 1", "B 2")]
    records = [track("Ada", axis(0), **made[0]), track("Bo", axis(1), **made[1])]
    assert artist_embeddings(write(records)).notes == (
        "voice_embedding is of A 1 and of B 2; their means make no sense together",
    )


def test_a_dataset_without_voices_is_told(write):
    with pytest.raises(DatasetError, match="no track has both an artist and one of voice_"):
        artist_embeddings(write([track("Ada"), track(None, axis(1))]))


def test_an_embedding_that_makes_no_sense_is_told(write):
    with pytest.raises(DatasetError, match=r"Ada-0\.wav: voice_embedding has 3 numbers"):
        artist_embeddings(write([track("Ada", [0.2, 0.1, 0.1])]))


def test_an_odd_name_is_written_and_read(write):
    name = 'half \ud800 "quoted"\n'
    path = write([{**track(name, axis(1)), "audio_path": "a.wav"}])
    told = json.loads(write_artists(artist_embeddings(path), path).read_bytes())
    assert [*told] == [name]
