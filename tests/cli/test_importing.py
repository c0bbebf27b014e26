"""What is imported is kept from the garbage collector; what comes later is not."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest
import torch  # noqa: F401 (as a process that has scored has it)

from pet.cli.importing import importing


class Knot:
    """An object that refers to itself, so that only the collector frees it."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_nothing_is_collected_inside_and_what_is_made_there_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    with importing():
        assert not gc.isenabled()
        made = weakref.ref(Knot())
    assert gc.isenabled()
    gc.collect()
    assert made() is not None


def test_a_process_that_goes_on_keeps_no_garbage_of_later_calls() -> None:
    assert "torch" in sys.modules
    with importing():
        made = weakref.ref(Knot())
    gc.collect()
    assert made() is None


def test_what_comes_later_is_collected() -> None:
    with importing():
        pass
    made = weakref.ref(Knot())
    gc.collect()
    assert made() is None


def test_a_collector_that_was_off_stays_off_and_errors_turn_it_on_again() -> None:
    with pytest.raises(ImportError), importing():
        raise ImportError
    assert gc.isenabled()
    gc.disable()
    try:
        with importing():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
