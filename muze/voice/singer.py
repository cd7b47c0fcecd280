"""Who sings: a backend and one of its voices, a registered one, or a clone; with its consent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from muze.core.errors import ManifestError, MuzeError, VoiceError, did_you_mean
from muze.core.grid import Audio
from muze.core.protocols import VoiceBackend, check_installed, licence
from muze.core.registry import Registry
from muze.core.voices import clones, keeps_clones
from muze.manifest import Faults
from muze.manifest.faults import Keys, Source
from muze.manifest.song import Voice
from muze.report import Report
from muze.voice.consent import Consent, all_lines, read_consent
from muze.voice.quality import reference_quality
from muze.voice.reference import read_reference, sample_files
from muze.voice.registry import RegisteredVoice, VoiceRegistry

CLONES_UNASKED = "xtts"
"""The backend of a voice to be cloned, where the song names none."""
ENGLISH = "en"
"""The language of words, where the song names none and it is spoken."""
MANY = 12
"""Voices that a fault names; of more it tells how they are listed."""

Tell = Callable[[Keys, str], None]


@dataclass(frozen=True)
class Singer:
    """Who sings. Of a clone, ``voice`` can speak only while it is ``on_stage``."""

    backend: VoiceBackend
    voice: str
    language: str
    consent: Consent | None = None
    """Of whoever was cloned; None for a voice of the backend's own."""
    references: tuple[Path, ...] = ()
    """Recordings of whoever is cloned."""
    registered: RegisteredVoice | None = None
    clean: Callable[[Audio], Audio] | None = field(default=None, repr=False, compare=False)
    """What takes the voice out of the recordings first."""
    registry: Registry | None = field(default=None, repr=False, compare=False)
    """Where listeners to the recordings are found."""

    @property
    def cloned(self) -> bool:
        """Whether it is somebody's voice, cloned with consent."""
        return self.consent is not None

    @property
    def reference(self) -> Path | None:
        """The first recording of whoever is cloned."""
        return self.references[0] if self.references else None


def find_singer(
    voice: Voice,
    folder: Path,
    registry: Registry,
    voices: VoiceRegistry | None = None,
    today: date | None = None,
) -> Singer:
    """Return who sings; nothing is synthesised, no network is loaded and nothing is cloned yet.

    ``folder`` is that of the song, from which its files are named.

    Raises:
        ManifestError: one line per fault: there is no such backend, voice or language, or the
            consent is missing, ran out, or is for another recording.
    """
    faults = Faults(Source("song", folder))
    singer = look_for_singer(voice, folder, registry, faults.add, voices, today)
    faults.raise_any()
    assert singer is not None  # or there were faults
    return singer


def look_for_singer(
    voice: Voice,
    folder: Path,
    registry: Registry,
    tell: Tell,
    voices: VoiceRegistry | None = None,
    today: date | None = None,
) -> Singer | None:
    """Return who sings as ``find_singer`` does; None where ``tell`` was called with faults."""
    voices = voices or VoiceRegistry()
    if voice.voice is not None and voice.clone is not None:
        tell(("voice", "clone"), "a voice is named beside it; leave voice or clone out")
        return None
    backend = _backend(voice, registry, tell, clone=voice.clone is not None)
    own = None if backend is None else _own_voices(backend, registry, tell)
    # consent is looked at whatever else is wrong, so that all of it is told at once
    if voice.clone is not None:
        held = _consented_clone(voice, folder, tell, today)
        if backend is None or own is None or held is None:
            return None
        if not _can_clone(backend, ("voice", "clone"), registry, tell):
            return None
        name = f"clone of {held[1][0].stem}"
        return _with_language(Singer(backend, name, "", *held), own, voice, registry, tell)
    registered = _registered(voice.voice, backend, own, voices, tell)
    if registered is not None:
        held = _consented(registered, tell, today)
        if backend is None or own is None or held is None:
            return None
        if not _can_clone(backend, ("voice", "voice"), registry, tell):
            return None
        if registered.name in own and backend.name not in registered.card.clones:
            what = f"a voice of {backend.name} and a registered voice"
            tell(("voice", "voice"), f"{registered.name!r} is {what}; add it under another name")
            return None
        singer = Singer(backend, registered.name, "", *held, registered)
        return _with_language(singer, own, voice, registry, tell)
    if backend is None or own is None:
        return None
    if voice.voice is None:
        return _with_language(Singer(backend, "", ""), own, voice, registry, tell)
    if voice.voice not in own:
        tell(("voice", "voice"), _no_such_voice(voice.voice, backend.name, own, voices))
        return None
    return _with_language(Singer(backend, voice.voice, ""), own, voice, registry, tell)


