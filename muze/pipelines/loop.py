"""The training loop every network shares: steps, averaging, checkpoints, validation, resume."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import send_to_device
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from muze.core.errors import MuzeError
from muze.core.files import sha256
from muze.pipelines.ahead import Ahead, heard_sigterm
from muze.pipelines.averaging import Averaged, laid_like, whole
from muze.pipelines.out_of_memory import told_in_numbers
from muze.pipelines.processes import join, shares, together
from muze.pipelines.run_log import RunLog
from muze.pipelines.run_state import (
    FAULTS,
    About,
    check_same,
    does_not_fit,
    read_about,
    read_tensors,
    recover,
    write_state,
)
from muze.pipelines.sharding import clip_shards, groups
from muze.pipelines.training import LoopSettings, rate_at, state_folder
from muze.pipelines.validation import Batch, Losses, fixed_batches, validate
from muze.pipelines.watch import Watch
from muze.report import Report, SilentReport

Draw = Callable[[int, slice], Batch]
"""Draws some rows of the batch of a step, on the CPU, by the step's number and nothing else.

It is called in a thread, a step ahead; ``draws(seed, step + 1)`` gives it its numbers.
"""
Write = Callable[[nn.Module, Path], Path]
"""Writes a network as a part of a model under a folder, and returns the part's own folder."""
Preview = Callable[[nn.Module, int], None]
"""Shows what averaged weights can do after so many steps."""
HeldOut = Callable[[slice], Batch]
"""Draws some rows of what is validated on, always the same."""
SMALLEST_SCALE = 1.0  # of an fp16 loss; a gradient not finite even so is not just too large


