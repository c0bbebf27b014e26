"""Pages that are run: their blocks, what these print, and whether that is what the page shows.

    python tests/support/pages.py [PAGE ...]

runs pages (all of them by default) and rewrites the outputs that they show where those differ.

On a page,
- a block of ``sh`` or ``python`` is run, in a folder of the page's own that has `tasks/` and
  `benchmarks/`; a Python block whose first line names a file is written to that file first;
- a block of ``text`` or ``json`` is what the block before it prints on standard output, where one
  line ``...`` stands for any lines;
- a block under a comment ``<!-- not run: reason -->`` is not run.

Numbers with a decimal point may differ by two per cent and one and a half units of their last
digit; columns of times and memory by any amount. All else is compared as it is, but for spaces.
Everything runs on the CPU in fp32, so that figures are the same wherever it runs.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import io
import multiprocessing
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    "README.md",
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))),
]
# The run that README makes; pages that name it and do not make it start from a copy.
SHARED_RUN = "runs/first"
# Loaded once for all pages.
HEAVY = [
    "pages",
    "torch",
    "transformers",
    "pet.classifier",
    "pet.cli.train",
    "pet.evaluation.ranking",
]
RUN, OUTPUT = ("sh", "python"), ("text", "json")
FILES = ("csv", "toml")  # what stands below the name in their first line is written
VOLATILE = ("seconds", "MiB")

_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>.*?) -->\n+)?```(?P<language>\w+)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_NUMBER = re.compile(r"((?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?|\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, and the place of its body in the page's text."""

    language: str
    body: str
    start: int
    reason: str | None

    @property
    def first_line(self) -> str:
        return self.body.split("\n", 1)[0]


def blocks_of(text: str) -> list[Block]:
    """Return the fenced blocks of a page that name a language."""
    return [
        Block(found["language"], found["body"], found.start("body"), found["reason"])
        for found in _BLOCK.finditer(text)
    ]


def steps_of(text: str) -> list[tuple[Block, Block | None]]:
    """Return the blocks to run, each with the block that shows what it prints."""
    steps: list[tuple[Block, Block | None]] = []
    shown_by = False  # whether the block before may be followed by its output
    for block in blocks_of(text):
        if block.language in (*RUN, *FILES):
            if block.reason is None:
                steps.append((block, None))
            shown_by = block.reason is None
        elif block.language in OUTPUT and block.reason is None:
            if not shown_by:
                raise ValueError(f"This block is the output of no block: {block.first_line}")
            steps[-1] = (steps[-1][0], block)
            shown_by = False
    return steps


def run_page(page: str, folder: Path) -> list[str]:
    """Run a page's blocks in a folder; return what each prints on standard output.

    It happens in a process of its own, forked from one that has loaded what is heavy.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(HEAVY)
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run_there, args=(ROOT / page, folder, sender))
    process.start()
    sender.close()
    try:
        outputs, error = receiver.recv()
    except EOFError:
        outputs, error = [], "the process ended"
    process.join()
    if error:
        raise RuntimeError(f"{page}: {error}")
    return list(outputs)


def _run_there(page: Path, folder: Path, answer: Connection) -> None:
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.chdir(folder)
    outputs: list[str] = []
    try:
        with contextlib.redirect_stderr(io.StringIO()) as told:
            _run_here(page, outputs)
    except BaseException:
        answer.send((outputs, f"{traceback.format_exc()}\n{told.getvalue()}"))
    else:
        answer.send((outputs, ""))


@contextlib.contextmanager
def page_folder(page: str, shared: Path | None) -> Iterator[Path]:
    """Give a fresh folder for a page, with the tasks and, where it is needed, the shared run."""
    with tempfile.TemporaryDirectory(prefix="page-") as name:
        folder = Path(name)
        for part in ("tasks", "benchmarks"):
            (folder / part).symlink_to(ROOT / part)
        if shared is not None and SHARED_RUN in (ROOT / page).read_text(encoding="utf-8"):
            shutil.copytree(shared / SHARED_RUN, folder / SHARED_RUN, copy_function=_link)
        yield folder


def make_shared_run(folder: Path) -> Path:
    """Train the shared run with README's own command, once for all processes that ask."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            text = (ROOT / "README.md").read_text(encoding="utf-8")
            made = next(b for b, _ in steps_of(text) if f"-o {SHARED_RUN}" in b.body)
            page = folder / "page.md"
            page.write_text(f"```sh\n{made.body}```\n", encoding="utf-8")
            if not (folder / "tasks").exists():
                (folder / "tasks").symlink_to(ROOT / "tasks")
            run_page(str(page), folder)
            (folder / "done").touch()
    return folder


