"""The addresses of the page: who gets in, what is refused, and what is escaped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from labelled import new_labelling, session_of, work
from serve_extra import need_serve

from pet.data import Example
from pet.labelling.bulk import Bulks
from pet.labelling.full_training import FullTraining
from pet.labelling.labelling import Labelling

need_serve()
from starlette.testclient import TestClient

from pet.labelling.app import Parts, label_app

TOKEN, PORT = "a-token-of-the-test", 8123
SEAT = {"tab": "0123456789abcdef", "annotator": "anna"}
HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


@dataclass
class Served:
    """The application, and a client that has no cookie yet."""

    labelling: Labelling
    client: TestClient
    session: Any

    def enter(self) -> TestClient:
        assert self.client.get(f"/?token={TOKEN}").status_code == 200
        return self.client


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    labelling = new_labelling(tmp_path / "labelling")
    labelling.add_pool([(Example({"text": HOSTILE}), {"text": HOSTILE})], 13)
    session = session_of(labelling)
    training = FullTraining(labelling.folder, labelling.texts, labelling.clicks, labelling.task)
    parts = Parts(labelling.database, session, Bulks(session, 13), training, '"><b>anna')
    client = TestClient(label_app(parts, TOKEN, PORT), base_url=f"http://127.0.0.1:{PORT}")
    work(session)
    yield Served(labelling, client, session)
    labelling.database.close()


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", "/"), ("GET", "/?token=wrong"), ("GET", "/static/label.js"), ("GET", "/export.csv"),
        ("POST", "/api/next"), ("POST", "/api/answer"), ("POST", "/api/train"), ("GET", "/nothing"),
        ("GET", f"/export.csv?token={TOKEN}"),
    ],
)  # fmt: skip
def test_nothing_is_told_without_the_token(served: Served, method: str, address: str) -> None:
    answer = served.client.request(method, address, json=SEAT if method == "POST" else None)
    assert answer.status_code == 403
    assert "number" not in answer.text


def test_the_token_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(
    served: Served,
) -> None:
    answer = served.client.get(f"/?token={TOKEN}")
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", f"pet-label-{PORT}="))
    assert TOKEN not in answer.text
    assert 'id="card"' in served.client.get("/").text


@pytest.mark.parametrize(
    "other",
    ['prefs={"dark":1}', "a b=1", "theme", "x[0]=1, 2", "x=é", "=;;", f"pet-label-{PORT}=x"],
)
def test_cookies_of_other_local_servers_are_passed_over(served: Served, other: str) -> None:
    own = f"pet-label-{PORT}={TOKEN}"
    for header in (f"{other}; {own}", f"{own}; {other}"):
        answer = served.client.get("/", headers={"cookie": header.encode("latin-1")})
        assert answer.status_code == 200
    answer = served.client.get("/", headers={"cookie": other.encode("latin-1")})
    assert answer.status_code == 403


def test_every_answer_has_a_strict_policy(served: Served) -> None:
    before = served.client.get("/")
    served.enter()
    for address in ("/", "/static/label.js", "/export.jsonl", "/report/x"):
        headers = served.client.get(address).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in before.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": f"127.0.0.1.evil.example:{PORT}"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": f"http://127.0.0.1:{PORT + 1}"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": f"http://127.0.0.1:{PORT}", "sec-fetch-site": "same-origin"}, 200),
    ],
)
def test_requests_of_other_sites_are_refused(
    served: Served, headers: dict[str, str], status: int
) -> None:
    client = served.enter()
    before = len(served.labelling.clicks.answers())
    answer = client.post(
        "/api/answer", json={**SEAT, "text": 1, "label": "positive"}, headers=headers
    )
    assert answer.status_code == status
    assert len(served.labelling.clicks.answers()) == before + (status == 200)


@pytest.mark.parametrize(
    "change",
    [
        {"text": "one"}, {"text": -1}, {"text": 2**63}, {"text": None}, {"tab": "short"},
        {"tab": "x" * 65}, {"tab": "../../../etc"}, {"annotator": " "}, {"annotator": "x" * 61},
        {"seconds": -1}, {"seconds": 1e9}, {"seconds": "nan"}, {"label": ["positive"]},
        {"sure": "perhaps"},
    ],
)  # fmt: skip
def test_malformed_answers_are_refused_and_not_kept(served: Served, change: dict[str, Any]) -> None:
    client = served.enter()
    answer = client.post("/api/answer", json={**SEAT, "text": 1, "label": "positive", **change})
    assert answer.status_code == 422
    assert served.labelling.clicks.answers() == []


@pytest.mark.parametrize("change", [{"label": "unknown"}, {"text": 999}])
def test_answers_about_nothing_are_told_in_words(served: Served, change: dict[str, Any]) -> None:
    client = served.enter()
    answer = client.post("/api/answer", json={**SEAT, "text": 1, "label": "positive", **change})
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("There is no ")


def test_a_body_that_is_too_long_is_refused(served: Served) -> None:
    client = served.enter()
    assert client.post("/api/next", content=b"x" * (2**20 + 1)).status_code == 413


def test_one_text_after_another_is_labelled_undone_and_searched(served: Served) -> None:
    client = served.enter()
    first = client.post("/api/next", json=SEAT).json()
    assert first["text"]["drawn"] == "random"
    assert first["text"]["guess"] is None  # hidden until it is answered
    given = {
        **SEAT,
        "text": first["text"]["id"],
        "label": "positive",
        "sure": False,
        "seconds": 2.5,
    }
    second = client.post("/api/answer", json=given).json()
    assert second["was"]["guess"] in ("negative", "positive")
    assert second["text"]["id"] != first["text"]["id"]
    assert second["status"]["labelled"] == second["status"]["unsure"] == 1
    other = client.post("/api/next", json={**SEAT, "tab": "another-tab-0123"}).json()
    assert other["text"]["id"] not in (first["text"]["id"], second["text"]["id"])
    back = client.post("/api/undo", json=SEAT).json()
    assert back["text"]["id"] == first["text"]["id"]
    assert back["status"]["labelled"] == 0
    found = client.get("/api/search", params={"words": "number 17"}).json()["found"]
    assert any(one["fields"]["text"].endswith("number 17") for one in found)
    opened = client.post("/api/open", json={**SEAT, "text": found[0]["id"]}).json()
    assert opened["text"]["drawn"] == "opened"


def test_texts_and_names_are_escaped(served: Served) -> None:
    client = served.enter()
    page = client.get("/").text
    assert '"><b>anna' not in page
    assert "&lt;b&gt;anna" in page
    answer = client.get("/api/search", params={"words": "onerror"})
    assert answer.json()["found"][0]["fields"]["text"] == HOSTILE
    assert answer.headers["content-type"].startswith("application/json")
    assert "innerHTML" not in client.get("/static/label.js").text
    assert "innerHTML" not in client.get("/static/parts.js").text


def test_sure_guesses_are_offered_and_accepted(served: Served) -> None:
    client = served.enter()
    offer = client.post("/api/bulk", json={"threshold": 0.5}).json()
    assert offer["count"] > 20
    checked = {one["id"]: one["guess"] for one in offer["sample"]}
    given = {**SEAT, "offer": offer["offer"], "checked": checked}
    told = client.post("/api/accept", json=given).json()
    assert told["accepted"] == offer["count"]
    assert told["sample"]["right"] == told["sample"]["asked"] == 20
    assert client.post("/api/accept", json=given).status_code == 409
    assert client.post("/api/bulk", json={"threshold": 0.2}).status_code == 422


def test_labels_are_exported(served: Served) -> None:
    client = served.enter()
    client.post("/api/answer", json={**SEAT, "text": 1, "label": "positive"})
    answer = client.get("/export.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="labels.csv"'
    assert answer.text.splitlines()[1].startswith("0,sad film number 0,positive,anna,")
    assert client.get("/export.jsonl?each=true").json()["annotators"] == "anna"
    assert client.get("/export.exe").status_code == 422


def test_training_is_refused_in_words_until_there_are_labels(served: Served) -> None:
    client = served.enter()
    answer = client.post("/api/train")
    assert answer.status_code == 409
    assert "No text has the label" in answer.json()["detail"]
    assert client.get("/api/train").json()["state"] == "idle"


@pytest.mark.parametrize("name", ["nothing", "%2e%2e%2flabels.sqlite", "..%2Flabelling.json"])
def test_no_file_but_a_report_is_shown(served: Served, name: str) -> None:
    client = served.enter()
    assert client.get(f"/report/{name}").status_code == 404
    assert client.get(f"/static/{name}").status_code == 404
