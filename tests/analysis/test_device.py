"""Tests of the device on which networks listen."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from muze.analysis import pitch, words
from muze.analysis.device import listen_on, listening_device
from muze.audio.torchaudio_import import torchaudio_import
from muze.plugins.streams.voice import resemblyzer


@pytest.fixture
def elsewhere() -> Iterator[None]:
    """A device that holds no numbers, as good as any to see where a network goes."""
    loaded = (words.load_whisper, resemblyzer._network)
    for load in loaded:
        load.cache_clear()
    listen_on("meta")
    yield
    listen_on("cpu")
    for load in loaded:
        load.cache_clear()


def test_it_is_the_processor_unless_told() -> None:
    assert listening_device() == "cpu"


@pytest.mark.usefixtures("elsewhere")
def test_networks_go_where_they_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {}
    library = resemblyzer._library()

    def encoder(device: str, **_: object) -> torch.nn.Module:
        told["resemblyzer"] = device
        return torch.nn.Identity()

    monkeypatch.setattr(library, "VoiceEncoder", encoder)
    resemblyzer._network()
    torchaudio_import()
    torchcrepe = pytest.importorskip("torchcrepe")

    def predict(*_: object, device: str, **__: object) -> tuple[torch.Tensor, torch.Tensor]:
        told["crepe"] = device
        return torch.zeros(1, 3), torch.zeros(1, 3)

    monkeypatch.setattr(torchcrepe, "predict", predict)
    pitch._crepe(np.zeros(480, np.float32), "tiny")
    assert told == {"resemblyzer": "meta", "crepe": "meta"}


def test_whisper_goes_to_a_gpu_in_half_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    faster_whisper = pytest.importorskip("faster_whisper")
    told = {}

    def model(place: str, **options: object) -> object:
        told.update(options)
        return object()

    monkeypatch.setattr(faster_whisper, "WhisperModel", model)
    words.load_whisper.cache_clear()
    listen_on("cuda:0")
    try:
        words.load_whisper()
    finally:
        listen_on("cpu")
        words.load_whisper.cache_clear()
    assert (told["device"], told["compute_type"]) == ("cuda", "float16")
