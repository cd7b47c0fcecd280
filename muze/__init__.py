"""muze: a song is a file; text to music by latent diffusion, one plugin per stream."""

from pluggy import HookimplMarker

__all__ = ["__version__", "hookimpl"]

__version__ = "0.1.0"
hookimpl = HookimplMarker("muze")
