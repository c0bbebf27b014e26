"""Two processes on one folder: one works, the other waits, says so, or finds it finished."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Sequence

from campaign.outcomes import Tally
from campaign.processes import Ended, Running, run
from campaign.world import World, differences, numbers

SCENES = ("train", "ipet", "single", "adapt", "bank", "predict", "study")


def two_at_once(seed: int, count: int, world: World, names: Sequence[str] = SCENES) -> Tally:
    """Start a command twice on one folder, or a reader beside it, at random moments."""
    chance, tally = random.Random(seed), Tally("two at once")
    for number in range(count):
        scene = world.scene(names[number % len(names)])
        expected, seconds = world.expected(scene)
        place = world.fresh(f"{scene.name}-twice")
        kind = chance.choice(["the same", "the same", "a reader", "--force"])
        other = scene.arguments
        if kind == "a reader":
            other = _reader(world, scene.name)
        elif kind == "--force" and scene.name in ("train", "ipet", "single", "adapt", "study"):
            other = (*other, "--force")
        else:
            kind = "the same"
        first = Running(scene.arguments, place, name="-first")
        moment = chance.uniform(0, seconds)
        time.sleep(moment)
        second = Running(other, place, name="-second")
        ended = [process.wait(120) for process in (first, second)]
        name, how = f"{scene.name} beside {kind}", f"{moment:.2f} s later"
        problem = _wrong(ended)
        if not problem:
            again = run(scene.arguments, place)
            if again.outcome != "done":
                problem = f"again: {again.outcome}: {again.last_line}"
            else:
                problem = differences(numbers(place / "out"), expected)
        if problem:
            tally.fail(name, problem, how)
        else:
            tally.count(name, f"{' and '.join(sorted(e.outcome for e in ended))}; same numbers")
        shutil.rmtree(place)
    return tally.end()


def _reader(world: World, scene: str) -> tuple[object, ...]:
    """Return a command that reads what the other one writes."""
    if scene == "study":
        return ("report", "out", "-o", "page.html")
    if scene == "bank":
        return ("bank", "out")
    if scene == "adapt":
        return ("check", "--task", world.files.task, "--train", world.files.train,
                "--backbone", "out")  # fmt: skip
    if scene == "predict":
        return ("check", "--task", world.files.task, "--train", "out/labelled.csv")
    return ("predict", "out", "--input", world.files.test, "--device", "cpu")


def _wrong(ended: list[Ended]) -> str:
    """Say which of two processes ended as none may."""
    wrong = [one for one in ended if one.outcome not in ("done", "one message")]
    if wrong:
        return f"{wrong[0].outcome}: {wrong[0].last_line}"
    if all(one.outcome == "one message" for one in ended):
        return f"both refused: {ended[0].last_line}"
    return ""
