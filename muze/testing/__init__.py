"""Conformance kit for plugin authors: one line makes a test of every check of a component."""

from muze.testing.pytest_plugin import (
    sampler_checks,
    separator_checks,
    stream_checks,
    vocoder_checks,
    voice_checks,
)

__all__ = [
    "sampler_checks",
    "separator_checks",
    "stream_checks",
    "vocoder_checks",
    "voice_checks",
]
