"""pet adapt: continued masked-LM training on raw text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pet.cli.console import echo, loading, progress_bars, say
from pet.cli.grouped_help import Grouped
from pet.cli.inputs import require_files
from pet.cli.options import compute_options, settings_options
from pet.cli.reading_options import reading_options
from pet.cli.typed import typed_command
from pet.config import BackboneConfig, LMConfig, Settings
from pet.config.files import Reading
from pet.errors import UsageError


@click.command(
    name="adapt",
    cls=Grouped,
    first={
        "Text": ("text", "column", "paragraphs"),
        "Training": ("max_steps", "batch_size"),
        "Result": ("output", "force"),
    },
)
@click.argument("backbone")
@click.argument("more", nargs=-1, metavar="")
@click.option(
    "--text", multiple=True, required=True, metavar="FILE...",
    help="Text: .txt (a document a line), or rows in any format, also compressed. Repeatable.",
)  # fmt: skip
@click.option("--column", default="text", show_default=True, help="Column that holds the text.")
@click.option("--paragraphs", is_flag=True, help="In .txt files blank lines separate documents.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=Settings.seed, show_default=True,
              help="Random seed.")  # fmt: skip
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder of the new model.")
@click.option("--force", is_flag=True, help="Start over if DIR holds an adaptation.")
@reading_options
@settings_options(LMConfig)
@compute_options
def command(
    backbone: str,
    more: tuple[str, ...],
    text: tuple[str, ...],
    column: str,
    paragraphs: bool,
    seed: int,
    output: str,
    force: bool,
    device: str,
    precision: Any,
    reading: Reading,
    **flat: Any,
) -> None:
    """Train BACKBONE, a masked LM or a plain encoder, on raw text and save it in DIR.

    Shows how well held-out text is predicted before and after. Run the same command again after an
    interruption: it goes on from the last checkpoint.

    \b
    Example: pet adapt pet-mini --text reviews/*.txt --minutes 30 -o models/reviews
    """
    if Path(backbone).is_file():
        raise UsageError(
            f"The backbone is a model's name or folder, and {backbone!r} is a file.",
            "Name it first: pet adapt BACKBONE --text FILE... -o DIR.",
        )
    require_files(*text, *more)
    loading(backbone)
    start, config = BackboneConfig(backbone, device, precision), LMConfig(**flat)

    from pet.adaptation import Source, adapt
    from pet.data.documents import documents_from
    from pet.evaluation.tables import percent, text_table

    def source(file: str) -> Source:
        return Source(file, lambda: documents_from(file, column, paragraphs, reading))

    sources = [source(file) for file in dict.fromkeys([*text, *more])]
    typed = typed_command()
    with progress_bars() as progress:
        done = adapt(start, sources, config, seed, output, force, typed, progress)
    if done.before is not None and done.after is not None:
        rows = [
            [name, f"{held_out.loss:.3f}", f"{held_out.perplexity:.2f}", percent(held_out.accuracy)]
            for name, held_out in (("before", done.before), ("after", done.after))
        ]
        echo(text_table(rows, ["held-out text", "loss", "perplexity", "accuracy"]))
    say(f"{done.steps} steps in {done.seconds:.0f} s; try: pet train --backbone {output} ...")
