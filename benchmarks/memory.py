"""Peak memory of the speed benchmarks, measured in processes of their own."""

from __future__ import annotations

import json
import platform
import resource
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from naive import MAX_LENGTH

from pet import Task
from pet.backbone import MaskedLM
from pet.data import Columns, Pool, examples_from
from pet.encoding import Chunk
from pet.runs import RunFolder
from pet.scoring import PVPScorer


def peak_of(function: Callable[..., Any], *args: Any) -> int:
    """Return the peak memory, in bytes, of a fresh process that calls the function."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, function, args).result()


def _measured(function: Callable[..., Any], args: tuple[Any, ...]) -> int:
    function(*args)
    status = Path("/proc/self/status")
    if status.exists():  # Linux's ru_maxrss starts at what the parent held when it forked
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def memory_pool(task: Task, file: str, folder: str) -> None:
    """Score a pool as `pet train` does: streamed from its file, shards of scores to disk."""
    backbone = MaskedLM.load(device="cpu")
    pool = Pool(lambda: examples_from(file, Columns(task, {}, "ignored")))
    scorer = PVPScorer(task.pvps[0], task.labels, backbone, MAX_LENGTH)
    with RunFolder(Path(folder)).writing("scores") as temporary:
        temporary.mkdir()
        for index, examples in enumerate(pool.chunks()):
            scores = scorer.score(Chunk(backbone.tokenizer, [e.texts for e in examples]))
            np.save(temporary / f"{index:06}.npy", scores, allow_pickle=False)


def pool_peaks(task: Task, texts: Sequence[Mapping[str, str]], sizes: Sequence[int]) -> list[int]:
    """Return the peak memory for pools of these sizes; their texts are 12 words of the texts."""
    generator = np.random.default_rng(0)
    words = [next(iter(row.values())).split() for row in texts]
    peaks = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pool.jsonl"
            with file.open("w", encoding="utf-8") as stream:
                for index in range(size):
                    text = words[index % len(words)]
                    start = generator.integers(max(1, len(text) - 11))
                    row = dict.fromkeys(task.fields, " ".join(text[start : start + 12]))
                    stream.write(json.dumps(row) + "\n")
            peaks.append(peak_of(memory_pool, task, str(file), folder))
            print(f"pool of {size:,} texts: peak {peaks[-1] / 2**20:,.0f} MiB")
    return peaks
