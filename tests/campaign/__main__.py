"""Command line of the campaign: ``make campaign``, or one part with its own count.

PYTHONPATH=tests:tests/support python -m campaign PART [--count N] [--seed N]
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# Before anything loads torch: with more threads a forked process would wait for ever.
os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import click

from campaign.damage import damage
from campaign.full_disks import fill_disks, refuse_writes
from campaign.fuzz_arguments import fuzz_arguments
from campaign.fuzz_rows import fuzz_rows
from campaign.fuzz_tasks import fuzz_patterns, fuzz_verbalizer_files, fuzz_verbalizers
from campaign.kills import kill_at_random
from campaign.outcomes import Tally
from campaign.two_at_once import two_at_once
from campaign.world import World

# How many cases of each part `make campaign` runs: in all 1,000,000 inputs and 500 kills.
COUNTS = {
    "patterns": 450_000, "verbalizers": 240_000, "verbalizer-files": 60_000, "rows": 245_000,
    "arguments": 5_000, "kills": 500, "damage": 2_000, "writes": 300, "disks": 140, "two": 140,
}  # fmt: skip


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice([*COUNTS]))
@click.option("--count", type=int, help="Cases of each part; 0 is all of them, for writes.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other cases.")
@click.option(
    "--only", multiple=True, help="Only this command or folder, such as fewshot; or several."
)
def campaign(parts: tuple[str, ...], count: int | None, seed: int, only: tuple[str, ...]) -> None:
    """Run PARTS, or all; print what came out, and end with 1 if anything did that must not."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="campaign-", dir=_memory()) as name:
        folder = Path(name)
        world: list[World] = []

        def there() -> World:
            if not world:
                with suppress(ImportError):  # reports draw; it takes a second to load
                    import matplotlib.pyplot  # noqa: F401
                world.append(World(folder / "world"))
            return world[0]

        for part in parts or COUNTS:
            number = COUNTS[part] if count is None else count
            tally = _parts(folder, there, only)[part](seed, number)
            click.echo(tally.table() + "\n")
            failed += len(tally.failures)
    sys.exit(1 if failed else 0)


def _parts(
    folder: Path, there: Callable[[], World], only: tuple[str, ...]
) -> dict[str, Callable[[int, int], Tally]]:
    """Return the parts as functions of seed and count."""
    chosen = {"names": only} if only else {}
    return {
        "patterns": fuzz_patterns,
        "verbalizers": fuzz_verbalizers,
        "verbalizer-files": lambda seed, count: fuzz_verbalizer_files(seed, count, folder),
        "rows": lambda seed, count: fuzz_rows(seed, count, folder),
        "arguments": lambda seed, count: fuzz_arguments(seed, count, there(), **chosen),
        "kills": lambda seed, count: kill_at_random(seed, count, there(), **chosen),
        "damage": lambda seed, count: damage(seed, count, there(), **chosen),
        "writes": lambda seed, count: refuse_writes(seed, count, there(), **chosen),
        "disks": lambda seed, count: fill_disks(seed, count, there(), **chosen),
        "two": lambda seed, count: two_at_once(seed, count, there(), **chosen),
    }


def _memory() -> str | None:
    """Return a folder in memory, which is quicker and spares the disk; None without one."""
    with suppress(OSError):
        space = os.statvfs("/dev/shm")
        if space.f_bavail * space.f_frsize > 2**30:
            return "/dev/shm"
    return None


if __name__ == "__main__":
    campaign()
