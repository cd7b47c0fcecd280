"""The mel spectrogram as settings: what an autoencoder makes and a vocoder hears; no torch."""

from __future__ import annotations

from pydantic import Field

from muze.core.settings import Settings


class MelSettings(Settings):
    """How sound becomes a mel spectrogram."""

    sample_rate: int = Field(32000, gt=0, description="Samples a second.")
    n_fft: int = Field(1024, gt=0, description="Window of the Fourier transform, in samples.")
    hop_length: int = Field(320, gt=0, description="Samples from frame to frame; 320 is 10 ms.")
    num_mels: int = Field(128, gt=0, description="Mel bands.")
    f_min: float = Field(20.0, ge=0, description="Lowest band edge, Hz.")
    f_max: float = Field(16000.0, gt=0, description="Highest band edge, Hz.")
    floor: float = Field(1e-4, gt=0, description="Magnitudes are raised to this before the log.")

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return self.sample_rate / self.hop_length


def mel_fault(made: MelSettings, heard: MelSettings) -> str | None:
    """Return why a vocoder that hears one mel cannot render another; None where it can."""
    ours, theirs = made.model_dump(), heard.model_dump()
    differ = [key for key in ours if ours[key] != theirs[key]]
    if not differ:
        return None
    made_told, heard_told = (
        ", ".join(f"{key} {told[key]:g}" for key in differ) for told in (ours, theirs)
    )
    return f"the autoencoder's mel has {made_told}, but the vocoder hears {heard_told}"
