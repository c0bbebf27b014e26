"""Executors: every result once, specs taken as they are needed, one message for a failure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count, islice

import pytest
from work import Number, be_killed, process_of, square

from pet.errors import DataError, RunError, UsageError
from pet.execution import Executor, InProcess, Processes, executor_for
from pet.progress import Event, silent


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    with Processes(2) as executor:
        yield executor


@pytest.fixture(params=["here", "processes"])
def executor(request: pytest.FixtureRequest, processes: Processes) -> Executor:
    return InProcess() if request.param == "here" else processes


def test_every_spec_has_its_result_once(executor: Executor) -> None:
    results = list(executor.run(square, map(Number, range(7)), silent))
    assert sorted((spec.value, result) for spec, result in results) == [
        (n, n * n) for n in range(7)
    ]
    assert list(executor.run(square, [], silent)) == []


def test_specs_are_taken_as_they_are_needed(executor: Executor) -> None:
    taken = []

    def without_end() -> Iterator[Number]:
        for n in count():
            taken.append(n)
            yield Number(n)

    results = list(islice(executor.run(square, without_end(), silent), 5))
    assert len(results) == 5
    assert len(taken) <= 5 + 2 * 2


def test_an_error_of_the_work_is_raised_as_it_is(executor: Executor) -> None:
    with pytest.raises(DataError, match="13 is not squared") as raised:
        list(executor.run(square, map(Number, (13, 1, 2)), silent))
    assert "Leave it out" in str(raised.value)
    assert next(executor.run(square, [Number(3)], silent))[1] == 9  # and it goes on


def test_progress_of_this_process_is_told() -> None:
    told: list[Event] = []
    list(InProcess().run(square, [Number(2)], told.append))
    assert told == [Event("square", "step", 1, 1)]


def test_processes_live_from_one_list_to_the_next(processes: Processes) -> None:
    first, second = (
        {result for _, result in processes.run(process_of, map(Number, range(6)), silent)}
        for _ in range(2)
    )
    assert os.getpid() not in first | second
    assert len(first | second) <= 2


def test_a_process_that_is_killed_ends_in_one_message_with_both_causes() -> None:
    told = r"memory ran out, or (?s:.*)if __name__ == \"__main__\":(?s:.*)fewer jobs"
    with Processes(1) as executor, pytest.raises(RunError, match=told):
        list(executor.run(be_killed, [Number(1)], silent))


def test_one_job_is_this_process_and_more_are_others() -> None:
    assert isinstance(executor_for(1), InProcess)
    with executor_for(2) as executor:
        assert isinstance(executor, Processes)


def test_for_the_caller_a_spec_in_a_process_is_a_stage_of_one_step(processes: Processes) -> None:
    told: list[tuple[str, str, int, int]] = []

    def note(event: Event) -> None:
        told.append((event.stage, event.moment, event.step, event.total))

    list(processes.run(square, map(Number, (2, 3)), note))
    for stage in ("number 2", "number 3"):
        assert [step[1:] for step in told if step[0] == stage] == [("start", 0, 1), ("end", 1, 1)]


def test_what_cannot_be_sent_to_a_process_is_one_message(processes: Processes) -> None:
    with pytest.raises(UsageError, match="must be picklable"):
        list(processes.run(lambda spec, progress: 1, [Number(1)], silent))
    assert next(processes.run(square, [Number(3)], silent))[1] == 9
