"""A real server: it says where it is, answers, reloads at SIGHUP and ends in order at SIGTERM."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from serve_extra import need_serve
from toy import pet

need_serve(client=False)


@contextmanager
def server(
    model: Path, *more: str, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a server on a free port; yield its process and its port."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", "from pet.cli import main; main()", "serve", model,
         "--port", "0", "--device", "cpu", *more],
        stderr=subprocess.PIPE, text=True, env={**os.environ, **environment},
    )  # fmt: skip
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        found = re.search(r"at http://127\.0\.0\.1:(\d+)", line)
        assert found, line + process.stderr.read()
        yield process, int(found[1])
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def ask(port: int, texts: list[str], key: str = "", **more: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"content-type": "application/json", "x-api-key": key, **more}
    try:
        connection.request("POST", "/predict", json.dumps({"texts": texts}), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_server_answers_reloads_and_ends_in_order(run: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("a-key-for-this-test\n", encoding="utf-8")
    # Text by text, so that many are waiting when the signal comes that ends it.
    name = ("--host-name", "pet.example.com")
    with server(run, "--keys", str(keys), "--batch-texts", "1", *name) as (process, port):
        key = "a-key-for-this-test"
        proxied = {"host": "pet.example.com", "origin": "https://pet.example.com"}
        assert ask(port, ["a room"], key, **proxied)[0] == 200
        assert ask(port, ["a room"], key, **proxied | {"host": "127.0.0.1"})[0] == 200
        assert ask(port, ["a room"], key, host="evil.example.com")[0] == 421
        assert ask(port, ["a room"])[0] == 401
        assert ask(port, ["a room"], key)[0] == 200
        stop = threading.Event()

        def all_the_time() -> list[int]:
            statuses = []
            while not stop.is_set():
                statuses.append(ask(port, ["a cold room"], key)[0])
            return statuses

        with ThreadPoolExecutor(3) as pool:
            asking = [pool.submit(all_the_time) for _ in range(3)]
            keys.write_text(f"{key}\na-new-key-for-this-test\n", encoding="utf-8")
            process.send_signal(signal.SIGHUP)
            assert process.stderr is not None
            lines = [process.stderr.readline() for _ in range(2)]  # the second names the page
            stop.set()
            statuses = {status for one in asking for status in one.result()}
        assert "Loaded again" in lines[-1]
        assert statuses == {200}
        assert ask(port, ["a room"], "a-new-key-for-this-test")[0] == 200
        with ThreadPoolExecutor(8) as pool:
            last = [pool.submit(ask, port, ["the film was very good"] * 250, key) for _ in range(2)]
            # More than one has is waiting: both were taken.
            while _waiting(port, key) <= 250 and not all(one.done() for one in last):
                time.sleep(0.001)
            process.send_signal(signal.SIGTERM)
            assert [one.result()[0] for one in last] == [200, 200]
        assert process.wait(60) == 0
        assert process.stderr.read() == ""


def _waiting(port: int, key: str) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/metrics", headers={"x-api-key": key})
        found = re.search(rb"^pet_queue_texts (\S+)", connection.getresponse().read(), re.MULTILINE)
        assert found
        return float(found[1])
    finally:
        connection.close()


def test_what_cannot_be_served_is_one_message(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PET_API_KEYS", raising=False)
    for arguments, code, told in (
        ((tmp_path,), 1, "expected a run folder"),
        ((run, "--host", "0.0.0.0"), 2, "no keys"),
        ((run, "--keys", tmp_path / "none"), 2, "cannot be read"),
        ((run, "--host-name", "pet.example.com"), 2, "At pet.example.com others reach"),
        ((run, "--host-name", "https://pet.example.com"), 2, "name of a host"),
        ((run, "--port", "70000"), 2, "--port"),
        ((run, "--queue-texts", "5"), 2, "--request-texts"),
        ((run, "--host", "203.0.113.1", "--without-keys"), 2, "Cannot listen"),
    ):
        result = pet("serve", *arguments)
        assert (result.code, result.out) == (code, "")
        assert told in result.err
        assert "Traceback" not in result.err
