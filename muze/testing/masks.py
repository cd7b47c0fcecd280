"""What every stream's encoder must do where the stream is absent, or has no more tokens."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from muze.model.conditioning import to_latent_rate
from muze.testing.batches import EDGE, LATENT, collate, encoder_of, everywhere, null_of
from muze.testing.settings import require
from muze.testing.streams import SONG, StreamCase

# Shapes: B batch, C channels, T frames at 100 Hz, W latent frames, N tokens

PADDING = 3


def check_null(case: StreamCase) -> None:
    """An absent stream is its null at every site, whatever its features are."""
    encoder, features = encoder_of(case), collate(case, case.varied)
    absent = torch.zeros(len(case.varied), SONG.frames, dtype=torch.bool)
    for site, value in encoder(features, absent, LATENT).items():
        require(bool((value == null_of(encoder, site)).all()), f"{site}: absent features leak")


def check_partly_absent(case: StreamCase) -> None:
    """Where a stream is silent its features count for nothing; elsewhere it is heard."""
    encoder, half = encoder_of(case), SONG.frames // 2
    first, *others = [*case.varied, *case.heard.values()]
    frames = [name for name, kind in case.cls.layout.items() if kind == "frames"]
    drawn = [first]
    for other in others:
        halves = [np.hstack([first[name][:, :half], other[name][:, half:]]) for name in frames]
        drawn.append({**first, **dict(zip(frames, halves, strict=True))})
    present = everywhere(len(drawn))
    present[:, half:] = False
    for site, value in encoder(collate(case, drawn), present, LATENT).items():
        heard = value
        if site == "frames":
            null = null_of(encoder, site)
            require(
                bool((value[:, :, LATENT // 2 :] == null).all()), "frames: no null where absent"
            )
            heard = value[:, :, : LATENT // 2 - EDGE]
        require(
            torch.allclose(heard[:1].expand_as(heard), heard, atol=1e-6),
            f"{site}: features of absent frames leak",
        )


def check_masks(case: StreamCase) -> None:
    """In one batch, each song is the null where it is absent and itself elsewhere."""
    encoder, song = encoder_of(case), case.parsed[0]
    present = everywhere(4)
    present[1] = False
    present[2, : SONG.frames // 2] = False
    present[3, SONG.frames // 4 : 3 * SONG.frames // 4] = False
    out = encoder(collate(case, [song] * 4), present, LATENT)
    alone = encoder(collate(case, [song]), everywhere(1), LATENT)
    for site, value in out.items():
        null = null_of(encoder, site)
        require(bool((value[1] == null).all()), f"{site}: no null beside songs that are present")
        close = torch.allclose(value[:1], alone[site], rtol=1e-4, atol=1e-5)
        require(close, f"{site}: a song changes where another in its batch is absent")
        if site != "frames":
            continue
        keep = to_latent_rate(present[:, None].float(), LATENT)[:, 0] >= 0.5
        require(bool((value.mT[~keep] == null.mT).all()), "frames: no null where absent")
        apart = F.max_pool1d((~keep).float()[:, None], 2 * EDGE + 1, 1, EDGE)[:, 0] == 0
        whole = alone[site].mT.expand(4, -1, -1)
        close = torch.allclose(value.mT[apart], whole[apart], rtol=1e-4, atol=1e-5)
        require(close, "frames: what is told changes where the stream is absent elsewhere")


def check_token_masks(case: StreamCase) -> None:
    """Tokens that the mask leaves out count for nothing, and none at all is no trouble."""
    tokens = [name for name, kind in case.cls.layout.items() if kind == "tokens"]
    if not tokens:
        return
    encoder, features = encoder_of(case), collate(case, case.parsed[:1])
    before = encoder(features, everywhere(1), LATENT)
    padded = dict(features)
    for name in tokens:
        row = features[name].mean(1, keepdim=True) + 1
        padded[name] = torch.cat([features[name], row.expand(-1, PADDING, -1)], dim=1)
        padded[f"{name}_mask"] = F.pad(features[f"{name}_mask"], (0, PADDING))
    for site, value in encoder(padded, everywhere(1), LATENT).items():
        real = value[:, : before[site].shape[1]] if site == "tokens" else value
        close = torch.allclose(real, before[site], rtol=1e-4, atol=1e-5)
        require(close, f"{site}: tokens that the mask leaves out leak")
    empty = {name: torch.zeros_like(array) for name, array in padded.items()}
    for site, value in encoder(empty, everywhere(1), LATENT).items():
        require(bool(value.isfinite().all()), f"{site}: without any token it is not finite")


CHECKS = (
    check_null,
    check_partly_absent,
    check_masks,
    check_token_masks,
)
