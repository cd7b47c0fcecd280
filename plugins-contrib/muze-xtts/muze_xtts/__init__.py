"""XTTS voices: those that come with the checkpoint, and any that a recording holds."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from muze import hookimpl
from muze.core.errors import PluginError
from muze.core.grid import Audio
from muze.core.settings import Settings
from muze.core.voices import check_asked

if TYPE_CHECKING:
    from muze_xtts.model import Likeness

SHORTEST = 1.0
"""Seconds of a reference below which it says too little of a voice."""


class XttsVoice:
    """Voices by XTTS (Casanova et al. 2024, arXiv:2406.04904), zero-shot, in 17 languages."""

    name: ClassVar[str] = "xtts"
    api: ClassVar[int] = 1
    clones: ClassVar[bool] = True
    licence: ClassVar[str] = (
        "XTTS v2's weights: Coqui Public Model License 1.0, non-commercial; coqui-tts: MPL-2.0"
    )

    class Config(Settings):
        """The checkpoint that speaks, and how."""

        folder: str | None = Field(
            None,
            min_length=1,
            description="Folder of the checkpoint; if not said, where `hf download` keeps it.",
        )
        device: str = Field("cpu", description="cpu, cuda or mps.")
        seed: int = Field(0, ge=0, description="Of what is drawn: another seed, another reading.")
        speed: float = Field(1.0, ge=0.5, le=2.0, description="How fast it speaks; 1 is natural.")
        temperature: float | None = Field(
            None, gt=0, le=2, description="How lively; if not said, as the checkpoint says."
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def about(self) -> str:
        """What speaks, as records tell it."""
        from importlib.metadata import version

        from muze_xtts.model import find_folder

        return f"XTTS {find_folder(self.config.folder).name} (coqui-tts {version('coqui-tts')})"

    def check(self) -> None:
        """Raise ``NotInstalledError`` where coqui-tts or the checkpoint are not there."""
        from muze_xtts.model import find_folder

        find_folder(self.config.folder)

    @cached_property
    def likenesses(self) -> dict[str, Likeness]:
        """What is known of each voice: the checkpoint's own, and those cloned here."""
        from muze_xtts.model import find_folder, read_speakers

        return read_speakers(find_folder(self.config.folder))

    def voices(self) -> list[str]:
        """Return the checkpoint's speakers, and the voices cloned here.

        Raises:
            NotInstalledError: coqui-tts or the checkpoint are not there; says how to get them.
            CheckpointError: the checkpoint is damaged, or more than weights.
        """
        return sorted(self.likenesses)

    def languages(self, voice: str) -> list[str]:  # noqa: ARG002
        """Return what the checkpoint was trained on; every voice speaks all of it."""
        from muze_xtts.model import find_folder, read_languages

        return list(read_languages(find_folder(self.config.folder)))

    def speak(self, text: str, voice: str, language: str) -> Audio:
        """Return ``text`` spoken, mono at the checkpoint's rate; the same each time on a CPU.

        Raises:
            PluginError: there is no such voice or language, or no words.
            NotInstalledError: coqui-tts, the checkpoint, or what reads the language is not there.
            CheckpointError: the checkpoint is damaged, or more than weights.
        """
        from muze_xtts.model import find_folder, load_xtts, speak

        check_asked(self, text, voice, language)
        config = self.config
        model = load_xtts(find_folder(config.folder), config.device)
        likeness = self.likenesses[voice]
        return speak(model, text, language, likeness, config.seed, config.speed, config.temperature)

    def clone(self, reference: Audio, name: str) -> str:
        """Return ``name``, a voice like the reference's from now on; nothing is written.

        Raises:
            PluginError: there is such a voice, or the reference is shorter than a second.
        """
        from muze_xtts.model import find_folder, listen, load_xtts

        if name in self.likenesses:
            raise PluginError(f"voice backend xtts has a voice {name!r}; give the new one another")
        if reference.duration < SHORTEST:
            raise PluginError(
                f"the reference lasts {reference.duration:.1f} s; xtts wants 6 s of a voice, and "
                f"{SHORTEST:g} s at least"
            )
        model = load_xtts(find_folder(self.config.folder), self.config.device)
        self.likenesses[name] = listen(model, reference)
        return name

    def forget(self, voice: str) -> None:
        """Forget what was heard in a reference."""
        self.likenesses.pop(voice, None)


@hookimpl
def muze_voices() -> list[type[XttsVoice]]:
    """Offer XTTS."""
    return [XttsVoice]
