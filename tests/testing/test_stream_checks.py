"""Every check of a stream passes a sound one, and fails the one that has its fault."""

import importlib
import sys

import pytest

from muze.testing.checks import checks_of

STREAM = """
from typing import ClassVar
import numpy as np
from pydantic import BaseModel, Field
from muze import hookimpl
from muze.core.protocols import Score
from muze.core.settings import Settings

class LevelStream:
    name: ClassVar = "level"
    api: ClassVar = 1
    feature_version: ClassVar = 1
    primary: ClassVar = "db"
    layout: ClassVar = {"level": "frames", "words": "tokens"}
    extractor: ClassVar = "RMS"
    guidance: ClassVar = 0.0

    class Config(Settings):
        width: int = Field(8, ge=1)

    class Values(Settings, json_schema_extra={"examples": [{"db": -12}, {"db": -30}]}):
        db: float = Field(le=0)

    def __init__(self, config):
        self.config = config

    def injects(self):
        return {"vector": self.config.width, "frames": self.config.width, "tokens": 8}

    def extract(self, audio, grid):
        edges = np.linspace(0, len(audio.mono), grid.frames + 1).astype(int)[:-1]
        power = np.add.reduceat(audio.mono ** 2, edges) / np.diff([*edges, len(audio.mono)])
        return drawn(10 * np.log10(np.maximum(power, 1e-6)))

    def parse(self, values, grid):
        return drawn(np.full(grid.frames, values.db))

    def recall(self, record, grid):
        if "level" not in record:
            return None
        at = np.round(grid.seconds * 100 - 0.5).astype(int)
        return drawn(np.asarray(record["level"])[at])

    def fields(self, features, grid):
        return {"level": [round(float(x), 2) for x in features["level"][0]]}

    def score(self, asked, heard, grid):
        error = np.abs(asked["level"] - heard["level"]).mean()
        return [Score("level error", float(error), "dB", False, None)]

    def encoder(self):
        from level_encoder import LevelEncoder
        return LevelEncoder(self.injects())

def drawn(db):
    words = np.arange(8, dtype=np.float32).reshape(2, 4) * float(np.mean(db))
    return {"level": db.astype(np.float32)[None], "words": words}

@hookimpl
def muze_streams():
    return [LevelStream]
"""
ENCODER = """
import torch
from torch import nn
from muze.model.conditioning import StreamEncoder, present_mean, to_latent_rate

class LevelEncoder(StreamEncoder):
    def __init__(self, sites):
        super().__init__(sites)
        self.hidden = torch.rand(())
        self.vector = nn.Linear(1, sites["vector"])
        self.frames = nn.Conv1d(1, sites["frames"], 5, padding=2)
        self.tokens = nn.Linear(4, sites["tokens"])

    def encode(self, features, present, num_frames):
        level = features["level"] / 60
        return {
            "vector": self.vector(present_mean(level, present)),
            "frames": self.frames(to_latent_rate(level, num_frames)),
            "tokens": self.tokens(features["words"]),
        }
"""
FAULTS = [  # check, what to write in place of what, and what the check says
    ("examples", '[{"db": -12}, {"db": -30}]', "[]", "Values needs json_schema_extra"),
    ("examples", "class Values(Settings,", "class Values(BaseModel,", "takes an unknown key"),
    ("examples", '{"db": -30}', '{"db": "-30"}', "refused by JSON's strict rules"),
    ("examples", "Field(le=0)", "Field(le=0, allow_inf_nan=True)", "Values takes {'db': -inf}"),
    ("declarations", '"RMS"', '"RMS"; hears: ClassVar = "no"', "hears is 'no'; it must be"),
    (
        "declarations",
        'primary: ClassVar = "db"',
        'primary: ClassVar = "bd"',
        "a field of Values: db",
    ),
    ("declarations", '"level": "frames"', '"level": "frame"', "the kinds are"),
    ("config", "class Config(Settings)", "class Config(BaseModel)", "takes an unknown key"),
    (
        "light_import",
        "import numpy as np",
        "import numpy as np, torch",
        "importing it imports torch",
    ),
    ("parse", "np.full(grid.frames, v", "np.full(64, v", "has 64 frames, the grid 800"),
    ("parse", "db.astype(np.float32)[None]", "db[None]", "float64, not float32"),
    ("parse", '"words": words}', '"words": words, "x": words}', "draws ['x'], which layout"),
    ("parse", "np.full(grid.frames, values.db)", "np.random.rand(grid.frames)", "level differs"),
    ("extract", "np.maximum(power, 1e-6)", "power", "extract(silence): level is not finite"),
    ("extract", "return drawn(10", "audio.samples[:] *= 1.0001; return drawn(10", "changes the"),
    (
        "extract",
        "1e-6)))",
        '1e-6))) | {"present": np.zeros(grid.frames, np.float32)}',
        "declare hears = False",
    ),
    ("extract_short", "audio.mono), grid.frames", "audio.mono), max(99, grid.frames)", "has 99 fr"),
    ("record", "round(float(x), 2)", "x", "what JSON cannot hold"),
    ("record", "round(float(x), 2)", "float(x) / 2", "recalled and written again"),
    ("recall_window", "grid.seconds * 100 - 0.5", "np.arange(grid.frames)", "recalled on a window"),
    ("score", '"dB", False', '"dB", True', "for what was asked, but"),
    ("score", "float(error)", "float(error * np.nan)", "score gives level error nan"),
    ("encoder_shapes", "__init__(sites)", "__init__({**sites, 'voice': 4})", "is built for"),
    ("encoder_shapes", '"tokens": 8}', '"tokens": 8, "voice": 4}', "it encodes ['frames', "),
    ("null", "def encode(", "def forward(", "absent features leak"),
    (
        "features_matter",
        "present_mean(level, present)",
        "0 * level[..., 0]",
        "vector: the features",
    ),
    (
        "partly_absent",
        "present_mean(level, present)",
        "level.mean(-1)",
        "vector: features of absent",
    ),
    ("gradients", "self.tokens(f", "self.null['tokens'] + self.tokens(f", "learns while present"),
    (
        "batch_independence",
        '["level"] / 60',
        '["level"] / features["level"].mean()',
        "on its batch",
    ),
    (
        "state_dict",
        '["level"] / 60',
        '["level"] * self.hidden',
        "reloaded weights encode otherwise",
    ),
]


def load(folder, monkeypatch, old="", new=""):
    """Import the stream above with ``new`` written in place of ``old``."""
    assert not old or old in STREAM + ENCODER
    monkeypatch.syspath_prepend(folder)
    for name, source in (("level", STREAM), ("level_encoder", ENCODER)):
        (folder / f"{name}.py").write_text(source.replace(old, new) if old else source)
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("level").LevelStream


def test_a_sound_stream_passes_every_check(tmp_path, monkeypatch):
    checks = checks_of("stream", load(tmp_path, monkeypatch))
    for _, check in checks:
        check()
    assert {name for name, _ in checks} == {name for name, *_ in FAULTS}, (
        "a check has no fault here"
    )


@pytest.mark.parametrize(("name", "old", "new", "said"), FAULTS)
def test_a_fault_is_found_by_its_check(tmp_path, monkeypatch, name, old, new, said):
    checks = dict(checks_of("stream", load(tmp_path, monkeypatch, old, new)))
    with pytest.raises(AssertionError) as failure:
        checks[name]()
    assert said in str(failure.value)
