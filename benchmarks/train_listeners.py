"""Trains the small networks with which muze hears beats, chords and keys, on a muze-corpus folder.

    python -m benchmarks.train_listeners beats corpus/train --minutes 30 [--resume]
    python -m benchmarks.train_listeners chords corpus/train
    python -m benchmarks.train_listeners keys corpus/train

Each writes its weights into ``muze/analysis``. Held-out songs are never read. Training the beat
network again changes what tempo and beat hear: raise their ``feature_version``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from muze.analysis import beats, chord_network, keys
from muze.analysis.beat_features import FRAME_RATE, beat_features
from muze.analysis.beat_network import METRES, BeatNetwork, with_beats
from muze.analysis.chords import Span
from muze.analysis.chroma import semitones
from muze.analysis.sound import hear
from muze.core.grid import Audio
from muze.core.theory import NO_CHORD, Chord

CROP = 1000  # frames of 20 ms
NEAREST = {
    "9": "7", "maj9": "maj7", "m9": "m7", "add9": "", "madd9": "m", "dim7": "dim",
    "7sus4": "sus4", "mmaj7": "m", "5": "",
}  # fmt: skip
"""Qualities the chord network does not tell apart, and what they are taken for."""


def records(corpus: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a corpus folder, in order."""
    for path in sorted((corpus / "records").glob("*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def sound_of(corpus: Path, record: dict[str, Any]) -> Audio:
    """Read a record's audio."""
    samples, rate = soundfile.read(corpus / record["audio_path"], dtype="float32", always_2d=True)
    return Audio(np.ascontiguousarray(samples.T), rate)


def train_beats(corpus: Path, minutes: float, resume: bool) -> None:
    """Train the beat network on crops of 20 s, stretched in time, coloured and transposed."""
    songs: list[tuple[Tensor, Tensor, Tensor, int]] = []
    for record in records(corpus):
        features = torch.from_numpy(beat_features(hear(sound_of(corpus, record)))).half()
        beat_times = torch.tensor(record["beat_positions"])
        downbeat_times = torch.tensor(record["downbeat_positions"])
        metre_index = METRES.index(record["time_signature"])
        songs.append((features, beat_times, downbeat_times, metre_index))
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    network = BeatNetwork()
    if resume:
        network.load_state_dict({k: v.float() for k, v in load_file(beats.WEIGHTS).items()})
    mean = {name: x.clone() for name, x in network.state_dict().items()}
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.01)
    start, step = time.monotonic(), 0
    while (done := (time.monotonic() - start) / 60 / minutes) < 1:
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1.0, step / 100) * (0.5 + 0.5 * np.cos(np.pi * done))
        crops = [_crop(*songs[rng.integers(len(songs))], rng) for _ in range(12)]
        x, beat, downbeat, metre = zip(*crops, strict=True)
        out = network(torch.stack(x))
        loss = (
            F.binary_cross_entropy_with_logits(
                out[:, 0], with_beats(list(beat), CROP, FRAME_RATE), pos_weight=torch.tensor(4.0)
            )
            + F.binary_cross_entropy_with_logits(
                out[:, 1],
                with_beats(list(downbeat), CROP, FRAME_RATE),
                pos_weight=torch.tensor(8.0),
            )
            + 0.15 * F.cross_entropy(out[:, 2:], torch.tensor(metre)[:, None].expand(-1, CROP))
        )
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        for name, x_now in network.state_dict().items():
            mean[name].lerp_(x_now, 0.1 if step < 200 else 0.01)
        if step % 50 == 0:
            print(f"step {step}, {done:.0%}: loss {loss.item():.3f}", flush=True)
    save_file({name: x.half().contiguous() for name, x in mean.items()}, beats.WEIGHTS)


def _crop(
    features: Tensor, beat: Tensor, downbeat: Tensor, metre: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor, int]:
    ratio = float(np.exp(rng.uniform(-0.22, 0.22))) if rng.random() < 0.6 else 1.0
    length = int(CROP / ratio) + 2
    first = int(rng.integers(max(1, features.shape[1] - length)))
    x = features[:, first : first + length].float()
    x = F.interpolate(x[None], scale_factor=ratio, mode="linear")[0][:, :CROP]
    x = F.pad(x, (0, CROP - x.shape[1]))
    colour = np.exp(rng.normal(0, 0.35) + rng.normal(0, 0.2, (48, 1)))
    bands = torch.log1p(torch.expm1(x[:48]) * torch.from_numpy(colour).float())
    bands = bands + torch.randn_like(bands) * float(rng.uniform(0, 0.15))
    if rng.random() < 0.3:
        low = int(rng.integers(40))
        bands[low : low + int(rng.integers(4, 12))] = 0
    chroma = torch.roll(x[48:], int(rng.integers(12)), 0) + torch.randn(12, CROP) * 0.02
    moved = [(times - first / FRAME_RATE) * ratio for times in (beat, downbeat)]
    return torch.cat([bands, chroma]), moved[0], moved[1], metre


