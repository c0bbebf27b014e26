"""The description for programs: its examples are answered, and are of what is served now."""

from __future__ import annotations

from collections.abc import Callable

from serve_extra import need_serve
from serving_work import Told, pair_task

from pet.serving import Service

need_serve()
from starlette.testclient import TestClient

from pet.serving import make_app

Make = Callable[..., Service]


def test_the_description_has_examples_that_are_answered(make: Make) -> None:
    client = TestClient(make_app(make(Told().served)))
    described = client.get("/openapi.json").json()
    content = described["paths"]["/predict"]["post"]["requestBody"]["content"]
    examples = content["application/json"]["examples"]
    assert len(examples) == 2
    for example in examples.values():
        assert client.post("/predict", json=example["value"]).status_code == 200
    assert {"200", "413", "422", "429", "503", "504"} <= {
        *described["paths"]["/predict"]["post"]["responses"]
    }


def test_the_description_is_of_what_was_loaded_last(make: Make) -> None:
    loads = iter([Told("old").served(), Told("new").served(pair_task())])
    service = make(lambda: next(loads))
    client = TestClient(make_app(service))
    assert client.get("/openapi.json").json()["info"]["title"] == "pet: old"
    service.reload()
    described = client.get("/openapi.json").json()
    assert described["info"]["title"] == "pet: new"
    for path in ("/predict", "/explain"):
        content = described["paths"][path]["post"]["requestBody"]["content"]
        example = content["application/json"]["examples"]["one text"]["value"]
        assert {*example["texts"][0]} == {"question", "answer"}
