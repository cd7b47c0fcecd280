"""Griffin-Lim vocoder: finds phases that fit the magnitudes; needs no weights."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from muze import hookimpl
from muze.core.errors import PluginError
from muze.core.mel import MelSettings
from muze.core.settings import Settings

PIECE = 3000  # frames rendered at once; memory stays the same however long the song
SEAM = 16  # frames over which a piece fades into the next

NNLS_STEPS = 30  # log-mel L1 of the inverse .002 on chords and clicks; librosa's L-BFGS .02


class GriffinLimVocoder:
    """Phases by the fast Griffin-Lim algorithm (Perraudin et al. 2013), magnitudes from the mel."""

    name: ClassVar = "griffin_lim"
    api: ClassVar = 1

    class Config(Settings):
        """How long to search."""

        mel: MelSettings = Field(
            MelSettings(), description="The mel it hears; that of the model's autoencoder."
        )
        num_iters: int = Field(60, ge=1, description="Rounds between spectrum and sound.")
        momentum: float = Field(0.99, ge=0, lt=1, description="0 is the plain algorithm.")

    def __init__(self, config: Config) -> None:
        self.config = config

    def load(self, weights: Path | None) -> None:
        """Take nothing.

        Raises:
            PluginError: weights are given; they belong to another vocoder.
        """
        if weights is not None:
            raise PluginError(f"vocoder griffin_lim has no weights, but was given {weights}")

    def render(self, log_mel: NDArray[np.float32]) -> NDArray[np.float32]:
        """(num_mels, T) natural-log mel magnitudes to (T * hop_length,) samples."""
        hop, num_frames = self.config.mel.hop_length, log_mel.shape[1]
        rendered = np.zeros(num_frames * hop, np.float32)
        for first in range(0, num_frames, PIECE):
            low, last = max(first - SEAM, 0), min(first + PIECE, num_frames)
            piece = self._render_piece(log_mel[:, low:last])
            if low < first:  # the phases of two pieces are unrelated, so their powers add up
                fade = np.linspace(0, np.pi / 2, (first - low) * hop, dtype=np.float32)
                rendered[low * hop : first * hop] *= np.cos(fade)
                piece[: len(fade)] *= np.sin(fade)
            rendered[low * hop : last * hop] += piece
        return rendered

    def _render_piece(self, log_mel: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        from muze.audio.mel import mel_filters
        from muze.audio.torchaudio_import import torchaudio_import

        torchaudio_import()
        from torchaudio.functional import griffinlim

        mel = self.config.mel
        magnitudes = linear_magnitudes(np.exp(log_mel), mel_filters(mel).numpy())
        # torchaudio's first frame is centred where the sound starts, muze's half a hop later:
        # a frame more at either end, and then the half hops beyond the ends are cut
        longer = torch.from_numpy(np.pad(magnitudes, ((0, 0), (1, 1)), mode="edge"))[None]
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # of the phases it starts from
            samples = griffinlim(
                longer,
                window=torch.hann_window(mel.n_fft),
                n_fft=mel.n_fft,
                hop_length=mel.hop_length,
                win_length=mel.n_fft,
                power=1.0,
                n_iter=self.config.num_iters,
                momentum=self.config.momentum,
                length=None,
                rand_init=True,
            )[0].numpy()
        half = mel.hop_length // 2
        return np.asarray(samples[half : half + log_mel.shape[1] * mel.hop_length], np.float32)


def linear_magnitudes(
    mel: NDArray[np.float32], filters: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return STFT magnitudes (n_fft / 2 + 1, T), none negative, whose mel is nearest ``mel``.

    From the pseudo-inverse on, multiplicative updates (Lee & Seung 2000, equation 4).
    """
    back, gram = filters.T @ mel, filters.T @ filters
    # a zero would stay one for ever
    found = np.maximum(np.linalg.pinv(filters) @ mel, 1e-3 * back)
    for _ in range(NNLS_STEPS):
        found *= back / np.maximum(gram @ found, 1e-12)
    magnitudes: NDArray[np.float32] = found.astype(np.float32)
    return magnitudes


@hookimpl
def muze_vocoders() -> list[type[GriffinLimVocoder]]:
    """Offer the Griffin-Lim vocoder."""
    return [GriffinLimVocoder]
