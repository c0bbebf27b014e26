"""Tasks: what fits together, where tasks are found, and the built-in ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pet.backbone.loading import load_tokenizer
from pet.encoding import Encoder, TextTokenizer
from pet.encoding.scripts import ideograph_runs
from pet.errors import PetError, TaskError, UsageError
from pet.task import PVP, Task, Verbalizer, load_task, task_names
from pet.task.parts import Field, input_parts

POLARITY = Verbalizer({"good": ["great"], "bad": ["awful"]})
PVPS = [PVP("{text} It was {mask}.", POLARITY)]
FILE = """
from pet import PVP, Task, Verbalizer
words = Verbalizer({"good": ["great"], "bad": ["awful"]})
pvp = PVP("{text} {mask}", words)
task = Task(name="mine", labels=["good", "bad"], fields=["text"], pvps=[pvp])
"""


def make(**changes: Any) -> Task:
    values = {"name": "mine", "labels": ["good", "bad"], "fields": ["text"], "pvps": PVPS}
    return Task(**{**values, **changes})


def test_lists_become_tuples() -> None:
    task = make(metrics=["accuracy", "macro_f1"])
    assert task.labels == ("good", "bad")
    assert task.fields == ("text",)
    assert task.pvps == tuple(PVPS)
    assert task.metrics == ("accuracy", "macro_f1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": "good"}, "labels must be a list, found 'good'"),
        ({"labels": {"good", "bad"}}, "labels must be a list"),
        ({"fields": "text"}, "fields must be a list"),
        ({"pvps": PVPS[0]}, "pvps must be a list"),
        ({"labels": ["good"]}, "two or more different labels"),
        ({"labels": ["good", "good"]}, "two or more different labels"),
        ({"labels": [0, 1]}, "labels must be texts, found 0(?s:.*)Write '0'"),
        ({"labels": ["good", None]}, "labels must be texts, found None"),
        ({"labels": ["good", ""]}, "the label '' is empty"),
        ({"labels": ["good", " \t"]}, "is empty"),
        ({"labels": ["good", " bad"]}, "the label ' bad' has blanks around it(?s:.*)Write 'bad'"),
        ({"labels": ["good", "bad\n"]}, "has blanks around it"),
        ({"labels": ["Good", "good"]}, "labels 'Good' and 'good' differ only in case"),
        ({"labels": ["stra\u00dfe", "STRASSE"]}, "differ only in case"),
        (
            {"labels": ["caf\u00e9", "cafe\u0301"]},
            r"labels 'caf\\xe9' and 'cafe\\u0301' differ only in Unicode composition",
        ),
        ({"labels": ["caf\u00e9", "CAFE\u0301"]}, "differ only in case"),
        ({"metrics": [1]}, "the metric 1 is unknown"),
        ({"fields": []}, "at least one field"),
        ({"pvps": []}, "at least one field and one PVP"),
        ({"fields": ["txt"]}, r"pattern 0 .* unknown field 'text'(?s:.*)Did you mean 'txt'"),
        ({"labels": ["good", "bed"]}, r"lacks words for \['bed'\] .* unknown labels \['bad'\]"),
        ({"labels": ["good", "bad", "so-so"]}, r"lacks words for \['so-so'\]"),
        ({"columns": {"txt": "review"}}, "columns names the unknown field 'txt'"),
        ({"metrics": ["acuracy"]}, "'acuracy' is unknown(?s:.*)Did you mean 'accuracy'"),
        ({"metrics": ["f1:goods"]}, "'f1:goods' is unknown(?s:.*)Did you mean 'f1:good'"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=f"Task 'mine': .*{message}"):
        make(**changes)


def test_patterns_are_selected_by_number() -> None:
    pvps = [PVP(f"{{text}} {word} {{mask}}", POLARITY) for word in ("a", "b", "c")]
    task = make(pvps=pvps)
    assert task.select(None) == tuple(enumerate(pvps))
    assert task.select([2, 0]) == ((2, pvps[2]), (0, pvps[0]))


@pytest.mark.parametrize("number", [-1, 1])
def test_pattern_that_does_not_exist_is_refused(number: int) -> None:
    with pytest.raises(UsageError, match=f"patterns 0 to 0, not {number}"):
        make().select([number])


def test_task_survives_json() -> None:
    words = Verbalizer({"good": {"great": 2.0}, "bad": ["awful"]}, "max", "parallel")
    task = make(
        pvps=[PVP("{text} {mask}", words, POLARITY), *PVPS],
        description="Something.",
        columns={"text": "review"},
        label_column="stars",
        metrics=["f1:good"],
        kind="ordinal",
        label_separator="|",
    )
    assert Task.from_dict(json.loads(json.dumps(task.to_dict()))) == task


def test_a_task_object_is_taken_as_it_is() -> None:
    task = make()
    assert load_task(task) is task


def test_task_file_is_found_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FILE + "again = task\n")
    assert load_task(path).name == "mine"
    assert load_task(str(path)) == load_task(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x = 1\n", "expected one Task object at module level, found 0"),
        (FILE + "other = Task.from_dict(task.to_dict())\n", "found 2"),
        ("import nowhere_at_all\n", "ModuleNotFoundError while it was run"),
        ("def\n", "SyntaxError while it was run"),
        (FILE.replace("{mask}", "{musk}"), r"no \{mask\}"),
        (FILE.replace('["text"]', '["txt"]'), "unknown field 'text'"),
    ],
)
def test_faulty_task_file_is_refused_with_its_path(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "faulty.py"
    path.write_text(content)
    with pytest.raises(TaskError, match=f"faulty\\.py: (?s:.*){message}"):
        load_task(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain.pop("labels"),
        lambda plain: plain.update(pvps=None),
        lambda plain: plain.update(pvps=["{text} {mask}"]),
        lambda plain: plain.update(pvps=[{"pattern": "{text} {mask}", "verbalizers": [["a"]]}]),
        lambda plain: plain.update(pvps=[{"pattern": None, "verbalizers": []}]),
        lambda plain: plain.update(labels=[{}, {}]),
        lambda plain: plain.update(columns=["text"]),
        lambda plain: plain.update(colour="red"),
        lambda plain: plain.update(name="x" * 10**5, labels=7),
    ],
)
def test_values_that_are_no_task_are_refused(change: Callable[[dict[str, Any]], Any]) -> None:
    plain = make().to_dict()
    change(plain)
    with pytest.raises(PetError) as caught:
        Task.from_dict(plain)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "x" * 5000 + ".py", "a\0b.py"])
def test_a_name_that_no_file_can_have_is_no_task(name: str) -> None:
    with pytest.raises(TaskError):
        load_task(name)


def test_missing_task_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"No task file .*absent\.py"):
        load_task(tmp_path / "absent.py")


def test_unknown_task_name_shows_the_nearest() -> None:
    with pytest.raises(TaskError, match=r"No built-in task 'ag_new'(?s:.*)Did you mean 'ag_news'"):
        load_task("ag_new")


# --- built-in tasks -----------------------------------------------------------------------------


@cache
def embedded() -> TextTokenizer:
    return TextTokenizer(load_tokenizer("pet-mini"))


def words_of(task: Task) -> list[tuple[PVP, Verbalizer]]:
    return [(pvp, verbalizer) for pvp in task.pvps for verbalizer in pvp.verbalizers]


def test_there_are_built_in_tasks() -> None:
    assert {"reviews", "ag_news", "mnli", "banking77"} <= set(task_names())


@pytest.mark.parametrize("name", task_names())
def test_built_in_task_is_complete(name: str) -> None:
    task = load_task(name)
    assert task.name == name
    assert task.description.endswith(".") or task.description.endswith(")")
    assert len(task.pvps) >= 4
    assert len({pvp.pattern for pvp in task.pvps}) == len(task.pvps)
    for _, verbalizer in words_of(task):
        assert all(1 <= len(words) <= 5 for words in verbalizer.words.values())


@pytest.mark.parametrize("name", task_names())
def test_built_in_pattern_reads_every_field_and_leaves_room_for_text(name: str) -> None:
    task = load_task(name)
    for pvp in task.pvps:
        assert set(pvp.pattern.fields) == set(task.fields)
        Encoder(embedded(), pvp.pattern.parts, 32, labels=task.labels)
        own = [part for part in pvp.pattern.parts if isinstance(part, Field) and not part.keep]
        assert own, "some field must give way when the text is long"
    Encoder(embedded(), input_parts(list(task.fields)), 8)


@pytest.mark.parametrize("name", [name for name in task_names() if not name.startswith("zh_")])
def test_built_in_label_words_are_single_tokens_of_the_embedded_model(name: str) -> None:
    task, tokenizer = load_task(name), embedded()
    for pvp, verbalizer in words_of(task):
        encoder = Encoder(tokenizer, pvp.pattern.parts, 64, labels=task.labels)
        seen: dict[int, str] = {}
        for label, words in verbalizer.words.items():
            for word in words:
                ids = tokenizer.word_ids(word, encoder.mask_before)
                assert len(ids) == 1, f"{word!r} of {label!r} is {len(ids)} tokens"
                assert ids[0] != tokenizer.unknown_id, word
                assert seen.setdefault(ids[0], label) == label, word


@pytest.mark.parametrize("name", ["zh_sentiment", "zh_news", "zh_pairs"])
def test_chinese_label_words_are_short_distinct_and_of_one_length(name: str) -> None:
    for pvp, verbalizer in words_of(load_task(name)):
        assert " " not in pvp.pattern.template
        words = [word for own in verbalizer.words.values() for word in own]
        assert len(set(words)) == len(words)
        assert len({len(word) for word in words}) == 1
        assert all(len(ideograph_runs(word)[0]) == len(word) <= 2 for word in words)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "name", [name for name in task_names() if name != "reviews" and not name.startswith("zh_")]
)
def test_built_in_labels_are_those_of_the_data(name: str, shared: Path) -> None:
    meta = json.loads((shared / "data" / name / "meta.json").read_text("utf-8"))
    assert sorted(load_task(name).labels) == sorted(meta["labels"])


@pytest.mark.shared_data
def test_every_data_set_has_its_task(shared: Path) -> None:
    folders = {path.name for path in (shared / "data").iterdir() if path.is_dir()}
    assert folders <= set(task_names())
