"""Threads of the command line wait for each other briefly, unless the environment says more."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pet.cli.waiting import wait_briefly

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
        monkeypatch.setenv(name, "")  # so that what is set below is undone
        monkeypatch.delenv(name)
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
