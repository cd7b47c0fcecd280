"""Trains the small network with which muze hears drums, on a muze-corpus folder.

    python -m benchmarks.train_drums corpus/train --minutes 3
    python -m benchmarks.train_drums corpus/other --measure

The folder is written by ``muze-corpus build --stems``: the drums are heard in the mix, alone, and
louder or softer than in the mix. Loops of synthetic drums are added. ``--measure`` trains nothing
and prints onset F1 (50 ms) of the weights there are. Training again changes what the stream drums
hears: raise its ``feature_version``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from muze.analysis import drums
from muze.analysis.drum_network import DrumNetwork
from muze.analysis.onsets import log_mel
from muze.analysis.sound import hear
from muze.core.errors import DatasetError
from muze.core.grid import Audio, TimeGrid
from muze.testing.drumming import drumming

CROP = 600  # frames of 10 ms
BATCH = 16
LOOPS = 60
Example = tuple[Tensor, Tensor]
"""Log-mel (48, N), and the strength of each drum's hits (5, N), 0 where there is none."""


def hits_of(record: dict[str, Any]) -> drums.Hits:
    """Return the hits that a song's record tells.

    Raises:
        DatasetError: the record is older than records that tell them.
    """
    if "drum_onsets" not in record:
        raise DatasetError(
            f"{record['audio_path']}: its record has no drum_onsets; build the folder again with "
            "this muze-corpus, which keeps what is rendered"
        )
    onsets, strengths = record["drum_onsets"], record["drum_velocities"]
    return {drum: list(zip(onsets[drum], strengths[drum], strict=True)) for drum in drums.DRUMS}


def songs(corpus: Path) -> Iterator[tuple[dict[str, NDArray[np.float32]], int, drums.Hits]]:
    """Yield the sounds of each song that has drums, their rate, and the hits."""
    for path in sorted((corpus / "records").glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        if "drums" not in (record.get("stems") or {}):
            continue
        mix, rate = soundfile.read(corpus / record["audio_path"], dtype="float32")
        alone, _ = soundfile.read(corpus / record["stems"]["drums"], dtype="float32")
        yield {"mix": mix, "drums": alone}, rate, hits_of(record)


def example(samples: NDArray[np.float32], rate: int, hits: drums.Hits) -> Example:
    """Return what the network hears of a sound, and what it should make of it."""
    features = log_mel(hear(Audio(samples[None], rate)))
    target = np.zeros((len(drums.DRUMS), features.shape[1]), np.float32)
    for row, drum in zip(target, drums.DRUMS, strict=True):
        for second, strength in hits[drum]:
            index = int(second * 100)
            if index < len(row):
                row[index] = max(row[index], strength)
    return torch.from_numpy(features).half(), torch.from_numpy(target)


def loop(seed: int) -> Example:
    """Return a loop of synthetic drums over noise."""
    rng = np.random.default_rng([7, seed])
    beat, duration = float(rng.uniform(0.3, 0.9)), 12.0
    hits: drums.Hits = {}
    for drum, often in zip(drums.DRUMS, (0.25, 0.2, 0.45, 0.08, 0.1), strict=True):
        step = rng.random(16) < often * rng.uniform(0, 2)
        times = np.arange(0.05, duration - 0.1, beat / 4)
        struck = times[np.resize(step, len(times))]
        hits[drum] = [(float(t), float(rng.uniform(0.5, 1))) for t in struck]
    at = {drum: [t for t, _ in told] for drum, told in hits.items()}
    sound = drumming(at, duration, seed=1000 + seed)
    noise = 10 ** rng.uniform(-4, -2) * rng.standard_normal(sound.samples.shape[1])
    # every hit of a loop is as strong as the next: the strengths are not to be learnt from it
    plain = {drum: [(t, drums.USUAL) for t in times] for drum, times in at.items()}
    heard: NDArray[np.float32] = (sound.samples[0] + noise).astype(np.float32)
    return example(heard, sound.sample_rate, plain)


def train(corpus: Path, minutes: float) -> None:
    """Train on crops of 6 s, coloured and with noise."""
    examples = [loop(seed) for seed in range(LOOPS)]
    rng = np.random.default_rng(0)
    for sounds, rate, hits in songs(corpus):
        mix, alone = sounds["mix"], sounds["drums"]
        gain = float(rng.choice([-0.5, 0.6, 1.5]))
        heard = (mix, mix, alone, (mix + gain * alone) / (1 + max(0, gain)))
        examples += [example(x, rate, hits) for x in heard]
    torch.manual_seed(0)
    network = DrumNetwork()
    mean = {name: x.clone() for name, x in network.state_dict().items()}
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=0.01)
    start, step = time.monotonic(), 0
    while (done := (time.monotonic() - start) / 60 / minutes) < 1:
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * min(1.0, step / 50) * (0.5 + 0.5 * np.cos(np.pi * done))
        crops = [_crop(*examples[rng.integers(len(examples))], rng) for _ in range(BATCH)]
        x, target = (torch.stack(part) for part in zip(*crops, strict=True))
        hit, strength = network(x)
        struck = target > 0
        # a frame beside a hit is half a hit
        near = torch.maximum(struck.float(), 0.5 * F.max_pool1d(struck.float(), 3, 1, 1))
        loss = F.binary_cross_entropy_with_logits(hit, near, pos_weight=torch.tensor(3.0))
        loss = loss + 0.1 * (strength - target)[struck].square().mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        for name, now in network.state_dict().items():
            mean[name].lerp_(now, 0.1 if step < 200 else 0.01)
        if step % 100 == 0:
            print(f"step {step}, {done:.0%}: loss {loss.item():.4f}", flush=True)
    save_file({name: x.half().contiguous() for name, x in mean.items()}, drums.WEIGHTS)


