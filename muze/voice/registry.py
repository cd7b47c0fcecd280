"""The voices a person has registered: each a folder with its recordings and the consent."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from muze.audio.io import write_together, write_whole
from muze.core.errors import VoiceError, did_you_mean, first_fault
from muze.core.files import sha256
from muze.core.grid import Array
from muze.core.settings import Settings
from muze.voice.consent import Consent, read_consent

FOLDER = "MUZE_VOICES"
"""Environment variable: the folder of registered voices, where it is not the usual one."""
CARD, CONSENT, EMBEDDING = "voice.json", "consent.yaml", "embedding.safetensors"
LONGEST_NAME = 60
JOINERS = "\u200c\u200d"
"""Marks without a width, without which words of some scripts cannot be written."""
RESERVED = {"con", "prn", "aux", "nul", *(f"{p}{n}" for p in ("com", "lpt") for n in range(10))}
"""What Windows does not let a file be called."""


class Card(Settings):
    """What ``voice.json`` holds."""

    muze_voice: Literal[1] = 1
    name: str
    added: date
    references: dict[str, str] = Field(
        min_length=1, description="SHA-256 of each recording, by its name in the folder."
    )
    quality: dict[str, Any] = Field(  # Any: JSON
        default_factory=dict, description="What was found of the recordings when it was added."
    )
    clones: dict[str, str] = Field(
        default_factory=dict, description="The voice that a service keeps, by backend."
    )


@dataclass(frozen=True)
class RegisteredVoice:
    """A voice that was registered: where it lies, and what is known of it."""

    folder: Path
    card: Card = field(compare=False)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.card.name

    @property
    def references(self) -> list[Path]:
        """Its recordings."""
        return [self.folder / name for name in self.card.references]

    def consent(self, today: date | None = None) -> Consent:
        """Return the consent, checked against the recordings that lie here.

        Raises:
            VoiceError: a recording is gone.
            ManifestError: one line per fault of the record.
        """
        for path in self.references:
            if not path.is_file():
                raise VoiceError(f"voice {self.name!r}: its recording {path} is gone")
        return read_consent(self.folder / CONSENT, self.references, today)

    def embedding(self) -> Array | None:
        """Return the embedding (256,) by Resemblyzer; None where none was made.

        Raises:
            VoiceError: its file is damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = self.folder / EMBEDDING
        if not path.is_file():
            return None
        try:
            found: Array = load_file(path)["resemblyzer"]
            return found
        except (SafetensorError, KeyError) as fault:
            raise VoiceError(f"{path}: holds no embedding ({fault})") from None


def voices_folder() -> Path:
    """Return the folder of registered voices: as ``MUZE_VOICES`` says, else the user's own."""
    if told := os.environ.get(FOLDER, "").strip():
        return Path(told).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("muze", appauthor=False) / "voices"


def checked_name(name: str) -> str:
    """Return a voice's name as it is kept (NFC), which a file can have on every system.

    Raises:
        VoiceError: it holds more than letters, digits, spaces, ``-``, ``_``, ``.`` and ``'``.
    """
    name = unicodedata.normalize("NFC", name).strip()
    if not name:
        raise VoiceError("a voice needs a name")
    for index, letter in enumerate(name):
        joins = letter in JOINERS and 0 < index < len(name) - 1
        if unicodedata.category(letter)[0] not in "LMN" and letter not in " -_.'" and not joins:
            raise VoiceError(
                f"voice {name!r}: {letter!r} may not be in a name; take letters and digits of any "
                "script, spaces, and - _ . '"
            )
    if unicodedata.category(name[0])[0] not in "LN" or name[-1] == ".":
        raise VoiceError(
            f"voice {name!r}: a name begins with a letter or digit, and ends in no dot"
        )
    if len(name) > LONGEST_NAME or len(name.encode()) > 4 * LONGEST_NAME - 40:
        raise VoiceError(f"voice {name[:20]!r}...: a name has {LONGEST_NAME} letters at most")
    if name.partition(".")[0].strip().lower() in RESERVED:
        raise VoiceError(f"voice {name!r}: no file may be called so on Windows")
    return name


