"""Composes and renders songs with exact labels."""

__version__ = "0.1.0"
