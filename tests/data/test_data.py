"""Rows from every kind of source, few-shot draws, and pools that are never held in memory."""

from __future__ import annotations

import csv
import gc
import gzip
import io
import json
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pet.data import (
    Columns,
    Example,
    Labels,
    Pool,
    chunked,
    draw_shots,
    examples_from,
    has_labels,
    reusable,
)
from pet.errors import DataError, UsageError
from pet.task import PVP, Task, Verbalizer

POLARITY = Verbalizer({"positive": ["great"], "negative": ["awful"]})
TASK = Task(
    name="films",
    labels=["positive", "negative"],
    fields=["text"],
    pvps=[PVP("{text} {mask}", POLARITY)],
)
PAIRS = Task(
    name="pairs",
    labels=["positive", "negative"],
    fields=["first", "second"],
    columns={"first": "text", "second": "text_b"},
    label_column="gold",
    pvps=[PVP("{first} {mask} {second}", POLARITY)],
)
ROWS = [
    {"text": "A moving film.", "label": "positive"},
    {"text": 'He said "no", twice\nand left.', "label": "negative"},
    {"text": "Käse, \t 🙂", "label": "positive"},
]
EXPECTED = [Example({"text": row["text"]}, row["label"]) for row in ROWS]


def columns(task: Task = TASK, labels: Labels = "required", **mapping: str) -> Columns:
    return Columns(task, mapping, labels)


def read(source: Any, *args: Any, **options: Any) -> list[Example]:
    return list(examples_from(source, *(args or (columns(),)), **options))


