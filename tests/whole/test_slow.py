"""Tests that `make test` leaves out are listed, with the reason, where contributors read it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SLOW = re.compile(r"^@pytest\.mark\.slow\n(?:^[@ )].*\n)*^def (\w+)", re.MULTILINE)


def test_every_slow_test_is_listed_with_its_reason() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("## What only `make test-all` runs\n")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `(test_\w+)` \| \S", section, flags=re.MULTILINE)
    slow = [
        name
        for file in sorted((ROOT / "tests").rglob("test_*.py"))
        for name in SLOW.findall(file.read_text(encoding="utf-8"))
    ]
    assert sorted(listed) == sorted(slow)