class VoiceRegistry:
    """The registered voices of a folder, which need not be there while there are none."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = voices_folder() if folder is None else folder

    def names(self) -> list[str]:
        """Return the names of the voices there are."""
        if not self.folder.is_dir():
            return []
        found = [path.name for path in self.folder.iterdir() if (path / CARD).is_file()]
        return sorted(unicodedata.normalize("NFC", n) for n in found if not n.startswith("."))

    def has(self, name: str) -> bool:
        """Whether a voice of this name is registered, whatever may be wrong with it."""
        return self._known(name) is not None

    def find(self, name: str) -> RegisteredVoice:
        """Return a registered voice.

        Raises:
            VoiceError: there is none of this name, or its ``voice.json`` is damaged.
        """
        known = self._known(name)
        if known is None:
            names = self.names()
            few = f"; there are {', '.join(names)}" if names else "; there is none yet"
            raise VoiceError(
                f"no voice {name!r} is registered{did_you_mean(name, names) or few}; "
                "`muze voices add` registers one"
            )
        path = self.folder / known / CARD
        try:
            card = Card.model_validate_json(path.read_bytes())
        except ValidationError as fault:
            raise VoiceError(f"{path}: is damaged ({first_fault(fault)})") from None
        for reference in card.references:
            if Path(reference).name != reference or reference in ("", ".", ".."):
                raise VoiceError(f"{path}: names a recording outside its folder, {reference!r}")
        return RegisteredVoice(self.folder / known, card)

    def check_free(self, name: str) -> str:
        """Return the name as it is kept; ``VoiceError`` where a voice has it, or it is no name."""
        name = checked_name(name)
        if (known := self._known(name)) is not None:
            raise VoiceError(
                f"a voice {known!r} is registered already; `muze voices remove` takes it out, or "
                "give this one another name"
            )
        return name

    def add(
        self,
        name: str,
        references: Sequence[Path],
        consent: Consent,
        quality: Mapping[str, Any] | None = None,  # Any: JSON
        embedding: Array | None = None,
    ) -> RegisteredVoice:
        """Return a voice that is registered now: its recordings are copied into its own folder.

        All of it is there, or nothing.

        Raises:
            VoiceError: the name is none, or taken.
        """
        name = self.check_free(name)
        width = len(str(len(references)))
        kept = {
            f"reference-{index:0{width}}{path.suffix.lower()}": path
            for index, path in enumerate(references, 1)
        }
        card = Card(
            name=name,
            added=date.today(),
            references={own: sha256(path) for own, path in kept.items()},
            quality=dict(quality or {}),
        )
        files = {own: path.read_bytes() for own, path in kept.items()}
        files[CONSENT] = consent.to_yaml().encode()
        if embedding is not None:
            from safetensors.numpy import save

            files[EMBEDDING] = save({"resemblyzer": embedding})
        files[CARD] = _json(card)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = self.folder / f".{name}.{os.getpid()}.part"
        part.mkdir(mode=0o700)
        try:
            write_together({part / own: data for own, data in files.items()})
            part.rename(self.folder / name)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return RegisteredVoice(self.folder / name, card)

    def note_clone(self, voice: RegisteredVoice, backend: str, made: str | None) -> RegisteredVoice:
        """Note which voice of it a service keeps, or with None that it keeps none any more."""
        clones = {name: told for name, told in voice.card.clones.items() if name != backend}
        if made is not None:
            clones[backend] = made
        card = voice.card.model_copy(update={"clones": clones})
        write_whole(voice.folder / CARD, _json(card))
        return RegisteredVoice(voice.folder, card)

    def remove(self, voice: RegisteredVoice) -> list[Path]:
        """Return the files that were removed: all that lay in the voice's folder.

        Raises:
            VoiceError: the folder is a link to another place.
        """
        if voice.folder.is_symlink():
            raise VoiceError(f"{voice.folder}: is a link; nothing was removed")
        files = sorted(path for path in voice.folder.rglob("*") if not path.is_dir())
        shutil.rmtree(voice.folder)
        return files

    def _known(self, name: str) -> str | None:
        """Return how a name is written here; systems tell names apart by their letters' size."""
        wanted = unicodedata.normalize("NFC", name).strip().casefold()
        return next((known for known in self.names() if known.casefold() == wanted), None)


def _json(card: Card) -> bytes:
    return (card.model_dump_json(indent=2) + "\n").encode()
