"""A model is written to be shared, and put on a hub: a stand-in of one, in this process."""

import base64
import json
import re
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from safetensors.torch import load_file

from muze.core.errors import MuzeError
from muze.core.registry import Registry
from muze.model.checkpoint import part_tensors
from muze.model.header import read_header, weights_file, write_header
from muze.pipelines.check_model import check_model
from muze.pipelines.export import export
from muze.pipelines.hub import hub_token, push
from muze.pipelines.model_card import model_card
from muze.pipelines.train_diffusion import TrainingSettings, train
from muze.report import SilentReport

TOKEN = "hf_secret"


@pytest.fixture(scope="module")
def lora(dataset, runs, model):
    """The folder of a run of LoRA."""
    loop = {"steps": 2, "batch_size": 2, "crop_frames": 64, "warmup": 1, "learning_rate": 0.01}
    given = {"dataset": dataset, "run": runs / "to-export", "start": str(model), "lora": 2, **loop}
    train(TrainingSettings.model_validate(given), SilentReport())
    return runs / "to-export"


def faults(folder):
    return [one for one in check_model("out", folder, Registry()) if one.fault]


def test_a_model_is_exported_whole_with_its_card(model, tmp_path):
    out = tmp_path / "night-model"
    export(str(model), out, precision="fp16", licence="MIT", data="Songs I sang.")
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md", "autoencoder.safetensors", "denoiser.safetensors", "muze.json",
        "vocoder.safetensors",
    ]  # fmt: skip
    assert faults(out) == []
    card = (out / "README.md").read_text()
    front = card.split("---")[1]
    assert 'license: "mit"' in front
    for told in ("# night-model", "Songs I sang.", "--model night-model", "| chord | 1 |",
                 "denoiser: 3 tracks, 0.003 hours (dataset.json)", "5 steps", "Not measured.",
                 "vocoder vocos.", "\nMIT."):  # fmt: skip
        assert told in card, told
    assert all(v.dtype != torch.float32 for v in load_file(weights_file(out, "denoiser")).values())
    assert list(tmp_path.iterdir()) == [out]


def test_what_a_benchmark_found_is_in_the_card():
    header = {
        "parts": {}, "licence": "MIT",
        "evaluation": {"told": {"beat F": 0.9612}, "dropped": {"beat F": 0.174},
                       "render": {"manifests": 50, "sampler": "ddim", "steps": 50}},
    }  # fmt: skip
    assert "| beat F | 0.961 | 0.174 |" in model_card("m", header)


def test_a_run_of_lora_becomes_a_whole_model(lora, model, tmp_path):
    out = tmp_path / "whole"
    export(str(lora), out, merged=True, licence="MIT")
    assert faults(out) == []
    header = read_header(out)
    assert "base" not in header
    assert header["made_of"]["model"] == model.name
    ours, theirs = (part_tensors(folder, "denoiser") for folder in (out, lora / "denoiser"))
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    assert f"fine-tuned from {model.name};" in (out / "README.md").read_text()


def test_lora_alone_is_exported_beside_a_base_that_others_have(lora, model, tmp_path, monkeypatch):
    with pytest.raises(MuzeError, match=r"from a folder of this machine, .*; say --merged"):
        export(str(lora), tmp_path / "alone", licence="MIT")
    assert list(tmp_path.iterdir()) == []
    here = shutil.copytree(lora / "denoiser", tmp_path / "denoiser")
    header = read_header(here)
    write_header(here, {**header, "base": {**header["base"], "model": "tiny"}})
    monkeypatch.setattr(Registry, "models", lambda _: {"tiny": None})
    monkeypatch.setattr(Registry, "model_path", lambda *_: model)
    export(str(here), tmp_path / "alone", licence="MIT")
    assert faults(tmp_path / "alone") == []
    assert read_header(tmp_path / "alone")["base"]["model"] == "tiny"
    card = (tmp_path / "alone" / "README.md").read_text()
    assert "It needs tiny beside it" in card
    assert "of which LoRA of rank 2 was trained" in card


