"""Drafted tasks on the command line: made where --task is left out, told, and kept in the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from pet.cli.console import say
from pet.config import Settings
from pet.errors import UsageError
from pet.runs import RunFolder

if TYPE_CHECKING:
    from pet.cli.inputs import Inputs
    from pet.drafting import Draft
    from pet.task import Task

_SHOWN = 12  # labels whose words are shown


def require_something(labels: Sequence[str], labelled: Sequence[str], task: str | None) -> None:
    """Refuse a command that has neither a task nor anything to draft one from.

    Raises
    ------
    UsageError
        Says what to give.
    """
    if task is not None and labels:
        raise UsageError(
            "`--labels` names the labels of a task that is drafted; `--task` gives a whole one.",
            "Leave one of them out.",
        )
    if task is None and not labels and not labelled:
        raise UsageError(
            "Nothing says what to learn: expected `--train FILE` with labelled rows, or "
            "`--labels A,B,...` with label names alone, or `--task NAME`.",
            "A task says what the labels, patterns and label words are. It is drafted from "
            "labelled rows where none is given; pet tasks lists the built-in ones.",
        )


def earlier_task(output: str, draft: Draft) -> Task | None:
    """Return the task of a run that was begun in this folder, if it was drafted from the same.

    Refining it again could choose other words on another machine, and the run would not go on.
    """
    from pet.task import Task

    if not RunFolder.is_at(output):
        return None
    plain = RunFolder.open(output).asked().get("task", {})
    drafted = draft.task.to_dict()
    if {**plain, "pvps": None} != {**drafted, "pvps": None}:
        return None
    return Task.from_dict(plain)


def task_and_draft(
    inputs: Inputs, settings: Settings, output: str | None
) -> tuple[Draft | None, Inputs]:
    """Return the draft of a task, refined on the examples, and inputs with it.

    None and the same inputs if a task is given, or if the run folder ``output`` has begun with the
    same draft: its task is taken.
    """
    if inputs.draft is None:
        return None, inputs
    begun = None
    if output is not None and not inputs.verbalizers:
        begun = earlier_task(output, inputs.draft)
    if begun is not None:
        return None, inputs.with_task(begun)
    draft = untold_draft(inputs, settings)
    tell(draft)
    return draft, inputs.with_task(draft.task)


def untold_draft(inputs: Inputs, settings: Settings, refine: bool = True) -> Draft:
    """Return the draft of some inputs, refined on their examples unless words are given.

    Raises
    ------
    UsageError
        When a task is given, which needs no draft.
    """
    if inputs.draft is None:
        raise UsageError("A task is given with `--task`; there is nothing to draft.")
    draft = replace(inputs.draft, task=inputs.task)
    if inputs.verbalizers:
        told = "The label words are those of --verbalizer, in generic patterns."
        return replace(draft, decisions=(*draft.decisions[:-1], told))

    from pet.drafting.refining import SAMPLE, refined_draft

    examples = inputs.train if refine else []
    sample = inputs.sample(SAMPLE) if examples else []
    return refined_draft(draft, examples, sample, settings.backbone)


def keep(draft: Draft, folder: RunFolder) -> None:
    """Write a drafted task into a run folder, to be edited, and say so."""
    from pet.drafting.file import draft_text

    kept, made = folder.path / folder.task, draft_text(draft, folder.task)
    if kept.exists() and kept.read_text("utf-8") != made:
        before = kept.with_stem(f"{kept.stem}-before")
        kept.replace(before)
        say(f"The task that was there is now {before}.")
    folder.write_text(folder.task, made)
    say(f"It is kept in {kept}: change it there, and give it as --task FILE.")


def tell(draft: Draft) -> None:
    """Say what was decided, the words and the patterns."""
    task = draft.task
    say(f"Drafted the task {task.name!r}, as none was given.")
    for decision in draft.decisions:
        say(f"  {decision}")
    words = task.pvps[0].verbalizers[0].words
    for label, own in islice(words.items(), _SHOWN):
        say(f"  {label}: {', '.join(own)}")
    if len(words) > _SHOWN:
        say(f"  ... and {len(words) - _SHOWN} more labels")
    for pvp in task.pvps:
        say(f"  {pvp.pattern.template}")
