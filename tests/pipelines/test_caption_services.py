import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from muze.pipelines.caption_services import IN_A_ROW, LONGEST_WAIT, TRIES, CaptionService

FACTS = ["jazz, 92 bpm", "a calm jazz track at 92 bpm, in 3/4"]
GOOD = ["slow jazz at 92 bpm", "A calm jazz tune   in 3/4.\nIt is unhurried."]
CLEAN = ["slow jazz at 92 bpm", "A calm jazz tune in 3/4. It is unhurried."]
KEY = "sk-secret-123"
BACKENDS = ("openai", "ollama")


class Service(ThreadingHTTPServer):
    """A server that speaks both APIs and answers as it is told, the last answer for ever."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked = [], []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def says(self, content, status=200, headers=()):
        """Let the model write ``content``, or, where it is bytes, let that be the whole body."""
        self.answers.append((status, dict(headers), content))
        return self


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        answers = self.server.answers
        status, headers, content = answers.pop(0) if len(answers) > 1 else answers[0]
        if status is None:  # hang until the client has gone
            self.rfile.read(1)
            return
        if not isinstance(content, bytes):
            message = {"role": "assistant", "content": content}
            openai = self.path.endswith("/chat/completions")
            told = {"choices": [{"message": message}]} if openai else {"message": message}
            content = json.dumps(told).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    server = Service()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Waits(list):
    """The seconds that were waited, and no waiting."""

    def __call__(self, seconds):
        self.append(seconds)


def service(server, backend, waits=None, **options):
    environment = {
        "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{server.url}/v1/", "OLLAMA_HOST": server.url
    }  # fmt: skip
    waits = Waits() if waits is None else waits
    return CaptionService(backend, environment=environment, wait=waits, **options)


def captions(texts):
    return json.dumps({"captions": texts})


def stays(caption, *told):
    """The template's captions stay, and one line tells why, without the key."""
    assert (caption.texts, caption.backend) == (FACTS, "muze template")
    assert "\n" not in caption.note
    assert KEY not in caption.note
    for text in told:
        assert text in caption.note


def test_openai_is_asked_as_its_api_wants(server):
    server.says(captions(GOOD))
    caption = service(server, "openai").enrich(FACTS)
    assert (caption.texts, caption.backend, caption.note) == (CLEAN, "openai gpt-4o-mini", "")
    [(path, headers, body)] = server.asked
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert body["model"] == "gpt-4o-mini"
    assert body["response_format"] == {"type": "json_object"}
    asked = body["messages"][0]["content"]
    assert all(fact in asked for fact in FACTS)
    assert "Write 2 captions" in asked
    assert "JSON" in asked


def test_ollama_is_asked_as_its_api_wants(server):
    server.says(captions(GOOD))
    caption = service(server, "ollama").enrich(FACTS)
    assert (caption.texts, caption.backend, caption.note) == (CLEAN, "ollama llama3.2", "")
    [(path, headers, body)] = server.asked
    assert path == "/api/chat"
    assert "Authorization" not in headers
    assert (body["model"], body["stream"], body["format"]) == ("llama3.2", False, "json")


@pytest.mark.parametrize("backend", BACKENDS)
def test_another_model_may_be_asked(server, backend):
    server.says(captions(GOOD))
    assert service(server, backend, model="my-own").enrich(FACTS).backend == f"{backend} my-own"
    assert server.asked[0][2]["model"] == "my-own"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_refused_key_is_not_tried_again(server, backend):
    server.says(json.dumps({"error": {"message": f"Incorrect key {KEY}"}}).encode(), 401)
    asking = service(server, backend)
    for _ in range(3):
        stays(asking.enrich(FACTS), "refuses the key", "401")
    assert len(server.asked) == 1


def test_without_a_key_nobody_is_asked(server):
    asking = CaptionService("openai", environment={"OPENAI_BASE_URL": server.url})
    stays(asking.enrich(FACTS), "OPENAI_API_KEY is not set")
    assert server.asked == []


def test_an_unknown_model_is_told_and_not_asked_again(server):
    server.says(b'{"error": "model not found"}', 404)
    asking = service(server, "ollama")
    for _ in range(2):
        stays(asking.enrich(FACTS), "knows no model 'llama3.2'", "ollama pull llama3.2")
    assert len(server.asked) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_busy_service_is_asked_again_when_it_says(server, backend):
    server.says(b"", 429, {"Retry-After": "7"}).says(b"", 429).says(b"oh", 503).says(captions(GOOD))
    waits = Waits()
    assert service(server, backend, waits).enrich(FACTS).texts == CLEAN
    assert waits == [7.0, 2.0, 4.0]


def test_a_service_that_stays_busy_is_left(server):
    server.says(b"", 429, {"Retry-After": "1"})
    waits = Waits()
    stays(service(server, "openai", waits).enrich(FACTS), "asked too often", "429")
    assert len(server.asked) == TRIES
    assert waits == [1.0] * (TRIES - 1)


def test_nobody_waits_for_an_hour(server):
    server.says(b"", 429, {"Retry-After": str(LONGEST_WAIT + 1)})
    waits = Waits()
    stays(service(server, "openai", waits).enrich(FACTS), "asked too often")
    assert (len(server.asked), waits) == (1, [])


