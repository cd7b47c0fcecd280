"""ElevenLabs is asked as its API says, and each way in which it fails is told without the key."""

import base64
import io
import json
import threading
import wave
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import numpy as np
import pytest
from muze_elevenlabs import ElevenlabsVoice, service

from muze.core.errors import MuzeError, NotInstalledError, PluginError
from muze.core.grid import Audio
from muze.testing import sounds
from muze.testing.voices import CHECKS, VoiceCase

KEY = "sk_secret_0123456789"
LETTER = 0.1  # seconds
MODELS = [
    {"model_id": "eleven_multilingual_v2", "can_do_text_to_speech": True,
     "maximum_text_length_per_request": 100,
     "languages": [{"language_id": code, "name": code} for code in ("en", "pl", "zh", "fil")]},
    {"model_id": "eleven_flash_v2_5", "can_do_text_to_speech": True,
     "languages": [{"language_id": "en", "name": "English"}]},
    {"model_id": "eleven_english_sts_v2", "can_do_text_to_speech": False},
]  # fmt: skip


def tone(text):
    """Return a hum for each letter, silent for spaces, as 16 bits at 24 kHz."""
    hum = 8000 * np.sin(2 * np.pi * 220 / 24000 * np.arange(round(LETTER * 24000)))
    heard = [hum * (not letter.isspace()) for letter in text]
    return np.concatenate(heard).astype("<i2").tobytes()


def said(text, sound=None):
    """Return an answer to words."""
    starts = [LETTER * index for index in range(len(text))]
    return {
        "audio_base64": base64.b64encode(tone(text) if sound is None else sound).decode(),
        "alignment": {
            "characters": list(text),
            "character_start_times_seconds": starts,
            "character_end_times_seconds": [start + LETTER for start in starts],
        },
        "normalized_alignment": None,
    }