def write_jsonl(path: Path, rows: list[dict[str, str]] = ROWS) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def write_csv(path: Path, delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["text", "label"], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(ROWS)


# --- formats ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".tsv", ".JSONL"])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte-order-mark"])
def test_every_format_gives_the_same_examples(
    tmp_path: Path, ending: str, compressed: bool, start: bytes
) -> None:
    path = tmp_path / f"rows.v2{ending}"
    write_jsonl(path) if ending.lower() == ".jsonl" else write_csv(
        path, "\t" if ending == ".tsv" else ","
    )
    content = start + path.read_bytes()
    path.write_bytes(content)
    if compressed:
        path = tmp_path / f"rows.v2{ending}.gz"
        path.write_bytes(gzip.compress(content))
    assert read(path) == EXPECTED
    assert read(str(path)) == EXPECTED


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_line_ends_of_any_system_are_read(tmp_path: Path, ends: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(f"text,label{ends}good,positive{ends}{ends}bad,negative{ends}".encode())
    assert read(path) == [
        Example({"text": "good"}, "positive"),
        Example({"text": "bad"}, "negative"),
    ]


def test_blank_lines_of_jsonl_are_skipped_but_counted(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('\n{"text": "good"}\n \n{"text": ""}\n')
    with pytest.raises(DataError, match="row 4, column 'text': the text is empty"):
        read(path, columns(labels="ignored"))


def test_csv_field_longer_than_the_csv_modules_own_limit_is_read(tmp_path: Path) -> None:
    long = "word " * 40_000
    path = tmp_path / "rows.csv"
    path.write_text(f'text,label\n"{long}",positive\n')
    previous = csv.field_size_limit(131_072)
    try:
        assert read(path)[0].texts["text"] == long.strip()
    finally:
        csv.field_size_limit(previous)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1)
        .map(str.strip)
        .filter(bool),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([".csv", ".tsv", ".jsonl"]),
)
def test_any_text_survives_a_file(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], ending: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    rows = [{"text": text, "label": "positive"} for text in texts]
    if ending == ".jsonl":
        write_jsonl(path, rows)
    else:
        with path.open("w", encoding="utf-8", newline="") as stream:
            delimiter = "\t" if ending == ".tsv" else ","
            writer = csv.DictWriter(stream, ["text", "label"], delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
    assert [example.texts["text"] for example in read(path)] == texts


def test_format_option_wins_over_the_file_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.data"
    write_csv(path)
    assert read(path, file_format=".csv") == EXPECTED


@pytest.mark.parametrize("name", ["rows.txt", "rows", "rows.json", "rows.gz", "rows.csv.zip"])
def test_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("text\ngood\n")
    with pytest.raises(DataError, match=r"expected a file that ends in \.jsonl, \.csv, \.tsv"):
        read(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.csv: cannot be read: No such file"):
        read(tmp_path / "absent.csv")


@pytest.mark.parametrize("damage", ["cut", "no gzip", "flipped"])
def test_damaged_gzip_file_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "rows.jsonl.gz"
    content = gzip.compress(b'{"text": "good", "label": "positive"}\n' * 100)
    path.write_bytes(
        {
            "cut": content[:-12],
            "no gzip": b"text",
            "flipped": content[:12] + b"\xff\xff\xff" + content[15:],
        }[damage]
    )
    with pytest.raises(DataError, match=r"rows\.jsonl\.gz: "):
        read(path)


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for ending, write in ((None, write_jsonl), (".csv", write_csv)):
        path = tmp_path / "stdin"
        write(path)
        stdin = io.TextIOWrapper(io.BytesIO(path.read_bytes()))
        monkeypatch.setattr(sys, "stdin", stdin)
        assert read("-", file_format=ending) == EXPECTED


# --- what is wrong with a file, and where -------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.jsonl", b'{"text": "a"}\n{"text": "\xe9"}\n', r"r\.jsonl, line 2: byte 11 is not"),
        ("r.csv", b"text,label\na,positive\n\xff,positive\n", r"r\.csv, line 3: byte 1 is not"),
        ("r.jsonl", b'{"text": "a"}\n{"text": \n', r"r\.jsonl, row 2: not JSON: Expecting value"),
        ("r.jsonl", b'{"text": "a"}\n["b"]\n', r"row 2: expected a JSON object, found \['b'\]"),
        ("r.jsonl", b'{"txt": "a"}\n', r"no column 'text' .* found 'txt'(?s:.*)--column text="),
        ("r.jsonl", b"{}\n", "row 1: no column 'text' .* found nothing"),
        ("r.jsonl", b'{"text": 3}\n', "row 1, column 'text': expected text, found 3"),
        ("r.jsonl", b'{"text": null}\n', "row 1, column 'text': the text is empty"),
        ("r.jsonl", b'{"text": "a"}\n{"text": " \\n "}\n', "row 2, column 'text': the text is"),
        ("r.jsonl", b'{"text": "ab\\ud83d"}\n', "row 1, column 'text': character 3 is half of a"),
        ("r.csv", b"text,label\na,positive\n,negative\n", "row 2, column 'text': the text is"),
        ("r.csv", b"label,text\npositive\n", "row 1, column 'text': the text is empty"),
        ("r.csv", b"label,text\npositive,Good, not bad\n", "row 1: 3 cells, but the header"),
        ("r.csv", b"words\na\n", "row 1: no column 'text' for the field 'text'; found 'words'"),
        ("r.csv", b"text\na\rb\n", r"r\.csv, near line 2: new-line character"),
    ],
)  # fmt: skip
def test_faulty_row_is_refused_with_its_place(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(path, columns(labels="ignored"))


def test_empty_cells_beyond_the_header_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\ngood,positive,,\n")
    assert read(path) == [Example({"text": "good"}, "positive")]


def test_rows_before_a_faulty_one_are_still_given(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "good", "label": "positive"}\nno json\n')
    stream = examples_from(path, columns())
    assert next(stream).label == "positive"
    with pytest.raises(DataError, match="row 2"):
        next(stream)


# --- labels -------------------------------------------------------------------------------------


def test_unknown_label_names_its_row_and_the_nearest_label() -> None:
    rows = [{"text": "a", "label": "positive"}, {"text": "b", "label": "negativ"}]
    with pytest.raises(DataError) as caught:
        read(rows)
    assert str(caught.value) == "row 2: unknown label 'negativ'.\n  Did you mean 'negative'?"


@pytest.mark.parametrize("label", [None, ""])
def test_missing_label_is_refused_only_where_it_is_required(label: Any) -> None:
    rows = [{"text": "a", "label": label}]
    with pytest.raises(DataError, match="row 1: the label in column 'label' is empty"):
        read(rows)
    with pytest.raises(DataError, match="row 1: no label in column 'label'; found 'text'"):
        read([{"text": "a"}])
    assert read(rows, columns(labels="optional")) == [Example({"text": "a"})]
    assert read(rows, columns(labels="ignored")) == [Example({"text": "a"})]


def test_labels_are_not_looked_at_where_they_are_ignored() -> None:
    rows = [{"text": "a", "label": "nonsense"}, {"text": "b"}]
    assert read(rows, columns(labels="ignored")) == [Example({"text": "a"}), Example({"text": "b"})]
    with pytest.raises(DataError, match="unknown label 'nonsense'"):
        read(rows, columns(labels="optional"))


def test_labels_may_be_numbers_and_padded() -> None:
    words = Verbalizer({"0": ["bad"], "1": ["good"]})
    task = Task("stars", ["0", "1"], ["text"], [PVP("{text} {mask}", words)])
    rows = [{"text": "a", "label": 1}, {"text": "b", "label": " 0 "}]
    assert [example.label for example in read(rows, columns(task))] == ["1", "0"]


# --- columns ------------------------------------------------------------------------------------


def test_own_name_wins_then_the_tasks_column() -> None:
    rows = [
        {"first": "own", "text": "other", "text_b": "b", "gold": "positive"},
        {"text": "a", "second": "own", "text_b": "other", "gold": "negative"},
    ]
    assert read(rows, columns(PAIRS)) == [
        Example({"first": "own", "second": "b"}, "positive"),
        Example({"first": "a", "second": "own"}, "negative"),
    ]


def test_given_columns_win_over_everything() -> None:
    rows = [{"first": "x", "text": "x", "review": "r", "text_b": "b", "gold": "?", "y": "positive"}]
    found = read(rows, columns(PAIRS, first="review", label="y"))
    assert found == [Example({"first": "r", "second": "b"}, "positive")]


def test_given_column_that_is_absent_is_not_replaced_by_another() -> None:
    with pytest.raises(DataError, match="no column 'review' for the field 'text'"):
        read([{"text": "a", "label": "positive"}], columns(text="review"))


def test_mapping_of_an_unknown_field_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no field 'txt'(?s:.*)Did you mean 'text'"):
        columns(txt="review")


def test_texts_come_in_the_order_of_the_tasks_fields() -> None:
    rows = [{"text_b": " b ", "text": "a\n"}]
    found = read(rows, columns(PAIRS, labels="ignored"))
    assert found[0].key == ("a", "b")
    assert found[0].key == Example({"first": "a", "second": "b"}, "positive").key


# --- objects and Hugging Face data sets ---------------------------------------------------------


@pytest.mark.parametrize("source", [ROWS, tuple(ROWS), iter(ROWS)], ids=["list", "tuple", "stream"])
def test_rows_of_any_iterable_are_read(source: Any) -> None:
    assert read(source) == EXPECTED


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3, "Expected a file name or rows, found 3"),
        (["a text"], "Row 1: expected a mapping of columns, found 'a text'"),
        ({"text": ["a"]}, "Row 1: expected a mapping of columns, found 'text'"),
    ],
)
def test_something_else_than_rows_is_refused(source: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(source)


class Named(list[dict[str, Any]]):
    """Rows with the names of their label numbers, in the manner of a `datasets.Dataset`."""

    features = {"label": SimpleNamespace(names=["negative", "positive"])}  # noqa: RUF012


def test_numbers_of_named_classes_become_their_names() -> None:
    rows = Named([{"text": "a", "label": 1}, {"text": "b", "label": 0}, {"text": "c", "label": -1}])
    found = read(rows, columns(labels="optional"))
    assert [example.label for example in found] == ["positive", "negative", None]
    with pytest.raises(DataError, match="row 3: the label in column 'label' is empty"):
        read(rows)
    assert rows[0] == {"text": "a", "label": 1}


def test_hub_name_without_the_datasets_package_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"pip install 'pet-fewshot\[datasets\]'"):
        read("hf:ag_news:train")


