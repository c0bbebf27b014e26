"""The plan of the house: every door imports only from doors before it, and lets in a stranger."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# From the ground up. What stands later may import what stands earlier, never the other way round.
DOORS = [
    "version", "errors", "lazy", "registry", "types", "progress", "seeds", "resources", "device",
    "config",
    "runs", "execution", "task", "training", "data", "encoding", "backbone", "scoring",
    "adaptation", "members", "model", "pipeline", "search", "drafting", "evaluation", "classifier",
    "web", "labelling", "serving", "cli",
]  # fmt: skip


def door(module: str) -> str | None:
    """Name the door of a module, None for the public face."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def imports() -> Iterator[tuple[str, str]]:
    """Yield every import inside the package: importing and imported module, lazy ones too."""
    for path in sorted((ROOT / "pet").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for_types = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if node in for_types:
                continue
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pet"):
                yield module, node.module
            elif isinstance(node, ast.Import):
                names = [name.name for name in node.names]
                yield from ((module, name) for name in names if name.startswith("pet"))


def test_every_door_is_in_the_plan() -> None:
    entries = {path.stem for path in (ROOT / "pet").glob("*.py")} | {
        path.parent.name for path in (ROOT / "pet").glob("*/__init__.py")
    }
    assert entries - {"__init__"} == set(DOORS)


def test_no_door_imports_from_a_later_one() -> None:
    floors = {name: floor for floor, name in enumerate(DOORS)}
    upward = [
        f"{importing} imports {imported}"
        for importing, imported in imports()
        if (low := door(importing)) is not None
        and (high := door(imported)) is not None
        and floors[high] > floors[low]
    ]
    assert upward == []


def test_no_file_imports_itself_round_about() -> None:
    files: dict[str, set[str]] = {}
    for importing, imported in imports():
        if importing != imported:
            files.setdefault(importing, set()).add(imported)
    assert list(TopologicalSorter(files).static_order())  # a circle is a CycleError