class Account(ThreadingHTTPServer):
    """A server that speaks the API; ``faults`` are what it answers instead, first of all."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.voices = [("v1", "Rachel"), ("v2", "Adam"), ("v3", "Adam"), ("v/4", "Óla")]
        self.faults, self.asked, self.verify = [], [], False

    def fails(self, status, detail="", headers=(), body=None, times=1):
        """Let the next answers be these."""
        body = json.dumps({"detail": detail}).encode() if body is None else body
        self.faults += [(status, dict(headers), body)] * times


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        account = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, _, query = self.path.partition("?")
        account.asked.append((self.command, path, query, dict(self.headers), body))
        if account.faults:
            status, headers, content = account.faults.pop(0)
            if status is None:  # hang until the client has gone
                self.rfile.read(1)
                return None
            return self.send(status, content, headers)
        if self.headers["xi-api-key"] != KEY:
            detail = {"status": "invalid_api_key", "message": "Invalid API key"}
            return self.send(401, json.dumps({"detail": detail}).encode())
        told = self.route(path, query, body)
        if told is None:
            detail = {"status": "voice_not_found", "message": f"no {path}"}
            return self.send(404, json.dumps({"detail": detail}).encode())
        return self.send(200, json.dumps(told).encode())

    do_GET = do_POST = do_DELETE = answer

    def route(self, path, query, body):
        account = self.server
        if path == "/v1/models":
            return MODELS
        if path == "/v2/voices":  # two a page
            first = int(dict(parse_qsl(query)).get("next_page_token", 0))
            listed = [{"voice_id": v, "name": n} for v, n in account.voices[first : first + 2]]
            more = first + 2 < len(account.voices)
            return {"voices": listed, "has_more": more, "total_count": len(account.voices),
                    "next_page_token": str(first + 2) if more else None}  # fmt: skip
        if path == "/v1/voices/add":
            account.voices.insert(0, ("new", "Cleo"))
            return {"voice_id": "new", "requires_verification": account.verify}
        known = {voice.replace("/", "%2F") for voice, _ in account.voices}
        parts = path.split("/")
        if parts[2] == "voices" and self.command == "DELETE" and parts[3] in known:
            account.voices = [v for v in account.voices if v[0].replace("/", "%2F") != parts[3]]
            return {"status": "ok"}
        if parts[2] == "text-to-speech" and parts[4] == "with-timestamps" and parts[3] in known:
            assert query == "output_format=pcm_24000"
            return said(json.loads(body)["text"])
        return None

    def send(self, status, content, headers=()):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        if headers:
            self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def account(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("ELEVENLABS_API_KEY", f" {KEY}\n")
    account = Account()
    thread = threading.Thread(target=account.serve_forever, args=(0.01,))
    thread.start()
    yield account
    account.shutdown()
    thread.join()
    account.server_close()


@pytest.fixture
def waits(monkeypatch):
    """The seconds that were waited, and no waiting."""
    waited = []
    monkeypatch.setattr(service.time, "sleep", waited.append)
    return waited


def voice(account, **settings):
    return ElevenlabsVoice(ElevenlabsVoice.Config(url=account.url, **settings))


def fails(told, call, *args):
    """Check that it is told, in a line and without the key."""
    with pytest.raises(MuzeError, match=told) as fault:
        call(*args)
    assert "\n" not in str(fault.value)
    assert KEY not in f"{fault.value!r}{fault.value.__cause__!r}"
    return fault


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_elevenlabs_conforms(check, account):
    check(VoiceCase(ElevenlabsVoice, ElevenlabsVoice.Config(url=account.url)))


def test_voices_of_all_pages_are_listed_and_those_of_one_name_by_id(account):
    eleven = voice(account)
    assert eleven.voices() == ["Rachel", "v2", "v3", "Óla"]
    assert eleven.languages("Rachel") == ["en", "pl", "cmn", "fil"]
    assert eleven.about == "ElevenLabs eleven_multilingual_v2, seed 0 (a service)"


def test_pages_without_end_are_told(account):
    page = {"voices": [{"voice_id": "v1"}], "has_more": True, "next_page_token": "again"}
    account.fails(200, body=json.dumps(page).encode(), times=3)
    fails("lists the same voices again and again", voice(account).voices)


def test_words_are_asked_for_as_the_api_says(account):
    audio = voice(account, seed=3, stability=0.4).speak("hold me", "Óla", "pl")
    assert audio.sample_rate == 24000
    assert audio.samples.shape == (1, round(0.7 * 24000))
    command, path, _, headers, body = account.asked[-1]
    assert (command, path) == ("POST", "/v1/text-to-speech/v%2F4/with-timestamps")
    assert headers["xi-api-key"] == KEY
    assert json.loads(body) == {
        "text": "hold me", "model_id": "eleven_multilingual_v2", "seed": 3,
        "voice_settings": {"stability": 0.4},
    }  # fmt: skip


def test_a_model_that_can_be_told_the_language_is(account):
    voice(account, model="eleven_flash_v2_5").speak("la", "Rachel", "en")
    assert json.loads(account.asked[-1][4])["language_code"] == "en"


def test_the_sounds_of_a_word_lie_within_its_letters(account):
    spoken = voice(account).speak_timed("hold, me!", "v1", "en")  # an id will do
    assert [s.phone for s in spoken.phones] == ["h", "ˈoʊ", "l", "d", "m", "ˈi"]
    starts, ends = [s.start for s in spoken.phones], [s.end for s in spoken.phones]
    assert starts[0] == 0.0
    assert ends[3] == pytest.approx(0.5)  # of "hold,"
    assert starts[4] == pytest.approx(0.6)
    assert ends[-1] == pytest.approx(0.9)


def test_of_a_language_that_nobody_reads_no_sounds_are_told(account):
    assert voice(account).speak_timed("la", "Rachel", "fil").phones == ()


def test_a_long_text_is_asked_for_in_pieces(account):
    line = "carry the river home and follow the light"
    spoken = voice(account).speak_timed("\n".join([line] * 3), "Rachel", "en")
    asked = [json.loads(body)["text"] for _, path, _, _, body in account.asked if "speech" in path]
    assert asked == [line] * 3
    assert spoken.audio.duration == pytest.approx(3 * LETTER * len(line) + 2 * 0.15)
    assert len(spoken.phones) % 3 == 0


def test_a_clone_is_sent_spoken_with_and_deleted(account):
    eleven = voice(account)
    stereo = Audio(np.repeat(sounds.sine(220.0, 10.0).samples, 2, axis=0), sounds.SAMPLE_RATE)
    assert eleven.clone(stereo, "Cleo") == "new"
    _, path, _, headers, body = account.asked[-1]
    assert path == "/v1/voices/add"
    kind = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
    parts = {p.get_param("name", header="content-disposition"): p.get_payload(decode=True)
             for p in message_from_bytes(kind + body).get_payload()}  # fmt: skip
    assert parts["name"] == b"Cleo"
    with wave.open(io.BytesIO(parts["files"])) as sound:
        assert (sound.getnchannels(), sound.getnframes()) == (1, stereo.samples.shape[1])
    for name in ("Cleo", "new"):
        assert eleven.speak("la", name, "en").duration == pytest.approx(0.2)
    assert "Cleo" in voice(account).voices()  # it is kept
    eleven.forget("new")
    assert "Cleo" not in eleven.voices()
    assert "Cleo" not in voice(account).voices()
    eleven.forget("new")  # gone already


def test_a_clone_that_must_be_verified_is_not_kept(account):
    account.verify = True
    fails("asks the speaker to verify", voice(account).clone, sounds.sine(220.0, 10.0), "Cleo")
    assert "Cleo" not in voice(account).voices()


def test_a_reference_that_says_too_little_is_told(account):
    eleven = voice(account)
    fails("lasts 9.0 s; ElevenLabs wants", eleven.clone, sounds.sine(220.0, 9.0), "Cleo")
    fails("has a voice 'Rachel'; give", eleven.clone, sounds.sine(220.0, 10.0), "Rachel")
    assert not [path for _, path, *_ in account.asked if path == "/v1/voices/add"]


@pytest.mark.parametrize("key", [None, "", "  "])
def test_without_a_key_it_is_not_asked(account, monkeypatch, key):
    monkeypatch.delenv("ELEVENLABS_API_KEY")
    if key is not None:
        monkeypatch.setenv("ELEVENLABS_API_KEY", key)
    eleven = voice(account)
    for call in (eleven.check, eleven.voices):
        with pytest.raises(NotInstalledError, match="needs a key of the service, in ELEVENLABS_A"):
            call()
    assert account.asked == []


def test_a_key_that_is_not_accepted_is_told(account, monkeypatch):
    monkeypatch.setenv("ELEVENLABS_API_KEY", "sk_wrong_987")
    fault = fails("does not accept what is in ELEVENLABS_API_KEY: Invalid", voice(account).voices)
    assert "sk_wrong_987" not in str(fault.value)


def test_a_key_that_the_service_repeats_is_left_out(account):
    account.fails(403, f"the key {KEY} may not do this")
    fails(r"refuses \(403\): the key … may not do this$", voice(account).voices)


def test_a_key_that_is_no_header_is_not_told(account, monkeypatch):
    monkeypatch.setenv("ELEVENLABS_API_KEY", "sk_żółw")
    fault = fails(r"cannot be asked \(Unicode", voice(account).voices)
    assert "żółw" not in str(fault.value)


def test_a_busy_service_is_asked_again_when_it_says(account, waits):
    account.fails(429, {"message": "busy"}, {"Retry-After": "3"})
    account.fails(429, {"message": "busy"})
    account.fails(429, {"message": "busy"}, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})
    assert voice(account).voices()
    assert waits == [3.0, 2.0, 4.0]


def test_a_service_that_is_busy_for_too_long_is_told(account, waits):
    account.fails(429, {"message": "busy"}, {"Retry-After": "40"}, times=9)
    fails("is busy, or the account asks too much at once: busy; it asks to wait 40 s$",
          voice(account).voices)  # fmt: skip
    assert waits == [40.0]
    waits.clear()
    account.faults.clear()
    account.fails(429, headers={"Retry-After": "0"}, times=99)
    fails("is busy", voice(account).voices)
    assert len(waits) == 7


def test_a_service_that_does_not_answer_is_told(account):
    account.fails(None)
    fails(r"did not answer in 0\.05 s", voice(account, timeout=0.05).voices)


def test_a_service_that_is_not_there_is_told(account):
    nowhere = ElevenlabsVoice(ElevenlabsVoice.Config(url="http://127.0.0.1:9"))
    fails("cannot be reached", nowhere.voices)


@pytest.mark.parametrize(
    ("detail", "told"),
    [({"status": "quota_exceeded", "message": "This request exceeds\n your quota"},
      r"refuses \(400\): This request exceeds your quota$"),
     ([{"loc": ["body", "text"], "msg": "field required"}], "refuses .400.: field required$"),
     ("plainly wrong", "refuses .400.: plainly wrong$"),
     (None, "refuses .400.: None$")],
)  # fmt: skip
def test_what_the_service_refuses_is_told(account, detail, told):
    account.fails(400, detail)
    fails(told, voice(account).voices)


@pytest.mark.parametrize("status", [302, 500])
def test_other_answers_are_told(account, status):
    account.fails(status, headers={"Location": "http://127.0.0.1:9/"}, body=b"<html>")
    fails(rf"refuses \({status}\)$", voice(account).voices)
    assert len(account.asked) == 1


def speech(account):
    """Return a call for words that meets the faults told after this."""
    eleven = voice(account)
    eleven.voices(), eleven.languages("Rachel")
    return lambda: eleven.speak_timed("hold me", "Rachel", "en")


def test_an_answer_that_is_cut_short_is_told(account):
    call = speech(account)
    whole = json.dumps(said("hold me")).encode()
    account.fails(200, headers={"Content-Length": str(len(whole))}, body=whole[:200])
    fails("broke off in the middle of an answer", call)


@pytest.mark.parametrize(
    ("sound", "told"),
    [(tone("hold me")[:-1], "is cut short"),
     (tone("hold"), r"is cut short: it lasts 0\.40 s, its words 0\.70 s"),
     (b"", r"is cut short: it lasts 0\.00 s")],
)  # fmt: skip
def test_sound_that_is_cut_short_is_told(account, sound, told):
    call = speech(account)
    account.fails(200, body=json.dumps(said("hold me", sound)).encode())
    fails(told, call)


@pytest.mark.parametrize(
    ("answer", "told"),
    [(b"<html>", "answer is not what its API says$"),
     (b"[]", "answer is not what its API says$"),
     (b"{}", "answer is not what its API says, at 'audio_base64'"),
     (b'{"audio_base64": "?"}', "holds no sound that can be read"),
     (b'{"audio_base64": "AAAA", "alignment": {"characters": ["a"], '
      b'"character_start_times_seconds": [], "character_end_times_seconds": []}}',
      "times other letters than it tells")],
)  # fmt: skip
def test_answers_that_are_none_are_told(account, answer, told):
    call = speech(account)
    account.fails(200, body=answer)
    fails(told, call)


def test_a_model_that_does_not_speak_is_told(account):
    fails("has no model 'eleven_flash' that speaks; did you mean 'eleven_flash_v2_5'",
          voice(account, model="eleven_flash").languages, "Rachel")  # fmt: skip
    fails("has no model 'eleven_english_sts_v2'",
          voice(account, model="eleven_english_sts_v2").languages, "Rachel")  # fmt: skip


@pytest.mark.parametrize(
    "url", ["http://example.org", "https://a@b", "ftp://127.0.0.1", "https://"]
)
def test_the_key_goes_to_no_address_that_is_not_safe(url):
    with pytest.raises(ValueError, match="url"):
        ElevenlabsVoice.Config(url=url)


def test_the_key_is_in_nothing_that_is_written(account):
    eleven = voice(account)
    eleven.voices()
    assert KEY not in eleven.config.model_dump_json() + eleven.about + repr(eleven)
    with pytest.raises(PluginError, match="has no voice 'Rachell'"):
        eleven.speak("la", "Rachell", "en")
