"""Output that is safe: terminals, encodings, closed streams, and files that were there before."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from toy import Files, pet, train, write_jsonl

from pet.cli import main
from pet.cli.console import ReadableFormatter, echo, progress_bars, say
from pet.cli.output import opened
from pet.errors import PetError, UsageError
from pet.evaluation.tables import one_line, readable, text_table
from pet.progress import Event

TITLE = "\x1b]0;pwn\x07"  # sets a terminal's title
CLEAR = "\x9b2J"  # clears it, by the one-byte control sequence introducer
UNSAFE = {chr(code) for code in [*range(0x20), *range(0x7F, 0xA0)]} - set("\n\t")
BAD, GOOD = f"neg{TITLE}ative", f"positive{CLEAR}"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A task whose name, labels, words and patterns hold escape sequences; so do its texts."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "task.py").write_text(
        f"""from pet import PVP, Task, Verbalizer

words = Verbalizer({{{BAD!r}: ["bad"], {GOOD!r}: ["good"]}})
task = Task(
    name="toy", labels=[{BAD!r}, {GOOD!r}], fields=["text"], description={TITLE!r},
    pvps=[PVP("{{text}} It \\x1b[2J was {{mask}}.", words), PVP("{{mask}}! {{text}}", words)],
)
""",
        "utf-8",
    )
    rows: list[dict[str, str]] = [
        {"text": f"the {word} {TITLE}{CLEAR} {n}", "label": label, f"n{TITLE}": "x"}
        for n in ("one", "two", "three")
        for word, label in (("sad film", BAD), ("warm room", GOOD))
    ]
    labelled = write_jsonl(folder / "train.jsonl", rows)
    pool = write_jsonl(folder / "pool.jsonl", [{"text": f"a {CLEAR} {n}"} for n in range(9)])
    return Files(folder, str(folder / "task.py"), labelled, pool, labelled)


@pytest.fixture(scope="module")
def hostile_run(hostile: Files, tiny_bert: str) -> str:
    result = train(
        hostile, tiny_bert, hostile.folder / "run", "--unlabeled", hostile.unlabeled,
        "--test", hostile.test, "--per-class", "--scope", "head",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert_safe(result.out + result.err)
    assert "neg\\u001b]0;pwn\\u0007ative" in result.out
    return str(hostile.folder / "run")


def assert_safe(text: str) -> None:
    assert not UNSAFE & set(text), ascii(text)


@pytest.mark.parametrize(
    "command",
    [
        "tasks TASK",
        "check --task TASK --train TRAIN --unlabeled POOL --backbone BERT",
        "evaluate RUN --test TRAIN",
        "evaluate RUN --test TRAIN --json -",
        "explain RUN --text TEXT",
        "predict RUN --input TRAIN",
        "suggest RUN --unlabeled POOL -n 2",
        "suggest RUN --unlabeled POOL -n 2 -o OUT",
        "patterns --task TASK --train TRAIN --backbone BERT",
        "verbalize --task TASK --train TRAIN --backbone BERT",
        "report RUN -o -",
        "fewshot --task TASK --train TRAIN --test TRAIN --shots 1 --seeds 1 --methods zero-shot "
        "--backbone BERT -o OUT",
        "-v predict RUN --input TEXT",
        "train --task TEXT -o OUT",
        "bank TEXT",
        "TEXT",
    ],
)
def test_no_command_sends_control_characters_to_the_terminal(
    command: str, hostile: Files, hostile_run: str, tiny_bert: str, tmp_path: Path
) -> None:
    places = {
        "TASK": hostile.task, "TRAIN": hostile.train, "POOL": hostile.unlabeled,
        "RUN": hostile_run, "BERT": tiny_bert, "TEXT": f"it{TITLE}{CLEAR}",
        "OUT": str(tmp_path / "next.csv"),
    }  # fmt: skip
    result = pet(*(places.get(word, word) for word in command.split()))
    assert result.out + result.err
    assert_safe(result.out + result.err)
    assert "Traceback" not in result.err


def test_nothing_is_written_past_the_console() -> None:
    package = Path(__file__).resolve().parents[2] / "pet" / "cli"
    past = re.compile(r"\bclick\.s?echo\(|\bprint\(|\bsys\.std(out|err)\.write\(")
    for path in package.rglob("*.py"):
        code = [line for line in path.read_text("utf-8").splitlines() if ">>>" not in line]
        writes = [line.strip() for line in code if past.search(line) and "..." not in line]
        assert not writes or path.name in ("console.py", "output.py"), (path, writes)


def test_escapes_keep_lines_and_tables_aligned() -> None:
    assert readable("a\tb\nc\x1b[2J\x7f\x85é漢\r") == "a\tb\nc\\u001b[2J\\u007f\\u0085é漢\\u000d"
    assert one_line("a\tb\nc") == "a\\u0009b\\u000ac"
    assert text_table([["a\nb", "1"], ["c", "2"]], ["x", "y"]).splitlines() == [
        "x         y", "-----------", "a\\u000ab  1", "c         2",
    ]  # fmt: skip


def test_remarks_logged_warnings_and_bars_are_readable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = logging.LogRecord("pet", logging.WARNING, "", 0, f"odd: {TITLE}", None, None)
    assert_safe(ReadableFormatter().format(record))
    say(TITLE)
    echo(CLEAR)
    assert_safe("".join(capsys.readouterr()))
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bars() as show:
        show(Event(f"stage {TITLE}", "start", 0, 2))
        show(Event(f"stage {TITLE}", "step", 1, 2))
        shown = terminal.getvalue()
    assert "stage \\u001b]0;pwn\\u0007" in shown


# --- standard streams ---------------------------------------------------------------------------


def main_with(monkeypatch: pytest.MonkeyPatch, *arguments: str, **streams: Any) -> int:
    """Run the command line with these standard streams; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["pet", *arguments])
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_standard_output_is_utf8_whatever_the_system_says(
    distilled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "a café \x85 漢"
    data = write_jsonl(tmp_path / "texts.jsonl", [{"text": text}])
    raw = io.BytesIO()
    windows = io.TextIOWrapper(raw, "cp1252")
    assert main_with(monkeypatch, "predict", distilled, "--input", data, stdout=windows) == 0
    written = raw.getvalue().decode("utf-8")
    assert json.loads(written)["text"] == text
    assert_safe(written)


@pytest.mark.parametrize(
    ("arguments", "stream", "message"),
    [
        (["tasks"], "stdout", "Standard output is closed."),
        (["predict", "RUN", "--input", "POOL"], "stdout", "Standard output is closed."),
        (["suggest", "RUN", "--unlabeled", "POOL"], "stdout", "Standard output is closed."),
        (["evaluate", "RUN", "--test", "TEST"], "stdout", "Standard output is closed."),
        (["report", "RUN", "-o", "-"], "stdout", "Standard output is closed."),
        (["predict", "RUN", "--input", "-"], "stdin", "Standard input is closed."),
        (["suggest", "RUN", "--unlabeled", "-"], "stdin", "Standard input is closed."),
    ],
)
def test_a_closed_stream_is_one_message(
    arguments: list[str],
    stream: str,
    message: str,
    distilled: str,
    files: Files,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = {"RUN": distilled, "POOL": files.unlabeled, "TEST": files.test}
    errors = io.StringIO()
    words = [places.get(word, word) for word in arguments]
    assert main_with(monkeypatch, *words, stderr=errors, **{stream: None}) == 1
    assert errors.getvalue().startswith(f"Error: {message}\n")


def test_the_shell_closes_streams_as_these_tests_do() -> None:
    shell = f"exec {sys.executable} -c 'import pet.cli; pet.cli.main()' tasks >&-"
    root = str(Path(__file__).resolve().parents[2])
    result = subprocess.run(
        ["sh", "-c", shell], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip
    assert (result.returncode, result.stderr.splitlines()[0]) == (
        1, "Error: Standard output is closed.",
    )  # fmt: skip


# --- files --------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_finished_leaves_the_older_one(tmp_path: Path) -> None:
    old = tmp_path / "next.csv"
    old.write_text("labels of a person", "utf-8")
    with pytest.raises(RuntimeError), opened(str(old)) as stream:
        stream.write("half")
        raise RuntimeError
    assert old.read_text("utf-8") == "labels of a person"
    assert os.listdir(tmp_path) == ["next.csv"]
    with opened(str(old)) as stream:
        stream.write("new \ud83d")
    assert old.read_text("utf-8") == "new \\ud83d"


def test_folders_are_refused_links_are_kept_and_pipes_are_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="this is a folder"), opened(str(tmp_path)):
        pass
    assert tmp_path.is_dir()
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old", "utf-8")
    link.symlink_to(target)
    with opened(str(link)) as stream:
        stream.write("new")
    assert link.is_symlink()
    assert target.read_text("utf-8") == "new"
    if Path("/dev/full").exists():
        full = "/dev/full: cannot be written: No space left"
        with pytest.raises(PetError, match=full), opened("/dev/full") as stream:
            stream.write("x" * 100_000)
        assert Path("/dev/full").is_char_device()


def test_help_says_that_a_task_file_is_run() -> None:
    for command in ("train", "check", "fewshot"):
        every = "--help" if command == "check" else "--help-all"
        shown = " ".join(pet(command, every).out.split())
        assert "a .py (it is run), .toml or .json file that defines one" in shown


def test_only_a_full_disk_asks_for_space(files: Files, tiny_bert: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    result = train(files, tiny_bert, tmp_path / "file" / "run")
    assert result.code == 1
    assert "space" not in result.err
