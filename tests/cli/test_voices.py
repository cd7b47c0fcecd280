import json

import pytest
from typer.testing import CliRunner

from muze.cli import app
from muze.core.errors import NotInstalledError
from muze.plugins.voices.kokoro import KokoroVoice


def run(*words):
    return CliRunner().invoke(app, ["voices", *words])


def test_the_voices_of_one_backend_are_listed():
    done = run("list", "--backend", "kokoro")
    assert done.exit_code == 0
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["backend", "voice", "languages"]
    assert [row[1] for row in rows[1:]] == KokoroVoice(KokoroVoice.Config()).voices()
    assert " ".join(rows[1][2:]) == "en, en-gb, es, es-419 and 6 more"


def test_json_tells_all_of_it():
    done = run("list", "--backend", "piper", "--json")
    assert json.loads(done.stdout) == [
        {"backend": "piper", "voice": "en_US-joe-medium", "languages": ["en"]}
    ]


def test_a_backend_that_cannot_be_asked_hides_no_other(monkeypatch):
    def missing(backend):
        raise NotInstalledError("voice backend kokoro needs onnx")

    monkeypatch.setattr(KokoroVoice, "voices", missing)
    done = run("list", "--json")
    assert done.exit_code == 0
    backends = {row["backend"] for row in json.loads(done.stdout)}
    assert "piper" in backends
    assert "kokoro" not in backends
    assert "kokoro: voice backend kokoro needs onnx" in done.stderr
    alone = run("list", "--backend", "kokoro")
    assert (alone.exit_code, alone.stdout) == (1, "")
    assert alone.stderr == "muze: voice backend kokoro needs onnx\n"


@pytest.mark.parametrize(
    ("name", "told"),
    [("kokor", "voice 'kokor' is not installed; did you mean 'kokoro'?"),
     ("ddim", "plugin ddim (muze 0.1.0) offers no voice 'ddim', only sampler ddim")],
)  # fmt: skip
def test_a_backend_that_is_none_is_told(name, told):
    done = run("list", "--backend", name)
    assert (done.exit_code, done.stderr) == (1, f"muze: {told}\n")


def test_a_voice_s_licences_are_told():
    done = CliRunner().invoke(app, ["plugins", "info", "kokoro"])
    assert "licences: Kokoro-82M's weights: Apache-2.0; their ONNX export: MIT" in done.stdout
    silent = CliRunner().invoke(app, ["plugins", "info", "ddim"])
    assert "licences" not in silent.stdout
