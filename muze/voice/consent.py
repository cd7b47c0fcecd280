"""A speaker's consent: who gave it, for what, until when, and for which recordings."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError

from muze.core.errors import MuzeError
from muze.core.files import sha256
from muze.core.settings import Settings
from muze.manifest import Faults
from muze.manifest.yaml_lines import read_yaml

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
HASH = re.compile(r"[0-9a-f]{64}")


def _day(told: Any) -> Any:  # whatever YAML holds
    if isinstance(told, date):
        return told
    if not isinstance(told, str) or not DAY.fullmatch(told):
        raise ValueError(f"must be a day such as 2026-03-31, not {str(told)[:40]!r}")
    try:
        return date.fromisoformat(told)
    except ValueError:
        raise ValueError(f"{told} is no day of the calendar") from None


def _hash(told: str) -> str:
    if not HASH.fullmatch(told.lower()):
        raise ValueError(f"must be a SHA-256, 64 digits and letters a to f, not {told[:40]!r}")
    return told.lower()


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Day = Annotated[date, BeforeValidator(_day)]
Hash = Annotated[str, AfterValidator(_hash)]


class Consent(Settings):
    """That a voice may be cloned; everything must be said."""

    muze_consent: Literal[1] = Field(1, description="Version of this format: 1.")
    speaker: Text = Field(description="Whose voice it is.")
    granted_by: Text = Field(description="Who consents: the speaker, or who may for them.")
    purpose: Text = Field(description="What the voice may be used for.")
    granted_on: Day = Field(description="The day from which it holds.")
    valid_until: Day = Field(description="The last day on which it holds.")
    reference_sha256: Hash | Annotated[list[Hash], Field(min_length=1)] = Field(
        description="SHA-256 of the recording, or of each of several."
    )

    @property
    def id(self) -> str:
        """What a render tells of it: a hash of the whole record, from which no name is read."""
        told = self.model_dump(mode="json")
        told["reference_sha256"] = sorted(self.hashes)
        text = json.dumps(told, sort_keys=True, ensure_ascii=False)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    @property
    def hashes(self) -> list[str]:
        """The SHA-256 of each recording it is given for."""
        told = self.reference_sha256
        return [told] if isinstance(told, str) else list(told)

    def to_yaml(self) -> str:
        """Return the record as the text of a consent file."""
        lines = []
        for key, told in self.model_dump(mode="json").items():
            if isinstance(told, str):  # in quotes, as 0E0 is a number to some readers of YAML
                told = yaml.safe_dump(told, default_style='"', allow_unicode=True, width=10**6)
            lines.append(f"{key}: {str(told).strip()}")
        return "\n".join(lines) + "\n"


def read_consent(path: Path, references: list[Path], today: date | None = None) -> Consent:
    """Return the consent in a YAML file, which holds today and for every one of the recordings.

    Raises:
        ManifestError: one line per fault, ``consent.yaml:5: valid_until: ran out on 2025-01-01``.
    """
    data, faults = read_yaml(path)
    consent = None
    if isinstance(data, dict):
        try:
            consent = Consent.model_validate(data)
        except ValidationError as fault:
            faults.add_invalid(fault, Consent, data)
            data = _without(data, faults)
    else:
        faults.add((), "must be a mapping with speaker, granted_by, purpose, ...")
        data = {}
    hashes = {reference: sha256(reference) for reference in references}
    _check(data, hashes, today or date.today(), faults)
    faults.raise_any()
    assert consent is not None  # or there were faults
    return consent


def asked_consent(told: Mapping[str, str], references: list[Path]) -> Consent:
    """Return the consent that a person told, key by key, for these recordings; it holds today.

    Raises:
        ManifestError: one line per fault, ``consent: valid_until: ...``.
    """
    from muze.manifest.faults import Source

    hashes = {reference: sha256(reference) for reference in references}
    found = list(hashes.values())
    data = {**told, "reference_sha256": found[0] if len(found) == 1 else found}
    faults = Faults(Source("consent", Path()))
    consent = None
    try:
        consent = Consent.model_validate(data)
    except ValidationError as fault:
        faults.add_invalid(fault, Consent, data)
        data = _without(data, faults)
    _check(data, hashes, date.today(), faults)
    faults.raise_any()
    assert consent is not None
    return consent


def all_lines(fault: MuzeError) -> str:
    """Return what is told in several lines as one, for the place of a song that names the file."""
    return "; ".join(str(fault).splitlines())


def _without(data: dict[str, Any], faults: Faults) -> dict[str, Any]:
    """Return what of a record is right by itself, so that it is looked at as well."""
    return {key: value for key, value in data.items() if not faults.under((key,))}


def _check(data: dict[str, Any], hashes: dict[Path, str], today: date, faults: Faults) -> None:
    """Note why a record, of whose keys some may be missing, does not hold for the recordings."""
    days = {key: _day(data[key]) for key in ("granted_on", "valid_until") if key in data}
    granted, until = days.get("granted_on"), days.get("valid_until")
    if granted is not None and granted > today:
        faults.add(("granted_on",), f"{granted} is still to come; today is {today}")
    if until is not None and until < today:
        faults.add(("valid_until",), f"the consent ran out on {until}; today is {today}")
    elif granted is not None and until is not None and until < granted:
        faults.add(("valid_until",), f"{until} is before {granted}, when it was granted")
    told = data.get("reference_sha256")
    if told is None:
        return
    known = [str(one).lower() for one in (told if isinstance(told, list) else [told])]
    other = [f"{path.name} has {found}" for path, found in hashes.items() if found not in known]
    if other:
        faults.add(
            ("reference_sha256",),
            f"the consent is for another recording: {', '.join(other)}; it was changed since, or "
            "is not the one consented to",
        )
