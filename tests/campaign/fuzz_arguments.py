"""Random argument vectors for every command, each in a process of its own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from campaign.outcomes import Tally
from campaign.processes import Ended, run
from campaign.shrinking import smallest
from campaign.world import World
from pet.cli import COMMANDS

# What still works after this is counted so and stopped: it was not refused, which is all it tells.
PATIENCE = 4.0


def files_of(world: World, folder: Path) -> list[str]:
    """Write some files that are right, and some that are not; return their names and others."""
    folder.mkdir(exist_ok=True)
    contents = {
        "empty.jsonl": b"", "random.csv": bytes(range(256)),
        "rows.csv": b"text,label\nbad,negative\n",
        "deep.jsonl": b"[" * 100_000, "bom.csv": b"\xef\xbb\xbftext;label\ngood;positive\n",
        "words.json": b'{"negative": ["bad"], "positive": ["good"]}', "list.json": b"[1, 2]",
        "lines.txt": b"the film was good\n" * 30, "no_task.py": b"x = 1\n", "raises.py": b"1 / 0\n",
        "cut.gz": b"\x1f\x8b\x08\x00", "cut.jsonl.gz": b"\x1f\x8b\x08\x00\x00",
        "patterns.txt": b"{text} {mask}",
    }  # fmt: skip
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    right = [
        world.files.task, world.files.train, world.files.unlabeled, world.files.test, world.model,
        world.pool, str(world.made("single")),
    ]  # fmt: skip
    return [*right * 2, *(str(folder / name) for name in contents), str(folder)]


ODD = [
    "", " ", "-", "--", "-1", "0", "1", "2", "3.5", "1e400", "nan", "inf", "999999999999",
    "x" * 300, "好", "\udcff", "a,b", "0-1", "1-0", "0,,1", "all", "none", "cpu", "cuda:99",
    "auto", "reviews", "text=review", "=", "a=b=c", "/dev/null", "/dev/full", "/nonexistent/x", "~",
    "out", "1:2", "out/x.csv", "good", "{text} {mask}", "{mask", "hf:x:y", "hf:", "\n", "\x1b[2J",
    "%s", "../x",
]  # fmt: skip


def right(world: World, command: str) -> dict[str, str]:
    """Return values that a command can work with, by the names of its parameters."""
    files, run = world.files, str(world.made("single"))
    text = world.corpus if command == "adapt" else "the food was good"
    if command == "bank":
        return {"bank": str(world.made("bank")), "sources": str(world.made("prompt"))}
    if command == "report":
        return {"run": str(world.made("study"))}
    return {
        "task": files.task, "tasks": files.task, "name": files.task, "train_file": files.train,
        "train_files": files.train, "pools": world.pool, "tests": files.test, "test": files.test,
        "unlabeled": files.unlabeled, "source": files.unlabeled, "model": run,
        "backbone": world.model, "text": text, "texts": text,
    }  # fmt: skip


def value_of(chance: random.Random, parameter: click.Parameter, files: Sequence[str]) -> str:
    """Return a value for a parameter; often one of its own kind."""
    kind = chance.random()
    if isinstance(parameter.type, click.Choice) and kind < 0.7:
        return str(chance.choice(list(parameter.type.choices)))
    if isinstance(parameter.type, click.IntRange | click.FloatRange) and kind < 0.7:
        return str(chance.choice([0, 1, 2, 3, 0.1, 1.5, -1]))
    if kind < 0.6:
        return chance.choice(list(files))
    return chance.choice(ODD)


def vector(chance: random.Random, name: str, files: Sequence[str], world: World) -> list[str]:
    """Return random arguments of a command; most have what it requires, and small sizes."""
    good = right(world, name) if chance.random() < 0.7 else {}
    parameters = import_module(f"pet.cli.{name}").command.params
    arguments: list[str] = []
    for parameter in parameters:
        is_needed = parameter.required and chance.random() < 0.95
        if not is_needed and chance.random() > chance.choice([0, 1, 4]) / len(parameters):
            continue
        given = good.get(str(parameter.name)) if chance.random() < 0.95 else None
        if isinstance(parameter, click.Argument):
            arguments.append(given or value_of(chance, parameter, files))
        elif "--jobs" in parameter.opts:
            arguments += ["--jobs", chance.choice(["1", "0", "-1", "x", "1.5"])]
        elif parameter.name == "output":
            arguments += ["-o", chance.choice(["out", "out.jsonl", "out.csv", *ODD])]
        elif getattr(parameter, "is_flag", False):
            arguments.append(chance.choice([*parameter.opts, *parameter.secondary_opts]))
        else:
            value = given or value_of(chance, parameter, files)
            arguments += [chance.choice(parameter.opts), value]
    if chance.random() < 0.8:
        small = {"--max-steps": "1", "--distill-epochs": "1", "--device": "cpu"}
        known = {option for parameter in parameters for option in parameter.opts}
        for option, size in small.items():
            if option in known and option not in arguments:
                arguments += [option, size]
        if "--backbone" in known and "--backbone" not in arguments:
            arguments += ["--backbone", world.model]
    if chance.random() < 0.1:
        arguments.insert(chance.randrange(len(arguments) + 1), chance.choice(ODD))
    return [chance.choice([name] * 30 + ODD[:20]), *arguments]


def fuzz_arguments(
    seed: int, count: int, world: World, names: Sequence[str] = (*COMMANDS,)
) -> Tally:
    """Call commands with random arguments, and random rows on standard input."""
    chance, tally = random.Random(seed), Tally("argument vectors")
    files = files_of(world, world.folder / "odd")
    for number in range(count):
        name = names[number % len(names)]
        arguments = vector(chance, name, files, world)
        stdin = chance.choice(
            [b"", b'{"text": "good", "label": "positive"}\n', b"\xff\xfe", b"text\nx\n"]
        )

        def call(some: list[str], rows: bytes = stdin) -> Ended:
            return run(some, world.fresh("called"), PATIENCE, stdin=rows)

        ended = call(arguments)
        outcome, failed = judged(ended)
        if not failed:
            tally.count(name, outcome)
            continue

        def fails(fewer: list[str], expected: Any = (outcome, True), call: Any = call) -> bool:
            return judged(call(fewer)) == expected

        shortest = smallest(arguments, fails, 40)
        last = call(shortest).last_line
        tally.fail(name, outcome, f"pet {shortest!r}, standard input {stdin!r} -> {last}")
    return tally.end()


def judged(ended: Ended) -> tuple[str, bool]:
    """Return the outcome of a call, and whether it must not be."""
    if ended.code is None:
        return "still working when it was stopped", False
    if ended.code == 2 and ended.err.startswith("Usage: ") and "Traceback" not in ended.err:
        return "refused by click", False
    return ended.outcome, ended.outcome not in ("done", "one message")
