"""Voices are registered, with their recordings looked at, and taken out with all made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from muze.core.errors import MuzeError, VoiceError
from muze.core.protocols import VoiceBackend
from muze.core.registry import Registry
from muze.report import Report
from muze.voice.consent import Consent
from muze.voice.quality import Quality, reference_quality
from muze.voice.reference import read_reference, sample_files
from muze.voice.registry import RegisteredVoice, VoiceRegistry

Consented = Callable[[list[Path]], Consent]
"""Returns the consent for recordings, read or asked for."""


@dataclass(frozen=True)
class Removed:
    """What is gone: files, and voices that services kept, as ``backend: voice``."""

    files: tuple[Path, ...]
    clones: tuple[str, ...]
    left: tuple[str, ...] = ()
    """Voices that services still keep."""


def register_voice(
    name: str,
    paths: Sequence[Path],
    consented: Consented,
    registry: Registry,
    voices: VoiceRegistry,
    report: Report,
) -> tuple[RegisteredVoice, Quality]:
    """Return a voice that is registered now, and what was found of its recordings.

    ``paths`` are recordings, or folders of them. The name and the consent are looked at first.

    Raises:
        VoiceError: the name is none or taken, or the recordings are silent or too short.
        ManifestError: the consent does not hold, one line per fault.
    """
    name = voices.check_free(name)
    references = [file for path in paths for file in sample_files(path)]
    consent = consented(references)
    audio = read_reference(references)
    advance = report.task("listening to the recording", 1)
    quality = reference_quality(audio, registry)
    advance()
    if quality.errors:
        raise VoiceError(f"{references[0]}: {'; '.join(quality.errors)}")
    voice = voices.add(name, references, consent, quality.to_json(), quality.embedding)
    return voice, quality


def remove_voice(
    name: str, registry: Registry, voices: VoiceRegistry, local_only: bool = False
) -> Removed:
    """Return what was removed of a voice: what services keep of it first, then all its files.

    Raises:
        VoiceError: there is none, or a service could not be told; then its files are still there.
    """
    voice = voices.find(name)
    kept = dict(voice.card.clones)
    if local_only:
        left = tuple(f"{backend}: {made}" for backend, made in kept.items())
        return Removed(tuple(voices.remove(voice)), (), left)
    gone = []
    for backend, made in kept.items():
        try:
            cls = registry.get("voice", backend)
            with registry.blame(backend, "forget a voice"):
                opened: VoiceBackend = cls(cls.Config())
                opened.forget(made)  # type: ignore[attr-defined]
        except MuzeError as fault:
            raise VoiceError(
                f"{backend} still keeps voice {made} of {voice.name!r}, and its files are kept "
                f"too: {fault}; --local-only removes the files alone"
            ) from fault
        voice = voices.note_clone(voice, backend, None)
        gone.append(f"{backend}: {made}")
    return Removed(tuple(voices.remove(voice)), tuple(gone))
