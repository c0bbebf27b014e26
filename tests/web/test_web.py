"""What pages share: headers of every answer, foreign pages refused, ends in order."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import socket
import sys
import threading
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from serve_extra import need_serve

need_serve()
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from pet.errors import PetError, UsageError
from pet.web import (
    STATIC,
    OwnOrigin,
    SecurityHeaders,
    bound,
    checked_host,
    environment,
    listen,
    most_connections,
    name_of,
    raise_open_files,
    require_web,
)


def page(request: Request) -> Response:
    return PlainTextResponse("fine")


def framed(request: Request) -> Response:
    return PlainTextResponse("own", headers={"Content-Security-Policy": "default-src 'self'"})


ROUTES = [Route("/", page, methods=["GET", "POST"]), Route("/own", framed)]


def test_every_answer_has_the_headers_and_keeps_its_own() -> None:
    client = TestClient(SecurityHeaders(Starlette(routes=ROUTES)))
    for path in ("/", "/missing"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
    assert client.get("/own").headers["content-security-policy"] == "default-src 'self'"


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 200),
        ("POST", {}, 200),  # a program
        ("POST", {"Origin": "http://localhost:8000", "Host": "localhost:8000"}, 200),
        ("POST", {"Origin": "http://localhost:9000", "Host": "localhost:8000"}, 403),
        ("POST", {"Origin": "null"}, 403),
        ("POST", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", {"Sec-Fetch-Site": "same-origin"}, 200),
        ("GET", {"Sec-Fetch-Site": "cross-site"}, 200),  # a link that leads here
        ("GET", {"Host": "evil.example"}, 421),
        ("GET", {"Host": "[::1]:8000"}, 200),
        ("GET", {"Host": "[::1"}, 421),
        ("GET", {"Host": ""}, 421),
    ],
)
def test_pages_of_other_sites_are_refused(
    method: str, headers: dict[str, str], status: int
) -> None:
    app = OwnOrigin(Starlette(routes=ROUTES), ["localhost", "127.0.0.1", "::1"])
    client = TestClient(app, base_url="http://localhost")
    assert client.request(method, "/", headers=headers).status_code == status


@pytest.mark.parametrize("rewritten", [False, True])
def test_what_comes_through_a_proxy_of_another_name_is_its_own(rewritten: bool) -> None:
    names = ["pet.example.com", "box.example.com:8443"]
    hosts = ["localhost", *map(name_of, names)]
    client = TestClient(OwnOrigin(Starlette(routes=ROUTES), hosts, names))

    def status(origin: str, host: str) -> int:
        headers = {"Host": "localhost:8000" if rewritten else host, "Origin": origin}
        return client.post("/", headers={**headers, "Sec-Fetch-Site": "same-origin"}).status_code

    assert status("https://pet.example.com", "pet.example.com") == 200
    assert status("https://PET.example.com", "Pet.Example.Com") == 200
    assert status("https://box.example.com:8443", "box.example.com:8443") == 200
    assert status("https://box.example.com", "box.example.com:8443") == 403
    assert status("https://evil.example", "pet.example.com") == 403
    assert status("https://evil.pet.example.com", "pet.example.com") == 403
    assert client.get("/", headers={"Host": "other.example.com"}).status_code == 421


def test_the_name_of_a_host_is_checked() -> None:
    assert checked_host("Pet.Example.com") == "pet.example.com"
    assert checked_host("[::1]:8443") == "[::1]:8443"
    for wrong in ("", "https://pet.example.com", "pet.example.com/", "a b", "a@b", "*", "a:b"):
        with pytest.raises(UsageError, match="name of a host"):
            checked_host(wrong)


def test_templates_escape_values_and_miss_no_name(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>{{ text }}</p>", encoding="utf-8")
    template = environment(tmp_path).get_template("page.html")
    assert template.render(text="<b>\x00\ud800&") == "<p>&lt;b&gt;\ufffd\ufffd&amp;</p>"
    with pytest.raises(Exception, match="text"):
        template.render()


def test_the_look_loads_nothing_and_is_there_for_light_and_dark() -> None:
    css = (STATIC / "base.css").read_text("utf-8")
    assert not re.search(r"url\(|@import|http", css)
    blocks = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)
    light, dark = ({*re.findall(r"(--[\w-]+):", block)} for block in blocks)
    assert light == dark


def test_a_missing_package_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    require_web("pet serve")
    there = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "uvicorn" else there(name, package)

    monkeypatch.setattr("pet.web.extra.find_spec", without)
    with pytest.raises(PetError, match=r"pet serve needs uvicorn[^,]*\n.*pet-fewshot\[serve\]"):
        require_web("pet serve")


def test_a_port_that_is_taken_is_one_message() -> None:
    with bound("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port}"):
            bound("127.0.0.1", port)
    with pytest.raises(UsageError, match="Cannot listen"):
        bound("no such host", 0)
    with pytest.raises(UsageError, match="Cannot listen"):
        bound("127.0.0.1", 70000)


def test_open_files_are_raised_as_far_as_they_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource", reason="needs limits of POSIX")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    known = None if before[1] == resource.RLIM_INFINITY else before[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        assert raise_open_files() == known
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))

        def refuse(*limits: object) -> None:
            raise ValueError("not allowed to raise maximum limit")

        monkeypatch.setattr(resource, "setrlimit", refuse)
        assert raise_open_files() == 256
        monkeypatch.undo()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    monkeypatch.setitem(sys.modules, "resource", None)
    assert raise_open_files() is None


def test_more_connections_than_may_be_are_refused() -> None:
    assert most_connections(4096, 10**6) == 4096
    assert most_connections(4096, 64) == 16
    taken = bound("127.0.0.1", 0)
    address = taken.getsockname()
    answers: list[bytes] = []

    def ask() -> None:
        half = [socket.create_connection(address) for _ in range(3)]
        for one in half:
            one.sendall(b"GET / HTTP/1.1\r\n")
        with socket.create_connection(address) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answers.append(client.recv(4096))
        for one in half:
            one.close()
        os.kill(os.getpid(), signal.SIGTERM)

    start = threading.Thread(target=ask).start
    listen(Starlette(routes=ROUTES), taken, start, limit_concurrency=4)
    assert answers[0].startswith(b"HTTP/1.1 503")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_gives_the_handlers_back(number: int) -> None:
    before = signal.getsignal(signal.SIGTERM)
    taken = bound("127.0.0.1", 0)
    address = taken.getsockname()
    answers: list[bytes] = []

    def ask() -> None:
        with socket.create_connection(address) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answers.append(client.recv(4096))
        os.kill(os.getpid(), number)

    listen(Starlette(routes=ROUTES), taken, threading.Thread(target=ask).start)
    assert answers[0].startswith(b"HTTP/1.1 200")
    assert signal.getsignal(signal.SIGTERM) is before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs SIGHUP")
def test_sighup_reloads_and_without_a_reload_ends() -> None:
    reloaded: list[str] = []

    def hang_up() -> None:
        os.kill(os.getpid(), signal.SIGHUP)

    def reload() -> None:
        reloaded.append("once")
        os.kill(os.getpid(), signal.SIGTERM)

    app = Starlette(routes=ROUTES)
    listen(app, bound("127.0.0.1", 0), threading.Thread(target=hang_up).start, reload)
    assert reloaded == ["once"]
    listen(app, bound("127.0.0.1", 0), threading.Thread(target=hang_up).start)
