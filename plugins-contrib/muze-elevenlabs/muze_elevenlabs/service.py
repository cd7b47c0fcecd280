"""The ElevenLabs API, asked by plain HTTP. The key goes into a header, and nowhere else."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from muze.analysis.phonemizers import NAMES
from muze.audio.io import encode_audio
from muze.core.errors import NotInstalledError, PluginError, did_you_mean
from muze.core.grid import Audio
from muze_elevenlabs.answers import (
    RATE,
    Answer,
    Made,
    Offered,
    Page,
    Said,
    Speech,
    checked,
    read_json,
    speech,
)

if TYPE_CHECKING:
    import httpx

KEY = "ELEVENLABS_API_KEY"
FORMAT = f"pcm_{RATE}"
"""Sound of 16 bits, at the highest rate that any account may have."""
PAGE = 100
LONGEST = 5000
"""Letters at once of a model that does not tell."""
WITHOUT_LANGUAGE = "multilingual_v2"
"""Models that hear the language in the words, and refuse to be told it."""
BUSY = 429
FIRST_WAIT, TRIES = 1.0, 8
"""Seconds waited first where a busy service does not say how long, and how often it is asked."""


@dataclass(frozen=True)
class Model:
    """A model that speaks: the service's codes of its languages by muze's, and its limit."""

    name: str
    languages: dict[str, str]
    longest: int


def read_key() -> str:
    """Return the key.

    Raises:
        NotInstalledError: there is none.
    """
    key = os.environ.get(KEY, "").strip()
    if not key:
        raise NotInstalledError(f"voice backend elevenlabs needs a key of the service, in {KEY}")
    return key


class Service:
    """An account of ElevenLabs; it waits where the service is busy, ``patience`` seconds in all."""

    def __init__(self, url: str, timeout: float, patience: float) -> None:
        """Take the key; nothing is asked yet.

        Raises:
            NotInstalledError: there is no key.
        """
        self._url, self._timeout, self._patience = url, timeout, patience
        self._key = read_key()

    def voices(self) -> list[tuple[str, str]]:
        """Return the name and the id of each voice."""
        found: dict[str, str] = {}
        told: dict[str, Any] = {"page_size": PAGE}
        while True:
            page = self._read(Page, "GET", "/v2/voices", params=told)
            new = {voice.voice_id: voice.name or voice.voice_id for voice in page.voices}
            if page.has_more and new.keys() <= found.keys():
                raise PluginError("ElevenLabs lists the same voices again and again")
            found |= new
            if not page.has_more or page.next_page_token is None:
                return [(name, voice) for voice, name in found.items()]
            told["next_page_token"] = page.next_page_token

    def model(self, name: str) -> Model:
        """Return what the service tells of a model; ``PluginError`` where it has none such."""
        answer = self._ask("GET", "/v1/models")
        offered = [checked(Offered, each) for each in read_json(answer, list)]
        speaking = {each.model_id: each for each in offered if each.can_do_text_to_speech}
        if name not in speaking:
            hint = did_you_mean(name, speaking) or f"; it has {', '.join(speaking)}"
            raise PluginError(f"ElevenLabs has no model {name!r} that speaks{hint}")
        model = speaking[name]
        codes = [language.language_id for language in model.languages]
        languages = {NAMES.get(code, code): code for code in codes}
        return Model(name, languages, model.maximum_text_length_per_request or LONGEST)

    def speak(
        self,
        text: str,
        voice: str,
        model: Model,
        language: str,
        seed: int,
        stability: float | None,
    ) -> Speech:
        """Return a piece of text spoken by a voice of this id."""
        told: dict[str, Any] = {"text": text, "model_id": model.name, "seed": seed}
        if WITHOUT_LANGUAGE not in model.name:
            told["language_code"] = model.languages[language]
        if stability is not None:
            told["voice_settings"] = {"stability": stability}
        said = self._read(
            Said, "POST", f"/v1/text-to-speech/{quote(voice, safe='')}/with-timestamps",
            params={"output_format": FORMAT}, json=told,
        )  # fmt: skip
        return speech(said)

    def add(self, reference: Audio, name: str) -> str:
        """Return the id of a voice made of a recording that is sent to the service."""
        mono = Audio(reference.mono[None], reference.sample_rate)
        sound = bytes(encode_audio(Path("reference.wav"), mono))
        made = self._read(
            Made, "POST", "/v1/voices/add", data={"name": name},
            files={"files": ("reference.wav", sound, "audio/wav")},
        )  # fmt: skip
        if made.requires_verification:
            self.delete(made.voice_id)
            raise PluginError(
                "ElevenLabs asks the speaker to verify this voice, which is done on its site; the "
                "voice was deleted again"
            )
        return made.voice_id

    def delete(self, voice: str) -> None:
        """Delete a voice of this id from the account; one that is not there is no fault."""
        self._ask("DELETE", f"/v1/voices/{quote(voice, safe='')}", missing_is_fine=True)

    def _read(self, kind: type[Answer], method: str, path: str, **told: Any) -> Answer:
        return checked(kind, read_json(self._ask(method, path, **told), dict))

    def _ask(
        self, method: str, path: str, missing_is_fine: bool = False, **told: Any
    ) -> httpx.Response:
        """Return an answer that is none of the service's refusals.

        A busy service is asked again after as long as it says, within the patience there is.
        """
        waited = 0.0
        for again in range(TRIES):
            answer = self._send(method, path, **told)
            if answer.is_success or (missing_is_fine and answer.status_code == 404):
                return answer
            if answer.status_code != BUSY:
                break
            seconds = _retry_after(answer.headers.get("retry-after"), FIRST_WAIT * 2**again)
            if again == TRIES - 1 or waited + seconds > self._patience:
                break
            time.sleep(seconds)
            waited += seconds
        raise PluginError(self._told(answer))

    def _send(self, method: str, path: str, **told: Any) -> httpx.Response:
        import httpx

        try:
            return httpx.request(
                method, self._url + path, headers={"xi-api-key": self._key},
                timeout=self._timeout, **told,
            )  # fmt: skip
        except httpx.TimeoutException:
            raise PluginError(f"ElevenLabs did not answer in {self._timeout:g} s") from None
        except httpx.ConnectError as fault:
            raise PluginError(f"ElevenLabs cannot be reached ({fault})") from None
        except httpx.RemoteProtocolError:
            raise PluginError("ElevenLabs broke off in the middle of an answer") from None
        except (httpx.HTTPError, httpx.InvalidURL, ImportError, ValueError) as fault:
            # nothing of the fault is told, which may hold the key
            raise PluginError(f"ElevenLabs cannot be asked ({type(fault).__name__})") from None

    def _told(self, answer: httpx.Response) -> str:
        """Return what the service says is wrong, in a line and without the key."""
        try:
            detail = answer.json().get("detail", "")
        except (ValueError, AttributeError):
            detail = ""
        if isinstance(detail, list):  # of what it could not read
            detail = detail[0] if detail else ""
        if isinstance(detail, dict):
            detail = detail.get("message") or detail.get("msg") or detail.get("status") or ""
        reason = " ".join(str(detail).split())[:200].replace(self._key, "…")
        reason = f": {reason}" if reason else ""
        if answer.status_code == 401:
            return f"ElevenLabs does not accept what is in {KEY}{reason}"
        if answer.status_code == BUSY:
            wait = answer.headers.get("retry-after", "")
            wait = f"; it asks to wait {wait} s" if wait.isdigit() else ""
            return f"ElevenLabs is busy, or the account asks too much at once{reason}{wait}"
        return f"ElevenLabs refuses ({answer.status_code}){reason}"


def _retry_after(told: str | None, otherwise: float) -> float:
    """Return the seconds a service asks to wait; ``otherwise`` where it says a date or nothing."""
    try:
        return max(0.0, float(told or otherwise))
    except ValueError:
        return otherwise
