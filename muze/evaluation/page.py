"""The report of an evaluation as a page: players, pictures of asked against heard, the table."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from muze.audio.io import read_audio, write_whole
from muze.evaluation.copy_synthesis import FIGURES
from muze.evaluation.overlay import draw_overlay
from muze.evaluation.recording import Evaluation
from muze.evaluation.rows import all_rows, missing, told_missing
from muze.pipelines.page import page, table, text
from muze.pipelines.plan import Plan

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self' file:"
"""What a browser may load: nothing but the sounds, from beside the page."""
MOST_PICTURES = 24
"""Songs of a suite whose pictures are in its page, which holds them all."""
Song = Mapping[str, Any]


def write_recordings(
    path: Path, sounds: Sequence[Path], found: Sequence[Evaluation], plan: Plan
) -> None:
    """Write the page of one recording or two against a plan."""
    title = plan.song.title or plan.prompt
    parts = [_facts({"prompt": plan.prompt, "tempo": f"{plan.tempo[0].bpm:g} BPM",
                     "key": plan.key, "time signature": plan.time_signature})]  # fmt: skip
    for sound, one in zip(sounds, found, strict=True):
        heading = f"{title}: {sound.name}"
        parts += [
            f"<h2>{text(sound.name)}</h2>",
            _player(sound, path),
            _picture(sound, one.asked, one.heard, heading),
            _rows(all_rows(one.adherence)),
            *_missing(missing([one.adherence.get("voice", ())])),
        ]
    _write(path, f"Evaluation of {title}", parts)


def write_suite(path: Path, found: Mapping[str, Any], folder: Path) -> None:
    """Write the page of a model's evaluation on a suite, whose renders lie in a folder."""
    songs, copies = found["songs"], found.get("copy_synthesis")
    parts = [
        _facts({"model": found["model"], "suite": found["suite"], "songs": len(songs),
                "sampler": f"{found['sampler']}, {found['steps']} steps"}),
        _figures(found),
        *_missing(found.get("missing", ()), len(songs)),
        _sound(found["sound"]) if "sound" in found else "",
        _facts({f"{copies['vocoder']} {name}, copy-synthesis": _interval(copies["figures"][key])
                for key, name in FIGURES.items()})
        if copies else "",
        "<h2>Songs</h2>",
    ]  # fmt: skip
    if len(songs) > MOST_PICTURES:
        parts.append(f"<p>The first {MOST_PICTURES} of {len(songs)} have pictures.</p>")
    for number, song in enumerate(songs):
        parts.append(_song(song, folder, path, number < MOST_PICTURES))
    _write(path, f"{found['model']} on {found['suite']}", parts)


def _sound(sound: Mapping[str, Any]) -> str:
    if "reason" in sound:
        return _facts({"no Frechet distance": sound["reason"]})
    told, dropped = (f"{sound[kind]['distance']:.3f}" for kind in ("told", "dropped"))
    return _facts({"Frechet distance of the renders": told, "told words alone": dropped,
                   "to": sound["reference"], "by": sound["embedding"]})  # fmt: skip


def write_comparison(
    path: Path,
    rows: Sequence[Mapping[str, Any]],
    found: Sequence[Mapping[str, Any]],
    folders: Sequence[Path],
) -> None:
    """Write the page of two evaluations side by side."""
    names = [str(one["model"]) for one in found]
    shown = [
        [row["stream"], row["name"], row["unit"], "more" if row["higher_is_better"] else "less",
         *(_either(row[side]) for side in ("a", "b", "difference")), _number(row["floor"])]
        for row in rows
    ]  # fmt: skip
    titles = ("stream", "figure", "unit", "better is", *(f"{s}: {n}" for s, n in zip("ab", names,
              strict=True)), "b less a", "chance")  # fmt: skip
    parts = [table(titles, shown), "<h2>Songs</h2>"]
    others = {song["name"]: song for song in found[1]["songs"]}
    for song in found[0]["songs"]:
        if song["name"] in others:
            parts.append(f"<h3>{text(song['name'])}: {text(song['prompt'])}</h3>")
            for one, folder in ((song, folders[0]), (others[song["name"]], folders[1])):
                parts.append(_player(folder / one["told"]["audio"], path))
    _write(path, f"{names[0]} beside {names[1]}", parts)


