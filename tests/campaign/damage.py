"""Damaged folders: one message, or done again, or the same result; never another one."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from campaign.outcomes import Tally
from campaign.processes import Ended, Running, run
from campaign.world import World, differences, differing, numbers

Mutation = Callable[[random.Random, Path], None]
DEEP, LONG = b"[" * 100_000, b"1" * 5000


def cut(chance: random.Random, file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: chance.randrange(len(content))] if content else b"")


def flip(chance: random.Random, file: Path) -> None:
    content = bytearray(file.read_bytes())
    for _ in range(chance.randint(1, 3)):
        if content:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def zeros(chance: random.Random, file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def empty(chance: random.Random, file: Path) -> None:
    file.write_bytes(b"")


def random_bytes(chance: random.Random, file: Path) -> None:
    file.write_bytes(chance.randbytes(chance.randint(1, 200)))


def wrong_header(chance: random.Random, file: Path) -> None:
    content = file.read_bytes()
    header = chance.choice(
        [b"\xff" * 8, (10**9).to_bytes(8, "little"), b"\x93NUMPY\x09\x00", b"PK\x03\x04"]
    )
    file.write_bytes(header + content[8:])


def missing(chance: random.Random, file: Path) -> None:
    file.unlink()


def directory(chance: random.Random, file: Path) -> None:
    file.unlink()
    file.mkdir()


def other_json(chance: random.Random, file: Path) -> None:
    odd = [
        b"[]",
        b"{}",
        b"null",
        b'"x"',
        b"7",
        b"[[1]]",
        b"true",
        DEEP,
        LONG,
        b"NaN",
        b"\xef\xbb\xbf{}",
    ]
    file.write_bytes(chance.choice(odd))


def other_value(chance: random.Random, file: Path) -> None:
    """Put a value of another kind at a random place of a JSON file, or take a key away."""
    try:
        whole = json.loads(file.read_bytes())
    except ValueError:
        return other_json(chance, file)
    places: list[tuple[Any, Any]] = []

    def look(value: Any) -> None:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            places.append((value, key))
            if isinstance(inner, dict | list) and inner:
                look(inner)

    if not isinstance(whole, dict | list) or not whole:
        return other_json(chance, file)
    look(whole)
    holder, key = chance.choice(places)
    if chance.random() < 0.3:
        del holder[key]
    else:
        before = holder[key]
        odd: list[Any] = [None, [], {}, "x", -1, 3.5, True, [[]], {"a": 1}, 10**400, "\ud800"]
        holder[key] = chance.choice([value for value in odd if type(value) is not type(before)])
    file.write_text(json.dumps(whole), "utf-8")
    return None


BINARY: list[Mutation] = [
    cut, cut, flip, flip, zeros, empty, random_bytes, wrong_header, missing, directory,
]  # fmt: skip
JSON: list[Mutation] = [
    cut,
    empty,
    zeros,
    missing,
    directory,
    other_json,
    other_json,
    *[other_value] * 4,
]


@dataclass(frozen=True)
class Subject:
    """A folder, called ``out`` in its place, and the commands that read it.

    Parameters
    ----------
    name : str
        Name for tables.
    folder : Path
        The whole folder.
    commands : sequence
        Arguments of ``pet``; those that write into the folder again must end with its numbers.
    """

    name: str
    folder: Path
    commands: Sequence[tuple[object, ...]]


NAMES = (
    "run", "generations", "cut off run", "adaptation", "study", "bank", "classifier", "ensemble",
)  # fmt: skip


@cache
def subject(world: World, name: str) -> Subject:
    """Return a kind of folder that pet writes, with what reads it."""
    cpu = ("--device", "cpu")
    few = ("--input", world.files.test, *cpu)
    text = ("--text", "the food was so good", *cpu)
    page = ("report", "out", "-o", "page.html")
    match name:
        case "run":
            readers = [("predict", "out", *few), ("explain", "out", *text), page]
            readers.append(("evaluate", "out", "--test", world.files.test, *cpu))
            return Subject(name, _keep(world, "train"), [*readers, world.scene("train").arguments])
        case "generations":
            return Subject(name, _keep(world, "ipet"), [world.scene("ipet").arguments])
        case "cut off run":
            return Subject(name, _cut_off(world), [world.scene("train").arguments])
        case "adaptation":
            return Subject(name, _keep(world, "adapt"), [world.scene("adapt").arguments])
        case "study":
            return Subject(name, _keep(world, "study"), [world.scene("study").arguments, page])
        case "bank":
            mixed = ("predict", "--bank", "out", "--input", write_mixed(world), *cpu)
            return Subject(name, _keep(world, "bank"), [mixed, ("bank", "out")])
        case "classifier":
            return Subject(name, _keep(world, "train") / "classifier", [("predict", "out", *few)])
    readers = [("predict", "out", *few), ("explain", "out", *text)]
    return Subject(name, _keep(world, "single") / "classifier", readers)


def write_mixed(world: World) -> str:
    """Write rows of the bank's two tasks."""
    path = world.folder / "mixed.jsonl"
    rows = [{"task": name, "text": "the food was good"} for name in ("toy", "other")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


@cache
def _keep(world: World, name: str) -> Path:
    """Return the folder that a command leaves."""
    place = world.fresh(f"{name}-kept")
    ended = run(world.scene(name).arguments, place)
    assert ended.outcome == "done", ended.err
    return place / "out"


@cache
def _cut_off(world: World) -> Path:
    """Return a run that was killed while its second pattern was trained."""
    place = world.fresh("cut-off")
    process = Running(world.scene("train").arguments, place)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        done = (place / "out/members/pattern-0/member.json").is_file()
        if done and [*(place / "out").rglob("checkpoint.safetensors")]:
            break
        time.sleep(0.002)
    process.signal(signal.SIGKILL)
    process.wait(60)
    return place / "out"


def damage(seed: int, count: int, world: World, names: Sequence[str] = NAMES) -> Tally:
    """Damage one file of a folder after the other and give the folder to a command."""
    chance, tally = random.Random(seed), Tally("damage")
    for number in range(count):
        chosen = subject(world, names[number % len(names)])
        arguments = chance.choice(list(chosen.commands))
        file = chance.choice(sorted(f for f in chosen.folder.rglob("*") if f.is_file()))
        inside = file.relative_to(chosen.folder)
        mutation = chance.choice(JSON if file.suffix in (".json", ".jsonl") else BINARY)
        place = world.fresh("damaged")
        shutil.copytree(chosen.folder, place / "out")
        exact = random.Random(chance.random())
        mutation(exact, place / "out" / inside)
        before = (
            (place / "out" / inside).read_bytes() if (place / "out" / inside).is_file() else b""
        )
        ended = run(arguments, place, 60)
        kind = f"{chosen.name}, {arguments[0]}"
        outcome, failed = _judged(world, chosen, arguments, inside, ended, place)
        if failed:
            shown = f"{inside} {mutation.__name__} (case {number}): {before[:80]!r}"
            tally.fail(kind, outcome, f"{shown} -> {ended.last_line}")
        else:
            tally.count(kind, outcome)
    return tally.end()


def _judged(
    world: World,
    chosen: Subject,
    arguments: tuple[object, ...],
    inside: Path,
    ended: Ended,
    place: Path,
) -> tuple[str, bool]:
    """Return the outcome of a command that met a damaged folder, and whether it must not be."""
    if ended.outcome == "one message":
        return "one message", False
    if ended.outcome != "done":
        return ended.outcome, True
    if arguments[0] == "report":
        return "a page", False
    whole = _undisturbed(world, chosen.name, arguments)
    if arguments[0] in ("train", "adapt", "fewshot"):
        found = numbers(place / "out")
        if _is_untouched(found, whole[1], inside.as_posix()):
            return "not read, not written", False
        different = differences(found, whole[1])
        return (different, True) if different else ("the same, or done again", False)
    if _without_times(ended.out) == whole[0]:
        return "the same", False
    # A list of prompts goes on after a damaged one, and names it.
    is_told = arguments[0] == "bank" and inside.parts[0] in ended.err
    return ("the others, and a message", False) if is_told else ("another result", True)


def _is_untouched(found: dict[str, str], whole: dict[str, str], inside: str) -> bool:
    """Tell whether a folder differs in the damaged file alone, of which its sums still tell."""
    names = [
        name
        for name in differing(found, whole)
        if name == inside
        or not (name.endswith("SHA256SUMS") and found.get(name, "").startswith("wrong: ["))
    ]
    return names == [inside]


@cache
def _undisturbed(
    world: World, name: str, arguments: tuple[object, ...]
) -> tuple[str, dict[str, str]]:
    """Return what a command prints of the whole folder, and the folder's numbers after it."""
    place = world.fresh("undisturbed")
    shutil.copytree(subject(world, name).folder, place / "out")
    ended = run(arguments, place)
    assert ended.outcome == "done", (name, arguments, ended.err)
    return _without_times(ended.out), numbers(place / "out")


def _without_times(text: str) -> str:
    return re.sub(r"\d+\.\d+ s|\d+ rows a second", "", text)
