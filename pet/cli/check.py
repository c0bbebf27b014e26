"""pet check: look at the data before spending time on it."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from pet.cli.console import echo
from pet.cli.inputs import Inputs, input_options
from pet.cli.options import method_option, settings_options
from pet.errors import DataError, for_command_line

if TYPE_CHECKING:
    from pet.pipeline.findings import Findings


class _Command(click.Command):
    """Command that keeps its arguments as they were typed, for the one to type next."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse arguments as other commands do."""
        ctx.meta["typed"] = list(args)
        return super().parse_args(ctx, args)


@click.command(name="check", cls=_Command)
@input_options(train_required=False, unlabeled="Unlabelled text.", drafts=True)
@click.option("--dev", help="Development examples.")
@click.option("--test", help="Test examples; only compared with the others.")
@method_option
@settings_options("backbone", "template", "ensemble")
def command(inputs: Inputs, dev: str | None, test: str | None, **flat: Any) -> None:
    """Check data and patterns before training: all that is wrong, odd or missing, at once.

    Takes the options of pet train that say what is read and which members there are, and tells the
    class counts; the members; rows that cannot be used, with their number; texts that are labelled
    in two ways, are in two files, are too long, or are in a script that the backbone cannot read;
    label words that it does not have as one token; a sentence encoder that does not fit; and with
    --soft the slots of patterns. Ends with exit code 1 where pet train would refuse, and otherwise
    shows the command for it.

    \b
    Example: pet check --task reviews --train train.jsonl --unlabeled pool.jsonl
    """
    settings = inputs.settings(flat)
    inputs.check(dev, test)

    from pet.data.fault_counts import FaultCounts
    from pet.pipeline import check

    rows, faults, refused = inputs.rows, list[FaultCounts](), list[str]()
    labelled = [row for file in inputs.train_files for row in rows.checked(file, faults)]
    try:
        labelled = inputs.drawn(labelled) if labelled else []
    except DataError as error:
        refused.append(error.message)
    tests, devs = (rows.checked(file, faults) if file else None for file in (test, dev))
    of_labels = list(faults)
    pool = rows.checked(inputs.unlabeled, faults, "ignored") if inputs.unlabeled else None
    findings = check(
        inputs.task, labelled if inputs.train_files else None, pool, tests, settings, devs
    )
    refused += [rows.no_rows(each.source, each).message for each in of_labels if each.is_empty]
    findings.refusals[:0] = refused
    findings.warnings += [remark for counts in faults for remark in counts.remarks]
    findings.notes += [counts.left_out for counts in faults if counts.left_out]
    if inputs.draft is not None:
        findings.notes.append(
            "no task is given: pet train drafts one, and chooses its words and patterns on the "
            "labelled rows; pet init shows them"
        )
    wrong = [counts.lines(inputs.task) for counts in faults if counts]
    echo(for_command_line(_report(findings, wrong)))
    if findings.refusals or wrong:
        echo("\npet train would refuse this.")
        sys.exit(1)
    typed = [*click.get_current_context().meta["typed"], "-o", "runs/first"]
    echo(f"\nNext: pet train {shlex.join(typed)}")


def _report(findings: Findings, wrong: list[list[str]]) -> str:
    """Lay out findings, and what is wrong with files, in blocks with an empty line between."""
    sorts = {"error": findings.refusals, "warning": findings.warnings, "note": findings.notes}
    told = [[f"{sort}: {text}" for text in texts] for sort, texts in sorts.items()]
    if not (wrong or any(told)):
        told = [["Nothing to worry about."]]
    return "\n\n".join("\n".join(block) for block in (findings.lines, *wrong, *told) if block)