class Turning(nn.Module):
    """Two layers that see the same from every root: (N, F, 12) to (N, classes * 12)."""

    def __init__(self, rows: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(rows * 12, hidden), nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, class by class, each over twelve roots."""
        turned = torch.stack([torch.roll(x, -root, 2).flatten(1) for root in range(12)], dim=1)
        logits: Tensor = self.last(F.silu(self.first(turned))).transpose(1, 2).flatten(1)
        return logits

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights under the names that muze.analysis reads."""
        return {
            "in.weight": self.first.weight.detach(), "in.bias": self.first.bias.detach(),
            "out.weight": self.last.weight.detach(), "out.bias": self.last.bias.detach(),
        }  # fmt: skip


def train_chords(corpus: Path, epochs: int = 16) -> None:
    """Train the chord network on every beat of the corpus."""
    parts: list[tuple[NDArray[Any], ...]] = []
    for record in records(corpus):
        edges = np.asarray([*record["beat_positions"], record["duration"]])
        chroma, level = chord_network.span_chroma(semitones(hear(sound_of(corpus, record))), edges)
        starts = np.asarray([chord["start"] for chord in record["chords"]])
        at = np.searchsorted(starts, (edges[:-1] + edges[1:]) / 2, "right") - 1
        labels = [_class(record["chords"][max(0, i)]["chord"]) for i in at]
        parts.append((chroma, level, np.asarray(labels)))
    joined = [torch.from_numpy(np.concatenate(part)) for part in zip(*parts, strict=True)]
    chroma_all, level_all, label_all = joined[0].float(), joined[1].float(), joined[2]
    torch.manual_seed(0)
    network = Turning(len(chord_network.REGISTERS), 32, len(chord_network.QUALITIES))
    silence = nn.Parameter(torch.tensor([0.0, -5.0]))
    optimiser = torch.optim.AdamW([*network.parameters(), silence], 1e-2, weight_decay=1e-2)
    for epoch in range(epochs):
        for group in optimiser.param_groups:
            group["lr"] = 1e-2 * (1 - epoch / epochs) + 1e-4
        for rows in torch.randperm(len(label_all)).split(256):
            x = chroma_all[rows]
            x = x * torch.exp(0.25 * torch.randn(len(rows), x.shape[1], 1))
            x = x + 0.012 * torch.randn_like(x)
            x = x / x.flatten(1).norm(dim=1)[:, None, None]
            quiet = silence[0] + silence[1] * level_all[rows]
            # chroma of norm 1 has entries of about a sixth
            loss = F.cross_entropy(torch.cat([network(6 * x), quiet[:, None]], 1), label_all[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}", flush=True)
    tensors = network.tensors()
    tensors["in.weight"] = 6 * tensors["in.weight"]
    save_file({**tensors, "silence": silence.detach()}, chord_network.WEIGHTS)


def _class(symbol: str) -> int:
    chord = Chord.parse(symbol)
    if chord is None:
        return len(chord_network.SYMBOLS) - 1
    quality = NEAREST.get(chord.quality, chord.quality)
    return chord_network.QUALITIES.index(quality) * 12 + chord.root


def train_keys(corpus: Path, epochs: int = 25) -> None:
    """Train the key network on the chords of whole songs and of parts, some of them misheard."""
    rng = np.random.default_rng(1)
    rows, labels = [], []
    for record in [*records(corpus)] * 2:
        end = record["duration"]
        first = 0.0 if rng.random() < 0.5 else float(rng.uniform(0, end - 14))
        for start, stop in ((0.0, end), (first, first + float(rng.uniform(14, 45)))):
            chords = _misheard(record["chords"], start, stop, rng)
            if len(chords) >= 2:
                rows.append(keys.chord_statistics(chords))
                labels.append(record["key_index"])
    x, y = torch.from_numpy(np.stack(rows)).float(), torch.tensor(labels)
    torch.manual_seed(0)
    network = Turning(x.shape[1], 32, 2)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-2, weight_decay=0.1)
    for epoch in range(epochs):
        for group in optimiser.param_groups:
            group["lr"] = 1e-2 * (1 - epoch / epochs)
        for batch in torch.randperm(len(x)).split(128):
            loss = F.cross_entropy(network(x[batch]), y[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}", flush=True)
    save_file(network.tensors(), keys.WEIGHTS)


def _misheard(
    chords: Sequence[dict[str, Any]], start: float, stop: float, rng: np.random.Generator
) -> list[Span]:
    spans: list[Span] = []
    for told in chords:
        first, last = max(start, told["start"]), min(stop, told["end"])
        if told["chord"] == NO_CHORD or last - first < 0.05:
            continue
        chord = Chord.parse(told["chord"])
        assert chord is not None
        root, quality = chord.root, NEAREST.get(chord.quality, chord.quality)
        if rng.random() < 0.07:
            flipped = "m" if quality in ("", "7", "maj7") else ""
            root, quality = [
                (chord.bass, quality), ((root + 9) % 12, "m7"), ((root + 7) % 12, quality),
                (root, flipped),
            ][rng.integers(4)]  # fmt: skip
        spans.append((str(Chord(root, quality, root)), first, last))
    return spans


def main() -> None:
    """Parse the arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("listener", choices=["beats", "chords", "keys"])
    parser.add_argument("corpus", type=Path, help="folder written by muze-corpus, split train")
    parser.add_argument("--minutes", type=float, default=30.0, help="beats only")
    parser.add_argument("--resume", action="store_true", help="beats only: go on from the weights")
    arguments = parser.parse_args()
    if any(record["split"] != "train" for record in records(arguments.corpus)):
        parser.error(f"{arguments.corpus} holds songs that are not of the split train")
    if arguments.listener == "beats":
        train_beats(arguments.corpus, arguments.minutes, arguments.resume)
    elif arguments.listener == "chords":
        train_chords(arguments.corpus)
    else:
        train_keys(arguments.corpus)


if __name__ == "__main__":
    main()
