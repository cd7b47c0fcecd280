"""What a build keeps beside its dataset from one time to the next, besides what it heard."""

from __future__ import annotations

import glob
import json
import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from muze.audio.io import write_whole
from muze.core.files import sha256
from muze.pipelines.listening import cache_folder
from muze.pipelines.scan import Found
from muze.report import Report

PART = re.compile(r"\..+\.(\d+)\.part", re.DOTALL)
"""Name of a file that is being written (muze.audio.io.write_whole), and by which process."""
HOUR = 3600.0
"""Seconds after which nobody is still writing one, whoever has its number now."""


def hash_files(
    folder: Path, files: Sequence[Found], cache: Path, report: Report
) -> list[tuple[Found, str | OSError]]:
    """Return files with the SHA-256 of each, worked out once as long as none is changed.

    One that cannot be read has the error instead. Stopped on its way, what was worked out is kept.
    """
    index = cache / "files.json"
    try:
        known: dict[str, list[Any]] = json.loads(index.read_text(encoding="utf-8"))
        known = known if isinstance(known, dict) else {}
    except (OSError, ValueError):  # none yet, or damaged: worked out again
        known = {}
    hashed: list[tuple[Found, str | OSError]] = []
    fresh: dict[str, list[Any]] = {}
    advance = report.task("reading files", len(files))
    try:
        for file in files:
            advance()
            audio = folder / file.path
            key = str(audio.resolve())
            entry = known.get(key)
            if entry is None or entry[:2] != [file.size, file.changed_ns]:
                try:
                    entry = [file.size, file.changed_ns, sha256(audio)]
                except OSError as fault:
                    hashed.append((file, fault))
                    continue
                fresh[key] = entry
            hashed.append((file, str(entry[2])))
    finally:
        if fresh:
            index.parent.mkdir(parents=True, exist_ok=True)
            write_whole(index, json.dumps({**known, **fresh}).encode())
    return hashed


def sweep(output: Path) -> None:
    """Remove what was left half-written, in a dataset's cache and beside it, by who was killed.

    What a process of this machine that still runs may be writing stays.
    """
    cached = (
        Path(folder, name) for folder, _, names in os.walk(cache_folder(output)) for name in names
    )
    beside = output.parent.glob(f".{glob.escape(output.stem)}.*.part")
    for path in chain(cached, beside):
        part = PART.fullmatch(path.name)
        if part is not None and _is_left(path, int(part[1])):
            with suppress(OSError):  # one that may not be removed does no harm
                path.unlink(missing_ok=True)


def _is_left(path: Path, process: int) -> bool:
    try:
        if time.time() - path.stat().st_mtime > HOUR:
            return True
        if os.name == "posix":  # elsewhere a signal of 0 would end the process
            os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:  # it is another user's, or has its name by now
        pass
    return False