@contextmanager
def on_stage(
    singer: Singer, report: Report, voices: VoiceRegistry | None = None
) -> Iterator[Singer]:
    """Let the singer's voice be there: a clone is made first, and forgotten afterwards.

    A registered voice that a service keeps is made there once and stays until it is removed.

    Raises:
        MuzeError: the recording cannot be read, or the backend cannot clone it.
    """
    backend, name = singer.backend, singer.backend.name
    if terms := licence(backend):
        report.note(f"voice backend {name}: {terms}")
    if not singer.cloned:
        yield singer
        return
    registered, voices = singer.registered, voices or VoiceRegistry()
    stays = registered is not None and keeps_clones(backend)
    if stays and registered is not None and (kept := registered.card.clones.get(name)):
        known = backend.voices()
        if kept in known or registered.name in known:
            yield replace(singer, voice=kept)
            return
    reference = read_reference(singer.references)
    if singer.clean is not None:
        reference = singer.clean(reference)
    if registered is None and singer.registry is not None:  # else it was told when it was added
        _listen(reference, singer, report)
    advance = report.task(f"cloning with {name}", 1)
    made: str = backend.clone(reference, singer.voice)  # type: ignore[attr-defined]
    try:
        if stays and registered is not None:
            voices.note_clone(registered, name, made)
            report.note(f"{name} keeps this voice until `muze voices remove {registered.name}`")
        advance()
        yield replace(singer, voice=made)
    finally:
        if not stays:
            backend.forget(made)  # type: ignore[attr-defined]


def _listen(reference: Audio, singer: Singer, report: Report) -> None:
    """Tell what is wrong with a recording; ``VoiceError`` where no voice can be made of it."""
    assert singer.registry is not None
    quality = reference_quality(reference, singer.registry)
    if quality.errors:
        raise VoiceError(f"{singer.reference}: {'; '.join(quality.errors)}")
    for told in quality.warnings:
        report.note(f"{singer.reference}: the recording {told}")


def cloning_backends(registry: Registry) -> list[str]:
    """Return the names of the backends installed that can clone a voice."""
    return [name for name in registry.names("voice") if clones(registry.get("voice", name))]


def _backend(voice: Voice, registry: Registry, tell: Tell, clone: bool) -> VoiceBackend | None:
    """Return the backend that is named, or of a voice to be cloned the usual one."""
    keys: Keys = ("voice", "backend")
    if voice.backend is None:
        if not clone and voice.voice is None:
            tell(keys, "is required and not given; `muze voices list` lists who there is")
            return None
        keys = ("voice", "clone" if clone else "voice")
    name = voice.backend or CLONES_UNASKED
    try:
        cls = registry.get("voice", name)
        with registry.blame(name, "start"):
            backend: VoiceBackend = cls(cls.Config())
            check_installed(backend)
    except MuzeError as fault:
        unasked = f"no backend is named, so {name} would speak, and " * (voice.backend is None)
        others = did_you_mean(name, registry.names("voice")) if voice.backend else ""
        told = str(fault)
        tell(keys, unasked + told + ("" if "did you mean" in told else others))
        return None
    return backend


def _own_voices(backend: VoiceBackend, registry: Registry, tell: Tell) -> list[str] | None:
    try:
        with registry.blame(backend.name, "list its voices"):
            return list(backend.voices())
    except MuzeError as fault:
        tell(("voice", "backend"), str(fault))
        return None


