"""How a vocoder is trained: which generator, against which discriminators, to which losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from muze.core.errors import MuzeError
from muze.core.mel import MelSettings
from muze.core.registry import Registry
from muze.model.header import part_of
from muze.pipelines.model_info import model_folder
from muze.pipelines.training import LoopSettings
from muze.plugins.vocoders.hifigan import HifiGanVocoder
from muze.plugins.vocoders.vocos import VocosVocoder


class TrainingSettings(LoopSettings):
    """How a vocoder is trained."""

    vocoder: Literal["vocos", "hifigan"] = Field(
        "vocos", description="Which generator: vocos is fast, hifigan the classic; see their keys."
    )
    vocos: VocosVocoder.Config = Field(
        VocosVocoder.Config(), description="Size of a Vocos generator."
    )
    hifigan: HifiGanVocoder.Config = Field(
        HifiGanVocoder.Config(), description="Mel and size of a HiFi-GAN generator; V1 by default."
    )
    vae: Path | None = Field(None, description="Model folder whose autoencoder blurs some mels.")
    rebuilt: float = Field(0.5, ge=0, le=1, description="Share of crops seen through it.")
    stft_weight: float = Field(1.0, ge=0, description="Weight of the multi-resolution STFT loss.")
    mel_weight: float = Field(1.0, ge=0, description="Weight of the log-mel loss.")
    adversarial_from: int | None = Field(
        None, ge=0, description="Step at which discriminators join; never unless said."
    )
    discriminators: tuple[Literal["period", "resolution"], ...] = Field(
        ("period", "resolution"),
        min_length=1,
        description="Which: period looks at every 2nd, 3rd, 5th, 7th and 11th sample (41 M "
        "weights), resolution at spectra of three windows (1 M).",
    )
    adversarial_weight: float = Field(0.1, ge=0, description="Weight of fooling them (hinge loss).")
    matching_weight: float = Field(0.2, ge=0, description="Weight of matching their features.")

    @model_validator(mode="before")
    @classmethod
    def _fill_from_start(cls, data: Any) -> Any:  # Any: what pydantic is given
        """Let the vocoder it starts from stand where nothing is said of the generator."""
        if not isinstance(data, dict) or data.get("resume") or not data.get("start"):
            return data
        if {"vocoder", "vocos", "hifigan"} & data.keys():
            return data
        try:
            folder = model_folder(str(data["start"]), Registry(), Path.cwd())
            about = part_of(folder, "vocoder")
        except MuzeError as fault:
            raise ValueError(f"start: {fault}") from None
        name = about.get("name")
        if name not in ("vocos", "hifigan"):
            raise ValueError(f"start: {folder} has a vocoder {name!r}, which muze does not train")
        return {**data, "vocoder": name, name: about["settings"]}

    @model_validator(mode="after")
    def _check_discriminators(self) -> TrainingSettings:
        if len({*self.discriminators}) < len(self.discriminators):
            raise ValueError("discriminators names one twice")
        return self

    @property
    def config(self) -> VocosVocoder.Config | HifiGanVocoder.Config:
        """The settings of the generator that is trained."""
        return self.vocos if self.vocoder == "vocos" else self.hifigan

    @property
    def mel(self) -> MelSettings:
        """The mel it hears."""
        return getattr(self.config, "mel", MelSettings())
