"""What a stream's encoder must keep, whatever the batch, the window, the precision, the file."""

from __future__ import annotations

import torch

from muze.testing.batches import EDGE, LATENT, STRIDE, collate, encoder_of, everywhere
from muze.testing.settings import require
from muze.testing.streams import StreamCase

SHIFT = 16  # latent frames
BF16_ERROR = 0.1  # of a site's largest value; bf16 keeps 8 bits, an error of .004 a step


def check_batch_independence(case: StreamCase) -> None:
    """One song is encoded the same alone as in a batch."""
    encoder, drawn = encoder_of(case), [*case.varied, *case.heard.values()]
    together = encoder(collate(case, drawn), everywhere(len(drawn)), LATENT)
    for row, features in enumerate(drawn):
        alone = encoder(collate(case, [features]), everywhere(1), LATENT)
        for site, value in alone.items():
            batched = together[site][row : row + 1]
            if site == "tokens":  # the rest is padding
                batched = batched[:, : value.shape[1]]
            close = torch.allclose(value, batched, rtol=1e-4, atol=1e-5)
            require(close, f"{site}: a song's encoding depends on its batch")


def check_encoder_shift(case: StreamCase) -> None:
    """A moment is encoded the same wherever in the window it lies, so that windows can overlap."""
    frames = [name for name, kind in case.cls.layout.items() if kind == "frames"]
    if "frames" not in case.stream.injects() or not frames:
        return
    encoder, features = encoder_of(case), collate(case, case.varied)
    present = everywhere(len(case.varied))
    later = {
        name: array.roll(STRIDE * SHIFT, -1) if name in frames else array
        for name, array in features.items()
    }
    before, after = (encoder(told, present, LATENT)["frames"] for told in (features, later))
    close = torch.allclose(
        before[..., EDGE : -SHIFT - EDGE], after[..., SHIFT + EDGE : -EDGE], rtol=1e-3, atol=1e-4
    )
    require(close, "frames: what a moment is told depends on where in the window it lies")


def check_bf16(case: StreamCase) -> None:
    """Under bf16 autocast it gives what it gives in float32, to about two digits, and learns."""
    drawn = [*case.varied, *case.heard.values()]
    features, present = collate(case, drawn), everywhere(len(drawn))
    encoder = encoder_of(case)
    exact = encoder(features, present, LATENT)
    with torch.autocast("cpu", torch.bfloat16):
        rough = encoder(features, present, LATENT)
    for site, value in exact.items():
        error = float((rough[site].float() - value).detach().abs().max())
        largest = float(value.detach().abs().max())
        require(
            error <= BF16_ERROR * largest,
            f"{site}: in bf16 it is {error / largest:.0%} of its largest value away",
        )
    torch.stack([value.float().square().sum() for value in rough.values()]).sum().backward()  # type: ignore[no-untyped-call]
    for name, weight in encoder.named_parameters():
        finite = weight.grad is None or bool(weight.grad.isfinite().all())
        require(finite, f"{name}: its gradient in bf16 is not finite")


def check_state_dict(case: StreamCase) -> None:
    """An encoder with reloaded weights computes the same bits, and the same again."""
    first, second = encoder_of(case, seed=0), encoder_of(case, seed=1)
    second.load_state_dict(first.state_dict())
    features, present = collate(case, case.varied), everywhere(len(case.varied))
    once, again, reloaded = (e(features, present, LATENT) for e in (first, first, second))
    for site in once:
        require(torch.equal(once[site], again[site]), f"{site}: encoding twice differs")
        require(
            torch.equal(once[site], reloaded[site]), f"{site}: reloaded weights encode otherwise"
        )


CHECKS = (
    check_batch_independence,
    check_encoder_shift,
    check_bf16,
    check_state_dict,
)
