"""Results kept item by item in a folder, so that what was stopped goes on."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import muze
from muze.audio.io import write_whole

Result = Any
"""What JSON can hold."""
CODE = ("analysis", "audio", "core", "data", "model", "pipelines", "plugins", "voice")
"""Packages of muze that sounds depend on."""
MEASURES = (*CODE, "evaluation")
"""Packages of muze that figures depend on."""


@cache
def code_identity(packages: tuple[str, ...] = CODE) -> str:
    """Return a hash of the code and the networks of packages of muze."""
    root = Path(muze.__file__).parent
    files = [path for part in packages for path in (root / part).rglob("*")]
    found = hashlib.sha256()
    for path in sorted(path for path in files if path.suffix in (".py", ".safetensors")):
        found.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return found.hexdigest()


@dataclass
class Kept:
    """Results by what they depend on, kept in a folder, with the seconds each took."""

    folder: Path
    seconds: float = 0.0

    def get(self, about: Mapping[str, Any], compute: Callable[[], Result]) -> Result:
        """Return the kept result of ``about``; compute and keep it where there is none."""
        text = json.dumps({**about, "code": code_identity(MEASURES)}, sort_keys=True)
        path = self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.json"
        if not path.exists():
            started = time.perf_counter()
            result = compute()
            spent = time.perf_counter() - started
            self.folder.mkdir(parents=True, exist_ok=True)
            kept = {"about": about, "seconds": spent, "result": result}
            write_whole(path, json.dumps(kept).encode())
        found = json.loads(path.read_text(encoding="utf-8"))
        self.seconds += found["seconds"]
        return found["result"]