def _song(song: Song, folder: Path, page_path: Path, pictured: bool) -> str:
    told, dropped = song["told"], song["dropped"]
    sound = folder / told["audio"]
    heading = f"{song['name']}: {song['prompt']}"
    parts = [f"<h3>{text(heading)}</h3>", _player(sound, page_path)]
    if pictured:
        parts.append(_picture(sound, told["asked"], told["heard"], heading))
    parts.append(f"<p>Told its words alone:</p>{_player(folder / dropped['audio'], page_path)}")
    untold = {(row["stream"], row["name"]): row["value"] for row in dropped["scores"]}
    rows = [{**row, "dropped": untold.get((row["stream"], row["name"]))} for row in all_rows(told)]
    parts.append(f"<details><summary>Figures</summary>{_rows(rows)}</details>")
    return "\n".join(parts)


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    titles = ("stream", "figure", "value", "unit", "better is", "chance", "dropped", "ceiling",
              "asked or decided", "heard by")  # fmt: skip
    return table(
        titles,
        [
            [row["stream"], row["name"], float(row["value"]), row["unit"],
             "more" if row["higher_is_better"] else "less", _number(row["floor"]),
             _number(row["dropped"]), _interval(row["ceiling"]), row["origin"], row["extractor"]]
            for row in rows
        ],
    )  # fmt: skip


def _figures(found: Mapping[str, Any]) -> str:
    columns = ["told", "dropped", "gain"]
    columns += ["best", "gain of best"] if found["best_of"] > 1 else []
    titles = ("stream", "figure", "unit", *("words alone" if c == "dropped" else c
              for c in columns), "ceiling", "chance", "heard by")  # fmt: skip
    return table(
        titles,
        [
            [row["stream"], row["name"], row["unit"], *(_interval(row[name]) for name in columns),
             _interval(row["ceiling"]), _number(row["floor"]), row["extractor"]]
            for row in found["figures"]
        ],
    )  # fmt: skip


def _missing(rows: Sequence[Mapping[str, Any]], num_songs: int = 1) -> list[str]:
    return [f"<p>{text(told_missing(row, num_songs))}</p>" for row in rows]


def _facts(told: Mapping[str, object]) -> str:
    return f"<p>{text('; '.join(f'{key}: {value}' for key, value in told.items()))}</p>"


def _player(sound: Path, page_path: Path) -> str:
    """Return a player of a sound file, named as it lies beside the page."""
    beside = os.path.relpath(sound.resolve(), page_path.resolve().parent)
    return f'<audio controls preload="none" src="{quote(Path(beside).as_posix())}"></audio>'


def _picture(sound: Path, asked: Mapping[str, Any], heard: Mapping[str, Any], title: str) -> str:
    picture = draw_overlay(read_audio(sound), asked, heard, title)
    inside = base64.b64encode(picture).decode()
    told = "spectrogram with what was asked and what was heard"
    return f'<img alt="{told}" src="data:image/webp;base64,{inside}">'


def _interval(found: Mapping[str, float] | None) -> str:
    if found is None:
        return ""
    return f"{found['mean']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def _either(value: Any) -> float | str:  # Any: a number, or the JSON of an interval
    return float(value) if isinstance(value, float) else _interval(value)


def _number(value: float | None) -> float | str:
    return "" if value is None else float(value)


def _write(path: Path, title: str, parts: Sequence[str]) -> None:
    write_whole(path, page(title, "\n".join(parts), policy=POLICY).encode())