def _registered(
    name: str | None,
    backend: VoiceBackend | None,
    own: list[str] | None,
    voices: VoiceRegistry,
    tell: Tell,
) -> RegisteredVoice | None:
    """Return the registered voice that is meant; a service knows its clones by ids as well."""
    if name is None:
        return None
    try:
        if backend is not None and keeps_clones(backend):
            # whoever gives the id of a clone still needs its consent
            for known in voices.names():
                if (found := voices.find(known)).card.clones.get(backend.name) == name:
                    return found
        if not voices.has(name):
            return None
        if backend is not None and not clones(backend) and own is not None and name in own:
            return None
        return voices.find(name)
    except MuzeError as fault:
        tell(("voice", "voice"), str(fault))
        return None


def _consented(
    registered: RegisteredVoice, tell: Tell, today: date | None
) -> tuple[Consent, tuple[Path, ...]] | None:
    try:
        return registered.consent(today), tuple(registered.references)
    except MuzeError as fault:
        tell(("voice", "voice"), all_lines(fault))
        return None


def _consented_clone(
    voice: Voice, folder: Path, tell: Tell, today: date | None
) -> tuple[Consent, tuple[Path, ...]] | None:
    assert voice.clone is not None
    references: list[Path] = []
    try:
        references = sample_files(folder / voice.clone.samples)
    except MuzeError as fault:
        tell(("voice", "clone", "samples"), str(fault))
    try:
        consent = read_consent(folder / voice.clone.consent, references, today)
    except ManifestError as fault:
        tell(("voice", "clone", "consent"), all_lines(fault))
        return None
    return (consent, tuple(references)) if references else None


def _can_clone(backend: VoiceBackend, keys: Keys, registry: Registry, tell: Tell) -> bool:
    if clones(backend):
        return True
    able = [name for name in cloning_backends(registry) if name != backend.name]
    those = f"; {' and '.join(able)} can" if able else "; no backend that can is installed"
    tell(keys, f"{backend.name} cannot clone a voice, as this needs{those}")
    return False


def _no_such_voice(name: str, backend: str, own: list[str], voices: VoiceRegistry) -> str:
    known = [*own, *voices.names()]
    few = (
        f"; it has {', '.join(own)}"
        if len(own) <= MANY
        else f"; `muze voices list --backend {backend}` lists its {len(own)}"
    )
    return (
        f"voice backend {backend} has no voice {name!r}, and none is registered"
        f"{did_you_mean(name, known) or few}"
    )


def _with_language(
    singer: Singer, own: list[str], voice: Voice, registry: Registry, tell: Tell
) -> Singer | None:
    """Return the singer with the language, and where no voice is named the first that speaks it."""
    backend, language = singer.backend, voice.language
    keys: Keys = ("voice", "language")
    try:
        with registry.blame(backend.name, "tell its languages"):
            names = [singer.voice] if singer.voice else own
            spoken = {name: list(backend.languages(name)) for name in names}
    except MuzeError as fault:
        tell(("voice", "voice" if singer.voice else "backend"), str(fault))
        return None
    every = list(dict.fromkeys(code for codes in spoken.values() for code in codes))
    if language is None:
        if ENGLISH not in every and len(every) != 1:
            who = f"voice {singer.voice!r}" if singer.voice else f"backend {backend.name}"
            tell(keys, f"is required: {who} speaks {', '.join(every) or 'nothing'}")
            return None
        language = ENGLISH if ENGLISH in every else every[0]
    elif language not in every:
        who = f"voice {singer.voice!r} of {backend.name}" if singer.voice else backend.name
        near = did_you_mean(language, every) if len(language) > 2 else ""  # codes are all alike
        hint = near or f"; it speaks {', '.join(every)}"
        tell(keys, f"{who} does not speak {language!r}{hint}")
        return None
    first = next(name for name, codes in spoken.items() if language in codes)
    return replace(singer, voice=first, language=language, registry=registry)
