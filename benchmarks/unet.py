"""What the U-Net costs beside diffusers' of as many weights, on the same input, in one run."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.harness import AsJson, Cores, Docs, Findings, markdown, use_cores

CHANNELS, ROWS, FRAMES = 32, 16, 64
TOKENS, CONTEXT = 32, 768
SHAPE = {"latent_dim": CHANNELS, "model_channels": 128, "expansion": 5, "vector_dim": 512,
         "frames_dim": 64}  # fmt: skip
BASE = "diffusers"
CASES: dict[str, dict[str, Any]] = {  # Any: settings of a U-Net
    "muze": {"use_voice_stream": False},
    "muze, voice attention": {},
    "muze, gradient checkpointing": {"use_voice_stream": False, "use_gradient_checkpointing": True},
}
MEMORY = "activations"
MEGABYTE = 1e6
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which the system tells a peak of memory."""


def _diffusers(batch: int, model: Any = None) -> tuple[Any, Callable[[], Any]]:
    import torch

    from muze.audio.torchaudio_import import torchaudio_import

    torchaudio_import()
    from diffusers import UNet2DConditionModel

    attends = ("CrossAttnDownBlock2D",) * 3, ("CrossAttnUpBlock2D",) * 3
    model = model or UNet2DConditionModel(
        sample_size=(ROWS, FRAMES),
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        down_block_types=("DownBlock2D", *attends[0]),
        up_block_types=(*attends[1], "UpBlock2D"),
        cross_attention_dim=CONTEXT,
        attention_head_dim=8,
    )
    x, tokens = torch.randn(batch, CHANNELS, ROWS, FRAMES), torch.randn(batch, TOKENS, CONTEXT)
    t = torch.full((batch,), 500)
    return model, lambda: model(x, t, tokens).sample


def _muze(batch: int, settings: dict[str, Any], model: Any = None) -> tuple[Any, Callable[[], Any]]:
    import torch

    from muze.model.conditioning import Conditions
    from muze.model.unet import UNet, UNetSettings

    shape = UNetSettings.model_validate({**SHAPE, **settings})
    model = model or UNet(shape)
    x, t = torch.randn(batch, CHANNELS, ROWS, FRAMES), torch.full((batch,), 0.5)
    told = Conditions(
        vector=torch.randn(batch, shape.vector_dim),
        frames=torch.randn(batch, shape.frames_dim, FRAMES),
        tokens=torch.randn(batch, TOKENS, CONTEXT),
        tokens_mask=torch.ones(batch, TOKENS, dtype=torch.bool),
        voice=torch.randn(batch, shape.voice_dim) if shape.use_voice_stream else None,
    )
    return model, lambda: model(x, t, told)


def measure(case: str, batch: int, rounds: int) -> dict[str, float]:
    """Return the least seconds of a pass and of a training step, and millions of weights."""
    import torch

    torch.manual_seed(0)
    model, run = _diffusers(batch) if case == BASE else _muze(batch, CASES[case])
    optimiser = torch.optim.AdamW(model.parameters(), 1e-4)

    def forward() -> None:
        with torch.inference_mode():
            run()

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        run().square().mean().backward()
        optimiser.step()

    weights = sum(p.numel() for p in model.parameters()) / 1e6
    model.eval()
    passed = _least(forward, rounds)
    model.train()
    return {"weights": weights, "forward": passed, "step": _least(step, rounds)}


def activations(case: str, batch: int) -> dict[str, float]:
    """Return the peak megabytes of a forward and backward pass above weights and gradients."""
    import torch

    def passes(size: int) -> None:
        torch.manual_seed(0)
        run = _diffusers(size, model)[1] if case == BASE else _muze(size, CASES[case], model)[1]
        run().square().mean().backward()

    model = _diffusers(1)[0] if case == BASE else _muze(1, CASES[case])[0]
    model.train()
    passes(1)  # allocates the gradients
    before = _peak()
    passes(batch)
    return {MEMORY: _peak() - before}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT / MEGABYTE


def _least(work: Callable[[], None], rounds: int) -> float:
    work()  # allocates what later rounds reuse
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def apart(case: str, batch: int, rounds: int) -> dict[str, float]:
    """Return what ``measure`` (or, for no rounds, ``activations``) finds in its own process."""
    command = [sys.executable, "-m", "benchmarks.unet", "--only", case, "--batch", str(batch),
               "--rounds", str(rounds)]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise typer.Exit(1)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(
    batch: Annotated[int, typer.Option(min=1, help="Latents a pass.")] = 4,
    rounds: Annotated[int, typer.Option(min=0, help="Repeats, of which the least counts.")] = 4,
    turns: Annotated[int, typer.Option(min=1, help="Processes each, taking turns.")] = 2,
    only: Annotated[str | None, typer.Option(hidden=True)] = None,
    cores: Cores = 2,
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Time and weigh the U-Net beside diffusers' UNet2DConditionModel."""
    use_cores(cores)
    if only is not None:
        print(json.dumps(measure(only, batch, rounds) if rounds else activations(only, batch)))
        return
    started = time.perf_counter()
    runs: dict[str, list[dict[str, float]]] = {case: [] for case in (BASE, *CASES)}
    for turn in range(turns):
        for case, found in runs.items():
            print(f"turn {turn + 1} of {turns}: {case}", file=sys.stderr)
            found.append(apart(case, batch, rounds) | apart(case, batch, 0))
    least = {c: {k: min(run[k] for run in found) for k in found[0]} for c, found in runs.items()}
    rows = [
        [case, f"{found['weights']:.1f}M"]
        + [f"{found[k]:.3f} s ({found[k] / least[BASE][k]:.2f})" for k in ("forward", "step")]
        + [f"{found[MEMORY]:.0f} MB ({found[MEMORY] / least[BASE][MEMORY]:.2f})"]
        for case, found in least.items()
    ]
    head = ["U-Net", "weights", "pass", "training step", "memory beside weights and gradients"]
    settings = {"batch": batch, "latents": f"{CHANNELS} x {ROWS} x {FRAMES}", "tokens": TOKENS,
                "rounds": rounds, "turns": turns}  # fmt: skip
    findings = Findings("unet", settings, time.perf_counter() - started)
    findings.tables["In brackets: the ratio to diffusers"] = markdown(head, rows)
    findings.data["cases"] = least
    findings.show(as_json, docs)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    typer.run(main)
