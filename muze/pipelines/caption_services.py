"""Language models that put a track's captions into richer words, asked by plain HTTP."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import httpx

TEMPLATE = "muze template"
"""Who wrote captions that no language model did."""
DEFAULT_MODELS = {"openai": "gpt-4o-mini", "ollama": "llama3.2"}
OPENAI_URL, OLLAMA_URL = "https://api.openai.com/v1", "http://127.0.0.1:11434"
SHORTEST, LONGEST = 8, 600
"""Letters of a caption."""
TRIES, LONGEST_WAIT = 4, 60.0
"""How often a track is asked about, and for how many seconds at most before the next time."""
IN_A_ROW = 3
"""Tracks in a row without an answer, after which a service is not asked again."""
NUMBER = re.compile(r"\d+(?:\.\d+)?")
PROMPT = """\
These captions of one recording are all that is known of it:
{facts}
Write {count} captions of it for training a text-to-music model: one of a few words, one of a \
sentence, one of two or three sentences, and so on. Keep to what is said above: add no instrument, \
number, name, genre, mood or language, and leave out what you like. Answer with JSON alone: \
{{"captions": ["...", "..."]}}"""


@dataclass(frozen=True)
class Caption:
    """A track's captions, who wrote them, and what went wrong on the way."""

    texts: list[str]
    backend: str
    note: str = ""


class _Refusal(Exception):
    """A service gave no captions; ``final`` where asking about other tracks is no use."""

    def __init__(self, reason: str, final: bool = False, silent: bool = False) -> None:
        super().__init__(reason)
        self.final, self.silent = final, silent


