"""Every command and every piece of Python that the README shows is run here, in order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
MAKE = [
    line for kind, body in BLOCKS if kind == "sh" for line in body.splitlines() if "make" in line
]


def commands(body: str) -> list[str]:
    joined = body.replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    (folder / "tasks").symlink_to(ROOT / "tasks")
    return folder


def test_the_readme_opens_with_the_two_commands_and_the_makefile_has_them() -> None:
    assert [line.split("#")[0].strip() for line in MAKE] == ["make demo", "make test"]
    makefile = (ROOT / "Makefile").read_text()
    assert "\ndemo:" in makefile
    assert "\ntest:" in makefile
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_contributing_names_only_files_that_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if "`" in line]
    missing = []
    for row in rows:
        folder = ROOT
        for name in re.findall(r"`([\w./-]+(?:\.py|/))`", row):
            if "/" in name:  # the names that follow in a row are its neighbours
                folder = (ROOT / name) if name.endswith("/") else (ROOT / name).parent
            place = ROOT / name if "/" in name else folder / name
            if not place.exists():
                missing.append(name)
    assert not missing


def test_everything_shown_runs_as_shown(place: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    ran = 0
    for kind, body in BLOCKS:
        if kind == "python":
            script = place / f"block_{ran}.py"
            named = re.match(r"# (\S+\.py)\n", body)
            if named:
                script = place / named[1]
            script.write_text(body, encoding="utf-8")
            calls = [shlex.join([sys.executable, str(script)])]
        elif kind == "sh":
            calls = [line for line in commands(body) if not line.startswith("make ")]
        else:
            continue
        for call in calls:
            result = subprocess.run(
                call, shell=True, cwd=place, env=environment, capture_output=True, text=True
            )
            assert result.returncode == 0, f"{call}\n{result.stdout}\n{result.stderr}"
            assert "Traceback" not in result.stderr
            ran += 1
    assert ran >= 8
