"""Pools of unlabelled text, which are never held in memory."""

from __future__ import annotations

import gc
import io
import json
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from films import EXPECTED, columns, read, write_csv
from hypothesis import given, settings
from hypothesis import strategies as st

from pet.config.files import Reading
from pet.data import (
    Example,
    Pool,
    chunked,
    examples_from,
    reusable,
)
from pet.errors import DataError


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


# --- standard input that must be read twice -----------------------------------------------------


def test_standard_input_is_copied_so_that_it_can_be_read_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "in"
    write_csv(path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    copy = reusable("-")
    assert read(copy, reading=Reading(".csv")) == EXPECTED
    assert read(copy, reading=Reading(".csv")) == EXPECTED


def test_other_sources_can_be_read_again_as_they_are() -> None:
    assert reusable("rows.csv") == "rows.csv"
    assert reusable("hf:ag_news:train") == "hf:ag_news:train"