class CaptionService:
    """A language model behind HTTP; what it refuses for good it is not asked again.

    ``openai`` takes its key from OPENAI_API_KEY and another address from OPENAI_BASE_URL,
    ``ollama`` its address from OLLAMA_HOST. ``wait`` sleeps a number of seconds.
    """

    def __init__(
        self,
        backend: Literal["openai", "ollama"],
        model: str | None = None,
        *,
        timeout: float = 60.0,
        wait: Callable[[float], object] = time.sleep,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self.backend = backend
        self.model = model or DEFAULT_MODELS[backend]
        self._wait, self._timeout = wait, timeout
        self._key = environment.get("OPENAI_API_KEY", "").strip() if backend == "openai" else ""
        if backend == "openai":
            self._url = (environment.get("OPENAI_BASE_URL") or OPENAI_URL).rstrip("/")
        else:
            self._url = _ollama_url(environment.get("OLLAMA_HOST", ""))
        self._client: httpx.Client | None = None
        self._given_up = ""
        self._unanswered = 0

    def enrich(self, captions: Sequence[str]) -> Caption:
        """Return as many captions in the model's words; where it fails, those given and a note."""
        try:
            if self._given_up:
                raise _Refusal(self._given_up)
            texts = self._usable(self._ask(captions), captions)
        except _Refusal as refusal:
            return self._kept(captions, refusal)
        self._unanswered = 0
        return Caption(texts, f"{self.backend} {self.model}")

    def _kept(self, captions: Sequence[str], refusal: _Refusal) -> Caption:
        reason = " ".join(str(refusal).split())
        if self._key:
            reason = reason.replace(self._key, "…")
        self._unanswered = self._unanswered + 1 if refusal.silent else 0
        if refusal.final or self._unanswered >= IN_A_ROW:
            self._given_up = reason
        return Caption(list(captions), TEMPLATE, f"captions stay the template's: {reason}")

    def _ask(self, captions: Sequence[str]) -> str:
        """Return the model's answer, asked again where the service says that this is of use."""
        if self.backend == "openai" and not self._key:
            raise _Refusal("OPENAI_API_KEY is not set", final=True)
        facts = "\n".join(f"- {text}" for text in captions)
        asked = [{"role": "user", "content": PROMPT.format(facts=facts, count=len(captions))}]
        for again in range(TRIES):
            answer = self._post(asked)
            busy = answer.status_code == 429 or answer.status_code >= 500
            if not busy or _code(answer) == "insufficient_quota":
                break
            seconds = _retry_after(answer.headers.get("Retry-After"), 2.0**again)
            if again == TRIES - 1 or seconds > LONGEST_WAIT:
                break
            self._wait(seconds)
        return self._content(answer)

    def _post(self, messages: list[dict[str, str]]) -> httpx.Response:
        try:
            import httpx
        except ModuleNotFoundError:
            install = f'--captions {self.backend} needs httpx: pip install "muze[captions]"'
            raise _Refusal(install, final=True) from None
        told: dict[str, Any] = {"model": self.model, "messages": messages}  # Any: JSON
        headers = {}
        if self.backend == "openai":
            path = "/chat/completions"
            told["response_format"] = {"type": "json_object"}
            headers["Authorization"] = f"Bearer {self._key}"
        else:
            path = "/api/chat"
            told |= {"stream": False, "format": "json"}
        try:
            if self._client is None:
                self._client = httpx.Client(timeout=self._timeout)
            return self._client.post(self._url + path, json=told, headers=headers)
        except httpx.TimeoutException:
            reason = f"{self._name} did not answer in {self._timeout:g} s"
            raise _Refusal(reason, silent=True) from None
        except httpx.ConnectError as fault:
            raise _Refusal(f"{self._name} cannot be reached ({fault})", silent=True) from None
        except ImportError as fault:
            raise _Refusal(f"the proxy cannot be used ({fault})", final=True) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, ValueError):
            # nothing of the fault is told, which may hold the key
            reason = f"{self._name} cannot be asked: its address or its key is written wrong"
            raise _Refusal(reason, final=True) from None
        except httpx.HTTPError as fault:
            reason = f"{self._name} broke off ({type(fault).__name__})"
            raise _Refusal(reason, silent=True) from None

    @property
    def _name(self) -> str:
        """The service and where it is, without what an address may tell of a user."""
        return f"{self.backend} at {self._url.partition('//')[2].rpartition('@')[2]}"

    def _content(self, answer: httpx.Response) -> str:
        """Return what the model wrote."""
        status = answer.status_code
        if status in (401, 403):
            raise _Refusal(f"{self._name} refuses the key (status {status})", final=True)
        if _code(answer) == "insufficient_quota":
            raise _Refusal(f"{self._name} says that the account is used up", final=True)
        if status == 404:
            hint = f"; ollama pull {self.model}" if self.backend == "ollama" else ""
            raise _Refusal(f"{self._name} knows no model {self.model!r}{hint}", final=True)
        if status == 429:
            raise _Refusal(f"{self._name} is asked too often (status 429)", silent=True)
        if status != 200:
            raise _Refusal(f"{self._name} fails (status {status})", silent=status >= 500)
        try:
            told = answer.json()
            message = told["choices"][0]["message"] if self.backend == "openai" else told["message"]
            return str(message["content"])
        except (ValueError, LookupError, TypeError, RecursionError):
            raise _Refusal(f"{self._name} answers with something else than a message") from None

    def _usable(self, content: str, captions: Sequence[str]) -> list[str]:
        """Return the captions in an answer that can be used; those with other numbers cannot."""
        try:
            told = json.loads(content)
            texts = told["captions"]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise _Refusal(f"{self._name} answers with no JSON of captions") from None
        known = set(NUMBER.findall(" ".join(captions)))
        good = []
        for text in texts if isinstance(texts, list) else []:
            plain = " ".join(text.split()) if isinstance(text, str) else ""
            if SHORTEST <= len(plain) <= LONGEST and set(NUMBER.findall(plain)) <= known:
                good.append(plain)
        good = list(dict.fromkeys(good))[: len(captions)]
        if not good:
            raise _Refusal(f"{self._name} answers with no caption that says only what is known")
        return good


def _ollama_url(host: str) -> str:
    """Return the address in OLLAMA_HOST, which may lack ``http://`` and the port."""
    if not host.strip():
        return OLLAMA_URL
    scheme, _, rest = host.strip().rstrip("/").rpartition("://")
    server, slash, path = rest.partition("/")
    if not scheme and not re.search(r":\d+$", server):
        server += ":11434"
    return f"{scheme or 'http'}://{server}{slash}{path}"


def _code(answer: httpx.Response) -> str:
    """Return the code of an OpenAI error, or nothing."""
    if answer.status_code != 429:
        return ""
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""


def _retry_after(told: str | None, otherwise: float) -> float:
    """Return the seconds of a Retry-After; ``otherwise`` where it tells a date or nothing."""
    try:
        seconds = float(told or "")
    except ValueError:
        return otherwise
    return seconds if 0 <= seconds < float("inf") else otherwise
