"""pet report: a page about a training run or a few-shot study."""

from __future__ import annotations

import click

from pet.cli.console import say
from pet.cli.output import opened
from pet.runs import RunFolder


@click.command(name="report")
@click.argument("run")
@click.option(
    "-o", "--output", metavar="FILE|-", help="The page.  [default: report.html inside RUN]"
)
def command(run: str, output: str | None) -> None:
    """Make one HTML page about RUN, a folder of pet train or pet fewshot.

    It shows what was asked, patterns and label words, members and their weights, hard and
    uncertain texts, label-word scores, confusion, calibration and cost; of a study the methods,
    learning curves, spread over patterns and draws. The page is one file without scripts that
    opens offline. With matplotlib (extra 'plots') it has diagrams beside its tables.

    \b
    Example: pet report runs/first
    """
    folder = RunFolder.open(run)  # refuses any other folder

    from pet.evaluation.pages import page

    text = page(run)
    output = output or str(folder.path / folder.page)
    with opened(output) as stream:
        stream.write(text)
    if output != "-":
        say(f"The page is {output}; open it in a browser.")
