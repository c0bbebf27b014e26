"""Settings in messages and help texts: options on the command line, parameters in Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from toy import pet

from pet.cli import COMMANDS
from pet.config import TrainingConfig
from pet.errors import PetError, UsageError, for_command_line, for_python

ROOT = Path(__file__).resolve().parents[1] / "pet"
MARKED = re.compile(r"`--([a-z][a-z0-9-]*)(?: [^`]+)?`")
COMMAND_LINE = re.compile(rf"pet (?:{'|'.join(COMMANDS)})\b[^`;,.]*")


def texts() -> Iterator[tuple[str, str]]:
    """Yield where and what of every text in the library that is no docstring."""
    for path in sorted(ROOT.rglob("*.py")):
        if path.is_relative_to(ROOT / "cli"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts = {
            id(part)
            for node in ast.walk(tree)
            for part in (
                [node.value] if isinstance(node, ast.Expr)
                else node.values if isinstance(node, ast.JoinedStr) else []
            )
        }  # fmt: skip
        for node in ast.walk(tree):
            place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.JoinedStr):
                yield (
                    place,
                    "".join(
                        str(part.value) if isinstance(part, ast.Constant) else "X"
                        for part in node.values
                    ),
                )
            elif isinstance(getattr(node, "value", None), str) and id(node) not in parts:
                yield place, node.value


def options() -> set[str]:
    """Return every option of every command, without its dashes."""
    names = set()
    for command in COMMANDS:
        for parameter in import_module(f"pet.cli.{command}").command.params:
            names |= {name[2:] for name in (*parameter.opts, *parameter.secondary_opts)}
    return names


def test_every_option_in_a_text_is_known_and_marked() -> None:
    known, seen = options(), 0
    for place, text in texts():
        if re.fullmatch(r"--[a-z-]+", text):  # an argument of a command that is run
            continue
        for name in MARKED.findall(text):
            assert name in known, f"{place}: --{name} is no option"
            seen += 1
        rest = COMMAND_LINE.sub("", MARKED.sub("", text))
        assert not re.search(r"(?<![\w-])--[a-z]{2}", rest), f"{place}: unmarked in {text!r}"
    assert seen > 60


@pytest.mark.parametrize(
    ("written", "typed", "called"),
    [
        ("Use `--temper none`.", "Use --temper none.", "Use temper='none'."),
        ("Leave `--lm-weight` out.", "Leave --lm-weight out.", "Leave lm_weight out."),
        ("Use `--held-out 0`.", "Use --held-out 0.", "Use held_out=0."),
        ("Add `--soft KIND`.", "Add --soft KIND.", "Add soft=KIND."),
        ("`--column label=C`.", "--column label=C.", "columns={'label': 'C'}."),
        ("`--unlabeled` is -1.", "--unlabeled is -1.", "unlabeled is -1."),
        ("Give `--no-joint`.", "Give --no-joint.", "Give joint=False."),
        ("`--scope`='x' is unknown.", "--scope='x' is unknown.", "scope='x' is unknown."),
        ("Give `--train FILE`.", "Give --train FILE.", "Give labelled examples."),
        ("A `text` of -- and `---`.", "A `text` of -- and `---`.", "A `text` of -- and `---`."),
        ("pet bank DIR --add RUN", "pet bank DIR --add RUN", "pet bank DIR --add RUN"),
    ],
)
def test_options_are_typed_and_parameters_are_called(written: str, typed: str, called: str) -> None:
    assert for_command_line(written) == typed
    assert for_python(written) == called
    assert str(PetError("No.", written)) == f"No.\n  {called}"


def test_a_setting_is_named_as_it_was_given() -> None:
    with pytest.raises(UsageError, match="^max_steps must be a number from 0, not -1"):
        TrainingConfig(max_steps=-1)
    shown = pet("train", "--task", "reviews", "-o", "new", "--max-steps", "-1")
    assert shown.err == "Error: --max-steps must be a number from 0, not -1.\n"


def test_help_texts_show_no_marks() -> None:
    for command in COMMANDS:
        assert "`" not in pet(command, "--help").out + pet(command, "--help-all").out
