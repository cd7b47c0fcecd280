import json
from pathlib import Path

import torch

from muze.model.header import part_of
from muze.plugins.vocoders.hifigan import HifiGanVocoder
from muze.plugins.vocoders.hifigan.network import build


def test_models_are_shown_from_their_folder(run, tmp_path):
    (tmp_path / "mine").mkdir()
    assert "has no muze.json" in run("models", "info", "mine").stderr
    (tmp_path / "mine" / "muze.json").write_text('{"muze_model": 1}')
    (tmp_path / "mine" / "README.md").write_text("# My model")
    told = run("models", "info", "mine").stdout
    assert '"muze_model": 1' in told
    assert "# My model" in told
    done = run("models", "info", "nobody")
    assert done.exit_code == 1
    assert "not installed" in done.stderr
    assert run("models", "list").exit_code == 0


def test_a_model_is_not_assembled_of_nothing(run, tmp_path):
    done = run("models", "assemble", tmp_path / "m")
    assert done.exit_code == 2
    assert "give at least one of --autoencoder, --denoiser, --vocoder, --planner" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_published_hifigan_becomes_a_vocoder(run, tmp_path):
    sizes = {
        "upsample_rates": [16, 20], "upsample_kernel_sizes": [32, 40], "resblock": 2,
        "upsample_initial_channel": 8, "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1]],
    }  # fmt: skip
    mel = {"num_mels": 128, "n_fft": 1024, "hop_size": 320, "win_size": 1024,
           "sampling_rate": 32000, "fmin": 20, "fmax": 16000}  # fmt: skip
    (tmp_path / "config_v3.json").write_text(json.dumps({**sizes, **mel}))
    network = build(HifiGanVocoder.Config.model_validate(sizes))
    torch.save({"generator": network.state_dict()}, tmp_path / "g_1")
    done = run("models", "import-hifigan", "g_1", "--output", "mine")
    assert done.exit_code == 1
    assert "config.json: is missing; it came with the checkpoint, give it by" in done.stderr
    done = run("models", "import-hifigan", "g_1", "--output", "mine", "--config", "config_v3.json")
    assert (done.exit_code, done.stdout) == (0, "mine\n")
    assert part_of(tmp_path / "mine", "vocoder")["settings"]["resblock"] == 2


def test_what_a_check_finds_is_told_line_by_line(run, monkeypatch, tmp_path):
    from muze.pipelines import check_model
    from muze.pipelines.check_model import Checked

    (tmp_path / "mine").mkdir()
    found = [Checked("muze.json"), Checked("denoiser: its file is whole", "mine/x: is missing")]
    monkeypatch.setattr(check_model, "check_model", lambda *_: found)
    done = run("models", "check", "mine")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "ok     muze.json", "FAILS  denoiser: its file is whole", "       mine/x: is missing",
    ]  # fmt: skip
    found.pop()
    assert run("models", "check", "mine").exit_code == 0


def test_an_export_hands_on_what_is_said_and_asks_for_a_token_first(run, monkeypatch):
    from muze.pipelines import export, hub

    asked = []
    monkeypatch.setattr(export, "export", lambda *given: asked.append(given))
    monkeypatch.setattr(hub, "push", lambda *given: asked.append(given) or "https://hub/ada/mine")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    words = ("models", "export", "mine", "--merged", "out", "--precision=fp16", "--license", "MIT")
    done = run(*words, "--push", "ada/mine")
    assert (done.exit_code, asked) == (1, [])
    assert "HF_TOKEN" in done.stderr
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    done = run(*words, "--push", "ada/mine")
    assert done.stdout == "out\nhttps://hub/ada/mine\n"
    assert asked == [
        ("mine", Path("out"), True, "fp16", "MIT", None, False),
        (Path("out"), "ada/mine", "hf_secret"),
    ]
