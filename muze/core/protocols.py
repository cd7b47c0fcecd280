"""What a plugin provides. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from muze.core.grid import Audio, Features, TimeGrid
from muze.core.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Generator, Tensor

    from muze.model.conditioning import StreamEncoder
    from muze.model.diffusion import Schedule

API = 1
"""Version of this contract. Raised only when an old plugin would stop working."""

Site = Literal["vector", "frames", "tokens", "voice"]
"""Where a stream enters the U-Net.

vector: (B, C), through the fusion MLP, added to the time embedding
frames: (B, C, W), concatenated to the input and modulating each level, W latent frames
tokens: (B, N, C), attended to by cross-attention
voice:  (B, C), attended to by the voice stream attention of every level
"""

Layout = Literal["frames", "vector", "tokens"]
"""How one array of a stream's features lies.

frames: (F, T), one column a frame of the grid
vector: (F,), one value for the song
tokens: (N, F), a list; an array called ``<name>_span`` of shape (N, 2) gives each token's start
        and end in seconds of the song, and a window sees only the tokens it overlaps
"""


Misfit = tuple[tuple[str | int, ...], str]
"""Where in a stream's ``Values`` something stands, ``("positions", 2)``, and what is wrong."""


@dataclass(frozen=True)
class Score:
    """One figure of how well a render did what was asked."""

    name: str
    value: float
    unit: str
    higher_is_better: bool
    floor: float | None
    """What guessing gets, where it is known."""


class Featurizer(Protocol):
    """Draws a stream on the time grid: from audio, from a manifest, or from a track's record."""

    layout: ClassVar[Mapping[str, Layout]]
    extractor: ClassVar[str]
    """What ``extract`` listens with, and its version, as told in reports."""

    def extract(self, audio: Audio, grid: TimeGrid) -> Features:
        """Hear the stream in ``audio``, whose first sample is at ``grid.start``."""
        ...

    def parse(self, values: Any, grid: TimeGrid) -> Features:
        """Draw what a manifest says. An array ``present`` (T,) may mark the frames it speaks of."""
        ...

    def recall(self, record: Mapping[str, Any], grid: TimeGrid) -> Features | None:
        """Draw what a track's dataset record says; None where the record does not say it."""
        ...

    def fields(self, features: Features, grid: TimeGrid) -> dict[str, Any]:
        """Return what goes into a track's dataset record, under the specification's names."""
        ...


class Conditioner(Protocol):
    """Encodes what a featurizer drew for the U-Net."""

    guidance: ClassVar[float]
    """Weight of this stream's own guidance where a song asks something of it; 0: that of all."""

    def injects(self) -> dict[Site, int]:
        """Return the width the encoder gives at each site it enters."""
        ...

    def encoder(self) -> StreamEncoder:
        """Build the torch module; torch is imported here and not before."""
        ...


class Stream(Featurizer, Conditioner, Protocol):
    """A conditioning stream: one thing a song can say, from manifest to score."""

    name: ClassVar[str]
    api: ClassVar[int]
    feature_version: ClassVar[int]
    """Raised when the same input would be drawn differently."""
    primary: ClassVar[str]
    """The field of ``Values`` that a bare scalar or list in a manifest fills."""
    Config: ClassVar[type[Settings]]
    Values: ClassVar[type[Settings]]

    def __init__(self, config: Any) -> None: ...

    def score(self, asked: Features, heard: Features, grid: TimeGrid) -> list[Score]:
        """Compare what was drawn for a song with what ``extract`` hears in its render."""
        ...


def hears(stream: type[Stream]) -> bool:
    """Whether a manifest may take the stream from a recording, ``{from: hum.wav}``.

    A stream whose ``extract`` cannot tell from sound what its ``Values`` say declares
    ``hears: ClassVar[bool] = False``; without it, a stream hears.
    """
    return bool(getattr(stream, "hears", True))


def reads(stream: type[Stream] | Stream, path: Path) -> bool:
    """Whether the stream draws such a file itself: ``{from: lead.mid}`` beside ``{from: hum.wav}``.

    One that does declares ``reads: ClassVar[tuple[str, ...]] = (".mid",)``, suffixes in small
    letters, and has ``read(path, grid) -> Features``. The file begins where the grid does; what
    is drawn is as from ``parse``, ``present`` included. A fault in the file is a ``MuzeError``.
    """
    return path.suffix.lower() in getattr(stream, "reads", ())


def check_values(stream: Stream, values: Any) -> None:  # Any: the stream's own Values
    """Let a stream refuse, before anything is made, what its settings in a model cannot draw.

    One that has ``check(values)`` raises a ``MuzeError`` from it, and imports no torch for it.
    """
    check = getattr(stream, "check", None)
    if check is not None:
        check(values)


def misfits(stream: Stream, values: Any, grid: TimeGrid) -> list[Misfit]:
    """Let a stream say what of its values has no place in the song, or the section, of a grid.

    One that has ``misfits(values, grid)`` is asked once the song's bars are known, before anything
    is made, and imports no torch for it.
    """
    hook = getattr(stream, "misfits", None)
    return [] if hook is None else list(hook(values, grid))


