"""What is public is documented: docstrings, examples that run, the reference, links of pages."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import pet

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = re.findall(
    r"^::: (\S+)$", (ROOT / "docs" / "api.md").read_text("utf-8"), flags=re.MULTILINE
)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def named(path: str) -> Any:
    """Return what a dotted path of the reference names."""
    module, name = path.rsplit(".", 1)
    return getattr(import_module(module), name)


def members(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties that a class itself defines."""
    for name, value in vars(thing).items() if inspect.isclass(thing) else ():
        function = getattr(value, "__func__", getattr(value, "fget", value))
        if not name.startswith("_") and inspect.isfunction(function):
            yield name, value


def test_the_reference_has_every_public_name() -> None:
    assert {path.removeprefix("pet.") for path in REFERENCE if path.count(".") == 1} == {
        *pet.__all__
    }


@pytest.mark.parametrize("path", REFERENCE)
def test_what_the_reference_names_is_documented(path: str) -> None:
    thing = named(path)
    assert inspect.getdoc(thing)
    undocumented = [name for name, value in members(thing) if not inspect.getdoc(value)]
    assert undocumented == []


def test_the_functions_beside_the_commands_are_where_the_page_says() -> None:
    page = (ROOT / "docs" / "python.md").read_text("utf-8")
    paths = re.findall(r"^\| `pet \w+` \| `(pet[\w.]+)` \|$", page, flags=re.MULTILINE)
    assert len(paths) >= 9
    assert all(callable(named(path)) for path in paths)


@pytest.mark.parametrize("name", pet.__all__)
def test_every_public_name_has_examples_and_they_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    thing = getattr(pet, name)
    names = {public: getattr(pet, public) for public in pet.__all__}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    tests = doctest.DocTestFinder(recurse=True).find(thing, name, globs=names)
    assert any(test.examples for test in tests), f"pet.{name} has no example"
    assert not any(example.options.get(doctest.SKIP) for test in tests for example in test.examples)
    for test in tests:
        runner.run(test, clear_globs=False)
    assert runner.summarize(verbose=False).failed == 0


def test_contributing_and_architecture_name_only_files_that_are_there() -> None:
    for page in (ROOT / "CONTRIBUTING.md", ROOT / "docs" / "architecture.md"):
        names = re.findall(r"`((?!build/)[\w.-]+/[\w./-]*)`", page.read_text("utf-8"))
        assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_plan_is_told_with_all_its_doors() -> None:
    plan = ast.parse((ROOT / "tests" / "whole" / "test_doors.py").read_text("utf-8"))
    doors = next(
        ast.literal_eval(node.value)
        for node in plan.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOORS"
    )
    contributing = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("## The plan")[1]
    told = re.findall(r"`pet/(\w+)(?:/|\.py)`", contributing.split("\n## ")[0])
    assert told == doors
    architecture = (ROOT / "docs" / "architecture.md").read_text("utf-8").split("## The doors")[1]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", architecture, flags=re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(doors)


def test_extending_names_every_registry() -> None:
    found = re.compile(r'\bRegistry\(\s*"(\w+)"')
    sources = [path.read_text("utf-8") for path in (ROOT / "pet").rglob("*.py")]
    groups = {name for source in sources for name in found.findall(source)} - {"shapes"}
    page = (ROOT / "docs" / "extending.md").read_text("utf-8")
    assert groups == set(re.findall(r"`pet\.(\w+)`[,.]", page))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and mkdocs make them."""
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    broken = []
    for target, anchor in re.findall(
        r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text("utf-8")
    ):
        path = (page.parent / target) if target else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(f"{target}#{anchor}" if anchor else target)
    assert broken == []
