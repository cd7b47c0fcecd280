"""Copy-synthesis: a model's own vocoder beside Griffin-Lim, on held-out songs and on real music.

Both render the mel that the model's vocoder hears, whatever that is.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from benchmarks.excerpts import Excerpt, held_out_excerpts, music_excerpts, survival
from benchmarks.harness import (
    AsJson,
    Cores,
    Docs,
    Figures,
    Findings,
    Kept,
    NumSongs,
    Songs,
    Work,
    cell,
    markdown,
    means,
    model_identity,
    use_cores,
)
from benchmarks.known_sounds import solo_lines
from muze.analysis.pitch import track_pitch
from muze.audio.mel import MelSettings
from muze.core.errors import CheckpointError
from muze.core.grid import Audio
from muze.core.protocols import Vocoder
from muze.core.registry import Registry
from muze.evaluation.copy_synthesis import copy
from muze.model.header import part_of
from muze.pipelines.load import open_vocoder
from muze.pipelines.model_info import model_folder
from muze.report import open_report

SECONDS = 10.0
GRIFFIN_LIM = {"num_iters": 60}
LINES = "solo leads"
FIGURES = {
    "stft": "multi-resolution STFT, less is better",
    "mel": "log-mel L1, less is better",
    "sharpness": "onset sharpness, 1 is right",
    "blunting": "onset blunting, less is better",
    "chord": "chord survival",
    "beat": "beat survival",
    "pitch": "pitch kept",
    "speed": "times faster than it plays",
}
# onsets: frames of 2 ms and windows of 8 ms, so that smearing over a long window shows
ONSET_FFT, ONSET_HOP, ONSET_LAG = 256, 64, 4
LOG_GAIN = 100.0  # of magnitudes relative to the loudest, before log1p
CENTS = 50
NEAR = 10  # frames of 2 ms to each side in which the same onset is looked for
APART = 40  # frames of 2 ms between two onsets at least


def onset_flux(samples: NDArray[np.float32], loudest: float | None) -> tuple[Any, float]:
    """Return the rise of log magnitudes over 8 ms at 500 Hz, (T,), and the loudest magnitude."""
    window = torch.hann_window(ONSET_FFT)
    spectrum = torch.stft(
        torch.from_numpy(samples), ONSET_FFT, ONSET_HOP, window=window, return_complex=True
    ).abs()
    level = float(spectrum.max()) if loudest is None else loudest
    logs = torch.log1p(LOG_GAIN * spectrum / (level + 1e-9))
    rise = (logs[:, ONSET_LAG:] - logs[:, :-ONSET_LAG]).clamp(min=0).mean(dim=0)
    return rise.numpy(), level


def onset_sharpness(made: Audio, original: Audio) -> float:
    """Return the height of onsets beside the original's, median over onsets; 1 where none is lost.

    An onset is a peak of ``onset_flux`` in the original, three times its median and more; its
    height in the other sound is the greatest within 20 ms. A smeared attack rises less in 8 ms.
    """
    from scipy.signal import find_peaks

    flux, loudest = onset_flux(original.mono, None)
    other, _ = onset_flux(made.mono, loudest)
    peaks, _ = find_peaks(flux, height=3 * float(np.median(flux)), distance=APART)
    if not len(peaks):
        return 1.0
    heights = [other[max(0, p - NEAR) : p + NEAR + 1].max() / flux[p] for p in peaks]
    return float(np.median(heights))


def pitch_kept(made: Audio, line: Excerpt) -> float:
    """Return the share of a line's voiced frames whose pitch is within 50 cents in the copy."""
    (before, voiced), (after, heard) = (
        track_pitch(audio, line.grid) for audio in (line.audio, made)
    )
    both = voiced & heard
    off = np.abs(1200 * np.log2(after[both] / before[both]))
    return float((off <= CENTS).sum() / max(voiced.sum(), 1))


def figures(vocoder: Vocoder, excerpt: Excerpt, mel: MelSettings, line: bool) -> Figures:
    """Return what copy-synthesis of an excerpt keeps, and how fast it is.

    Of a ``line`` of one voice that is the pitch, of other music chords and beats.
    """
    found = copy(vocoder, excerpt.audio, mel)
    sharpness = onset_sharpness(found.made, found.original)
    kept = {"pitch": pitch_kept(found.made, excerpt)} if line else survival(found.made, excerpt)
    return {
        **found.distances(mel),
        "sharpness": sharpness,
        "blunting": abs(1 - sharpness),
        "speed": excerpt.audio.duration / found.seconds,
        **kept,
    }


def main(
    model: Annotated[
        str, typer.Option(help="An installed model or a folder, as a run's; it has a vocoder.")
    ],
    songs: Songs = Path("data/held-out"),
    num_songs: NumSongs = 24,
    music: Annotated[
        Path | None, typer.Option(help="Folder of real music; else immich_memories_music.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only so many pieces of music.")] = None,
    cores: Cores = 2,
    work: Work = Path("runs/benchmarks/vocoder"),
    docs: Docs = None,
    as_json: AsJson = False,
) -> None:
    """Compare copy-synthesis."""
    use_cores(cores)
    torch.set_num_threads(cores)
    registry, kept = Registry(), Kept(work)
    folder = model_folder(model, registry, Path.cwd())
    try:
        about_own = part_of(folder, "vocoder")
    except CheckpointError as fault:
        raise typer.BadParameter(f"{fault}; name a model or a run that has one") from None
    own = about_own["name"]
    mel = MelSettings.model_validate(about_own["settings"].get("mel", {}))
    griffin_lim = {**GRIFFIN_LIM, "mel": mel.model_dump()}
    vocoders = {
        own: open_vocoder(own, {}, folder, registry),
        "griffin_lim": open_vocoder("griffin_lim", griffin_lim, folder, registry),
    }
    sets = {
        "held-out corpus": held_out_excerpts(songs, num_songs, SECONDS),
        "real music": music_excerpts(music, limit, SECONDS),
        LINES: [line for line in solo_lines(songs, "lead", num_songs, SECONDS)
                if line.record and not line.record["rings"]],
    }  # fmt: skip
    weights = model_identity(folder)["vocoder"]
    rows, data = [], {}
    with open_report() as report:
        advance = report.task("copy-synthesis", sum(map(len, sets.values())) * len(vocoders))
        for kind, excerpts in sets.items():
            for name, vocoder in vocoders.items():
                vocoder.render(np.full((mel.num_mels, 8), -5, np.float32))  # first imports
                items = []
                for excerpt in excerpts:
                    about = {"excerpt": excerpt.name, "vocoder": name, "cores": cores}
                    about |= {"weights": weights} if name == own else {"settings": griffin_lim}
                    items.append(
                        kept.get(
                            {**about, "seconds": SECONDS},
                            partial(figures, vocoder, excerpt, mel, line=kind == LINES),
                        )
                    )
                    advance()
                found = means(items)
                rows.append([kind, name, *(cell(found, figure) for figure in FIGURES)])
                data[f"{kind}, {name}"] = found
    settings = {"model": model, "excerpts": {k: len(v) for k, v in sets.items()}}
    part = "vocoder" if mel == MelSettings() else f"vocoder-{own}"  # of the page
    findings = Findings(part, settings, kept.seconds, data=data)
    findings.tables[f"Copy-synthesis of {SECONDS:g} s; mean and 95 % interval"] = markdown(
        ["set", "vocoder", *FIGURES.values()], rows
    )
    findings.show(as_json, docs)


if __name__ == "__main__":
    typer.run(main)
