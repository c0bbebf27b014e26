"""Seconds from an empty process to the first label, by stage, beside transformers' `pipeline`.

    python benchmarks/start.py RUN
    python benchmarks/start.py RUN --processes 9 --without-explain

RUN is a finished run with a classifier. Every figure is the median of fresh processes, which take
turns. Beside other work wall seconds say little: the processor seconds (user and system) are those
that count. Bytecode is written and read, as it is for an installed package.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

TEXT = "The soup was cold, and nobody said sorry."
_PET = "import sys; from pet.cli import main; sys.argv = ['pet', *sys.argv[1:]]; main()"
_PIPELINE = """
import sys
from transformers import pipeline
print(pipeline("text-classification", sys.argv[1])(sys.argv[2]), flush=True)
"""
# The modules that `pet predict` loads, in order.
_LOADED = """
import contextlib, io, json, sys
from pet.cli import main
sys.argv = ["pet", "predict", sys.argv[1], "--text", sys.argv[2]]
with contextlib.redirect_stdout(io.StringIO()):
    main()
print(json.dumps([name for name in sys.modules if name != "__main__"]))
"""
# Each stage imports its packages, or times calls of one function; what is left is the labelling.
_STAGES = """
import contextlib, importlib, io, json, sys, time

spent, inner = {}, [0.0, 0.0]


def clocks():
    return time.process_time(), time.perf_counter()


def add(stage, start, end, without=(0.0, 0.0)):
    old = spent.get(stage, (0.0, 0.0))
    spent[stage] = [o + b - a - w for o, a, b, w in zip(old, start, end, without, strict=True)]


start = (0.0, time.perf_counter())
add("Python itself", start, clocks())
for stage, names in json.loads(sys.argv[3]):
    start = clocks()
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    add(stage, start, clocks())


def timed(stage, home, name):
    try:
        owner = importlib.import_module(home)
        *path, last = name.split(".")
        for part in path:
            owner = getattr(owner, part)
        function = getattr(owner, last)
    except (ImportError, AttributeError):
        return

    def wrapper(*args, **kwargs):
        global inner
        outer, inner, start = inner, [0.0, 0.0], clocks()
        try:
            return function(*args, **kwargs)
        finally:
            end, within = clocks(), inner
            add(stage, start, end, within)
            inner = [o + b - a for o, a, b in zip(outer, start, end, strict=True)]

    setattr(owner, last, wrapper)


for call in json.loads(sys.argv[4]):
    timed(*call)
from pet.cli import main
start, inner = clocks(), [0.0, 0.0]
sys.argv = ["pet", "predict", sys.argv[1], "--text", sys.argv[2]]
with contextlib.redirect_stdout(io.StringIO()):
    main()
add("rows, tokens, first label", start, clocks(), inner)
print(json.dumps(spent))
"""
_CALLS = [
    ("the folder's sums", "pet.runs.checksums", "Checksums.check_all"),
    ("weights", "pet.model.sequence_classifier", "load_pretrained"),
    ("weights", "pet.model.sequence_classifier", "read_classifier"),
    ("tokenizer", "pet.model.sequence_classifier", "load_tokenizer"),
    ("tokenizer", "pet.backbone.direct.reading", "DirectTokenizer"),
    ("tokenizer", "pet.model.sequence_classifier", "TextTokenizer"),
    ("tokenizer", "pet.backbone.base", "TextTokenizer"),
]


def run(code: str, *arguments: str) -> tuple[str, float, float]:
    """Run a fresh process; return what it printed, its processor seconds, and its wall seconds."""
    path = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}
    known.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=known,
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"A process ended with {process.returncode}: {arguments}")
    return said, used.ru_utime + used.ru_stime, time.perf_counter() - began


def import_stages(folder: str) -> list[tuple[str, list[str]]]:
    """Find what `pet predict` imports, and part it: numpy, torch, what others need, and pet."""
    said, *_ = run(_LOADED, folder, TEXT)
    names = json.loads(said.splitlines()[-1])
    own = [name for name in names if name.partition(".")[0] == "pet"]
    others = [name for name in names if name.partition(".")[0] != "pet"]
    rest = "transformers, and what it needs" if "transformers" in others else "other packages"
    return [
        ("import of numpy", ["numpy"]),
        ("import of torch", ["torch"]),
        (f"import of {rest}", others),
        ("import of pet", own),
    ]


def shown(rows: list[tuple[str, list[tuple[float, float]]]], beside: float | None) -> None:
    """Print medians of processor and wall seconds, and the ratio of the first to a figure."""
    for name, figures in rows:
        used, wall = (median(column) for column in zip(*figures, strict=True))
        ratio = "" if beside is None else f"{used / beside:8.2f}"
        print(f"{name:34}{used:10.2f}{wall:10.2f}{ratio}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--without-explain", action="store_true")
    options = parser.parse_args()
    stages = import_stages(options.run)
    commands: dict[str, tuple[str, ...]] = {
        "transformers' pipeline": (_PIPELINE, f"{options.run}/classifier", TEXT),
        "pet predict": (_PET, "predict", options.run, "--text", TEXT),
        "pet explain": (_PET, "explain", options.run, "--text", TEXT),
    }
    if options.without_explain:
        del commands["pet explain"]
    totals: dict[str, Any] = defaultdict(list)
    parts: dict[str, Any] = defaultdict(list)
    for turn in range(options.processes + 1):
        for name, command in commands.items():
            _, *seconds = run(*command)
            if turn:  # the first turn fills the file cache
                totals[name].append(seconds)
        asked = (options.run, TEXT, json.dumps(stages), json.dumps(_CALLS))
        said, *seconds = run(_STAGES, *asked)
        spent = json.loads(said.splitlines()[-1])
        known = [sum(column) for column in zip(*spent.values(), strict=True)]
        spent["end of the process"] = [s - k for s, k in zip(seconds, known, strict=True)]
        for name, figures in spent.items() if turn else ():
            parts[name].append(figures)
    print(f"{'whole processes':34}{'processor':>10}{'wall':>10}{'ratio':>8}")
    beside = median(used for used, _ in totals["transformers' pipeline"])
    shown(list(totals.items()), beside)
    print(f"\n{'pet predict, by stage':34}{'processor':>10}{'wall':>10}")
    shown(list(parts.items()), None)


if __name__ == "__main__":
    main()
