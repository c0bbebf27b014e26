"""Random kills: the same command again ends with the numbers of one that nothing disturbed."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from campaign.outcomes import Tally
from campaign.processes import Ended, Running, run
from campaign.world import Scene, World, differences, numbers

# Each command and its share of the kills; the workers of a study load torch anew, so few.
SHARES = {
    "train": 8, "ipet": 8, "single": 4, "adapt": 6, "bank": 4, "predict": 4, "study": 4,
    "fewshot": 1,
}  # fmt: skip
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# Workers may be loading torch when their parent dies; then they see it and end.
GRACE = 60.0


def kill_at_random(seed: int, count: int, world: World, names: Sequence[str] = (*SHARES,)) -> Tally:
    """Kill commands until so many were killed, each up to three times before it may end."""
    chance, tally = random.Random(seed), Tally("kills")
    shares = {name: SHARES[name] for name in names}
    killed = run_number = 0
    while killed < count:
        name = chance.choices([*shares], [*shares.values()])[0]
        scene = world.scene(name)
        expected, seconds = world.expected(scene)
        place = world.fresh(f"{name}-killed")
        history: list[str] = []
        for _ in range(chance.randint(1, 3)):
            number, moment = chance.choice(SIGNALS), chance.uniform(0.02, 0.8) * seconds
            everybody = number == signal.SIGINT and chance.random() < 0.5
            process = Running(scene.arguments, place)
            time.sleep(moment)
            process.signal(number, everybody)
            ended = process.wait(GRACE)
            history.append(f"{number.name} after {moment:.2f} s")
            left = _left(process)
            if ended.code == 0 and not left:
                tally.count(name, "had ended before the signal")
                break
            killed += 1
            problem = left or _wrong(ended, number)
            if problem:
                tally.fail(name, problem, f"{_shown(scene)}, {'; '.join(history)}")
            else:
                tally.count(name, f"{number.name}: ended at once, no process left")
        run_number += 1
        problem = _rerun(scene, place, expected)
        if problem:
            tally.fail(f"{name}, again", problem, f"{_shown(scene)}, {'; '.join(history)}")
        else:
            tally.count(f"{name}, again", "equal to the uninterrupted run, nothing left over")
    return tally.end()


def _left(process: Running) -> str:
    """Say which processes outlive their parent."""
    until = time.monotonic() + GRACE
    while process.others():
        if time.monotonic() > until:
            number = len(process.others())
            process.end_all()
            return f"{number} processes left"
        time.sleep(0.02)
    return ""


def _wrong(ended: Ended, number: signal.Signals) -> str:
    """Say what is wrong with how a process ended at a signal."""
    if ended.code is None:
        return f"{number.name} did not end it"
    if "Traceback" in ended.err:
        return f"{number.name}: traceback: {ended.last_line}"
    return ""


def _rerun(scene: Scene, place: Path, expected: dict[str, str]) -> str:
    """Run the command again; say how its result differs from the expected one."""
    ended = run(scene.arguments, place, 600)
    if ended.outcome != "done":
        return f"{ended.outcome}: {ended.last_line}"
    different = differences(numbers(place / "out"), expected)
    temporary = sorted(file.name for file in place.with_suffix(".tmp").iterdir())
    if temporary:
        different += f"; temporary files: {', '.join(temporary)[:200]}"
    return different.lstrip("; ")


def _shown(scene: Scene) -> str:
    return "pet " + " ".join(map(str, scene.arguments))