def _link(source: str, target: str) -> None:
    # Weights are never written in place, so they need no copy.
    if source.endswith(".safetensors"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _run_here(page: Path, outputs: list[str]) -> None:
    """Run a page's blocks in this process and folder; add what they print to ``outputs``."""
    import torch

    with (
        mock.patch.object(torch.cpu, "get_capabilities", return_value={}),
        mock.patch.object(torch.cuda, "is_available", return_value=False),
    ):
        for number, (block, _) in enumerate(steps_of(page.read_text(encoding="utf-8"))):
            try:
                outputs.append(_run_block(block, number))
            except BaseException as error:
                error.add_note(f"in the block that starts with\n    {block.first_line}")
                raise


def _run_block(block: Block, number: int) -> str:
    printed = io.StringIO()
    if block.language in FILES:
        name, content = block.body.split("\n", 1)
        Path(name.removeprefix("# ")).write_text(content, encoding="utf-8")
        return ""
    if block.language == "python":
        named = re.match(r"# (\S+\.py)\n", block.body)
        script = Path(named[1] if named else f"block_{number}.py")
        script.write_text(block.body, encoding="utf-8")
        with contextlib.redirect_stdout(printed):
            runpy.run_path(str(script), run_name="__main__")
        return printed.getvalue()
    for line in block.body.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            printed.write(_run_line(line))
    return printed.getvalue()


def _run_line(line: str) -> str:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|")
    lexer.whitespace_split = True
    words = list(lexer)
    given = ""
    if words[0] == "echo" and words[2:3] == ["|"]:
        given, words = words[1] + "\n", words[3:]
    if words[0] != "pet" or "|" in words:
        done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{line}\n{done.stdout}{done.stderr}")
        return done.stdout
    from pet.cli import main

    printed = io.StringIO()
    with (
        mock.patch.object(sys, "argv", words),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode()))),
        contextlib.redirect_stdout(printed),
    ):
        main()
    return printed.getvalue()


def differences(shown: str, printed: str) -> str | None:
    """Say where a shown output is not what was printed; None where it is."""
    wanted, given = _lines(shown), _lines(printed)
    if "..." in wanted:
        cut = wanted.index("...")
        after = len(wanted) - cut - 1
        if cut + after > len(given):
            return f"expected {cut + after} lines or more, printed {len(given)}"
        given = given[:cut] + given[len(given) - after :]
        wanted = wanted[:cut] + wanted[cut + 1 :]
    if len(wanted) != len(given):
        return f"shown are {len(wanted)} lines, printed {len(given)}"
    for left, right in zip(wanted, given, strict=True):
        if not _same(left, right):
            return f"shown    {left}\nprinted  {right}"
    return None


def refreshed(shown: str, printed: str) -> str:
    """Return what was printed, cut where the page cuts it."""
    old, new = shown.splitlines(), [line.rstrip() for line in printed.strip("\n").splitlines()]
    if "..." in old:
        cut = old.index("...")
        new = [*new[:cut], "...", *new[len(new) - (len(old) - cut - 1) :]]
    return "\n".join(new) + "\n"


def _lines(text: str) -> list[str]:
    """Split into lines whose cells under a heading of `VOLATILE` are masked."""
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    ends: list[int] = []
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if below and set(below) == {"-"}:
            ends = [found.end() for name in VOLATILE for found in re.finditer(name, line)]
        elif not line:
            ends = []
        elif set(line) == {"-"}:
            lines[number] = "-"  # as long as the table is wide
        elif ends:
            for cell in reversed(list(re.finditer(r"\S+", line))):
                if cell.end() in ends:
                    lines[number] = line = f"{line[: cell.start()]}*{line[cell.end() :]}"
    return lines


def _same(shown: str, printed: str) -> bool:
    left, right = _NUMBER.split(" ".join(shown.split())), _NUMBER.split(" ".join(printed.split()))
    return len(left) == len(right) and all(
        a == b or (number % 2 == 1 and _near(a, b))
        for number, (a, b) in enumerate(zip(left, right, strict=True))
    )


def _near(shown: str, printed: str) -> bool:
    if "." not in shown:
        return False
    unit = 10.0 ** -len(shown.split(".")[1])
    a, b = (float(number.replace(",", "")) for number in (shown, printed))
    return abs(a - b) <= 0.02 * abs(a) + 1.5 * unit


def refresh(page: str, outputs: list[str]) -> int:
    """Rewrite the outputs that a page shows and that differ; return how many did."""
    path = ROOT / page
    text = path.read_text(encoding="utf-8")
    changed = 0
    for (_, shown), printed in reversed(list(zip(steps_of(text), outputs, strict=True))):
        if shown is not None and differences(shown.body, printed):
            end = shown.start + len(shown.body)
            text = text[: shown.start] + refreshed(shown.body, printed) + text[end:]
            changed += 1
    if changed:
        path.write_text(text, encoding="utf-8")
    return changed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pages", nargs="*", default=PAGES, help="pages to refresh; all by default")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory(prefix="pages-") as name:
        shared = None
        for page in arguments.pages:
            if shared is None and SHARED_RUN in (ROOT / page).read_text(encoding="utf-8"):
                shared = make_shared_run(Path(name))
            start = time.perf_counter()
            with page_folder(page, shared) as folder:
                changed = refresh(page, run_page(page, folder))
            seconds = time.perf_counter() - start
            print(f"{page}: {changed} outputs rewritten, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
