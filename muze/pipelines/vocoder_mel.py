"""Whether a vocoder hears the mel that a model's autoencoder makes; read without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from muze.core.errors import CheckpointError, first_fault
from muze.core.mel import MelSettings, mel_fault
from muze.core.protocols import Vocoder
from muze.model.header import whole_header


def model_mel(folder: Path) -> MelSettings | None:
    """Return the mel that a model folder's autoencoder makes; None where it has no autoencoder."""
    about = whole_header(folder).get("parts", {}).get("autoencoder")
    return None if about is None else _mel(about["settings"], f"{folder}: its autoencoder")


def heard_mel(vocoder: Vocoder) -> MelSettings:
    """Return the mel a vocoder hears: what its settings say, or muze's own."""
    config = getattr(vocoder, "config", None)
    return getattr(config, "mel", MelSettings())


def hearing(
    cls: type[Vocoder], settings: Mapping[str, Any], made: MelSettings | None
) -> dict[str, Any]:  # Any: JSON of the vocoder's Config
    """Return a vocoder's settings, its ``mel`` the one that is made where nothing else is said.

    Raises:
        CheckpointError: it hears another mel than is made; both are told.
    """
    if made is None:
        return dict(settings)
    if "mel" in cls.Config.model_fields and "mel" not in settings:
        return {**settings, "mel": made.model_dump()}
    check_mels(made, _mel(settings, f"vocoder {cls.name}"))
    return dict(settings)


def check_parts(folder: Path, parts: Mapping[str, Any]) -> None:  # Any: JSON of a header
    """Check that the vocoder among a model's ``parts`` hears what the autoencoder makes.

    Raises:
        CheckpointError: it hears another mel; both are told.
    """
    if "autoencoder" in parts and "vocoder" in parts:
        made, heard = (
            _mel(parts[name]["settings"], f"{folder}: its {name}")
            for name in ("autoencoder", "vocoder")
        )
        check_mels(made, heard, f"{folder}: ")


def check_mels(made: MelSettings, heard: MelSettings, where: str = "") -> None:
    """Raise ``CheckpointError`` where a vocoder hears another mel than is made; tell both."""
    if (fault := mel_fault(made, heard)) is not None:
        raise CheckpointError(where + fault)


def _mel(settings: Mapping[str, Any], whose: str) -> MelSettings:
    """Settings that tell of no mel are of networks that know only muze's own."""
    try:
        return MelSettings.model_validate(settings.get("mel", {}))
    except ValidationError as fault:
        raise CheckpointError(f"{whose} has a wrong mel: {first_fault(fault)}") from None