def saved_dataset(folder: Path, split: str | None) -> str:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["negative", "positive"]),
        }
    )
    values = {"text": ["good", "bad"], "label": [1, 0]}
    dataset = datasets.Dataset.from_dict(values, features)
    (datasets.DatasetDict({split: dataset}) if split else dataset).save_to_disk(str(folder))
    return str(folder)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("split", [None, "validation"])
def test_saved_dataset_is_read_from_its_folder(tmp_path: Path, split: str | None) -> None:
    folder = saved_dataset(tmp_path / "saved", split)
    found = read(f"hf:{folder}:{split or 'train'}")
    assert found == [Example({"text": "good"}, "positive"), Example({"text": "bad"}, "negative")]


@pytest.mark.filterwarnings("default")
def test_faulty_hub_name_is_refused(tmp_path: Path) -> None:
    folder = saved_dataset(tmp_path / "saved", "train")
    with pytest.raises(DataError, match="cannot be loaded: KeyError"):
        read(f"hf:{folder}:test")
    for name in ("hf:ag_news", "hf::train", "hf:ag_news:"):
        with pytest.raises(DataError, match="expected hf:NAME:SPLIT"):
            read(name)


@pytest.mark.parametrize(
    ("name", "path", "config"),
    [
        ("ag_news", "ag_news", None),
        ("org/name", "org/name", None),
        ("org/name/config", "org/name", "config"),
    ],
)
@pytest.mark.parametrize("split", ["train", "train[:5]", "train[10%:20%]+test[:5]"])
def test_hub_name_says_data_set_configuration_and_split(
    monkeypatch: pytest.MonkeyPatch, name: str, path: str, config: str | None, split: str
) -> None:
    asked: list[Any] = []

    def load_dataset(*args: Any, **options: Any) -> Any:
        asked.append((*args, options["split"]))
        return ROWS

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    assert read(f"hf:{name}:{split}") == EXPECTED
    assert asked == [(path, config, split)]


