"""Every check of a stream passes a sound one, and fails the one that has its fault."""

import importlib
import sys

import pytest

from muze.testing import sounds
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
        told = record.get("level")
        if not told:
            return None
        at = np.round(grid.seconds * 100 - 0.5).astype(int)
        return drawn(np.asarray(told)[at])

    def fields(self, features, grid):
        return {"level": [round(float(x), 2) for x in features["level"][0]]}

    def score(self, asked, heard, grid):
        spoken = asked.get("present", np.ones(grid.frames)) > 0
        if not spoken.any():
            return []
        error = np.abs(asked["level"] - heard["level"])[0, spoken].mean()
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
        self.guess = nn.Parameter(torch.zeros(()))
        self.vector = nn.Linear(1, sites["vector"])
        self.frames = nn.Conv1d(1, sites["frames"], 5, padding=2)
        self.tokens = nn.Linear(4, sites["tokens"])

    def loss(self, features, present):
        level = features["level"].mean(-1)[:, 0] / 60
        error = (level - self.guess).square() * present.any(1)
        return error.mean()  # of the songs

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
    ("declarations", '"RMS"', '"RMS"; reads: ClassVar = ".mid"', "must be suffixes in small lett"),
    ("declarations", '"RMS"', '"RMS"; reads: ClassVar = (".mid",)', "but has no method read"),
    ("declarations", '"RMS"', '"RMS"; check: ClassVar = "no"', "check is 'no'; it must be a me"),
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
    (
        "extreme_values",
        "np.full(grid.frames, values.db)",
        "np.full(grid.frames, np.exp(-values.db))",
        "parse({'db': -1000000.0}): level is not finite",
    ),
    (
        "extreme_values",
        'features["level"] / 60',
        '(-features["level"]).exp()',
        "{'db': -1000000.0} is not finite at vector; bound it in Values",
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
    ("extreme_sound", "grid.frames + 1)", "max(2, grid.frames) + 1)", "2 frames, the grid 1"),
    ("time_shift", "drawn(10 *", "drawn(grid.start + 10 *", "the sound lies later in the song"),
    ("record", "round(float(x), 2)", "x", "what JSON cannot hold"),
    ("record", "round(float(x), 2)", "float(x) / 2", "recalled and written again"),
    (
        "empty_record",
        "if not told",
        "told = told or [0.0] * 800\n        if 'level' not in record",
        "recall takes null in level for something said",
    ),
    ("recall_window", "grid.seconds * 100 - 0.5", "np.arange(grid.frames)", "recalled on a window"),
    ("score", '"dB", False', '"dB", True', "for what was asked, but"),
    ("score", "float(error)", "float(error * np.nan)", "score gives level error nan"),
    ("score", "error = np", "heard['level'] += 1; error = np", "score changes the features"),
    ("score_bounds", "float(error)", "1 + float(error)", "level error is 1 at best"),
    ("score_bounds", "float(error), ", "-float(error), ", "in dB it lies in 0 to inf"),
    ("score_bounds", "False, None", "False, -1.0", "level error's floor is -1.0"),
    ("score_masks", "[0, spoken]", "", "by what is drawn where nothing is asked"),
    (
        "score_masks",
        "[0, spoken].mean()",
        "[0, spoken].mean() + heard['level'].max()",
        "by what is heard where nothing is asked",
    ),
    ("agreement", "drawn(10 *", "drawn(-40 + 0 *", "where {'db': -12} was rendered"),
    ("encoder_shapes", "__init__(sites)", "__init__({**sites, 'voice': 4})", "is built for"),
    ("encoder_shapes", '"tokens": 8}', '"tokens": 8, "voice": 4}', "it encodes ['frames', "),
    ("sites", '"tokens": 8}', '"tokens": 8, "token": 8}', "injects names 'token'; the sites are"),
    ("sites", '"tokens": 8}', '"tokens": 8.0}', "gives tokens the width 8.0"),
    ("sites", "present))", "present).detach()) * 0 + 1", "vector: what is told does not reach"),
    (
        "sites",
        "level, present))",
        "level, present)).detach()",
        "vector: none of the encoder's weig",
    ),
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
    (
        "masks",
        "present_mean(level, present)",
        "present_mean(level, present) * present.float().mean()",
        "vector: a song changes where another in its batch is absent",
    ),
    (
        "masks",
        "level, num_frames)",
        "level * present.float().mean(1)[:, None, None], num_frames)",
        "frames: what is told changes where the stream is absent elsewhere",
    ),
    (
        "token_masks",
        'features["words"])',
        'features["words"] + features["words"].mean(1, keepdim=True))',
        "tokens: tokens that the mask leaves out leak",
    ),
    (
        "loss",
        "error.mean()",
        "error.sum() / present.sum()",
        "loss is not finite where it is absent",
    ),
    ("loss", "error.mean()", "error", "loss is (4,), want a scalar"),
    ("loss", "error.mean()", "error.sum()", "not the mean of its rows' losses"),
    ("loss", "self.guess)", "self.guess.detach())", "teaches the encoder nothing where the stream"),
    ("loss", " * present.any(1)", "", "teaches the encoder something where it is absent"),
    ("gradients", "self.tokens(f", "self.null['tokens'] + self.tokens(f", "learns while present"),
    (
        "batch_independence",
        '["level"] / 60',
        '["level"] / features["level"].mean()',
        "on its batch",
    ),
    (
        "encoder_shift",
        "num_frames)),",
        "num_frames)) + torch.linspace(0, 1, num_frames),",
        "depends on where in the window it lies",
    ),
    (
        "bf16",
        'self.tokens(features["words"])',
        'torch.sin(99 * self.tokens(features["words"]))',
        "tokens: in bf16 it is",
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


def noise_of(values, grid):
    """Return noise as loud as the values say."""
    return sounds.noise(grid.duration, 10 ** (values.db / 20))


def test_a_sound_stream_passes_every_check(tmp_path, monkeypatch):
    checks = checks_of("stream", load(tmp_path, monkeypatch), render=noise_of)
    for _, check in checks:
        check()
    assert {name for name, _ in checks} == {name for name, *_ in FAULTS}, (
        "a check has no fault here"
    )


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("name", "old", "new", "said"), FAULTS)
def test_a_fault_is_found_by_its_check(tmp_path, monkeypatch, name, old, new, said):
    stream = load(tmp_path, monkeypatch, old, new)
    checks = dict(checks_of("stream", stream, render=noise_of))
    with pytest.raises(AssertionError) as failure:
        checks[name]()
    assert said in str(failure.value)
