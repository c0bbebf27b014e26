"""The queue: bounded, in order, full batches, and one request cannot take others with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving_work import Held

from pet.serving.queue import BatchQueue, QueueClosed, QueueFull


@pytest.fixture
def queue() -> Iterator[BatchQueue]:
    made = BatchQueue(bound=10, wait=0.0)
    yield made
    made.close(20)


def test_more_than_the_bound_is_refused_and_room_comes_back(queue: BatchQueue) -> None:
    work = Held()
    first = queue.submit(work, ["a"])
    assert work.began.wait(20)
    waiting = [queue.submit(work, range(5)), queue.submit(work, range(5))]
    assert queue.full
    assert queue.waiting == 10
    with pytest.raises(QueueFull) as refused:
        queue.submit(work, ["one more"])
    assert refused.value.retry_after >= 1
    queue.give_up(waiting[1])  # nobody waits for it any longer
    assert queue.waiting == 5
    late = queue.submit(work, range(5))
    work.free.set()
    assert first.future.result(20) == ["did a"]
    assert late.future.result(20) == [f"did {number}" for number in range(5)]
    assert waiting[1].future.cancelled()


def test_batches_are_full_and_keep_the_order(queue: BatchQueue) -> None:
    work = Held(most=4)
    queue.submit(work, ["a"])
    assert work.began.wait(20)
    tickets = [queue.submit(work, items) for items in (["b"], ["c", "d"], "efghi")]
    work.free.set()
    assert [ticket.future.result(20) for ticket in tickets] == [
        ["did b"], ["did c", "did d"], [f"did {letter}" for letter in "efghi"],
    ]  # fmt: skip
    # No request overtakes another: what does not fit whole begins the next batch.
    assert work.batches == [["a"], ["b", "c", "d"], ["e", "f", "g", "h"], ["i"]]


def test_other_work_has_its_turn_when_it_is_the_oldest(queue: BatchQueue) -> None:
    held, one, other = Held(), Held(), Held()
    one.free.set()
    other.free.set()
    queue.submit(held, ["x"])
    assert held.began.wait(20)
    done: list[str] = []
    for work, item in ((one, "a"), (other, "b"), (one, "c")):
        ticket = queue.submit(work, [item])
        ticket.future.add_done_callback(lambda f, item=item: done.append(item))
    held.free.set()
    queue.close(20)
    assert (one.batches, other.batches) == ([["a", "c"]], [["b"]])
    assert done == ["a", "c", "b"]


def test_a_batch_waits_for_others_but_not_long() -> None:
    queue, work = BatchQueue(bound=10, wait=600), Held(most=3)
    work.free.set()
    tickets = [queue.submit(work, [number]) for number in range(3)]
    for ticket in tickets:
        ticket.future.result(20)  # full, so it does not wait
    assert work.batches == [[0, 1, 2]]
    queue.close(20)
    queue = BatchQueue(bound=10, wait=0.2)
    begun = time.monotonic()
    queue.submit(work, ["alone"]).future.result(20)
    assert time.monotonic() - begun >= 0.2
    queue.close(20)


def test_what_was_taken_is_done_after_closing(queue: BatchQueue) -> None:
    work = Held()
    tickets = [queue.submit(work, [number]) for number in range(5)]
    closing = threading.Thread(target=queue.close)
    closing.start()
    while not queue.closed:
        time.sleep(0.001)
    with pytest.raises(QueueClosed):
        queue.submit(work, ["late"])
    work.free.set()
    closing.join(20)
    assert [ticket.future.result(0) for ticket in tickets] == [[f"did {n}"] for n in range(5)]
    assert not queue.alive


def test_a_request_that_fails_fails_alone(queue: BatchQueue) -> None:
    class Picky(Held):
        def run(self, items: Sequence[object]) -> list[object]:
            done = super().run(items)
            if "bad" in items:
                raise ValueError("bad")
            return done

    work = Picky(most=4)
    queue.submit(work, ["first"])
    assert work.began.wait(20)
    tickets = [queue.submit(work, items) for items in (["a"], ["bad"], ["b"], ["bad", *"cdefg"])]
    work.free.set()
    assert tickets[0].future.result(20) == ["did a"]
    assert tickets[2].future.result(20) == ["did b"]
    for ticket in (tickets[1], tickets[3]):
        with pytest.raises(ValueError, match="bad"):
            ticket.future.result(20)
    assert queue.submit(work, ["after"]).future.result(20) == ["did after"]
    assert queue.waiting == 0


def test_who_counts_may_err_and_the_work_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def on_batch(items: int, seconds: float) -> None:
        raise RuntimeError("no more numbers")

    queue, work = BatchQueue(5, 0.0, on_batch), Held()
    work.free.set()
    for item in "ab":
        assert queue.submit(work, [item]).future.result(20) == [f"did {item}"]
    queue.close(20)
    assert "was not counted" in caplog.text


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=30),
    most=st.integers(1, 8),
    bound=st.integers(9, 40),
)
@settings(deadline=None, max_examples=40)
def test_every_request_is_refused_or_answered_with_its_own_results(
    sizes: list[int], most: int, bound: int
) -> None:
    queue, work = BatchQueue(bound, 0.0), Held(most)
    taken = []
    for number, size in enumerate(sizes):
        items = [(number, place) for place in range(size)]
        try:
            taken.append((items, queue.submit(work, items)))
        except QueueFull:
            assert queue.waiting + size > bound
        assert queue.waiting <= bound
    work.free.set()
    queue.close(20)
    for items, ticket in taken:
        assert ticket.future.result(0) == [f"did {item}" for item in items]
    assert all(1 <= len(batch) <= most for batch in work.batches)
    assert sum(map(len, work.batches)) == sum(len(items) for items, _ in taken)