# --- few-shot draws -----------------------------------------------------------------------------


def labelled(counts: dict[str, int]) -> list[Example]:
    return [
        Example({"text": f"{label} {number}"}, label)
        for label, count in counts.items()
        for number in range(count)
    ]


@settings(max_examples=50, deadline=None)
@given(
    st.integers(min_value=1, max_value=8),
    st.integers(min_value=0, max_value=2**32),
    st.tuples(st.integers(min_value=8, max_value=30), st.integers(min_value=8, max_value=30)),
)
def test_draw_is_balanced_seeded_and_without_duplicates(
    shots: int, seed: int, counts: tuple[int, int]
) -> None:
    examples = labelled({"positive": counts[0], "negative": counts[1]})
    drawn = draw_shots([*examples, *examples], TASK.labels, shots, seed)
    assert Counter(example.label for example in drawn) == {"positive": shots, "negative": shots}
    assert len({example.key for example in drawn}) == len(drawn)
    assert all(example in examples for example in drawn)
    assert draw_shots([*examples, *examples], TASK.labels, shots, seed) == drawn


def test_different_seeds_draw_different_examples() -> None:
    examples = labelled({"positive": 50, "negative": 50})
    draws = [
        frozenset(example.key for example in draw_shots(examples, TASK.labels, 4, seed))
        for seed in range(10)
    ]
    assert len(set(draws)) == 10


def test_every_example_can_be_drawn() -> None:
    examples = labelled({"positive": 5, "negative": 5})
    seen = {e.key for seed in range(60) for e in draw_shots(examples, TASK.labels, 1, seed)}
    assert len(seen) == 10


def test_label_with_too_few_different_examples_is_named_with_its_count() -> None:
    examples = [*labelled({"positive": 5, "negative": 2}), *labelled({"negative": 2})]
    message = "Label 'negative' has 2 different examples; 3 shots(?s:.*)--shots 2"
    with pytest.raises(DataError, match=message):
        draw_shots(examples, TASK.labels, 3, 0)
    assert len(draw_shots(examples, TASK.labels, 2, 0)) == 4


# --- pools --------------------------------------------------------------------------------------


def unlabelled(count: int) -> list[Example]:
    return [Example({"text": f"text {number}"}) for number in range(count)]


def pool_of(examples: list[Example], **options: Any) -> Pool:
    return Pool(lambda: iter(examples), **options)


def test_pool_is_read_again_whenever_it_is_needed() -> None:
    examples = unlabelled(5)
    pool = pool_of(examples)
    assert len(pool) == 5
    assert list(pool) == list(pool) == examples
    assert list(zip(pool, pool, strict=True)) == list(zip(examples, examples, strict=True))


def test_excluded_examples_are_left_out_wherever_they_stand() -> None:
    examples = unlabelled(5)
    shots = [Example({"text": "text 3"}, "positive"), Example({"text": "elsewhere"}, "negative")]
    pool = pool_of([*examples, examples[3]], exclude=shots)
    assert list(pool) == [example for example in examples if example is not examples[3]]
    assert (len(pool), pool.left_out) == (4, 2)


