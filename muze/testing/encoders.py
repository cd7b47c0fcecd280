"""What every stream's encoder must do: its sites, what reaches them, and how it learns."""

from __future__ import annotations

import math
from typing import get_args

import torch
from torch import Tensor

from muze.core.protocols import Site
from muze.model.conditioning import Conditioning, Conditions, Drawn, StreamEncoder
from muze.testing.batches import (
    LATENT,
    collate,
    encoder_of,
    everywhere,
    null_of,
)
from muze.testing.settings import require
from muze.testing.streams import SONG, StreamCase

# Shapes: B batch, C channels, T frames at 100 Hz, W latent frames, N tokens

WIDTH = 16  # of a fused condition


def check_encoder_shapes(case: StreamCase) -> None:
    """The encoder gives what injects promises at each site, for any number of latent frames."""
    encoder, promised = encoder_of(case), case.stream.injects()
    require(isinstance(encoder, StreamEncoder), "encoder() must build a StreamEncoder")
    require(encoder.sites == promised, f"the encoder is built for {encoder.sites}, not {promised}")
    drawn = [*case.varied, *case.heard.values()]
    features, present = collate(case, drawn), everywhere(len(drawn))
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


def check_sites(case: StreamCase) -> None:
    """Each site is one of the four, reaches the network's conditions, and teaches the encoder."""
    promised, known = case.stream.injects(), get_args(Site)
    require(bool(promised), "injects names no site")
    for site, width in promised.items():
        require(site in known, f"injects names {site!r}; the sites are {', '.join(known)}")
        require(
            isinstance(width, int) and width >= 1,
            f"injects gives {site} the width {width!r}; it must be a whole number from 1",
        )
    encoder, features = encoder_of(case), collate(case, [*case.varied, *case.heard.values()])
    present = everywhere(len(next(iter(features.values()))))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        fusion = Conditioning({case.cls.name: encoder}, WIDTH, WIDTH, WIDTH, WIDTH)
    told = fusion({case.cls.name: Drawn(features, present)}, len(present), LATENT)
    for site in promised:
        fused = _site(told, site)
        moved = any(not torch.equal(fused[0], other) for other in fused[1:])
        require(moved, f"{site}: what is told does not reach the network")
        encoder.zero_grad()
        encoder(features, present, LATENT)[site].square().sum().backward()
        learns = any(
            weight.grad is not None and bool(weight.grad.any())
            for name, weight in encoder.named_parameters()
            if not name.startswith("null.")
        )
        require(learns, f"{site}: none of the encoder's weights learns from it")


def check_features_matter(case: StreamCase) -> None:
    """What a song says changes what each site is told."""
    encoder = encoder_of(case)
    drawn = [*case.varied, *case.heard.values()]
    out = encoder(collate(case, drawn), everywhere(len(drawn)), LATENT)
    for site, value in out.items():
        moved = any(not torch.equal(value[0], other) for other in value[1:])
        require(moved, f"{site}: the features have no effect")
        null = null_of(encoder, site)
        require(bool((value[0] != null).any()), f"{site}: present features give the null")


def check_loss(case: StreamCase) -> None:
    """What the encoder learns besides is a finite scalar, the mean over the rows of a batch."""
    features, rows = collate(case, case.varied), len(case.varied)
    for present in (everywhere(rows), torch.zeros(rows, SONG.frames, dtype=torch.bool)):
        encoder = encoder_of(case)
        loss = encoder.loss(features, present)
        if loss is None:
            continue
        require(loss.shape == (), f"loss is {tuple(loss.shape)}, want a scalar")
        where = "where the stream is present" if present.any() else "where it is absent"
        require(bool(loss.isfinite()), f"loss is not finite {where}")
        if loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
        moved = [w.grad for w in encoder.parameters() if w.grad is not None and bool(w.grad.any())]
        require(all(bool(g.isfinite().all()) for g in moved), f"its gradient is infinite {where}")
        require(
            bool(moved) == bool(present.any()),
            f"loss teaches the encoder {'something' if moved else 'nothing'} {where}",
        )
        with torch.no_grad():
            single = [encoder.loss(collate(case, [row]), present[:1]) for row in case.varied]
        told, mean = (
            float(loss.detach()),
            sum(0.0 if x is None else float(x) for x in single) / rows,
        )
        require(
            math.isclose(told, mean, rel_tol=1e-3, abs_tol=1e-6),
            f"loss is {told:.4g}, not the mean of its rows' losses, {mean:.4g} {where}",
        )


def check_gradients(case: StreamCase) -> None:
    """The null learns only where the stream is absent, the rest only where it is present."""
    features = collate(case, case.varied)
    for absent in (True, False):
        encoder = encoder_of(case)
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


def _site(told: Conditions, site: Site) -> Tensor:
    value: Tensor = getattr(told, site)
    return value


CHECKS = (
    check_encoder_shapes,
    check_sites,
    check_features_matter,
    check_loss,
    check_gradients,
)
