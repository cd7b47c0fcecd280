import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from muze.core.grid import TimeGrid
from muze.plugins.streams.artist import NUM_BUCKETS, ArtistStream, bucket_of
from muze.testing import sounds, stream_checks

GRID = TimeGrid.of_song(4.0)


@stream_checks("artist")
def test_artist_conforms(check):
    check()


def parse(name):
    stream = ArtistStream(ArtistStream.Config())
    return stream.parse(stream.Values(name=name), GRID)["artist"]


def test_an_artist_falls_into_the_bucket_of_its_hash():
    bucket = int(hashlib.sha256(b"the tellers").hexdigest(), 16) % 1000
    assert bucket_of("The Tellers") == bucket
    assert np.flatnonzero(parse("The Tellers")).tolist() == [bucket]
    assert parse("The Tellers").shape == (1000,)


@given(st.text())
def test_every_name_has_one_bucket_whatever_the_spaces_around_it(name):
    assert 0 <= bucket_of(name) < NUM_BUCKETS
    assert bucket_of(f"  {name} ") == bucket_of(name)


@given(st.text(st.characters(max_codepoint=0x17F)))
def test_capitals_do_not_count(name):
    assert bucket_of(name.lower()) == bucket_of(name)


def test_the_names_of_many_artists_are_spread_over_the_buckets():
    assert len({bucket_of(f"artist {i}") for i in range(2000)}) > 800  # 865 are to be expected


def test_a_record_s_artist_is_read_as_the_manifest_s():
    stream = ArtistStream(ArtistStream.Config())
    recalled = stream.recall({"artist": "Ada Quist"}, GRID)
    np.testing.assert_array_equal(recalled["artist"], parse("ada  quist"))
    assert stream.recall({"artist": None}, GRID) is None
    assert stream.fields(recalled, GRID) == {}


def test_a_recording_does_not_say_whose_it_is():
    stream = ArtistStream(ArtistStream.Config())
    assert not stream.hears
    assert not stream.extract(sounds.sine(440, 4.0), GRID)["present"].any()


def test_an_empty_name_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        ArtistStream.Values(name=" ")


def test_each_bucket_has_an_embedding_of_its_own_that_learns_alone():
    encoder = ArtistStream(ArtistStream.Config()).encoder()
    features = {"artist": torch.from_numpy(np.stack([parse("The Tellers"), parse("Ada Quist")]))}
    out = encoder(features, torch.ones(2, 10, dtype=torch.bool), 2)["vector"]
    assert out.shape == (2, 64)
    torch.testing.assert_close(out[0], encoder.vector.weight[bucket_of("The Tellers")])
    out.sum().backward()
    learnt = encoder.vector.weight.grad.abs().sum(dim=1).nonzero().flatten().tolist()
    assert learnt == sorted({bucket_of("The Tellers"), bucket_of("Ada Quist")})
