"""What the U-Net costs beside diffusers' of as many weights, on the same input, in one run."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from benchmarks.harness import AsJson, Cores, Docs, Findings, markdown, use_cores
from muze.report import open_report

CHANNELS, ROWS, FRAMES = 32, 16, 64
TOKENS, CONTEXT = 32, 768
SHAPE = {"latent_dim": CHANNELS, "model_channels": 128, "frames_dim": 64}
BASE = "diffusers"
CASES: dict[str, dict[str, Any]] = {  # Any: settings of a U-Net
    "muze": {"use_voice_stream": False},
    "muze, voice attention": {},
    "muze, gradient checkpointing": {"use_voice_stream": False, "use_gradient_checkpointing": True},
}
MEGABYTE = 1e6


def _diffusers(batch: int) -> tuple[Any, Callable[[], Any]]:
    import torch

    from muze.audio.torchaudio_import import torchaudio_import

    torchaudio_import()
    from diffusers import UNet2DConditionModel

    attends = ("CrossAttnDownBlock2D",) * 3, ("CrossAttnUpBlock2D",) * 3
    model = UNet2DConditionModel(
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


def _muze(batch: int, settings: dict[str, Any]) -> tuple[Any, Callable[[], Any]]:
    import torch

    from muze.model.conditioning import Conditions
    from muze.model.unet import UNet, UNetSettings

    shape = UNetSettings.model_validate({**SHAPE, **settings})
    model = UNet(shape)
    x, t = torch.randn(batch, CHANNELS, ROWS, FRAMES), torch.full((batch,), 0.5)
    told = Conditions(
        vector=torch.randn(batch, shape.vector_dim),
        frames=torch.randn(batch, shape.frames_dim, FRAMES),
        tokens=torch.randn(batch, TOKENS, CONTEXT),
        tokens_mask=torch.ones(batch, TOKENS, dtype=torch.bool),
        voice=torch.randn(batch, shape.voice_dim) if shape.use_voice_stream else None,
    )
    return model, lambda: model(x, t, told)


class Case:
    """One U-Net, its input and its optimiser."""

    def __init__(self, name: str, batch: int) -> None:
        import torch

        torch.manual_seed(0)
        self.model, self.run = _diffusers(batch) if name == BASE else _muze(batch, CASES[name])
        self.optimiser = torch.optim.AdamW(self.model.parameters(), 1e-4, fused=True)
        self.weights = sum(p.numel() for p in self.model.parameters()) / 1e6

    def forward(self) -> float:
        """Return the seconds of a pass without gradients."""
        import torch

        self.model.eval()
        started = time.perf_counter()
        with torch.inference_mode():
            self.run()
        return time.perf_counter() - started

    def step(self) -> float:
        """Return the seconds of a training step."""
        self.model.train()
        started = time.perf_counter()
        self.optimiser.zero_grad(set_to_none=True)
        self.run().square().mean().backward()
        self.optimiser.step()
        return time.perf_counter() - started

    def tensors(self) -> float:
        """Return the peak megabytes of tensors held by a forward and a backward pass.

        Weights and gradients, which are there before, do not count.
        """
        from torch.profiler import ProfilerActivity, profile

        self.model.train()
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
            self.run().square().mean().backward()
        assert watched.profiler is not None
        assert watched.profiler.kineto_results is not None
        events = [e for e in watched.profiler.kineto_results.events() if e.name() == "[memory]"]
        sizes = [e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())]
        return float(max(itertools.accumulate(sizes))) / MEGABYTE


def main(
    batch: Annotated[int, typer.Option(min=1, help="Latents a pass.")] = 4,
    rounds: Annotated[int, typer.Option(min=1, help="Turns each, of which the median counts.")] = 9,
    cores: Cores = 2,
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Time and weigh the U-Net beside diffusers' UNet2DConditionModel."""
    use_cores(cores)
    started = time.perf_counter()
    cases = {name: Case(name, batch) for name in (BASE, *CASES)}
    taken: dict[str, dict[str, list[float]]] = {name: {"pass": [], "step": []} for name in cases}
    with open_report() as report:
        advance = report.task("passes and training steps, in turn", (1 + rounds) * len(cases))
        for turn in range(1 + rounds):
            for name, case in cases.items():
                passed, step = case.forward(), case.step()
                if turn:  # the first allocates what later ones reuse
                    taken[name]["pass"].append(passed)
                    taken[name]["step"].append(step)
                advance()
    found = {
        name: {
            "weights": case.weights,
            "tensors": case.tensors(),
            **{what: statistics.median(times) for what, times in taken[name].items()},
        }
        for name, case in cases.items()
    }

    def beside(name: str, what: str, unit: str, digits: int) -> str:
        value = found[name][what]
        return f"{value:.{digits}f} {unit} ({value / found[BASE][what]:.2f})"

    rows = [
        [name, f"{found[name]['weights']:.1f}M", beside(name, "pass", "s", 3),
         beside(name, "step", "s", 3), beside(name, "tensors", "MB", 0)]
        for name in cases
    ]  # fmt: skip
    head = ["U-Net", "weights", "pass", "training step", "tensors beside weights and gradients"]
    settings = {"batch": batch, "latents": f"{CHANNELS} x {ROWS} x {FRAMES}", "tokens": TOKENS,
                "rounds": rounds}  # fmt: skip
    findings = Findings("unet", settings, time.perf_counter() - started)
    findings.tables["In brackets: the ratio to diffusers"] = markdown(head, rows)
    findings.data["cases"] = found
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
