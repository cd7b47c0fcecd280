"""What every stream's encoder must do, its null condition included."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from muze.core.grid import Features
from muze.core.protocols import Site
from muze.model.conditioning import StreamEncoder
from muze.testing.settings import require
from muze.testing.streams import SONG, StreamCase

# Shapes: B batch, C channels, T frames at 100 Hz, W latent frames, N tokens

LATENT = SONG.frames // 8
EDGE = 8  # latent frames; an encoder may look that far around each

Encoded = dict[Site, Tensor]


def collate(case: StreamCase, drawn: Sequence[Features]) -> dict[str, Tensor]:
    """Return features as a batch; tokens are padded, with ``<name>_mask`` telling the real ones."""
    batch: dict[str, Tensor] = {}
    for name, kind in case.cls.layout.items():
        arrays = [torch.from_numpy(np.array(features[name])) for features in drawn]
        if kind == "tokens":
            longest = max(1, *(len(array) for array in arrays))
            batch[f"{name}_mask"] = torch.stack(
                [torch.arange(longest) < len(array) for array in arrays]
            )
            arrays = [F.pad(array, (0, 0, 0, longest - len(array))) for array in arrays]
        batch[name] = torch.stack(arrays)
    return batch


def check_encoder_shapes(case: StreamCase) -> None:
    """The encoder gives what injects promises at each site, for any number of latent frames."""
    encoder, promised = _encoder(case), case.stream.injects()
    require(isinstance(encoder, StreamEncoder), "encoder() must build a StreamEncoder")
    require(bool(promised), "injects names no site")
    require(encoder.sites == promised, f"the encoder is built for {encoder.sites}, not {promised}")
    drawn = [*case.varied, *case.heard.values()]
    features, present = collate(case, drawn), _present(len(drawn))
    tokens = [features[n].shape[1] for n, kind in case.cls.layout.items() if kind == "tokens"]
    for latent in (LATENT, 1):
        out = encoder(features, present, latent)
        require(out.keys() == promised.keys(), f"it encodes {sorted(out)}, not {sorted(promised)}")
        for site, width in promised.items():
            shape: tuple[int, ...] = tuple(out[site].shape)
            want: tuple[int, ...] = (len(drawn), width)
            if site == "frames":
                want = (len(drawn), width, latent)
            elif site == "tokens":
                want = (len(drawn), tokens[0] if tokens else shape[1], width)
            require(shape == want, f"{site} is {shape}, want {want}")
            require(bool(out[site].isfinite().all()), f"{site} is not finite")


def check_null(case: StreamCase) -> None:
    """An absent stream is its null at every site, whatever its features are."""
    encoder, features = _encoder(case), collate(case, case.varied)
    absent = torch.zeros(len(case.varied), SONG.frames, dtype=torch.bool)
    for site, value in encoder(features, absent, LATENT).items():
        null = encoder.null[site].view(1, -1, 1) if site == "frames" else encoder.null[site]
        require(bool((value == null).all()), f"{site}: absent features leak")


def check_features_matter(case: StreamCase) -> None:
    """What a song says changes what each site is told."""
    encoder = _encoder(case)
    drawn = [*case.varied, *case.heard.values()]
    out = encoder(collate(case, drawn), _present(len(drawn)), LATENT)
    for site, value in out.items():
        moved = any(not torch.equal(value[0], other) for other in value[1:])
        require(moved, f"{site}: the features have no effect")
        null = encoder.null[site].view(-1, 1) if site == "frames" else encoder.null[site]
        require(bool((value[0] != null).any()), f"{site}: present features give the null")


def check_partly_absent(case: StreamCase) -> None:
    """Where a stream is silent its features count for nothing; elsewhere it is heard."""
    encoder, half = _encoder(case), SONG.frames // 2
    first, *others = [*case.varied, *case.heard.values()]
    frames = [name for name, kind in case.cls.layout.items() if kind == "frames"]
    drawn = [first]
    for other in others:
        halves = [np.hstack([first[name][:, :half], other[name][:, half:]]) for name in frames]
        drawn.append({**first, **dict(zip(frames, halves, strict=True))})
    present = _present(len(drawn))
    present[:, half:] = False
    for site, value in encoder(collate(case, drawn), present, LATENT).items():
        heard = value
        if site == "frames":
            null = encoder.null[site][:, None]
            require(
                bool((value[:, :, LATENT // 2 :] == null).all()), "frames: no null where absent"
            )
            heard = value[:, :, : LATENT // 2 - EDGE]
        require(
            torch.allclose(heard[:1].expand_as(heard), heard, atol=1e-6),
            f"{site}: features of absent frames leak",
        )


def check_gradients(case: StreamCase) -> None:
    """The null learns only where the stream is absent, the rest only where it is present."""
    features = collate(case, case.varied)
    for absent in (True, False):
        encoder = _encoder(case)
        present = torch.full((len(case.varied), SONG.frames), not absent)
        out = encoder(features, present, LATENT)
        torch.stack([value.square().sum() + value.sum() for value in out.values()]).sum().backward()  # type: ignore[no-untyped-call]
        for name, parameter in encoder.named_parameters():
            moved = parameter.grad is not None and bool(parameter.grad.any())
            if name.startswith("null."):
                require(
                    moved == absent,
                    f"{name} {'never learns' if absent else 'learns while present'}",
                )
            elif absent:
                require(not moved, f"{name} learns while the stream is absent")


def check_batch_independence(case: StreamCase) -> None:
    """One song is encoded the same alone as in a batch."""
    encoder, drawn = _encoder(case), [*case.varied, *case.heard.values()]
    together = encoder(collate(case, drawn), _present(len(drawn)), LATENT)
    for row, features in enumerate(drawn):
        alone = encoder(collate(case, [features]), _present(1), LATENT)
        for site, value in alone.items():
            batched = together[site][row : row + 1]
            if site == "tokens":  # the rest is padding
                batched = batched[:, : value.shape[1]]
            close = torch.allclose(value, batched, rtol=1e-4, atol=1e-5)
            require(close, f"{site}: a song's encoding depends on its batch")


def check_state_dict(case: StreamCase) -> None:
    """An encoder with reloaded weights computes the same bits, and the same again."""
    first, second = _encoder(case, seed=0), _encoder(case, seed=1)
    second.load_state_dict(first.state_dict())
    features, present = collate(case, case.varied), _present(len(case.varied))
    once, again, reloaded = (e(features, present, LATENT) for e in (first, first, second))
    for site in once:
        require(torch.equal(once[site], again[site]), f"{site}: encoding twice differs")
        require(
            torch.equal(once[site], reloaded[site]), f"{site}: reloaded weights encode otherwise"
        )


def _encoder(case: StreamCase, seed: int = 0) -> StreamEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder = case.stream.encoder().eval()
        for null in encoder.null.values():  # fresh nulls are zeros, which would hide a leak
            torch.nn.init.normal_(null)
    return encoder


def _present(batch: int) -> Tensor:
    return torch.ones(batch, SONG.frames, dtype=torch.bool)


CHECKS = (
    check_encoder_shapes,
    check_null,
    check_features_matter,
    check_partly_absent,
    check_gradients,
    check_batch_independence,
    check_state_dict,
)