def _crop(features: Tensor, target: Tensor, rng: np.random.Generator) -> Example:
    first = int(rng.integers(max(1, features.shape[1] - CROP)))
    x, y = features[:, first : first + CROP].float(), target[:, first : first + CROP]
    x, y = (F.pad(part, (0, CROP - part.shape[1])) for part in (x, y))
    tilt = np.linspace(-1, 1, len(x))[:, None] * rng.normal(0, 0.4)
    colour = np.exp(rng.normal(0, 0.4) + tilt + rng.normal(0, 0.15, (len(x), 1)))
    x = torch.log1p(torch.expm1(x) * torch.from_numpy(colour).float())
    return (x + torch.randn_like(x) * float(rng.uniform(0, 0.05))).clamp(min=0), y


def measure(corpus: Path) -> None:
    """Print onset F1 (50 ms) of each drum, in mixes and of drums alone."""
    from mir_eval.util import match_events

    counts: dict[tuple[str, str], list[int]] = {}
    for sounds, rate, hits in songs(corpus):
        for kind, samples in sounds.items():
            audio = Audio(samples[None], rate)
            heard = drums.hear_drums(audio, TimeGrid.of_song(audio.duration)) or {}
            for drum in drums.DRUMS:
                want, got = ([t for t, _ in told.get(drum, ())] for told in (hits, heard))
                right = len(match_events(want, got, 0.05)) if want and got else 0
                for row in ((kind, drum), (kind, "all")):
                    total = counts.setdefault(row, [0, 0, 0])
                    for index, number in enumerate((right, len(got), len(want))):
                        total[index] += number
    for (kind, drum), (hit, found, asked) in sorted(counts.items()):
        figures = hit / max(1, found), hit / max(1, asked), 2 * hit / max(1, found + asked)
        told = " ".join(f"{name} {x:.2f}" for name, x in zip("PRF", figures, strict=True))
        print(f"{kind:6} {drum:7} {told}  {asked} hits")


def main() -> None:
    """Parse the arguments, train or measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, help="folder written by muze-corpus build --stems")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--measure", action="store_true", help="measure the weights there are")
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.corpus)
    else:
        train(arguments.corpus, arguments.minutes)


if __name__ == "__main__":
    main()
