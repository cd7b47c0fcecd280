"""The settings in examples/train are settings, and those of a preset have its size."""

from pathlib import Path

import pytest
import yaml

import muze
from muze.core.registry import Registry
from muze.manifest.training import read_settings
from muze.model.presets import AUTOENCODERS, MODELS
from muze.pipelines import train_diffusion, train_planner, train_vae, train_vocoder
from muze.pipelines.components import open_streams
from muze.pipelines.train_diffusion import TrainingSettings

FOLDER = Path(muze.__file__).parent.parent / "examples/train"
PHASES = {
    "vae": train_vae, "diffusion": train_diffusion, "lora": train_diffusion,
    "planner": train_planner, "vocoder": train_vocoder, "hifigan": train_vocoder,
}  # fmt: skip
GIVEN = {"dataset": "songs.parquet", "run": "runs/mine", "device": "cpu"}


def settings(name):
    kind = PHASES[name.partition("-")[0]]
    return read_settings(FOLDER / f"{name}.yaml", kind.TrainingSettings, GIVEN)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_every_example_is_read(name):
    found = settings(name)
    said = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    assert {key for key in said if key != "preset"} <= found.model_fields_set
    if isinstance(found, TrainingSettings):
        open_streams(found.streams, Registry())


@pytest.mark.parametrize("name", ["default", "large", "xl", "xxl"])
def test_the_specification_s_models_have_their_sizes(name):
    changes = {"use_gradient_checkpointing": False}
    assert settings(f"diffusion-{name}").unet.model_copy(update=changes) == MODELS[name].unet
    vae = settings("vae-default" if name in ("default", "large") else "vae-xl").autoencoder
    assert vae.model_copy(update={"use_checkpoint": False}) == MODELS[name].autoencoder


def test_the_starter_s_settings_are_its_preset():
    assert settings("diffusion").unet == MODELS["starter"].unet
    assert settings("vae").autoencoder == AUTOENCODERS["starter"]
    lora = settings("lora")
    assert (lora.lora.rank, lora.unet) == (8, MODELS["starter"].unet)