class Objective(nn.Module):
    """A model and its losses as one pass, which is what accelerate prepares."""

    def __init__(self, model: nn.Module, sharded: bool) -> None:
        super().__init__()
        self.model, self.sharded = model, sharded
        self.losses: Losses | None = None
        kinds = {type(module).__name__ for module in model.modules()}
        self._no_split_modules = [name for name in ("Stage", "ResBlock") if name in kinds][:1]

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return the losses of a batch by name."""
        assert self.losses is not None
        found = self.losses(self.model, batch)
        if self.sharded:  # processes sum up the gradients of all of these, or wait for ever
            here = [p for p in self.model.parameters() if not isinstance(p, DTensor)]
            found["loss"] = found["loss"] + 0 * sum(p.sum() for p in here if p.requires_grad)
        return found


@dataclass
class Loop:
    """A model in training. Its whole state is what ``save`` writes."""

    model: nn.Module
    settings: LoopSettings
    report: Report
    autoencoder_sha256: str | None = None
    """Hash of the autoencoder whose latents it is trained on."""
    begun: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    """What was known at the start and the network's header will tell; saved with the state."""
    step: int = 0
    log: RunLog = field(default_factory=RunLog)
    """What happened in the steps so far."""

    def __post_init__(self) -> None:
        """Start the optimiser and the averaged weights, or take them from the run's folder."""
        s = self.settings
        self.accelerator = accelerator = join(s)
        self.is_main: bool = accelerator.is_main_process
        if not self.is_main:
            self.report = SilentReport()
        self.rows = shares(s, accelerator.num_processes, accelerator.process_index)
        alone = accelerator.num_processes == 1
        self.device = torch.device(s.device) if alone else accelerator.device
        if s.threads:
            torch.set_num_threads(s.threads)
        self.dataset_sha256 = sha256(s.dataset)
        sharded = accelerator.distributed_type == "FSDP"  # which moves the weights itself
        self.model.to("cpu" if sharded else self.device)
        averaged = copy.deepcopy(self.model).requires_grad_(False).eval()
        if self.is_main:
            recover(s.run)
        about: About = {}
        tensors: dict[str, Tensor] = {}
        if s.resume:
            about, tensors = self._load(averaged)
        elif (s.run / "state").exists():
            raise MuzeError(f"{s.run}: holds a run already; say --resume, or name another folder")
        weights = [p for p in self.model.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(
            groups(weights) if sharded else weights,
            s.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=s.weight_decay,
            fused=True,  # on a CPU a fifth of the time
        )
        self.objective = Objective(self.model, sharded)
        self.prepared, self.optimiser = accelerator.prepare(self.objective, optimiser)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self._averaged = Averaged(averaged, self.model, s.ema)
        if s.resume:
            self._load_moments(_under("optimiser.", tensors))
        if accelerator.scaler is not None and about.get("scaler"):
            accelerator.scaler.load_state_dict(about["scaler"])
        s.run.mkdir(parents=True, exist_ok=True)
        counts = (sum(w.numel() for w in of) for of in (self.model.parameters(), self.trained))
        self.log.weights = dict(zip(("all", "trained"), counts, strict=True))
        self.log.begin(self.step, self.device, accelerator.num_processes)
        told = s if self.is_main else s.model_copy(update={"track": ()})
        self.watch = Watch(told, self.report, self.log, self.about)

    @property
    def averaged(self) -> nn.Module:
        """The model with the averaged weights; of a sharded one, as they last were gathered."""
        return self._averaged.module

    def run(
        self,
        draw: Draw,
        losses: Losses,
        name: str,
        write: Write | None = None,
        preview: Preview | None = None,
        held_out: HeldOut | None = None,
    ) -> None:
        """Train until the last step, or until the minutes are over.

        ``losses(model, batch)`` gives named losses of what ``draw`` drew, each a mean over rows;
        the one called ``loss`` is minimised. So any number of processes and micro-batches gives
        the same. ``write`` is called at the end with the run's folder, and with ``<run>/best``
        whenever the loss on what is ``held_out`` is the least so far. Training is the same with a
        ``preview`` and without, and goes on where that raises ``MuzeError``.

        Raises:
            MuzeError: a gradient is not finite, no held-out track is as long as a crop, or a
                tracker cannot be reached.
            OutOfMemory: a step needs more memory than there is.
            KeyboardInterrupt: SIGTERM came; the state is saved.
        """
        s = self.settings
        self.objective.losses = losses
        fixed = fixed_batches(held_out, s, len(self.rows)) if held_out and self.is_main else []
        self.log.name = name
        self.watch.begin(self.step)
        until = time.monotonic() + 60 * s.minutes if s.minutes else math.inf
        self.model.train()
        batches = Ahead(lambda step: [draw(step, rows) for rows in self.rows], self.step, s.steps)
        stop, killed = self.step == s.steps, False
        try:
            with heard_sigterm() as sigterm:
                while not stop:
                    started = time.perf_counter()
                    with told_in_numbers(s, f"{name}, step {self.step}", self.model):
                        drawn = batches.next()
                        self.log.waited += time.perf_counter() - started
                        mine, norm = self._train_on(drawn, name)
                    over = self.is_main and time.monotonic() >= until
                    each = together((mine, sigterm.is_set(), over))
                    rows = [row for row, _, _ in each]
                    self.log.add(_mean(rows), norm, time.perf_counter() - started)
                    killed = any(one for _, one, _ in each)
                    stop = killed or self.step == s.steps or any(one for _, _, one in each)
                    if held_out and self._due(s.validate_every or s.save_every, last=True):
                        self._validate(losses, fixed, write, batches)
                    if self._due(s.save_every):
                        self.save()
                        self.watch.saved(self.step)
                    if preview and s.preview_every and self._due(s.preview_every):
                        self._show(preview, name, batches)
                    self.watch.stepped(self.step)
            self.save()
            if self.is_main:
                self.watch.write()
        finally:
            batches.close()
            self.watch.close()
        if killed:
            self.report.note(f"{name}: stopped by SIGTERM at step {self.step}, and saved")
            raise KeyboardInterrupt
        averaged = self._averaged.gather()
        if write and self.is_main:
            path = write(averaged, s.run)
            self.report.note(f"{path.name} written to {path}")

    def save(self) -> None:
        """Write the whole state; the old one stays until the new is whole.

        All processes have to ask; the main one writes.
        """
        if not self.is_main and not self._averaged.sharded:
            return
        named = [(f"model.{k}", v) for k, v in self.model.state_dict().items()]
        named += [(f"averaged.{k}", v) for k, v in self._averaged.means.items()]
        for index, values in self.optimiser.state_dict()["state"].items():
            named += [(f"optimiser.{index}.{k}", torch.as_tensor(v)) for k, v in values.items()]
        tensors = {}
        for key, value in named:
            piece = whole(value)
            if self.is_main:
                tensors[key] = piece.detach().cpu()
        if not self.is_main:
            return
        write_state(self.settings.run, tensors, self.about(), self.settings.keep)

    def about(self) -> About:
        """Return what the state says of itself."""
        scaler = self.accelerator.scaler
        return {
            "step": self.step,
            "settings": self.settings.model_dump(mode="json"),
            **self._from(),
            "begun": self.begun,
            "scaler": None if scaler is None else scaler.state_dict(),
            **self.log.to_json(),
        }

    def record(self) -> dict[str, Any]:  # Any: JSON
        """Return what a network's header says of its training."""
        s = self.settings
        hours = self.step * s.batch_size * s.crop_frames / 360_000
        told = {"steps": self.step, "hours_heard": round(hours, 2), "seed": s.seed}
        validated = self.log.validated
        return {**told, **({"validated": validated[-1]} if validated else {})}

    def _train_on(self, batches: Sequence[Batch], name: str) -> tuple[dict[str, float], float]:
        """Do a step on this process's micro-batches, and return the means of their losses.

        Beside them the norm of the gradient of all processes, before it is clipped.
        """
        s, accelerator = self.settings, self.accelerator
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(self.step, s)
        self.optimiser.zero_grad()
        rows = []
        first = accelerator.process_index * s.accumulate
        for number, batch in enumerate(batches, first):
            with accelerator.accumulate(self.prepared):
                with torch.random.fork_rng(devices=[]):
                    # of dropout, so that a resume repeats it, and each share has another
                    torch.manual_seed(s.seed + self.step + (number << 24))
                    losses = self.prepared(send_to_device(batch, self.device))
                accelerator.backward(losses["loss"])
            rows.append({key: float(value.detach()) for key, value in losses.items()})
        if self.objective.sharded:
            accelerator.unscale_gradients()
            norm = clip_shards(self.trained, s.clip)
        else:
            norm = accelerator.clip_grad_norm_(self.trained, s.clip)
        scaler = accelerator.scaler  # of fp16; it lowers the scale and leaves out the step
        if not torch.isfinite(norm) and (scaler is None or scaler.get_scale() < SMALLEST_SCALE):
            raise MuzeError(
                f"{name}: the gradient of step {self.step} is not finite; lower the rate "
                f"(learning_rate is {s.learning_rate}) and --resume from the last checkpoint"
            )
        self.optimiser.step()
        self.step += 1
        self._averaged.update(self.step)
        return _mean(rows), float(norm)

    def _due(self, every: int, last: bool = False) -> bool:
        return self.step % every == 0 or (last and self.step == self.settings.steps)

    def _validate(
        self,
        losses: Losses,
        fixed: Sequence[tuple[Batch, int]],
        write: Write | None,
        batches: Ahead[Any],  # Any: whatever is drawn
    ) -> None:
        with self._at_rest(batches) as averaged:
            if not self.is_main:
                return
            with self.accelerator.autocast():
                row = validate(averaged, losses, fixed, self.device)
            before = math.inf if self.log.best is None else self.log.best["loss"]
            self.log.validated.append({"step": self.step, **row})
            if write and row.get("loss", math.inf) < before:
                write(averaged, self.settings.run / "best")
        self.watch.validated(self.step)

    def _show(self, preview: Preview, name: str, batches: Ahead[Any]) -> None:
        with self._at_rest(batches) as averaged:
            if not self.is_main:
                return
            try:
                with told_in_numbers(self.settings, f"{name}, a preview", self.model):
                    preview(averaged, self.step)
            except (MuzeError, OSError) as fault:
                self.report.note(f"{name}: no preview of step {self.step}: {fault}")
            else:
                self.watch.shown(self.step)

    @contextmanager
    def _at_rest(self, batches: Ahead[Any]) -> Iterator[nn.Module]:
        """Yield the averaged model, on the device, while nothing else asks the streams."""
        batches.rest()
        averaged = self._averaged.gather()
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            if self._averaged.sharded and self.is_main:
                averaged.to(self.device)
            try:
                yield averaged
            finally:
                if self._averaged.sharded:
                    averaged.to("cpu")

    def _from(self) -> About:
        hashes = {"dataset_sha256": self.dataset_sha256}
        return {**hashes, "autoencoder_sha256": self.autoencoder_sha256}

    def _load(self, averaged: nn.Module) -> tuple[About, dict[str, Tensor]]:
        """Take up a state: all but the optimiser's, which its tensors have."""
        folder = state_folder(self.settings.run, self.settings.resume_from)
        about = read_about(folder)
        check_same(self.settings, about, folder, self._from())
        tensors = read_tensors(folder, about)
        try:
            self.model.load_state_dict(_under("model.", tensors))
            averaged.load_state_dict(_under("averaged.", tensors))
            self.step, self.log = int(about["step"]), RunLog.of(about)
            if not 0 <= self.step <= self.settings.steps:
                raise ValueError(f"step is {self.step}")
            self.begun = about.get("begun", self.begun)
        except FAULTS as fault:
            raise does_not_fit(folder, fault) from None
        return about, tensors

    def _load_moments(self, tensors: dict[str, Tensor]) -> None:
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            index, _, name = key.partition(".")
            like = self.trained[int(index)]
            laid = laid_like(value, like) if value.shape == like.shape else value
            moments.setdefault(int(index), {})[name] = laid
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})


def _mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each loss over equal shares of a batch; one that is missing there is 0.

    What is not finite is left out.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    means = {name: sum(row.get(name, 0.0) for row in rows) / len(rows) for name in names}
    return {name: value for name, value in means.items() if math.isfinite(value)}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
