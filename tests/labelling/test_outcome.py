"""What comes of labels: agreement, sure guesses accepted together, and exports."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from labelled import label_some, new_labelling, pool, session_of, truth, work

from pet.data import Example
from pet.errors import DataError
from pet.labelling.agreement import consensus, pair_agreements
from pet.labelling.bulk import Bulks
from pet.labelling.clicks import Click
from pet.labelling.drawing import BULK, CHECKED, RANDOM
from pet.labelling.exporting import write_export
from pet.labelling.labelling import Labelling

TAB, ANNA, BOB = "tab-of-anna", "anna", "bob"


@pytest.fixture
def labelling(tmp_path: Path) -> Labelling:
    return new_labelling(tmp_path / "labelling")


def test_agreement_and_the_label_that_counts(labelling: Labelling) -> None:
    def say(text: int, who: str, label: str, sure: bool = True) -> None:
        labelling.clicks.add([Click(text, who, "tab", label, sure)])

    for who, labels in {
        "a": ["positive", "positive", "negative", "negative"],
        "b": ["positive", "negative", "negative", "positive"],
    }.items():
        for number, label in enumerate(labels, 1):
            say(number, who, label, sure=not (who == "b" and number == 2))
    say(1, "c", "negative")
    answers = labelling.clicks.answers()
    agreed, divided = consensus(answers)
    assert {text: one.label for text, one in agreed.items()} == {
        1: "positive", 2: "positive", 3: "negative",
    }  # fmt: skip
    assert divided == [4]
    first = next(one for one in pair_agreements(answers) if one.people == ("a", "b"))
    # Half of the labels are alike, as chance would have it.
    assert (first.both, first.share, first.kappa) == (4, 0.5, 0.0)


def test_sure_guesses_are_accepted_after_a_check_and_taken_back(tmp_path: Path) -> None:
    labelling = new_labelling(tmp_path, pool(200))
    session = session_of(labelling)
    work(session)
    label_some(session, 30)
    bulks = Bulks(session, 13)
    offer = bulks.offer(0.6)
    numbers = set(offer.guesses)
    assert len(numbers) > 40
    assert len(offer.sample) == 20
    assert not numbers & {text.number for text in labelling.texts.at(session.aside)}
    assert not numbers & labelling.clicks.answered()
    checked = {text.number: truth(text.fields["text"]) for text in offer.sample}
    with pytest.raises(DataError, match="each text of the sample"):
        bulks.accept(offer.name, {}, TAB, ANNA)
    held = session.next("tab-of-bob", BOB)
    assert held is not None
    count, accuracy = bulks.accept(offer.name, checked, TAB, ANNA)
    assert count == len(numbers - {held.text.number})
    right = sum(offer.guesses[number][0] == label for number, label in checked.items())
    assert (accuracy.right, accuracy.asked) == (right, 20)
    drawn = [row["drawn"] for row in labelling.clicks.answers()]
    assert drawn.count(CHECKED) == 20
    assert drawn.count(BULK) == count - 20
    with pytest.raises(DataError, match="too old"):
        bulks.accept(offer.name, checked, TAB, ANNA)
    status = session.status(ANNA)
    assert (status["labelled"], status["bulk"]) == (50, count - 20)
    work(session)
    assert session.learner.round is not None
    assert session.learner.round.labels == 50  # what nobody read is not learned from
    session.undo(TAB, ANNA)
    assert session.status(ANNA)["bulk"] == 0
    assert bulks.offer(0.6, "positive").guesses.keys() <= numbers


def test_an_export_tells_who_when_and_how_sure(tmp_path: Path) -> None:
    texts = ["great film", "sad film", "=1+1", 'a, "b"\nc']
    labelling = new_labelling(tmp_path, [Example({"text": text}) for text in texts])
    labelling.clicks._clock = lambda: 1_700_000_000.0
    labelling.clicks.add(
        [
            Click(1, ANNA, TAB, "positive", guess="negative", probability=0.61234),
            Click(1, BOB, TAB, "positive"),
            Click(1, "eve", TAB, "negative"),
            Click(2, ANNA, TAB, "negative", sure=False, drawn=RANDOM),
            Click(3, ANNA, TAB, "positive", drawn=BULK),
            Click(4, ANNA, TAB, "positive"),
            Click(4, BOB, TAB, "negative"),
        ]
    )

    def export(name: str, **options: bool) -> str:
        stream = io.StringIO(newline="")
        write_export(stream, name, labelling.database, labelling.task, **options)
        return stream.getvalue()

    rows = [json.loads(line) for line in export("x.jsonl").splitlines()]
    assert rows[0] == {
        "id": "0", "text": "great film", "label": "positive", "annotators": "anna; bob",
        "labelled_at": "2023-11-14T22:13:20+00:00", "sure": "yes", "drawn": "chosen",
        "agree": "2 of 3", "guess": "negative", "guess_probability": 0.6123,
    }  # fmt: skip
    assert [(row["text"], row["sure"], row["drawn"]) for row in rows[1:]] == [
        ("sad film", "no", "random"), ("=1+1", "bulk", "bulk"),
    ]  # fmt: skip
    table = list(csv.DictReader(io.StringIO(export("x.csv"), newline="")))
    assert [row["label"] for row in table] == [row["label"] for row in rows]
    assert "'=1+1" in export("x.csv", for_spreadsheets=True)
    each = [json.loads(line) for line in export("x.jsonl", each=True).splitlines()]
    assert [(row["annotators"], row["label"]) for row in each[-2:]] == [
        (ANNA, "positive"), (BOB, "negative"),
    ]  # fmt: skip


def test_columns_with_the_names_of_an_export_are_kept_beside(tmp_path: Path) -> None:
    labelling = new_labelling(tmp_path, [])
    row = {"text": "great film", "Label": "old", "sure": "who knows"}
    labelling.add_pool([(Example({"text": "great film"}), row)], 13)
    labelling.clicks.add([Click(1, ANNA, TAB, "positive")])
    stream = io.StringIO()
    write_export(stream, "x.jsonl", labelling.database, labelling.task)
    made = json.loads(stream.getvalue())
    assert (made["label"], made["sure"], made["sure (pool)"]) == ("positive", "yes", "who knows")
    assert "Label" not in made
