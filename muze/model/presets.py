"""Sizes: the specification's tables, and what the starter model is."""

from __future__ import annotations

from dataclasses import dataclass

from muze.core.errors import did_you_mean
from muze.model.autoencoder import AutoencoderSettings
from muze.model.unet import UNetSettings


def _autoencoder(latent_dim: int, channels: int) -> AutoencoderSettings:
    widths = tuple(channels * times for times in (1, 2, 4, 8))
    return AutoencoderSettings(latent_dim=latent_dim, channels=widths, num_res_blocks=4)


AUTOENCODERS = {
    "8": _autoencoder(8, 64),
    "32": _autoencoder(32, 64),
    "64": _autoencoder(64, 96),
    "128": _autoencoder(128, 128),
    "128-light": _autoencoder(128, 64),
    "128-heavy": _autoencoder(128, 256),
    "256": _autoencoder(256, 128),
    "starter": AutoencoderSettings(
        latent_dim=192,
        channels=(384,),
        num_res_blocks=3,
        patch=(128, 8),
        strides=(),
        kernel=(1, 3),
        mel_mean=-4.8,
        mel_std=2.1,
    ),
}
"""Autoencoders by their latent channels (specification, section 2)."""


@dataclass(frozen=True)
class ModelPreset:
    """An autoencoder and the U-Net on its latents."""

    autoencoder: AutoencoderSettings
    unet: UNetSettings


def _model(latent_dim: int, model_channels: int) -> ModelPreset:
    # 6: as many weights as in the gated feed-forward layers of width 4 the specification's has
    unet = UNetSettings(latent_dim=latent_dim, model_channels=model_channels, expansion=6)
    return ModelPreset(AUTOENCODERS[str(latent_dim)], unet)


MODELS = {
    "test": _model(128, 256),
    "default": _model(128, 320),
    "large": _model(128, 512),
    "xl": _model(256, 512),
    "xxl": _model(256, 768),
    "starter": ModelPreset(
        AUTOENCODERS["starter"],
        UNetSettings(
            latent_dim=192,
            model_channels=320,
            channel_mult=(1, 1),
            num_res_blocks=1,
            attention_levels=(1,),
            strides=((1, 2),),
            kernel=(1, 3),
            num_heads=5,
            expansion=2,
            context_dim=256,
            vector_dim=512,
            frames_dim=128,
            use_voice_stream=False,
        ),
    ),
}
"""Models by their size; ``model_channels`` is the knob (specification, section 2)."""


def autoencoder_preset(name: str) -> AutoencoderSettings:
    """Return the autoencoder of a size: its own name, or that of a model it belongs to.

    Raises:
        ValueError: there is no such size.
    """
    known = {**{size: model.autoencoder for size, model in MODELS.items()}, **AUTOENCODERS}
    if name not in known:
        told = did_you_mean(name, known) or f"; known are {', '.join(known)}"
        raise ValueError(f"there is no preset {name!r}{told}")
    return known[name]
