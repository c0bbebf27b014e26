"""What is installed is whole: from a wheel and in editable mode, in fresh virtual environments."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

import pet
import pet.backbone
import pet.model
from pet.task import task_names

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("pet", "tasks", "verbalizers", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")

LOOK = """
import json, sys
from pathlib import Path

import pet
from pet import Verbalizer, load_task
from pet.resources import resource_folder
from pet.task import task_names
model = Path(pet.__file__).parent / "backbone" / "pet-mini"
print(json.dumps({
    "pet": pet.__file__,
    "path": sys.path,
    "tasks": task_names(),
    "loaded": [load_task(name).name for name in task_names()],
    "verbalizers": sorted(path.stem for path in resource_folder("verbalizers").glob("*.json")),
    "polarity": list(Verbalizer.load("polarity").labels),
    "model": sorted(path.name for path in model.iterdir()),
    "reviews": sorted(path.name for path in (resource_folder("tasks") / "reviews").iterdir()),
}))
"""


def call(*command: object, cwd: Path) -> str:
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def fresh_environment(place: Path) -> Path:
    """Make a virtual environment with what this one has, except the project; return its bin."""
    venv.create(place / "venv", with_pip=False, symlinks=True)
    heavy = place / "heavy"
    heavy.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not entry.name.startswith(("pet_fewshot", "__editable__")):
            (heavy / entry.name).symlink_to(entry)
    (packages,) = (place / "venv" / "lib").glob("python*/site-packages")
    (packages / "heavy.pth").write_text(f"{heavy}\n", encoding="utf-8")
    return place / "venv" / "bin"


def install(place: Path, *what: object) -> Path:
    """Install the project into a fresh environment; return its bin."""
    binaries = fresh_environment(place)
    call(
        sys.executable, "-m", "pip", "--python", binaries / "python", "install", "--quiet",
        "--no-deps", "--no-index", "--no-build-isolation", "--no-compile", *what,
        cwd=place,
    )  # fmt: skip
    return binaries


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, so that building leaves nothing in the checkout."""
    folder = tmp_path_factory.mktemp("source")
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        elif (ROOT / part).exists():
            shutil.copy(ROOT / part, folder / part)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    call(
        sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, source,
        cwd=folder,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installed(
    request: pytest.FixtureRequest, source: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Return the environment's bin, and the folder below which the project must be found."""
    place = tmp_path_factory.mktemp(request.param)
    if request.param == "wheel":
        return install(place, request.getfixturevalue("wheel")), place
    return install(place, "--editable", source), source


def test_the_wheel_has_every_file_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        everything = set(archive.namelist())
    names = {name for name in everything if ".dist-info/" not in name}
    info = everything - names
    expected = {
        str(Path("pet") / path.relative_to(base))
        for folder, base in (("pet", ROOT / "pet"), ("tasks", ROOT), ("verbalizers", ROOT))
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == expected
    assert any(name.endswith("LICENSE") for name in info)
    # Licence and origin travel with the weights and with the data.
    assert {
        "pet/backbone/pet-mini/LICENSE",
        "pet/backbone/pet-mini/NOTICE",
        "pet/backbone/pet-mini/README.md",
        "pet/tasks/reviews/README.md",
    } <= names
    assert "pet/py.typed" in names
    assert wheel.name.startswith(f"pet_fewshot-{pet.__version__}-py3-none-any")


def test_an_installed_project_finds_its_resources(installed: tuple[Path, Path]) -> None:
    binaries, home = installed
    found: dict[str, Any] = json.loads(
        call(binaries / "python", "-I", "-W", "error", "-c", LOOK, cwd=binaries)
    )
    assert Path(found["pet"]).is_relative_to(home)
    assert str(ROOT) not in found["path"]
    assert found["tasks"] == found["loaded"] == task_names()
    assert found["verbalizers"] == sorted(p.stem for p in (ROOT / "verbalizers").glob("*.json"))
    assert found["polarity"] == ["negative", "positive"]
    assert found["model"] == sorted(p.name for p in (ROOT / "pet/backbone/pet-mini").iterdir())
    assert found["reviews"] == sorted(p.name for p in (ROOT / "tasks" / "reviews").iterdir())


def test_the_installed_command_runs_with_the_embedded_model(installed: tuple[Path, Path]) -> None:
    binaries, _ = installed
    shown = call(binaries / "pet", "tasks", "reviews", cwd=binaries)
    assert "pattern 0: <text> It was ____." in shown


@pytest.mark.parametrize(("module", "most"), [("pet", 50), ("pet.cli", 300)])
def test_importing_the_package_and_the_command_line_is_light(module: str, most: int) -> None:
    # Modules are counted, not seconds, which a busy machine stretches.
    script = (
        f"import sys; before = {{*sys.modules}}; import {module}; print(*{{*sys.modules}} - before)"
    )
    loaded = call(sys.executable, "-c", script, cwd=ROOT).split()
    assert not {"torch", "transformers", "sklearn", "numpy"} & set(loaded)
    assert len(loaded) <= most


def test_every_public_name_is_there_and_no_other() -> None:
    for name in pet.__all__:
        assert getattr(pet, name).__name__ == name
    assert set(pet.__all__) < set(dir(pet))
    with pytest.raises(AttributeError, match="no attribute 'Petz'"):
        _ = pet.Petz


def test_names_that_left_the_face_are_still_there_with_a_warning() -> None:
    for name, home in (("MaskedLM", pet.backbone), ("Ensemble", pet.model)):
        assert name not in pet.__all__
        with pytest.warns(DeprecationWarning, match=f"import it from {home.__name__}"):
            assert getattr(pet, name) is getattr(home, name)
