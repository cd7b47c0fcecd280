"""The device on which big networks listen: the processor, unless a process is told another."""

from __future__ import annotations

_device = "cpu"


def listen_on(device: str) -> None:
    """Let networks that this process loads from now on listen on ``cpu``, ``cuda`` or ``mps``.

    Muze's own small listeners and ONNX models stay on the processor.
    """
    global _device
    _device = device


def listening_device() -> str:
    """Return the device that was told last."""
    return _device