def test_a_date_to_wait_for_is_not_waited_for(server):
    server.says(b"", 429, {"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}).says(captions(GOOD))
    waits = Waits()
    assert service(server, "openai", waits).enrich(FACTS).texts == CLEAN
    assert waits == [1.0]


def test_a_used_up_account_is_not_asked_again(server):
    server.says(b'{"error": {"code": "insufficient_quota"}}', 429, {"Retry-After": "1"})
    asking = service(server, "openai")
    for _ in range(2):
        stays(asking.enrich(FACTS), "used up")
    assert len(server.asked) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_service_that_fails_is_left_after_some_tracks(server, backend):
    server.says(b"<html>", 500)
    asking = service(server, backend)
    for _ in range(IN_A_ROW + 2):
        stays(asking.enrich(FACTS), "fails (status 500)")
    assert len(server.asked) == TRIES * IN_A_ROW


def test_an_answer_in_between_is_one_more_chance(server):
    failing = [(500, {}, b"")] * TRIES * (IN_A_ROW - 1)
    server.answers = [*failing, (200, {}, captions(GOOD)), *failing, (200, {}, captions(GOOD))]
    asking = service(server, "openai")
    good = [asking.enrich(FACTS).texts == CLEAN for _ in range(2 * IN_A_ROW)]
    assert good == [False, False, True] * 2


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<html>busy</html>", "something else than a message"), (b"[]", "something else"),
        (b"", "something else"), (b"\xff\xfe", "something else"), (b"null", "something else"),
        (b'{"choices": [], "message": {}}', "something else"), (b"[" * 99_999, "something else"),
        ("Sure! Here are some captions", "no JSON of captions"), ("[]", "no JSON of captions"),
        ('{"text": "x"}', "no JSON of captions"), (None, "no JSON of captions"),
        (captions([]), "no caption"), (captions([""]), "no caption"),
        (captions("jazz " * 9), "no caption"),
        (captions(["x" * 9999]), "no caption"), (captions([None, 3, ["jazz track"]]), "no caption"),
        (captions(["fast jazz at 180 bpm"]), "says only what is known"),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_used_is_told(server, backend, content, told):
    server.says(content)
    stays(service(server, backend).enrich(FACTS), told)
    assert len(server.asked) == 1


def test_of_several_captions_the_good_ones_are_kept(server):
    server.says(captions(["jazz", "calm jazz in 7/4", *GOOD, GOOD[0]]))
    assert service(server, "openai").enrich(FACTS).texts == CLEAN


def test_captions_may_be_in_any_language(server):
    server.says(captions(["spokojny jazz, bez pośpiechu", "静かなジャズの演奏です"]))
    assert len(service(server, "openai").enrich(FACTS).texts) == 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_service_that_is_not_there_is_told(server, backend):
    server.shutdown()
    server.server_close()
    asking = service(server, backend)
    for _ in range(IN_A_ROW + 1):
        stays(
            asking.enrich(FACTS), "cannot be reached", "refused", f"127.0.0.1:{server.server_port}"
        )


def test_a_service_that_does_not_answer_is_told(server):
    server.says(b"", None)
    stays(service(server, "openai", timeout=0.05).enrich(FACTS), "did not answer in 0.05 s")


def test_a_connection_that_breaks_is_told(server):
    server.says(b"half", 200, {"Content-Length": "9999"})
    stays(service(server, "openai", timeout=2).enrich(FACTS), "broke off")


@pytest.mark.parametrize(
    ("host", "told"),
    [("http://", "written wrong"), (":::", "written wrong"), ("ftp://x", "written wrong"),
     ("http://xn--a", "written wrong"), ("http://\0", "written wrong")],
)  # fmt: skip
def test_an_address_that_is_none_is_told(host, told):
    asking = CaptionService("ollama", environment={"OLLAMA_HOST": host})
    stays(asking.enrich(FACTS), told)


@pytest.mark.parametrize("key", ["sk-ż", "sk-\0x", "sk-\nx", "sk-\udc80"])
def test_a_key_that_cannot_be_sent_is_not_told(server, key):
    server.says(captions(GOOD))
    environment = {"OPENAI_API_KEY": key, "OPENAI_BASE_URL": server.url}
    caption = CaptionService("openai", environment=environment).enrich(FACTS)
    stays(caption, "written wrong")
    assert "sk-" not in caption.note
    assert server.asked == []


def test_a_password_in_an_address_is_not_told(server):
    server.says(b"", 401)
    host = server.url.replace("//", "//me:hidden@")
    caption = CaptionService("ollama", environment={"OLLAMA_HOST": host}).enrich(FACTS)
    stays(caption, "refuses")
    assert "hidden" not in caption.note


@pytest.mark.parametrize(
    ("host", "url"),
    [("", "http://127.0.0.1:11434"), ("box", "http://box:11434"), ("box:99", "http://box:99"),
     ("https://box/", "https://box"), ("box/api", "http://box:11434/api")],
)  # fmt: skip
def test_an_address_may_be_short(host, url):
    assert CaptionService("ollama", environment={"OLLAMA_HOST": host})._url == url


def test_without_httpx_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    stays(CaptionService("ollama", environment={}).enrich(FACTS), 'pip install "muze[captions]"')
