"""Faults of a file are counted by what is wrong, and their number bounds what is kept of them."""

from __future__ import annotations

from pathlib import Path

from films import POLARITY, TASK, columns

from pet.data import Columns
from pet.data.fault_counts import FaultCounts, checked_examples
from pet.task import PVP, Task, Verbalizer


def counted(rows: list[object]) -> tuple[FaultCounts, Task]:
    reading = columns()
    counts = FaultCounts("rows")
    list(checked_examples(rows, reading, None, counts))
    return counts, reading.task


def test_messages_that_differ_in_what_was_found_are_one_fault() -> None:
    counts, task = counted([{"text": n, "label": "positive"} for n in range(1000)])
    assert counts.lines(task) == [
        "rows: 1000 of 1000 rows cannot be used:",
        "   1000  column 'text': expected text, found 0. (row 1, row 2, row 3 and 997 more)",
    ]


def test_every_unknown_label_is_told_and_the_rest_is_counted() -> None:
    rows = [{"text": "good", "label": "positive"}]
    rows += [{"text": "good", "label": f"genre {n % 25}"} for n in range(1, 1000)]
    counts, task = counted([*rows])
    lines = counts.lines(task)
    assert lines[0] == "rows: 999 of 1000 rows cannot be used:"
    assert len(lines) == 22
    assert lines[1].startswith("     40  unknown label 'genre 1'. Known: ")
    told = sum(int(line.split()[0]) for line in lines[1:])
    assert (told, lines[-1]) == (999, f"  {lines[-1].split()[0]:>5}  have other faults")


def test_labels_that_are_nearly_right_are_no_other_task() -> None:
    counts, task = counted([{"text": "good", "label": "Positive"}] * 9)
    assert counts.fits()
    assert "Did you mean 'positive'?" in str(counts.error(task))
    others, task = counted([{"text": "good", "label": "billing"}] * 9)
    assert not others.fits()
    assert "does not fit the task" in str(others.error(task))


def test_an_unknown_label_beside_a_known_one_is_no_other_task() -> None:
    pvp = PVP("{text} {label}? {mask}", Verbalizer({"yes": ["yes"], "no": ["no"]}))
    task = Task("hotel", ["food", "room"], ["text"], [pvp], kind="multi-label")
    for labels in (["garden"], ["food", "garden"]), (["food", "garden"], ["garden"]):
        counts = FaultCounts("rows")
        rows = [{"text": "a", "label": label} for label in labels]
        list(checked_examples(rows, Columns(task, {}, "partial"), None, counts))
        assert counts.lines(task)[1].startswith("      2  unknown label 'garden'.")
    counts = FaultCounts("rows")
    list(checked_examples(rows[1:], Columns(task, {}, "partial"), None, counts))
    assert not counts.fits()


def test_one_faulty_row_is_told_as_it_is() -> None:
    counts, task = counted([{"text": "", "label": "positive"}, {"text": "a", "label": "positive"}])
    assert str(counts.error(task)) == (
        "row 1, column 'text': the text is empty.\n  Fill it in or remove the row."
    )


def test_empty_texts_are_told_by_their_columns() -> None:
    pvp = PVP("{sentence1} {mask} {sentence2}", POLARITY)
    pairs = columns(Task("pairs", TASK.labels, ["sentence1", "sentence2"], [pvp]))
    empty = {"label": "positive", "sentence1": "", "sentence2": "b"}
    rows = [empty, {**empty, "sentence1": "a", "sentence2": " "}, empty]
    counts = FaultCounts("rows")
    list(checked_examples(rows, pairs, None, counts))
    assert counts.lines(pairs.task) == [
        "rows: 3 of 3 rows cannot be used:",
        "      2  column 'sentence1': the text is empty. Fill it in or remove the row. "
        "(row 1, row 3)",
        "      1  column 'sentence2': the text is empty. Fill it in or remove the row. (row 2)",
    ]


def test_faults_of_one_kind_are_one_whatever_was_found(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"text": "a}\n{"text": "abc}\n[1]\n[2]\n"caf\xe9"\n"\xe9"\n')
    counts = FaultCounts(str(path))
    list(checked_examples(path, columns(), None, counts))
    told = [(line.split()[0], line.rpartition(" (")[2]) for line in counts.lines(columns().task)]
    assert told[1:] == [("2", f"row {n}, row {n + 1})") for n in (1, 3, 5)]
    lacks = [{"text": "a", "b": 1}, {"text": "a", "c": 1}, {"text": "a", "label": ["a", "b"]}]
    counts, task = counted([*lacks, {"text": "a", "label": ["c", "d"]}])
    assert [line.split()[0] for line in counts.lines(task)[1:]] == ["2", "2"]
