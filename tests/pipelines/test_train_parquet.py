"""Training reads Parquet as it reads JSON."""

import torch
from safetensors.torch import load_file

from muze.data.convert import convert_dataset
from muze.pipelines.train_diffusion import train
from muze.report import SilentReport


def test_a_training_from_parquet_learns_the_same_bits(diffusion_settings, denoiser, dataset):
    parquet = dataset.with_suffix(".parquet")
    convert_dataset(dataset, parquet, SilentReport())
    settings = diffusion_settings("diffusion-parquet", dataset=parquet)
    train(settings, SilentReport())
    ours = load_file(settings.run / "denoiser" / "denoiser.safetensors")
    theirs = load_file(denoiser / "denoiser.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