def file_misfit(stream: Stream, path: Path, grid: TimeGrid) -> str:
    """Let a stream say what of a file that it reads has no place on a grid; nothing where all has.

    One that has ``file_misfit(path, grid)`` is asked as for ``misfits``, once ``read`` took it.
    """
    hook = getattr(stream, "file_misfit", None)
    return "" if hook is None else str(hook(path, grid))


def complete_values(stream: Stream, values: Any, folder: Path) -> Any:
    """Let a stream put into the values what they name in files of the song's folder.

    One that has ``complete(values, folder)`` returns the values with it, so that a plan holds all
    it needs; it raises a ``MuzeError`` where there is no such thing, and imports no torch for it.
    """
    complete = getattr(stream, "complete", None)
    return values if complete is None else complete(values, folder)


def confidence(stream: Stream, audio: Audio, grid: TimeGrid) -> dict[str, float]:
    """Return how sure a stream is of what it just heard, 0 to 1, by field of the record.

    One that can tell has ``confidence(audio, grid)``; a dataset's records say it.
    """
    sure = getattr(stream, "confidence", None)
    return {} if sure is None else dict(sure(audio, grid))


def listens_with(stream: Stream) -> str:
    """Return which of a stream's listeners that may be missing are there.

    One that hears less without an optional part has ``listens_with()``, which imports no torch and
    loads nothing: a dataset's build hears anew what was heard with less.
    """
    told = getattr(stream, "listens_with", None)
    return "" if told is None else str(told())


class Sampler(Protocol):
    """Turns noise into latents by repeated denoising."""

    name: ClassVar[str]
    api: ClassVar[int]
    Config: ClassVar[type[Settings]]

    def __init__(self, config: Any) -> None: ...

    def sample(
        self,
        denoise: Callable[[Tensor, float], Tensor],
        noise: Tensor,
        schedule: Schedule,
        num_steps: int,
        generator: Generator,
        step_done: Callable[[int], None],
    ) -> Tensor:
        """Return latents shaped like ``noise``.

        ``denoise(x_t, t)`` estimates the clean latents x_0 at time t in (0, 1];
        ``schedule(t)`` gives (alpha, sigma) with x_t = alpha x_0 + sigma eps.
        """
        ...


class Vocoder(Protocol):
    """Turns a log-mel spectrogram into sound.

    One that may hear another mel than muze's has ``mel: MelSettings`` in its ``Config``. One that
    is a torch network may have it as ``network`` once it is loaded, (B, num_mels, T) to
    (B, T * hop_length), so that others can be trained through it.
    """

    name: ClassVar[str]
    api: ClassVar[int]
    Config: ClassVar[type[Settings]]

    def __init__(self, config: Any) -> None: ...

    def load(self, weights: Any) -> None:
        """Take the safetensors file of this vocoder's weights, or None where it has none."""
        ...

    def render(self, log_mel: NDArray[np.float32]) -> NDArray[np.float32]:
        """(num_mels, T) natural-log mel magnitudes to (T * hop_length,) samples."""
        ...


class VoiceBackend(Protocol):
    """Speaks words. What it may have besides is told in ``muze.core.voices``."""

    name: ClassVar[str]
    api: ClassVar[int]
    Config: ClassVar[type[Settings]]

    def __init__(self, config: Any) -> None: ...

    def voices(self) -> list[str]:
        """Return the names of the voices there are."""
        ...

    def languages(self, voice: str) -> list[str]:
        """Return the languages a voice speaks, ``en`` or ``pt-br``."""
        ...

    def speak(self, text: str, voice: str, language: str) -> Audio:
        """Return ``text`` spoken by ``voice``; a ``PluginError`` for what it has not.

        See ``muze.core.voices.check_asked``.
        """
        ...


class Separator(Protocol):
    """Takes a mix apart."""

    name: ClassVar[str]
    api: ClassVar[int]
    Config: ClassVar[type[Settings]]

    def __init__(self, config: Any) -> None: ...

    def separate(self, audio: Audio) -> dict[str, Audio]:
        """Return stems by name; they share the mix's length and rate."""
        ...


def about(component: Separator | VoiceBackend) -> str:
    """Return what takes a mix apart or speaks, as records tell it; its name, if it does not say.

    One that can say has ``about``, a line such as ``Demucs htdemucs (demucs 4.1.0)``.
    """
    told: str = getattr(component, "about", component.name)
    return told


def check_installed(component: Separator | VoiceBackend) -> None:
    """Let a component say, before there is work, that its library or weights are not there.

    One that has ``check()`` raises a ``NotInstalledError`` from it, and loads no network for it.
    """
    check = getattr(component, "check", None)
    if check is not None:
        check()


def licence(component: Any) -> str:  # Any: a class of any kind
    """Return under what licence the weights or the program of a component are; may be empty.

    One whose licence is not the plugin's own declares ``licence: ClassVar[str]``, a line.
    """
    told: str = getattr(component, "licence", "")
    return told
