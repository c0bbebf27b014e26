"""Whatever `pet` imports is declared in setup.cfg, and is there on every system."""

from __future__ import annotations

import ast
import configparser
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Modules of the standard library that some systems lack.
NOT_EVERYWHERE = {"fcntl", "grp", "msvcrt", "pwd", "resource", "termios", "tty", "winreg"}


def plain(name: str) -> str:
    """Write a distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> tuple[dict[str, str], dict[str, str]]:
    """Return what is required always, and what with some extra: name to its bounds."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")

    def requirements(text: str) -> dict[str, str]:
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        found = [re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?(.*)", line) for line in lines]
        return {plain(match[1]): match[2] for match in found if match}

    extras = setup["options.extras_require"]
    tools = ("test", "dev", "docs")
    optional = [requirements(extras[extra]) for extra in extras if extra not in tools]
    return (
        requirements(setup["options"]["install_requires"]),
        {name: bounds for some in optional for name, bounds in some.items()},
    )


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield the outer packages a file imports, and whether as soon as it is loaded itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    later = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Try)
        or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            yield name.partition(".")[0], node not in later


FILES = sorted([*(ROOT / "pet").rglob("*.py"), *(ROOT / "tasks").glob("*.py")])
IMPORTS = {
    (str(path.relative_to(ROOT)), name, at_once)
    for path in FILES
    for name, at_once in imported(path)
}
FOREIGN = sorted(
    (path, name, at_once)
    for path, name, at_once in IMPORTS
    if name not in sys.stdlib_module_names and name not in ("pet", "__future__")
)


def test_every_package_that_is_imported_is_declared() -> None:
    always, optional = declared()
    homes = packages_distributions()
    # Of a package that is not installed here, such as an extra's, the name is all there is.
    for path, name, at_once in FOREIGN:
        owners = {plain(owner) for owner in homes.get(name, [name])}
        if at_once and not path.startswith(FOR_AN_EXTRA):
            assert owners & {*always}, f"{path} imports {name}, which install_requires lacks"
        else:
            known = {*always, *optional, *BROUGHT}
            assert owners & known, f"{path} imports {name}, which setup.cfg lacks"


# Doors that are entered only where their extra is there: they import at once what it brings.
FOR_AN_EXTRA = ("pet/serving/",)
# What an extra's package brings along, and is imported only beside that package.
BROUGHT = {"pydantic": "fastapi", "sentence-transformers": "setfit", "starlette": "fastapi"}


def test_what_extras_bring_is_brought_by_a_declared_one() -> None:
    assert {*BROUGHT.values()} <= {*declared()[1]}


def test_nothing_is_declared_that_is_not_imported() -> None:
    homes = packages_distributions()
    used = {plain(owner) for _, name, _ in FOREIGN for owner in homes.get(name, [name])}
    assert {*declared()[0]} - used == set()


def test_every_requirement_has_a_lower_bound() -> None:
    for some in declared():
        assert [name for name, bounds in some.items() if not bounds.startswith(">=")] == []


def test_no_new_major_version_of_transformers_is_installed_unseen() -> None:
    assert re.search(r",<\d+$", declared()[0]["transformers"])


@pytest.mark.parametrize("module", sorted(NOT_EVERYWHERE))
def test_what_some_systems_lack_is_imported_with_a_way_out(module: str) -> None:
    assert [path for path, name, at_once in sorted(IMPORTS) if name == module and at_once] == []
