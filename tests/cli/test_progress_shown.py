"""Progress that people see: bars on a terminal, a line a finished stage, and what is kept."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator

import pytest
from toy import Files, pet, train

from pet.cli import console
from pet.cli.console import progress_bars
from pet.members import executing
from pet.progress import Event


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def seconds(*moments: float) -> Iterator[float]:
    yield from moments
    while True:
        yield moments[-1]


def two_stages() -> None:
    with progress_bars() as show:
        for number, stage in enumerate(("pattern-0", "pattern-1")):
            show(Event(stage, "start", 0, 2, seconds=0.0, stages=(number, 3)))
            show(Event(stage, "step", 1, 2, seconds=1.0, stages=(number, 3)))
            show(Event(stage, "end", 2, 2, loss=0.021, seconds=31.4, stages=(number + 1, 3)))
        show(Event("texts labelled by pattern-0", "start", 0, 1000, stages=(2, 3)))
        show(Event("texts labelled by pattern-0", "end", 1000, 1000, stages=(3, 3)))


LINES = [
    "pattern-0 trained in 31 s, loss 0.02",
    "pattern-1 trained in 31 s, loss 0.02",
    "texts labelled by pattern-0: 1,000 in 0.0 s",
]


def test_on_a_terminal_a_finished_stage_leaves_a_line_and_a_bar_tells_what_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    two_stages()
    shown = stream.getvalue()
    assert [line for line in re.split(r"[\r\n]+", shown) if line.strip() in LINES] == LINES
    assert "0 of 3 stages:   0%|" in shown
    assert "pattern-0:   0%|" in shown
    assert "1000000000" not in shown
    assert shown.rsplit("\r", 2)[-2].strip() == ""  # no bar is left


def test_elsewhere_work_of_some_seconds_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    two_stages()
    assert stream.getvalue() == ""


def test_elsewhere_longer_work_has_a_line_a_stage_also_of_its_first_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = seconds(0.0, 1.0, 2.0, 3.0, 4.0, 12.0)
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    two_stages()
    assert capsys.readouterr().err.splitlines() == [
        f"{line} ({number} of 3 stages)" for number, line in enumerate(LINES, 1)
    ]


def test_long_work_writes_a_line_now_and_then_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = seconds(0.0, 1.0, 10.0, 31.0, 40.0, 70.0)
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    with progress_bars() as show:
        show(Event("rows", "start", 0, 5))
        for step in (1, 2, 3, 4):
            show(Event("rows", "step", step, 5))
    assert capsys.readouterr().err == "rows: 2 of 5\nrows: 4 of 5\n"


def test_work_that_is_no_part_of_a_run_leaves_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress_bars() as show:
        show(Event("rows labelled", "start", 0, 5))
        show(Event("rows labelled", "end", 5, 5))
    assert "rows labelled:   0%|" in stream.getvalue()
    assert stream.getvalue().replace("\r", "").rsplit("]", 1)[-1].strip() == ""
    assert "stages" not in stream.getvalue()


def test_a_member_without_training_is_not_called_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress_bars() as show:
        show(Event("pattern-0", "start", 0, 0, seconds=0.0, stages=(0, 1)))
        show(Event("pattern-0", "end", 0, 0, loss=0.0, seconds=0.0, stages=(1, 1)))
    assert "trained" not in stream.getvalue()


def test_bars_of_stages_that_go_on_together_and_of_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress_bars() as show:
        for number in range(7):
            show(Event(f"pattern-{number}", "start", 0, 2))
        for number in range(7):
            show(Event(f"pattern-{number}", "end", 2, 2))
        show(Event("masked LM", "start", 0, 10**9, seconds=0.0, max_seconds=60.0))
        show(Event("masked LM", "end", 9, 10**9, seconds=61.0, max_seconds=60.0))
    drawn = stream.getvalue()
    assert [f"pattern-{number}" in drawn for number in range(7)] == [True] * 5 + [False] * 2
    assert "0/60" in drawn
    assert "1000000000" not in drawn


@pytest.mark.parametrize(
    ("trained", "said"), [(8.0, "begins again"), (200.0, "goes on from its last checkpoint")]
)
def test_ctrl_c_ends_with_130_and_says_what_is_kept(
    trained: float,
    said: str,
    files: Files,
    tiny_bert: str,
    tmp_path: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = executing.train_member

    def train_member(backbone: object, spec: object, work: object, *more: object, **named: object):  # type: ignore[no-untyped-def]
        if spec.name == "pattern-1":  # type: ignore[attr-defined]
            event = Event("pattern-1", "start", 0, 200, seconds=0.0)
            work.progress(event)  # type: ignore[attr-defined]
            work.progress(Event("pattern-1", "step", 8, 200, seconds=trained))  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        return original(backbone, spec, work, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(executing, "train_member", train_member)
    result = train(files, tiny_bert, f"{tmp_path}/run", "--patterns", "0-2")
    assert (result.code, result.out) == (130, "")
    assert result.err.strip().splitlines()[-2:] == [
        "Interrupted. What was finished is kept; the same command goes on from there.",
        f"Finished: 1 of 3 stages. pattern-1 was at step 8 of 200 and {said}.",
    ]


def test_ctrl_c_where_nothing_is_kept_promises_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pet.cli.tasks.echo", interrupted)
    result = pet("tasks")
    assert (result.code, result.err.strip()) == (130, "Interrupted.")