@settings(max_examples=50, deadline=None)
@given(
    count=st.integers(min_value=0, max_value=40),
    limit=st.integers(min_value=0, max_value=50),
    seed=st.integers(min_value=0, max_value=5),
)
def test_sample_is_seeded_in_file_order_and_of_the_asked_size(
    count: int, limit: int, seed: int
) -> None:
    examples = unlabelled(count)
    shots = examples[::7]
    pool = pool_of(examples, exclude=shots, limit=limit, seed=seed)
    found = list(pool)
    assert len(found) == len(pool) == min(limit, count - len(shots))
    remaining = iter(example for example in examples if example not in shots)
    assert all(example in remaining for example in found)
    assert found == list(pool)
    assert found == list(pool_of(examples, exclude=shots, limit=limit, seed=seed))


def test_different_seeds_sample_differently() -> None:
    samples = [
        tuple(example.key for example in pool_of(unlabelled(100), limit=10, seed=seed))
        for seed in range(10)
    ]
    assert len(set(samples)) == 10


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_chunks_are_the_pool_in_order(size: int) -> None:
    examples = unlabelled(7)
    chunks = list(pool_of(examples).chunks(size))
    assert [example for chunk in chunks for example in chunk] == examples
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert 1 <= len(chunks[-1]) <= size
    assert list(chunked([], size)) == []


def test_fingerprint_tells_pools_apart() -> None:
    examples = unlabelled(6)
    changed = [*examples[:5], Example({"text": "text five"})]
    fingerprints = [
        pool.fingerprint
        for pool in (
            pool_of(examples),
            pool_of(changed),
            pool_of(examples[::-1]),
            pool_of(examples[:5]),
            pool_of(examples, exclude=examples[:1]),
            pool_of(examples, limit=2),
        )
    ]
    assert len({tuple(fingerprint.values()) for fingerprint in fingerprints}) == len(fingerprints)
    assert pool_of(list(examples)).fingerprint == fingerprints[0]
    assert json.loads(json.dumps(fingerprints[0])) == fingerprints[0]


def test_faulty_row_of_a_pool_is_found_before_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text('{"text": "good"}\n{"text": ""}\n')
    with pytest.raises(DataError, match="row 2"):
        Pool(lambda: examples_from(path, columns(labels="ignored")))


class Text(str):
    """A text that can be counted while it is alive."""


def counted(count: int, alive: list[int]) -> Callable[[], Iterator[Example]]:
    """Make a source of examples that keeps the largest number of texts alive in ``alive``."""
    living: set[int] = set()

    def source() -> Iterator[Example]:
        for number in range(count):
            text = Text(f"text {number}")
            living.add(id(text))
            weakref.finalize(text, living.discard, id(text))
            alive[0] = max(alive[0], len(living))
            yield Example({"text": text})

    return source


@pytest.mark.parametrize("limit", [None, 150])
def test_pool_never_holds_more_than_a_chunk_of_texts(limit: int | None) -> None:
    alive = [0]
    gc.collect()
    pool = Pool(counted(400, alive), limit=limit)
    assert alive[0] <= 3
    assert sum(1 for _ in pool) == (limit or 400)
    assert alive[0] <= 3
    for chunk in pool.chunks(20):
        assert len(chunk) <= 20
    # One chunk in use, the next one being filled.
    assert alive[0] <= 45


def test_file_is_streamed(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text('{"text": "good"}\n' * 3 + "no json\n")
    first = examples_from(path, columns(labels="ignored"))
    assert next(first).key == ("good",)
    first.close()  # type: ignore[attr-defined]


# --- standard input that must be read twice; labels nobody asked for ----------------------------


def test_standard_input_is_copied_so_that_it_can_be_read_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "in"
    write_csv(path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    copy = Path(reusable("-"))
    try:
        assert read(copy, file_format=".csv") == EXPECTED
        assert read(copy, file_format=".csv") == EXPECTED
    finally:
        copy.unlink()


def test_other_sources_can_be_read_again_as_they_are() -> None:
    assert reusable("rows.csv") == "rows.csv"
    assert reusable("hf:ag_news:train") == "hf:ag_news:train"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"text": "a", "label": "positive"}], True),
        ([{"text": "a", "label": 0}], True),
        ([{"text": "a", "label": ""}], False),
        ([{"text": "a", "label": None}], False),
        ([{"text": "a"}], False),
        ([], False),
    ],
)
def test_labels_are_noticed(rows: list[dict[str, Any]], expected: bool) -> None:
    assert has_labels(rows, columns()) is expected


def test_labels_are_noticed_in_the_given_column() -> None:
    assert has_labels([{"text": "a", "y": "positive"}], columns(label="y"))
    assert not has_labels([{"text": "a", "label": "positive"}], columns(label="y"))
