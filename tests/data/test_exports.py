"""Exports of labelling tools: what people said is read, and nothing that they did not say."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from films import TASK, columns, read

from pet.config.files import Reading
from pet.data import Columns, Example, examples_and_rows, has_labels
from pet.data.exports import plain_row
from pet.errors import DataError
from pet.task import PVP, Task, Verbalizer

ANSWER = Verbalizer({"yes": ["yes"], "no": ["no"]})
HOTEL = Task(
    name="hotel",
    labels=["food", "room", "staff"],
    fields=["text"],
    pvps=[PVP("{text} {label}? {mask}", ANSWER)],
    kind="multi-label",
)
GOOD, BAD = Example({"text": "good"}, "positive"), Example({"text": "bad"}, "negative")
BOTH = Example({"text": "cold soup, rude waiter"}, ("food", "staff"))


def task_of_studio(text: str, *given: Any, **more: Any) -> dict[str, Any]:
    """A task of Label Studio with one annotation for each of the labels given."""
    annotations = [
        {"was_cancelled": labels is None, "result": [
            {"from_name": "mood", "to_name": "text", "type": "choices",
             "value": {"choices": labels or ["negative"]}}]}
        for labels in given
    ]  # fmt: skip
    return {"id": 4, "data": {"text": text, "source": "web"}, "annotations": annotations, **more}


EXPORTS: dict[str, list[Any]] = {
    "label studio": [
        task_of_studio("good", ["positive"], predictions=[{"result": []}]),
        task_of_studio("bad", None, ["negative"], ["negative"]),
    ],
    "label studio, small": [
        {"text": "good", "id": 1, "label": "positive", "annotator": 1},
        {"text": "bad", "id": 2, "label": {"choices": ["negative"]}, "annotator": 1},
    ],
    "doccano": [
        {"id": 1, "text": "good", "label": ["positive"]},
        {"id": 2, "text": "bad", "label": ["negative"]},
    ],
    "doccano, old": [
        {"id": 1, "data": "good", "label": ["positive"]},
        {"id": 2, "data": "bad", "label": ["negative"]},
    ],
    "doccano, labels": [
        {"text": "good", "labels": ["positive"]},
        {"text": "bad", "labels": ["negative"]},
    ],
    "prodigy": [
        {"text": "good", "label": "positive", "answer": "accept", "_task_hash": 1},
        {"text": "awful", "label": "positive", "answer": "reject"},
        {"text": "???", "label": "negative", "answer": "ignore"},
        {"text": "bad", "label": "negative", "answer": "accept"},
    ],
    "prodigy, choices": [
        {"text": "good", "options": [], "accept": ["positive"], "answer": "accept"},
        {"text": "so", "options": [], "accept": ["positive"], "answer": "ignore"},
        {"text": "bad", "options": [{"id": 7, "text": "negative"}], "accept": [7],
         "answer": "accept"},
    ],
    "argilla, flattened": [
        {"id": "a", "text": "good", "label.responses": ["positive"], "label.responses.users": ["u"],
         "label.responses.status": ["submitted"], "label.suggestion": "negative"},
        {"id": "b", "text": "bad", "label.responses": ["positive", "negative"],
         "label.responses.status": ["draft", "submitted"]},
    ],
    "argilla": [
        {"id": "a", "fields": {"text": "good"}, "responses": {"label": [
            {"value": "positive", "user_id": "u", "status": "submitted"}]}},
        {"id": "b", "fields": {"text": "bad"}, "responses": {"label": [{"value": "negative"}]}},
    ],
    "argilla, by person": [
        {"fields": {"text": "good"}, "responses": [
            {"user_id": "u", "status": "submitted", "values": {"label": {"value": "positive"}}},
            {"user_id": "v", "status": "discarded", "values": {"label": {"value": "negative"}}}]},
        {"fields": {"text": "bad"}, "responses": [{"values": {"label": {"value": "negative"}}}]},
    ],
    "argilla, from the hub": [
        {"text": "good", "label": [{"user_id": "u", "value": "positive", "status": "submitted"}]},
        {"text": "bad", "label": [{"value": "negative", "status": "submitted"}]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_an_export_is_read_as_it_is(tmp_path: Path, name: str, ending: str) -> None:
    path = tmp_path / f"export.{ending}"
    rows = EXPORTS[name]
    path.write_text(
        json.dumps(rows, indent=1) if ending == "json" else "\n".join(map(json.dumps, rows)),
        "utf-8",
    )
    assert read(path) == [GOOD, BAD]
    assert has_labels(path, columns())
    unlabelled = read(path, columns(labels="ignored"))
    assert len(unlabelled) == len(rows)  # a text whose label was refused is a text all the same


def test_refused_labels_are_counted_and_never_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "prodigy.jsonl"
    path.write_text("\n".join(map(json.dumps, EXPORTS["prodigy"])), "utf-8")
    with caplog.at_level(logging.WARNING, "pet"):
        found = read(path, columns(labels="optional"))
    assert [example.label for example in found] == ["positive", None, None, "negative"]
    assert f"{path}: 2 labels are left out, which were rejected or ignored" in caplog.text
    # A field of the task may have such a name and such texts.
    asked = Task(
        "pairs", TASK.labels, ["answer"], [PVP("{answer} {mask}", TASK.pvps[0].verbalizers[0])]
    )
    rows = [{"answer": "reject", "label": "positive"}]
    assert len(read(rows, Columns(asked, {}))) == 1


def test_people_who_disagree_are_told_unless_no_label_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task_of_studio("so", ["positive"], ["negative"])]), "utf-8")
    with pytest.raises(
        DataError,
        match="row 1: people gave this text different labels: 'positive' and 'negative'.\n.*Keep",
    ):
        read(path)
    with pytest.raises(DataError, match="row 1: people gave"):
        read(path, columns(label="mood"))
    assert read(path, columns(labels="ignored")) == [Example({"text": "so"})]


def test_tasks_nobody_has_labelled_have_no_label(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task_of_studio("so", None), task_of_studio("la")]), "utf-8")
    with pytest.raises(DataError, match="row 1: no label in column 'label'"):
        read(path)
    found = list(examples_and_rows(path, columns(labels="optional")))
    assert [example.label for example, _ in found] == [None, None]
    assert found[0][1] == {"id": 4, "text": "so", "source": "web"}
    assert not has_labels(path, columns())


@pytest.mark.parametrize("name", ["label studio", "doccano", "argilla", "argilla, flattened"])
def test_rows_nobody_has_labelled_are_left_out_where_that_may_be(name: str, tmp_path: Path) -> None:
    nobody: dict[str, Any] = {
        "label studio": task_of_studio("so", None),
        "doccano": {"id": 3, "text": "so", "label": []},
        "argilla": {"fields": {"text": "so"}, "responses": {}},
        "argilla, flattened": {"text": "so", "label.responses": None},
    }
    path = tmp_path / "export.json"
    path.write_text(json.dumps([*EXPORTS[name], nobody[name]]), "utf-8")
    found = read(path, columns(labels="partial"))
    assert found == [GOOD, BAD, Example({"text": "so"})]
    with pytest.raises(DataError, match="row 3: .*label"):
        read(path)


def test_flattened_answers_are_read_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(
        "text,label.responses,label.responses.status\n"
        "good,['positive'],['submitted']\n"
        "bad,\"['positive', 'negative']\",\"['draft', 'submitted']\"\n"
        "so,['negative'],['discarded']\nso,,\n",
        "utf-8",
    )
    found = read(path, columns(labels="partial"))
    assert found == [GOOD, BAD, Example({"text": "so"}), Example({"text": "so"})]


# Tables of Label Studio

STUDIO = {"annotator": 1, "annotation_id": 2, "created_at": "2024", "lead_time": 3.2}


def test_the_label_of_a_label_studio_table_is_in_the_column_of_its_question(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(
        "annotation_id,annotator,created_at,id,lead_time,mood,text,updated_at\n"
        "1,1,2024,1,3,positive,good,2024\n2,1,2024,2,3,negative,bad,2024\n3,1,2024,2,3,,so,2024\n",
        "utf-8",
    )
    assert read(path, columns(labels="partial")) == [GOOD, BAD, Example({"text": "so"})]
    path.write_text(
        'annotator,id,text,mood\n1,1,"cold soup, rude waiter",'
        '"{""choices"":[""food"",""staff""]}"\n1,2,a room,room\n',
        "utf-8",
    )
    assert [example.label for example in read(path, columns(HOTEL))] == [BOTH.label, ("room",)]
    path = tmp_path / "export.json"
    rows = [
        {"id": 1, "text": "so", **STUDIO},
        {"id": 2, "text": "cold soup, rude waiter", **STUDIO,
         "mood": {"choices": ["staff", "food"]}},
        {"id": 3, "text": "a room", "mood": "room"},
    ]  # fmt: skip
    path.write_text(json.dumps(rows), "utf-8")
    found = read(path, columns(HOTEL, labels="partial"))
    assert [example.label for example in found] == [None, BOTH.label, ("room",)]


def test_a_label_studio_table_with_several_questions_needs_the_name(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    rows = [{"id": 1, "text": "good", "mood": "positive", "topic": "food", **STUDIO}]
    path.write_text(json.dumps(rows), "utf-8")
    with pytest.raises(DataError, match="may be any of 'mood', 'topic'.\n.*labels?': 'mood'"):
        read(path)
    assert read(path, columns(label="mood")) == [GOOD]
    marked = [{"id": 1, "text": "a room", "food": 0, "room": 1, "staff": 0, **STUDIO}]
    path.write_text(json.dumps(marked), "utf-8")
    assert read(path, columns(HOTEL))[0].label == ("room",)


def test_the_question_is_chosen_by_its_name_where_there_are_several(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    responses = {"mood": [{"value": "positive"}], "topic": [{"value": ["food", "staff"]}]}
    row = {"fields": {"text": "cold soup, rude waiter"}, "responses": responses}
    path.write_text(json.dumps([row]), "utf-8")
    assert read(path, columns(HOTEL, label="topic")) == [BOTH]
    assert read(path, columns(label="mood"))[0].label == "positive"
    with pytest.raises(DataError, match="no label in column 'label'; found .*'mood', 'topic'"):
        read(path)


def test_rows_with_columns_called_as_in_an_export_stay_as_they_are() -> None:
    hints = columns().hints()
    for row in (
        {"id": 1, "text": "good", "label": "positive", "data": {"source": "web"}},
        {"id": 1, "text": "good", "label": "positive", "data": {}, "annotations": []},
        {"Text": "good", "label": "positive", "fields": {"source": "web"}, "responses": []},
        {"id": 1, "fields": {"text": "good"}, "responses": 5},
    ):
        assert plain_row(row, hints) == row
    task = {"id": 4, "meta": {"day": 2}, "data": {"text": "good"}, "annotations": []}
    assert plain_row(task, hints) == {"id": 4, "meta": {"day": 2}, "text": "good"}
    assert plain_row({"id": 4, "data": {"text": "good"}}, hints) == {"id": 4, "text": "good"}
    record = {"id": 4, "fields": {"text": "good"}, "responses": {}, "metadata": {"day": 2}}
    assert plain_row(record, hints) == {"id": 4, "text": "good", "metadata": {"day": 2}}


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ({"data": {"text": "x"}, "annotations": 5}, None),
        ({"data": {"text": "x"}, "annotations": [{"result": 3}]}, None),
        ({"data": {"text": "x"}, "annotations": [
            {"result": [{"from_name": [1], "value": {"choices": "good"}}]}]}, ["good"]),
        ({"data": {"text": "x"}, "annotations": [
            {"result": [{"value": {"rating": 2}}, {"value": {"choices": {"a": 1}}}]}]}, []),
        ({"text": "x", "accept": [1], "options": [{"id": [], "text": "a"}]}, [1]),
        ({"fields": {"text": "x"}, "responses": [{"values": [1]}]}, None),
        ({"fields": {"text": "x"}, "responses": {"label": 5}}, None),
    ],
)  # fmt: skip
def test_a_malformed_export_has_the_labels_that_can_be_read(row: Any, label: Any) -> None:
    found = plain_row(row, columns().hints())
    assert found["text"] == "x"
    assert found.get("label") == label


# Labels in cells


@pytest.mark.parametrize(
    "cell",
    ['["food", "staff"]', "['food', 'staff']", '{"choices": ["staff", "food"]}',
     "food;staff", "staff ; food"],
)  # fmt: skip
def test_several_labels_in_a_cell_are_read(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "rows.csv"
    quoted = cell.replace('"', '""')
    path.write_text(f'text,label\n"cold soup, rude waiter","{quoted}"\n', "utf-8")
    assert read(path, columns(HOTEL)) == [BOTH]


def test_a_list_of_one_is_that_label_and_of_two_is_refused() -> None:
    assert read([{"text": "good", "label": ["positive"]}]) == [GOOD]
    assert read([{"text": "good", "label": "['positive']"}]) == [GOOD]
    with pytest.raises(DataError, match="row 1: expected one label, found"):
        read([{"text": "good", "label": ["positive", "negative"]}])
    with pytest.raises(DataError, match="the label in column 'label' is empty"):
        read([{"text": "good", "label": []}])
    assert read([{"text": "good", "label": []}], columns(labels="optional"))[0].label is None
    assert read([{"text": "good", "label": "[]"}], columns(HOTEL))[0].label == ()


def test_a_label_that_looks_like_a_list_is_a_label() -> None:
    words = Verbalizer({"[good]": ["great"], "bad": ["awful"]})
    task = Task("odd", ["[good]", "bad"], ["text"], [PVP("{text} {mask}", words)])
    assert read([{"text": "a", "label": "[good]"}], columns(task))[0].label == "[good]"


def test_a_column_of_zeros_and_ones_for_every_label_is_its_labels(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "text,food,Room,staff\ncold soup,1,0,True\na view,0,1.0,0\nfine,0,0,0\n", "utf-8"
    )
    found = read(path, columns(HOTEL))
    assert [example.label for example in found] == [("food", "staff"), ("room",), ()]
    path.write_text("text,food,room,staff\na,x,,X\nb,yes,no,NO\nc,,,\nd,False,TRUE,0\n", "utf-8")
    found = read(path, columns(HOTEL, labels="partial"))
    assert [example.label for example in found] == [("food", "staff"), ("food",), None, ("room",)]
    path.write_text("text,food,room\ncold soup,1,0\n", "utf-8")
    with pytest.raises(DataError, match="no label in column 'label'"):
        read(path, columns(HOTEL))
    rows = [{"text": "good", "positive": 1, "negative": 0}]
    assert read(rows) == [GOOD]


@pytest.mark.parametrize("cells", ["0,2,0", "0.7,0.1,0.2", "1,-1,1", "1,?,0", "food,,"])
@pytest.mark.parametrize("labels", ["required", "partial", "optional"])
def test_a_cell_that_is_no_mark_is_refused(tmp_path: Path, cells: str, labels: Any) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"text,food,room,staff\nfine,1,0,0\nodd,{cells}\n", "utf-8")
    with pytest.raises(DataError, match="row 2, column '(food|room)': expected a mark, found '"):
        read(path, columns(HOTEL, labels=labels))
    assert len(read(path, columns(HOTEL, labels="ignored"))) == 2


def test_columns_of_texts_are_no_columns_of_labels() -> None:
    task = Task("qa", ["q", "a"], ["q", "a"], [PVP("{q} {a} {label}? {mask}", ANSWER)],
                kind="multi-label")  # fmt: skip
    (example,) = read([{"q": "Who?", "a": "Me."}], columns(task, labels="partial"))
    assert example.label is None


def test_one_label_that_is_not_marked_is_refused() -> None:
    for cells in ({"positive": 0, "negative": 0}, {"positive": None, "negative": None}):
        with pytest.raises(DataError, match="no label is marked in the columns 'positive', 'neg"):
            read([{"text": "a", **cells}], columns(labels="partial"))


def test_another_separator_between_labels_is_named_with_the_remedy() -> None:
    with pytest.raises(DataError, match="not separated by ';'(?s:.*)label_separator='#'"):
        read([{"text": "a", "label": "food#staff"}], columns(HOTEL))


# Label maps


def test_a_label_map_gives_labels_their_names(tmp_path: Path) -> None:
    named = Reading(label_map={"0": "negative", "1": "positive", "Pos": "positive"})
    path = tmp_path / "rows.csv"
    path.write_text("text,label\ngood,1\nbad, 0\ngood,1.0\ngood,Pos\nbad,negative\n", "utf-8")
    path.with_suffix(".jsonl").write_text(
        '{"text": "good", "label": 1}\n{"text": "bad", "label": 0.0}\n'
        '{"text": "good", "label": [1]}\n',
        "utf-8",
    )
    assert read(path, columns(), named) == [GOOD, BAD, GOOD, GOOD, BAD]
    assert read(path.with_suffix(".jsonl"), columns(), named) == [GOOD, BAD, GOOD]
    with pytest.raises(
        DataError, match="unknown label '1'; the task's labels are names: 'positive'"
    ):
        read(path)
    for label in ("v1.0", "2.05"):  # neither is the whole number 1 or 25
        path.write_text(f"text,label\ngood,{label}\n", "utf-8")
        with pytest.raises(DataError, match=f"unknown label '{label}'"):
            read(path, columns(), Reading(label_map={"v1": "positive", "25": "positive"}))
    letters = Reading(label_map={"f": "food", "s": "staff"})
    path.write_text('text,label\n"cold soup, rude waiter",f;s\n', "utf-8")
    assert read(path, columns(HOTEL), letters) == [BOTH]
