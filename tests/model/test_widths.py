"""Together the built-in streams are as wide as the specification's conditioning vector."""

import pytest
import torch

from muze.core.registry import Registry
from muze.model.conditioning import Conditioning

BASE = (
    "section", "position", "energy", "tempo", "key", "text", "loudness", "has_vocals", "sentiment",
    "genre", "artist",
)  # fmt: skip
OPTIONAL = (
    "clap", "beat", "chord", "phoneme", "f0", "vibrato", "breath", "phoneme_timestamps",
)  # fmt: skip
FUSED = 1024


@pytest.fixture(scope="module")
def streams():
    registry = Registry()
    found = {name: registry.get("stream", name) for name in (*BASE, *OPTIONAL, "voice")}
    return {name: stream(stream.Config()) for name, stream in found.items()}


@pytest.mark.parametrize(("names", "width"), [(BASE, 1248), ((*BASE, *OPTIONAL), 1856)])
def test_the_streams_are_as_wide_as_the_specification_says(streams, names, width):
    assert sum(streams[name].injects()["vector"] for name in names) == width


def test_the_voice_enters_beside_the_vector(streams):
    assert streams["voice"].injects() == {"voice": 256}


def test_the_network_fuses_all_of_them_into_one_vector(streams):
    with torch.device("meta"):
        encoders = {name: stream.encoder() for name, stream in streams.items()}
        conditioning = Conditioning(encoders, FUSED, 64, 768, voice_dim=256)
    widths = {name: layer.in_features for name, layer in conditioning.vector_in.items()}
    assert sum(widths.values()) == 1856
    assert {layer.out_features for layer in conditioning.vector_in.values()} == {FUSED}
