"""Without the extra ``serve`` its tests are skipped; the others are run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from serve_extra import PACKAGES

ROOT = Path(__file__).resolve().parents[2]
# A finder that finds everything but these, in the place of the one that finds everything.
_WITHOUT = f"""
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in {(*PACKAGES, "starlette")}:
            return None
        return super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_tests_are_collected_without_the_extra() -> None:
    call = [sys.executable, "-c", _WITHOUT, "-p", "no:xdist", "-p", "no:cacheprovider", "-q"]
    paths = ("tests/serving", "tests/web", "tests/labelling", "tests/cli/test_label.py")
    result = subprocess.run(
        [*call, "--collect-only", *paths],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, capture_output=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout
    assert "tests/serving/test_queue.py" in result.stdout
    assert "tests/serving/test_app.py" not in result.stdout
