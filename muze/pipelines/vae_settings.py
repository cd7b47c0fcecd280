"""How an autoencoder is trained: its size, its losses, and what they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from muze.core.errors import MuzeError
from muze.core.registry import Registry
from muze.model.autoencoder import AutoencoderSettings
from muze.model.header import part_settings
from muze.model.presets import autoencoder_preset
from muze.model.spectral_loss import MEL_RESOLUTIONS
from muze.pipelines.model_info import model_folder
from muze.pipelines.training import LoopSettings


class TrainingSettings(LoopSettings):
    """How an autoencoder is trained."""

    preset: str | None = Field(
        None,
        description="Size by name, as 128-light, starter, or a model's, as large (muze models "
        "sizes); what autoencoder says goes over it.",
    )
    autoencoder: AutoencoderSettings = AutoencoderSettings()
    linear_start: bool = Field(False, description="Start from principal components of the data.")
    kl_weight: float = Field(1e-4, ge=0, description="Beta: weight of the KL divergence.")
    stft_weight: float = Field(
        0.1,
        ge=0,
        description="Weight of the multi-resolution STFT loss of mel bands over time, against "
        "blurred attacks; 0 leaves it out.",
    )
    audio_weight: float = Field(
        0.0,
        ge=0,
        description="Weight of the multi-resolution STFT loss of decoded sound; needs vocoder.",
    )
    vocoder: str | None = Field(
        None,
        description="For audio_weight: an installed model, or a model's folder, with a vocoder "
        "that is a network (vocos, hifigan). It stays as it is.",
    )
    audio_frames: int = Field(
        64, ge=8, description="Frames of each crop that are heard for audio_weight."
    )
    adversarial_from: int | None = Field(
        None, ge=0, description="Step at which a patch discriminator joins; never unless said."
    )
    adversarial_weight: float = Field(0.1, ge=0, description="Weight of fooling it (hinge loss).")
    matching_weight: float = Field(0.2, ge=0, description="Weight of matching its features.")
    discriminator_channels: int = Field(
        64, ge=1, description="Width of its first layer; the later ones have up to eight times it."
    )

    @field_validator("preset", mode="before")
    @classmethod
    def _check_preset(cls, name: Any) -> Any:  # Any: what pydantic is given
        name = str(name) if isinstance(name, int) else name  # YAML takes 128 for a number
        if isinstance(name, str):
            autoencoder_preset(name)
        return name

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:  # Any: what pydantic is given
        """Let the preset, or else the model it starts from, stand where nothing is said."""
        if not isinstance(data, dict):
            return data
        said = data.get("autoencoder", {})
        said = said.model_dump() if isinstance(said, AutoencoderSettings) else said
        if (preset := data.get("preset")) is not None and isinstance(said, dict):
            try:
                known = autoencoder_preset(str(preset)).model_dump()
            except ValueError:
                return data  # told where the preset stands
            return {**data, "autoencoder": {**known, **said}}
        if data.get("resume") or not data.get("start") or "autoencoder" in data:
            return data
        try:
            folder = model_folder(str(data["start"]), Registry(), Path.cwd())
            known = part_settings(folder, "autoencoder", AutoencoderSettings).model_dump()
        except MuzeError as fault:
            raise ValueError(f"start: {fault}") from None
        return {**data, "autoencoder": known}

    @model_validator(mode="after")
    def _check(self) -> TrainingSettings:
        if self.linear_start and not self.autoencoder.can_start_linear:
            raise ValueError(
                "linear_start needs an autoencoder of one level, with a patch as high as the mel, "
                "and channels from latent_dim up to the size of the patch"
            )
        if self.linear_start and self.start:
            raise ValueError("linear_start and start exclude each other; take one of them out")
        longest = max(window for window, _ in MEL_RESOLUTIONS)
        if self.stft_weight and self.crop_frames <= longest // 2:
            raise ValueError(
                f"stft_weight compares spectra of {longest} frames, but crop_frames is "
                f"{self.crop_frames}; take {longest} or more, or stft_weight 0"
            )
        if bool(self.audio_weight) != bool(self.vocoder):
            raise ValueError(
                "audio_weight needs a vocoder to hear through, a network as vocos or hifigan: say "
                "vocoder, a model that has one"
                if self.audio_weight
                else "vocoder is for audio_weight, which is 0; say how much its loss counts"
            )
        if self.vocoder and self.audio_frames > self.crop_frames:
            raise ValueError(
                f"audio_frames is {self.audio_frames}, more than the {self.crop_frames} of a crop "
                "(crop_frames)"
            )
        return self
