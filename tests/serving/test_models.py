"""Runs, saved models and banks as they are served: the same numbers as without a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serve_extra import need_serve
from toy import TEXTS, Files, pet, train

from pet import PromptBank, load_model
from pet.config import ServingConfig
from pet.data import Example
from pet.errors import RunError
from pet.model.prediction import predict_examples
from pet.serving import Served, Service, load_served

need_serve()
from starlette.testclient import TestClient

from pet.serving import make_app


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[TestClient]:
    with TestClient(make_app(Service(lambda: served)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def bank_folder(tmp_path_factory: pytest.TempPathFactory, tiny_bert: str) -> Path:
    folder = tmp_path_factory.mktemp("served-bank")
    files = Files.write(folder)
    for name, patterns in (("one", "0"), ("other", "1-2")):
        more = ("--method", "zero-shot", "--patterns", patterns)
        assert train(files, tiny_bert, folder / name, *more).code == 0
        made = pet("bank", folder / "bank", "--add", folder / name, "--name", name)
        assert made.code == 0, made.err
    return folder / "bank"


def explained(client: TestClient, text: str, **more: object) -> Any:
    answer = client.post("/explain", json={"texts": [text], **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["explanations"][0]


def test_a_run_predicts_as_its_classifier_does(client: TestClient, run: Path) -> None:
    answer = client.post("/predict", json={"texts": TEXTS})
    model = load_model(run, "cpu", "fp32")
    direct = list(predict_examples(model, [Example({"text": text}) for text in TEXTS]))
    for mine, theirs in zip(answer.json()["predictions"], direct, strict=True):
        assert mine["label"] == theirs.label
        np.testing.assert_allclose(
            list(mine["probabilities"].values()), list(theirs.probabilities.values()), atol=1e-5
        )


def test_an_explanation_shows_members_words_and_votes(client: TestClient) -> None:
    shown = explained(client, "a cold room")
    assert [member["text"] for member in shown["members"]] == [
        "a cold room It was ____.", "Just ____! a cold room",
    ]  # fmt: skip
    for member in shown["members"]:
        (words,) = member["words"]
        assert {(word["word"], word["label"]) for word in words} == {
            ("bad", "negative"), ("terrible", "negative"), ("good", "positive"),
            ("great", "positive"),
        }  # fmt: skip
        assert [word["score"] for word in words] == sorted(
            (word["score"] for word in words), reverse=True
        )
        assert member["label"] == max(member["probabilities"], key=member["probabilities"].get)
    assert sum(member["weight"] for member in shown["members"]) == pytest.approx(1)


def test_other_words_and_patterns_change_their_member_alone(client: TestClient) -> None:
    plain = explained(client, "a cold room")
    name = plain["members"][0]["name"]
    change = {name: {"pattern": "( {mask} ) {text}", "words": [{"positive": ["warm", "great"]}]}}
    changed = explained(client, "a cold room", changes=change)
    assert changed["members"][0]["text"] == "( ____ ) a cold room"
    assert "warm" in {word["word"] for word in changed["members"][0]["words"][0]}
    assert changed["members"][0]["probabilities"] != plain["members"][0]["probabilities"]
    assert changed["members"][1] == plain["members"][1]
    assert changed["members_together"] != plain["members_together"]
    assert changed["prediction"] == plain["prediction"]  # of the classifier, which has no patterns
    # A change to what is there already changes nothing, and none of it is kept.
    same = {
        name: {
            "pattern": plain["members"][0]["pattern"],
            "words": [{"positive": ["good", "great"]}],
        }
    }
    assert explained(client, "a cold room", changes=same) == plain
    assert explained(client, "a cold room") == plain


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"pattern": "no slot"}, "no {mask}"),
        ({"pattern": "{text} {mask"}, "never closed"),
        ({"pattern": "{txt} {mask}"}, "no field 'txt'"),
        ({"pattern": "{text} {soft:3} {mask}"}, "trained"),
        ({"pattern": "{text} {label} {mask}"}, "takes no {label}"),
        ({"pattern": "{text} {mask} " + "a" * 1000}, "1000 characters"),
        ({"pattern": "{text} {mask} " + "a " * 400}, "no room is left"),
        ({"words": [{"positive": []}]}, "positive"),
        ({"words": [{"positive": [""]}]}, "not a word"),
        ({"words": [{"positive": ["bad"]}]}, "bad"),
        ({"words": [{"good": ["good"]}]}, "no words for 'good'"),
        ({"words": [{"positive": ["日本"]}]}, "cannot be represented"),
        ({"words": [{"positive": ["a" * 61]}]}, "60 characters"),
        ({"words": [{}, {}]}, "1 verbalizers"),
        ({"word": []}, "Extra"),
    ],
)
def test_an_impossible_change_is_one_message(
    client: TestClient, change: dict[str, Any], told: str
) -> None:
    body = {"texts": ["a room"], "changes": {"pattern-0": change}}
    answer = client.post("/explain", json=body)
    assert (answer.status_code, told in answer.json()["detail"]) == (422, True), answer.text


def test_members_that_are_not_there_cannot_be_changed(client: TestClient) -> None:
    body = {"texts": ["a room"], "changes": {"pattern-9": {}}}
    answer = client.post("/explain", json=body)
    assert answer.status_code == 422
    assert "no member 'pattern-9'" in answer.json()["detail"]


def test_tasks_are_listed_with_what_can_be_changed(client: TestClient) -> None:
    (task,) = client.get("/tasks").json()["tasks"]
    assert (task["name"], task["fields"]) == ("toy", ["text"])
    assert task["members"][0]["pattern"] == "{text} It was {mask}."
    assert task["members"][0]["can_change"]
    assert task["members"][0]["words"][0]["negative"] == ["bad", "terrible"]


def test_tasks_of_a_bank_share_batches(bank_folder: Path) -> None:
    batches: list[int] = []
    service = Service(
        lambda: load_served(bank_folder, "cpu", "fp32"),
        on_batch=lambda texts, seconds: batches.append(texts),
    )
    rows = [("one", TEXTS[0]), ("other", TEXTS[0]), ("one", TEXTS[2])]
    with TestClient(make_app(service)) as client:
        texts = [{"task": name, "text": text} for name, text in rows]
        mixed = client.post("/predict", json={"texts": texts}).json()["predictions"]
        assert batches == [3]
        alone = client.post("/predict", json={"texts": [TEXTS[0]], "task": "other"}).json()
        unnamed = client.post("/predict", json={"texts": ["a"]})
        both = client.post("/explain", json={"texts": texts})
        shown = explained(client, TEXTS[0], task="other")
    direct = PromptBank.load(bank_folder, device="cpu", precision="fp32").predict(
        [(name, {"text": text}) for name, text in rows]
    )
    assert [one["task"] for one in mixed] == ["one", "other", "one"]
    for mine, theirs in zip(mixed, direct, strict=True):
        assert mine["probability"] == pytest.approx(theirs.probability, abs=1e-5)
    assert alone["predictions"][0]["probability"] == pytest.approx(
        mixed[1]["probability"], abs=1e-5
    )
    assert unnamed.status_code == 422
    assert "no task" in unnamed.json()["detail"]
    assert both.status_code == 422
    assert len(shown["members"]) == 2
    assert shown["prediction"] == shown["members_together"]


def test_a_classifier_alone_predicts_and_says_that_it_explains_nothing(run: Path) -> None:
    alone = load_served(run / "classifier", "cpu", "fp32")
    unexplained = load_served(run, "cpu", "fp32", ServingConfig(explain=False))
    for served in (alone, unexplained):
        with TestClient(make_app(Service(lambda served=served: served))) as client:  # type: ignore[misc]
            assert client.post("/predict", json={"texts": ["a room"]}).status_code == 200
            answer = client.post("/explain", json={"texts": ["a room"]})
            assert answer.status_code == 422
            assert "no members" in answer.json()["detail"]
            assert client.get("/tasks").json()["tasks"][0]["members"] == []


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="expected a run folder"):
        load_served(tmp_path, "cpu", "fp32")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.dictionaries(st.sampled_from(["text", "task", "a"]), st.text())
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "texts": st.lists(st.text() | FIELDS | JSON, max_size=3) | JSON,
        "task": st.sampled_from(["toy", "toys"]) | JSON,
        "threshold": st.floats() | JSON,
        "changes": st.dictionaries(
            st.sampled_from(["pattern-0", "pattern-1", "x"]),
            st.fixed_dictionaries(
                {},
                optional={
                    "pattern": st.text("{}textmask: ", max_size=30) | JSON,
                    "words": st.lists(
                        st.dictionaries(
                            st.sampled_from(["positive", "negative", "x"]),
                            st.lists(st.text(max_size=5), max_size=3),
                        )
                    )
                    | JSON,
                },
            )
            | JSON,
            max_size=2,
        )
        | JSON,
    },
)  # fmt: skip


@given(body=NEARLY | JSON, path=st.sampled_from(["/predict", "/explain"]))
@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_json_makes_the_service_fail(client: TestClient, body: Any, path: str) -> None:
    answer = client.post(path, content=_dumped(body), headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400, 413, 422), (answer.text, body)
    assert answer.status_code == 200 or answer.json()["detail"]


@given(body=st.binary(max_size=200), kind=st.text("abc/;=", max_size=12))
@settings(deadline=None, max_examples=30)
def test_no_bytes_make_the_service_fail(client: TestClient, body: bytes, kind: str) -> None:
    answer = client.post("/predict", content=body, headers={"content-type": kind})
    assert answer.status_code in (400, 422)


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()
