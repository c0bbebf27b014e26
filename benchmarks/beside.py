"""Steps of training beside other work: threads that wait for each other, and what they cost.

    python benchmarks/beside.py

A member's steps on pet-mini (batches of 8 texts of 32 tokens) are timed in a new process alone,
then beside one and more processes that multiply matrices on a thread each, up to as many as there
are cores: with all cores and the waiting that torch's threads have by themselves, with the waiting
of `pet.cli.waiting`, and with a single thread. Printed are milliseconds of a step and, in
brackets, how many times a fair share of the cores that is: with n others a share is 1 / (n + 1) of
them, or all that are free where that is more. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from pet.cli.waiting import wait_briefly
from pet.evaluation.tables import text_table

BUSY = "import torch; torch.set_num_threads(1); a = torch.randn(800, 800)\nwhile True: a @ a"


def measured(threads: int, rows: int, length: int, steps: int) -> float:
    """Return the milliseconds of a step in this process, the median over steps."""
    import torch

    from pet.backbone import load_backbone
    from pet.encoding import Batch

    torch.set_num_threads(threads)
    backbone = load_backbone("pet-mini", "cpu", "fp32")
    weights = list(backbone.weights.trainable(backbone.scope_names("full")).values())
    optimiser = torch.optim.AdamW(weights, lr=1e-6, fused=True)
    generator = torch.Generator().manual_seed(0)
    taken = []
    for number in range(steps + 2):
        ids = torch.randint(1000, 20000, (rows, length), generator=generator)
        batch = Batch(ids, None, torch.zeros_like(ids), torch.full((rows, 1), 7))
        start = time.perf_counter()
        backbone.mask_states(batch).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if number >= 2:
            taken.append(time.perf_counter() - start)
    return 1000 * sorted(taken)[len(taken) // 2]


@contextmanager
def others(count: int) -> Iterator[None]:
    """Keep this many processes busy inside this context."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    time.sleep(5 if count else 0)  # until they multiply
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@click.command()
@click.option("--rows", default=8, show_default=True)
@click.option("--length", default=32, show_default=True)
@click.option("--steps", default=20, show_default=True)
@click.option("--threads", type=int, hidden=True, help="Measure here, with so many.")
def main(rows: int, length: int, steps: int, threads: int | None) -> None:
    """Time steps beside other work."""
    if threads is not None:
        click.echo(measured(threads, rows, length, steps))
        return
    cores = len(os.sched_getaffinity(0))
    plain = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    wait_briefly()
    briefly = {**plain, "GOMP_SPINCOUNT": os.environ["GOMP_SPINCOUNT"]}
    ways = {
        f"{cores} threads, as torch comes": (cores, plain),
        f"{cores} threads that wait briefly": (cores, briefly),
        "1 thread": (1, plain),
    }
    rows_of: dict[str, list[float]] = {way: [] for way in ways}
    for busy in range(cores + 1):
        with others(busy):
            for way, (count, environment) in ways.items():
                command = [
                    sys.executable, __file__, f"--threads={count}", f"--rows={rows}",
                    f"--length={length}", f"--steps={steps}",
                ]  # fmt: skip
                done = subprocess.run(
                    command, env=environment, check=True, capture_output=True, text=True
                )
                rows_of[way].append(float(done.stdout))
    alone = min(times[0] for times in rows_of.values())
    table = []
    for way, times in rows_of.items():
        shares = [max((cores - busy) / cores, 1 / (busy + 1)) for busy in range(cores + 1)]
        cells = [f"{t:.0f} ({t * s / alone:.1f})" for t, s in zip(times, shares, strict=True)]
        table.append([way, *cells])
    header = ["ms of a step (times a fair share)", *(f"{n} others" for n in range(cores + 1))]
    click.echo(text_table(table, header))


if __name__ == "__main__":
    main()
