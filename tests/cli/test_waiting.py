"""Threads of the command line wait for each other briefly, unless the environment says more."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pet.cli.waiting import remark_on_load, wait_briefly

# The variable must be there when torch is loaded: GNU's library reads it then, and never again.
SEEN = """
import os, sys, pet.cli
class Loaded:
    def find_spec(self, name, *rest):
        if name == "torch":
            print("torch:", os.environ.get("GOMP_SPINCOUNT"))
            raise SystemExit
sys.meta_path.insert(0, Loaded())
sys.argv = ["pet", "templates", "--task", "reviews", "--train", "tasks/reviews/train.jsonl"]
pet.cli.main()
"""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "10000"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, None),
    ],
)
def test_what_the_environment_says_stays(
    given: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    wait_briefly()
    assert os.environ.get("GOMP_SPINCOUNT") == expected


def test_it_is_said_before_torch_is_loaded() -> None:
    plain = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run(
        [sys.executable, "-c", SEEN], env=plain, capture_output=True, text=True, check=False
    )
    assert done.stdout == "torch: 10000\n", done.stderr


@pytest.mark.parametrize(
    ("cores", "load", "threads"),
    [(2, 0.4, None), (2, 1.2, 1), (2, 5.0, 1), (16, 9.2, 7), (1, 3, None)],
)
def test_a_person_at_a_busy_machine_is_told_of_fewer_threads(
    cores: int,
    load: float,
    threads: int | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr("pet.cli.console._is_quiet", lambda: False)
    for person in (False, True):
        monkeypatch.setattr("pet.cli.console._is_terminal", lambda person=person: person)
        remark_on_load()
        told = capsys.readouterr().err
        assert (f"OMP_NUM_THREADS={threads} " in told) is (person and threads is not None)
        assert bool(told) is (person and threads is not None)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    remark_on_load()
    assert capsys.readouterr().err == ""
