"""Measure the plan of the house: doors, imports that run upward, floors, the longest import chain.

    python benchmarks/structure.py [FOLDER] [--json | --files]

FOLDER is the checkout to look at, by default this one; nothing in it is imported. A door is an
entry of `pet/`: a file or a package. Imports inside functions count, those for type checkers too;
those of the public face `pet` do not, since it loads its names lazily.

- An import between doors runs upward when it closes a circle, or, where the checkout keeps a plan
  in `tests/whole/test_doors.py`, when the door that is imported comes later in it.
- The floor of a door is one more than that of the highest door it imports; doors that import each
  other share one. Files have floors in the same way: their number is the longest import chain.
"""

from __future__ import annotations

import argparse
import ast
import json
import statistics
from collections.abc import Iterable, Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

Graph = Mapping[str, set[str]]


def modules(root: Path) -> dict[str, Path]:
    """Return every module of the package `pet` below a checkout, by its dotted name."""
    paths = {}
    for path in sorted((root / "pet").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        paths[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return paths


def imported(path: Path, known: Iterable[str]) -> Iterator[str]:
    """Yield the modules of the package that a file imports when it runs, once for each import."""
    names = set(known)
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
        if isinstance(node, ast.Import):
            yield from (item.name for item in node.names if item.name in names)
        elif isinstance(node, ast.ImportFrom) and node.module in names:
            for item in node.names:  # `from pet.task import kinds` imports pet.task.kinds
                inner = f"{node.module}.{item.name}"
                yield inner if inner in names else node.module


def door(module: str) -> str | None:
    """Name the door of a module; None for the package's public face."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def between_doors(files: Graph) -> dict[str, set[str]]:
    """Turn imports between files into imports between doors."""
    doors: dict[str, set[str]] = {name: set() for module in files if (name := door(module))}
    for module, targets in files.items():
        for target in targets:
            low, high = door(module), door(target)
            if low and high and low != high:
                doors[low].add(high)
    return doors


def circles(graph: Graph) -> list[set[str]]:
    """Return the groups of nodes that reach each other; a node alone is no circle."""
    reach = {node: _reached(graph, node) for node in graph}
    groups: list[set[str]] = []
    for node in graph:
        group = {other for other in reach[node] if node in reach[other]} | {node}
        if len(group) > 1 and group not in groups:
            groups.append(group)
    return groups


def _reached(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for target in graph.get(waiting.pop(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


def floors(graph: Graph) -> dict[str, int]:
    """Return each node's floor, from 1; nodes of a circle share one."""
    group_of = {node: frozenset(group) for group in circles(graph) for node in group}
    joined: dict[frozenset[str], set[frozenset[str]]] = {}
    for node, targets in graph.items():
        group = group_of.get(node, frozenset([node]))
        others = {group_of.get(target, frozenset([target])) for target in targets}
        joined.setdefault(group, set()).update(others - {group})
    height: dict[frozenset[str], int] = {}
    for group in TopologicalSorter(joined).static_order():
        height[group] = 1 + max((height[other] for other in joined.get(group, ())), default=0)
    return {node: floor for group, floor in height.items() for node in group}


def longest_chain(graph: Graph) -> list[str]:
    """Return the longest chain of imports, from the top down; a circle counts as one node."""
    height = floors(graph)
    group_of = {node: group for group in circles(graph) for node in group}
    node = max(sorted(height), key=height.__getitem__)
    chain = [node]
    while height[node] > 1:
        targets = {target for member in group_of.get(node, {node}) for target in graph[member]}
        node = min(target for target in targets if height[target] == height[node] - 1)
        chain.append(node)
    return chain


def planned(root: Path) -> list[str] | None:
    """Read the order of the doors from the test that holds it; None without such a test."""
    path = root / "tests" / "whole" / "test_doors.py"
    if not path.is_file():
        return None
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "DOORS":
            return list(ast.literal_eval(node.value))
    return None


def upward(doors: Graph, plan: list[str] | None) -> list[str]:
    """List the imports between doors that run against the plan, or close a circle without one."""
    if plan:
        place = {name: index for index, name in enumerate(plan)}
        against = [(a, b) for a, targets in doors.items() for b in targets if place[b] > place[a]]
    else:
        rings = circles(doors)
        against = [
            (a, b)
            for a, targets in doors.items()
            for b in targets
            if any({a, b} <= ring for ring in rings)
        ]
    return sorted(f"{a} -> {b}" for a, b in against)


def measure(root: Path) -> dict[str, object]:
    """Measure a checkout."""
    paths = modules(root)
    files = {
        name: set(imported(path, paths)) - {name, "pet"}
        for name, path in paths.items()
        if name != "pet"
    }
    doors = between_doors(files)
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in paths.values()]
    chain = longest_chain(files)
    return {
        "doors": len(doors),
        "doors that are files": sum(paths[f"pet.{name}"].name != "__init__.py" for name in doors),
        "imports between doors": sum(map(len, doors.values())),
        "imports that run upward": upward(doors, planned(root)),
        "floors of doors": max(floors(doors).values()),
        "files": len(paths),
        "lines, median": statistics.median(lengths),
        "lines, largest": max(lengths),
        "imports between files": sum(map(len, files.values())),
        "circles of files": [" ".join(sorted(group)) for group in circles(files)],
        "longest import chain": len(chain),
        "chain": chain,
    }


def ideas(root: Path) -> str:
    """Return every file under its door, doors in the order of the plan, with its first line."""
    paths = modules(root)
    order = planned(root) or sorted({name for module in paths if (name := door(module))})
    lines = []
    for name in order:
        inside = [module for module in paths if door(module) == name]
        lines.append(f"\n{name}")
        for module in inside:
            words = ast.get_docstring(ast.parse(paths[module].read_text(encoding="utf-8"))) or ""
            lines.append(f"    {paths[module].name:24}{words.splitlines()[0] if words else ''}")
    return "\n".join(lines).lstrip("\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    here = Path(__file__).resolve().parents[1]
    parser.add_argument("folder", nargs="?", type=Path, default=here)
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    parser.add_argument("--files", action="store_true", help="print every file and its idea")
    arguments = parser.parse_args()
    if arguments.files:
        print(ideas(arguments.folder))
        return
    figures = measure(arguments.folder)
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        if not isinstance(value, list):
            print(f"{name:24}{value:>8}")
        elif name == "chain":
            print(f"{name}\n    " + "\n    ".join(value))
        else:
            print(f"{name:24}{len(value):>8}   {', '.join(value)}")


if __name__ == "__main__":
    main()
