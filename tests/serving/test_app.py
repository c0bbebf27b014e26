"""The application: answers, limits, keys, and statuses that say what happened."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from serve_extra import need_serve
from serving_work import Told, pair_task, wait_until

from pet.config import ServingConfig
from pet.errors import RunError
from pet.serving import Keys, Served, Service

need_serve()
from starlette.testclient import TestClient

from pet.serving import Metrics, make_app

Make = Callable[..., Service]

KEY = "correct-horse-battery"
SMALL = ServingConfig(
    batch_wait=0, queue_texts=4, request_texts=3, explained_texts=2, request_bytes=1000,
    text_characters=50,
)  # fmt: skip


@pytest.fixture
def told() -> Iterator[Told]:
    model = Told()
    yield model
    model.free.set()


@pytest.fixture
def client(told: Told, make: Make) -> TestClient:
    return TestClient(make_app(make(told.served, SMALL)), raise_server_exceptions=False)


def ask(client: TestClient, *texts: object, **more: object) -> Any:
    return client.post("/predict", json={"texts": texts, **more})


def test_texts_are_labelled_in_their_order(client: TestClient, told: Told) -> None:
    answer = ask(client, "a room", {"text": "a film"}).json()
    assert answer["model"] == "one"
    assert [one["label"] for one in answer["predictions"]] == ["one", "one"]
    assert answer["predictions"][0]["probabilities"] == {"one": 0.9, "other": 0.1}
    assert told.batches == [2]
    (unsure,) = ask(client, "a room", threshold=0.95).json()["predictions"]
    assert (unsure["label"], unsure["probability"]) == (None, 0.9)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 422, "body"),
        (b"{", 422, "not JSON"),
        (b"[" * 900, 422, "not JSON"),
        (b"[]", 422, "dictionary"),
        (b"{}", 422, "texts"),
        (b'{"texts": "a"}', 422, "list"),
        (b'{"texts": []}', 422, "at least 1"),
        (b'{"texts": [1]}', 422, "texts.0: expected a text"),
        (b'{"texts": [{"text": 1}]}', 422, "texts.0: expected a text"),
        (b'{"texts": [""]}', 422, "empty"),
        (b'{"texts": [{}]}', 422, "text"),
        (b'{"texts": [{"words": "a"}]}', 422, "text"),
        (b'{"texts": ["\\ud800"]}', 422, "surrogate"),
        (b'{"texts": ["\xff"]}', 400, "parsing"),
        (b'{"texts": ["a"], "\\ud800": 1}', 422, "unicode"),
        (b'{"texts": ["a"], "task": "toys"}', 422, "Did you mean 'toy'"),
        (b'{"texts": ["a"], "treshold": 1}', 422, "treshold: Extra"),
        (b'{"texts": ["a"], "threshold": NaN}', 422, "finite"),
        (b'{"texts": ["a"], "threshold": 1e999}', 422, "finite"),
        (b'{"texts": ["a"], "threshold": 2}', 422, "less than"),
        (b'{"texts": ["a","b","c","d"]}', 413, "may have 3 texts"),
        (b'{"texts": ["' + b"a" * 51 + b'"]}', 413, "50 characters"),
        (b'{"texts": ["' + b"a" * 1000 + b'"]}', 413, "1,000 bytes"),
    ],
)
def test_what_is_impossible_is_said(
    client: TestClient, body: bytes, status: int, reason: str
) -> None:
    answer = client.post("/predict", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, reason in answer.json()["detail"]) == (status, True), answer.text


def test_deep_nesting_is_refused(told: Told, make: Make) -> None:
    client = TestClient(make_app(make(told.served)), raise_server_exceptions=False)
    answer = client.post(
        "/predict", content=b"[" * 10**5, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422)


def test_a_body_of_unknown_length_is_read_no_further_than_its_limit(client: TestClient) -> None:
    sent = []

    def endless() -> Iterator[bytes]:
        for number in range(100):
            sent.append(number)
            yield b" " * 500

    assert client.post("/predict", content=endless()).status_code == 413
    wrong = client.post("/predict", content=b"{}", headers={"content-length": "1e9"})
    assert wrong.status_code == 413


def test_unknown_paths_and_methods_are_said_too(client: TestClient) -> None:
    assert client.get("/nowhere").status_code == 404
    assert client.get("/predict").status_code == 405
    assert client.get("/static/../app.py").status_code == 404
    assert client.post("/explain", json={"texts": ["a"]}).status_code == 422  # has no members


def test_when_the_queue_is_full_requests_are_refused_and_the_others_answered(
    told: Told, make: Make
) -> None:
    service = make(told.served, SMALL)
    client = TestClient(make_app(service))
    told.free.clear()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(ask, client, "first")
        assert told.began.wait(60)
        waiting = [pool.submit(ask, client, "a", "b") for _ in range(4)]
        wait_until(lambda: service.queue.waiting >= 2)
        full = ask(client, "c", "d", "e")
        wait_until(lambda: sum(one.done() for one in waiting) == 2)  # those without room
        told.free.set()
        answers = [first.result(), *(one.result() for one in waiting)]
    statuses = [answer.status_code for answer in answers]
    assert full.status_code == 429
    assert int(full.headers["retry-after"]) >= 1
    assert sorted(statuses) == [200, 200, 200, 429, 429]


def test_a_request_that_takes_too_long_is_given_up(told: Told, make: Make) -> None:
    client = TestClient(make_app(make(told.served, replace(SMALL, timeout=1.0))))
    told.free.clear()
    assert ask(client, "a").status_code == 504
    assert ask(client, "b").status_code == 504  # was waiting, and waits no longer
    told.free.set()
    assert ask(client, "c").status_code == 200
    assert sum(told.batches) == 2  # b was never read


def test_a_text_that_no_model_can_read_fails_alone(client: TestClient) -> None:
    answer = ask(client, "poison")
    assert answer.status_code == 500
    assert "bug" in answer.json()["detail"]
    assert ask(client, "large").status_code == 503
    assert ask(client, "fine").status_code == 200


def test_keys_open_what_is_not_open_to_all(told: Told, make: Make) -> None:
    keys = Keys([KEY, "another-horse-battery"])
    client = TestClient(make_app(make(told.served), keys))
    body = {"texts": ["a"]}
    for path in ("/tasks", "/metrics", "/openapi.json", "/docs"):
        assert client.get(path).status_code == 401, path
    refused = client.post("/predict", json=body)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    for headers in (
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer"},
        {"X-API-Key": "\xe9"},
    ):
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        assert client.post("/predict", json=body, headers=raw).status_code == 401
    for headers in (
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": "bearer another-horse-battery"},
        {"X-API-Key": KEY},
    ):
        assert client.post("/predict", json=body, headers=headers).status_code == 200
    assert client.get("/healthz").json() == {"status": "ok"}
    page = client.get("/")
    assert page.status_code == 200
    assert "toy" not in page.text  # what the model is, is told with the key
    assert client.get("/static/playground.js").headers["content-type"].startswith("text/javascript")


def test_counters_count(told: Told, make: Make) -> None:
    metrics = Metrics()
    service = make(told.served, None, on_batch=metrics.on_batch, on_reload=metrics.on_reload)
    client = TestClient(make_app(service, metrics=metrics))
    ask(client, "a", "b")
    ask(client, "")
    client.get("/made/up/4711")
    service.reload()
    text = client.get("/metrics").text
    for line in (
        'pet_requests_total{path="/predict",status="200"} 1.0',
        'pet_requests_total{path="/predict",status="422"} 1.0',
        'pet_requests_total{path="other",status="404"} 1.0',
        'pet_texts_total{task="toy"} 2.0',
        "pet_batch_texts_sum 2.0",
        'pet_reloads_total{outcome="done"} 1.0',
        "pet_queue_texts 0.0",
    ):
        assert line in text
    assert "4711" not in text


def test_requests_under_way_are_answered_by_the_model_they_were_taken_for(make: Make) -> None:
    models = [Told("old"), Told("new")]
    loads = iter(models)
    service = make(lambda: next(loads).served())
    client = TestClient(make_app(service, Keys([KEY])), headers={"X-API-Key": KEY})
    models[0].free.clear()
    with ThreadPoolExecutor(8) as pool:
        before = [pool.submit(ask, client, f"text {number}") for number in range(6)]
        assert models[0].began.wait(20)
        wait_until(lambda: service.queue.unfinished == 6)
        assert client.post("/admin/reload").json() == {"model": "new", "tasks": ["toy"]}
        after = [pool.submit(ask, client, "text") for _ in range(2)]
        models[0].free.set()
        named = [one.result().json()["model"] for one in (*before, *after)]
    assert named == ["old"] * 6 + ["new"] * 2


def test_a_reload_that_fails_changes_nothing(make: Make, told: Told) -> None:
    loads: list[Any] = [told.served, RunError("runs/x: damaged.")]

    def load() -> Served:
        made = loads.pop(0) if loads else RunError("gone")
        if isinstance(made, Exception):
            raise made
        return made()  # type: ignore[no-any-return]

    client = TestClient(make_app(make(load), Keys([KEY])), headers={"X-API-Key": KEY})
    answer = client.post("/admin/reload")
    assert (answer.status_code, answer.json()["detail"]) == (409, "runs/x: damaged.")
    assert ask(client, "a").status_code == 200


def test_without_keys_nobody_reloads_over_http(client: TestClient) -> None:
    assert client.post("/admin/reload").status_code == 403


def test_at_the_end_nothing_more_is_taken_and_all_that_was_is_answered(
    told: Told, make: Make
) -> None:
    service = make(told.served)
    with TestClient(make_app(service)) as client:
        assert ask(client, "a").status_code == 200
    assert service.queue.closed
    late = TestClient(make_app(service))
    assert ask(late, "b").status_code == 503
    assert late.get("/healthz").status_code == 503


def test_pages_of_other_sites_get_nothing(told: Told, make: Make) -> None:
    app = make_app(make(told.served), hosts=["localhost"])
    client = TestClient(app, base_url="http://localhost")
    assert ask(client, "a").status_code == 200
    body = {"texts": ["a"]}
    other = {"Origin": "http://evil.example"}
    assert client.post("/predict", json=body, headers=other).status_code == 403
    assert client.get("/tasks", headers={"Host": "evil.example"}).status_code == 421
    # A form can send this without asking the server first; JSON it cannot.
    text = client.post("/predict", content=json.dumps(body), headers={"content-type": "text/plain"})
    assert text.status_code == 422


def test_a_text_of_several_fields_says_which(make: Make) -> None:
    client = TestClient(make_app(make(lambda: Told().served(pair_task()))))
    answer = ask(client, "a")
    assert answer.status_code == 422
    assert "expected the fields question, answer" in answer.json()["detail"]
