"""What an autoencoder is trained to: rebuild, look and sound alike, and keep its latents small."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from muze.core.errors import MuzeError
from muze.core.registry import Registry
from muze.model.autoencoder import kl_divergence, reconstruction_loss
from muze.model.duel import Duel
from muze.model.header import part_of, trained_sha256
from muze.model.spectral_loss import AUDIBLE, MEL_FLOOR, MEL_RESOLUTIONS, multi_resolution_stft
from muze.pipelines.load import open_vocoder
from muze.pipelines.model_info import model_folder
from muze.pipelines.vocoder_mel import check_mels, heard_mel

if TYPE_CHECKING:
    from muze.pipelines.vae_settings import TrainingSettings


class VaeLosses:
    """The losses of an autoencoder, in a ``Duel``; the vocoder it is heard through stays as it is.

    ``vocoder_sha256`` is the hash of that vocoder's weights, None where there is none.
    """

    def __init__(self, settings: TrainingSettings) -> None:
        """Load the vocoder, where the settings name one.

        Raises:
            MuzeError: it is no network, has no weights, or hears another mel.
        """
        self.settings = settings
        self.vocoder, self.vocoder_sha256 = _open_network(settings)

    def __call__(self, model: nn.Module, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Return the losses of a batch by name, each the mean over its rows."""
        assert isinstance(model, Duel)
        s, shape, wanted = self.settings, self.settings.autoencoder, batch["log_mel"]
        made, mean, log_variance = model.generator(wanted, batch["noise"])
        with torch.autocast(wanted.device.type, enabled=False):  # bf16 is too coarse for them
            made = made.float()
            ours, theirs = ((mel - shape.mel_mean) / shape.mel_std for mel in (made, wanted))
            out = {
                "reconstruction": reconstruction_loss(made, wanted, shape),
                "kl": kl_divergence(mean.float(), log_variance.float()),
            }
            loss = out["reconstruction"] + s.kl_weight * out["kl"]
            if s.stft_weight:
                out["stft"] = multi_resolution_stft(ours, theirs, MEL_RESOLUTIONS, MEL_FLOOR)
                loss = loss + s.stft_weight * out["stft"]
            if self.vocoder is not None:
                heard = slice(batch["first"], batch["first"] + s.audio_frames)
                out["audio"] = self._audio(made[..., heard], wanted[..., heard])
                loss = loss + s.audio_weight * out["audio"]
        if batch["dueling"]:
            fooling, matching, telling = model.adversarial(ours, theirs)
            loss = loss + s.adversarial_weight * fooling
            loss = loss + s.matching_weight * matching + telling
            out |= {"fooling": fooling, "matching": matching, "telling": telling}
        return {"loss": loss, **out}

    def _audio(self, made: Tensor, wanted: Tensor) -> Tensor:
        """Multi-resolution STFT loss between the sounds of two log-mels (B, num_mels, T).

        Not between the made sound and the original: what the vocoder gets wrong is not ours.
        """
        assert self.vocoder is not None
        with torch.no_grad():
            right = self.vocoder(wanted)
        return multi_resolution_stft(self.vocoder(made), right, floor=AUDIBLE)


def _open_network(settings: TrainingSettings) -> tuple[nn.Module | None, str | None]:
    if settings.vocoder is None:
        return None, None
    registry = Registry()
    folder = model_folder(settings.vocoder, registry, Path.cwd())
    about = part_of(folder, "vocoder")
    vocoder = open_vocoder(str(about.get("name")), {}, folder, registry)
    network = getattr(vocoder, "network", None)
    if not isinstance(network, nn.Module):
        raise MuzeError(
            f"vocoder {settings.vocoder!r}: {vocoder.name} is no network that a loss could go "
            "through; take a model with a vocos or hifigan vocoder"
        )
    check_mels(settings.autoencoder.mel, heard_mel(vocoder), f"vocoder {settings.vocoder!r}: ")
    return network.requires_grad_(False).eval(), trained_sha256(about)
