"""The starter model: where its folder lies."""

from pathlib import Path


def folder() -> Path:
    """Return the folder with ``muze.json`` and the weights."""
    return Path(__file__).parent / "model"