def test_a_licence_is_asked_for_or_carried_over(lora, model, tmp_path):
    with pytest.raises(MuzeError, match="does not tell its licence; say --license"):
        export(str(model), tmp_path / "a")
    export(str(model), tmp_path / "b", licence="CC-BY-4.0")
    export(str(tmp_path / "b"), tmp_path / "c")
    assert read_header(tmp_path / "c")["licence"] == "CC-BY-4.0"


def test_what_is_in_a_folder_is_not_written_over_unasked(model, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "novel.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(MuzeError, match="is in use, or name another folder"):
            export(str(model), out, licence="MIT", force=force)
    (out / "novel.txt").unlink()
    export(str(model), out, licence="MIT")
    with pytest.raises(MuzeError, match="holds a model already; say --force"):
        export(str(model), out, licence="MIT")
    export(str(model), out, licence="CC0-1.0", force=True)
    assert read_header(out)["licence"] == "CC0-1.0"


class Hub(BaseHTTPRequestHandler):
    """As much of a hub as an upload asks: a repository is made, files come in one commit."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server = self.server
        server.asked.append(self.path)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer(401, {"error": "Invalid credentials"})
        if self.path == "/api/repos/create":
            server.made.append(json.loads(body))
            where = f"http://127.0.0.1:{server.server_port}/ada/tiny"
            return self.answer(403 if server.closed else 200, {"url": where, "id": "1"})
        if "/preupload/" in self.path:
            files = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                     for f in json.loads(body)["files"]]  # fmt: skip
            return self.answer(200, {"files": files})
        if "/commit/" in self.path:
            for line in body.splitlines():
                told = json.loads(line)
                if told["key"] == "file":
                    content = base64.b64decode(told["value"]["content"])
                    server.files[told["value"]["path"]] = content
            return self.answer(200, {"commitUrl": f"http://127.0.0.1:{server.server_port}/ada/tiny/commit/1",
                                     "commitOid": "1", "success": True})  # fmt: skip
        return self.answer(200, {})

    def do_GET(self):
        self.server.asked.append(self.path)
        self.answer(404, {"error": "not found"})

    def answer(self, status, told):
        text = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked, server.made, server.files, server.closed = [], [], {}, False
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # it is here
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def ready(tmp_path):
    folder = tmp_path / "tiny"
    folder.mkdir()
    for name in ("muze.json", "README.md", "denoiser.safetensors", "diary.txt"):
        (folder / name).write_bytes(name.encode())
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Tiny\n")
    return folder


def test_a_model_is_put_on_a_hub_and_nothing_else_is(hub, ready):
    address = push(ready, "ada/tiny", TOKEN)
    assert re.fullmatch(r"http://127.0.0.1:\d+/ada/tiny", address)
    assert hub.made[0]["name"] == "tiny"
    assert hub.files.keys() == {"muze.json", "README.md", "denoiser.safetensors"}
    assert hub.files["denoiser.safetensors"] == b"denoiser.safetensors"


def test_what_a_hub_refuses_is_told_in_one_line_without_the_token(hub, ready):
    with pytest.raises(MuzeError, match=r"refuses \(401\): it does not know the token") as fault:
        push(ready, "ada/tiny", "hf_other")
    assert "hf_other" not in str(fault.value)
    hub.closed = True
    with pytest.raises(MuzeError, match=r"refuses \(403\): the token in HF_TOKEN may not write"):
        push(ready, "ada/tiny", TOKEN)
    with pytest.raises(MuzeError, match="should be like USER/NAME"):
        push(ready, "ada/tiny/more", TOKEN)
    assert hub.files == {}


def test_a_hub_that_cannot_be_reached_is_told(hub, ready, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # where nobody answers
    with pytest.raises(MuzeError, match=r"127\.0\.0\.1:9 cannot be reached: ") as fault:
        push(ready, "ada/tiny", TOKEN)
    assert "\n" not in str(fault.value)


def test_no_token_is_told(monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(MuzeError, match="in the environment variable HF_TOKEN"):
        hub_token()
    monkeypatch.setenv("HF_TOKEN", f" {TOKEN}\n")
    assert hub_token() == TOKEN
