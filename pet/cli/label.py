"""pet label: a page in the browser on which people label texts."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pet.cli.console import loading, say
from pet.cli.inputs import chosen_task, require_files
from pet.cli.label_page import serve_page
from pet.cli.options import seed_option, settings_options, spreadsheet_option
from pet.cli.output import check_format, opened
from pet.cli.reading_options import column_mapping, data_options
from pet.cli.row_reader import RowReader
from pet.config import BackboneConfig, LabelConfig, Settings
from pet.config.base import word_list
from pet.config.files import Reading
from pet.errors import DataError, UsageError
from pet.runs import LabellingFolder
from pet.runs.finding import require_run_or_model

if TYPE_CHECKING:
    from pet.labelling import Labelling, TextReader
    from pet.search.panel import Panel
    from pet.task import Task


@click.command(name="label")
@click.argument("source", required=False, metavar="[FOLDER|MODEL]")
@click.option("--labels", metavar="A,B,...", help="The labels; their names are the label words.")
@click.option("--task", help="Instead of --labels: a task, whose patterns make the first guesses.")
@click.option("--unlabeled", help="Texts to label: a file of rows, or - .")
@click.option(
    "--train", "labelled_files", multiple=True, help="Rows that have a label already. Repeatable."
)
@click.option(
    "-o", "--output", metavar="FOLDER",
    help="Folder that keeps the labels.  [default: pool-labels for pool.csv]",
)  # fmt: skip
@settings_options(LabelConfig)
@click.option("--port", type=click.IntRange(0, 65535), default=0,
              help="Port of the page.  [default: any that is free]")  # fmt: skip
@click.option("--name", "annotator", help="Your name.  [default: that of your account]")
@click.option(
    "--browser/--no-browser",
    default=True,
    show_default=True,
    help="Open the page, if a terminal is there.",
)
@click.option(
    "--training", default="", metavar="OPTIONS",
    help="Options of pet train for the button Train, such as '--max-steps 50'.",
)  # fmt: skip
@click.option(
    "--export", metavar="FILE|-", help="Write FOLDER's labels (.csv, .jsonl, ...), and end."
)
@click.option("--each", is_flag=True, help="Export every person's answer, not one label a text.")
@spreadsheet_option
@seed_option
@data_options
@settings_options("backbone")
def command(
    source: str | None,
    labels: str | None,
    task: str | None,
    unlabeled: str | None,
    labelled_files: tuple[str, ...],
    output: str | None,
    by: Any,
    candidates: int,
    every: int,
    limit: int,
    port: int,
    annotator: str | None,
    browser: bool,
    training: str,
    export: str | None,
    each: bool,
    for_spreadsheets: bool,
    seed: int,
    columns: tuple[str, ...],
    reading: Reading,
    **backbone: Any,
) -> None:
    """Label texts on a page in the browser: the most useful one next, with the current guess.

    A new labelling needs --unlabeled and one of --labels, --task and MODEL, a run or saved model.
    FOLDER alone goes on with one. Every click is kept at once in FOLDER; the page is on this
    machine only, at an address with a secret token.

    \b
    Example: pet label --unlabeled pool.csv --labels billing,technical,account -o labels/tickets
             pet label labels/tickets
             pet label labels/tickets --export tickets.csv
    """
    if export is not None:
        _export(source, export, each, for_spreadsheets)
        return
    from pet.web import require_web

    require_web("pet label")
    options = _training_options(training)
    config = LabelConfig(by, candidates, every, limit)
    settings = Settings.from_flat({"seed": seed, **backbone})
    require_files(unlabeled, *labelled_files)
    if output is None and source is not None and LabellingFolder.is_at(source):
        given = [flag for flag, value in (("--labels", labels), ("--task", task)) if value]
        if given:
            raise UsageError(f"{given[0]} goes with -o; {source} has its labels.")
        labelling, make_reader = _gone_on(source, settings)
    else:
        if output is None and unlabeled is None:
            found = "" if source is None else f" {source} is no labelling to go on with."
            raise UsageError(
                f"Expected --unlabeled FILE for a new labelling.{found}", "See: pet label --help"
            )
        ways = {"MODEL": source, "--task": task, "--labels": labels}
        if sum(value is not None for value in ways.values()) != 1:
            raise UsageError("Expected one of MODEL, --task and --labels.", "See: pet label --help")
        folder = output or _folder_for(str(unlabeled))
        known = chosen_task(task, (), None) if task else None
        if labels is not None:
            known = _drafted(labels, unlabeled, columns, reading)
        labelling, make_reader = _started(folder, source, known, settings)
    rows = RowReader.from_options(labelling.task, columns, reading)
    _read(labelling, rows, unlabeled, labelled_files, seed)
    serve_page(labelling, make_reader, config, port, annotator, browser, options, seed)


def _folder_for(unlabeled: str) -> str:
    """Name a folder after the file of texts: pool-labels for pool.csv."""
    name = "texts" if unlabeled == "-" else Path(unlabeled).name.split(".")[0]
    return f"{name or 'texts'}-labels"


def _training_options(text: str) -> list[str]:
    """Split options of `pet train`, and refuse what it would refuse."""
    from pet.cli.train import command as train

    try:
        options = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--training {text!r}: {error}.") from error
    own = ["--task", "reviews", "--train", "x", "-o", "x"]
    train.make_context("pet train (--training)", [*own, *options])
    return options


def _export(source: str | None, name: str, each: bool, for_spreadsheets: bool) -> None:
    if source is None:
        raise UsageError(
            "Expected the FOLDER of a labelling.", "Example: pet label FOLDER --export FILE"
        )
    check_format(name, for_spreadsheets)
    LabellingFolder.open(source)

    from pet.labelling import Labelling, consensus, write_export

    labelling = Labelling.of_folder(source)
    with opened(name) as stream:
        file = "labels.jsonl" if name == "-" else name
        count = write_export(
            stream, file, labelling.database, labelling.task, each, for_spreadsheets
        )
    if name != "-":
        say(f"{count:,} rows are in {name}.")
    _, divided = consensus(labelling.clicks.answers())
    if divided and not each:
        say(
            f"Left out: {len(divided)} texts on which people are divided. --each writes every "
            "answer."
        )
    labelling.database.close()


def _gone_on(path: str, settings: Settings) -> tuple[Labelling, Callable[[], TextReader]]:
    """Open a labelling to go on, and say how its texts are read."""
    asked = LabellingFolder.open(path).asked()
    folder = LabellingFolder.start(path, asked)
    loading(path)

    from pet.labelling import Labelling
    from pet.search.panel import Panel
    from pet.task import Task

    task, model = Task.from_dict(asked["task"]), asked["model"]
    kept = BackboneConfig(**asked["backbone"])
    labelling = Labelling(folder, task)

    def panel() -> Panel:
        if model is not None:
            return Panel.load(model, settings.backbone.device, settings.backbone.precision)
        return _untrained(labelling, Settings(backbone=kept, seed=settings.seed))

    return labelling, _reader_of(panel)


def _started(
    output: str, model: str | None, known: Task | None, settings: Settings
) -> tuple[Labelling, Callable[[], TextReader]]:
    """Start a labelling, and say how its texts are read."""
    panel: Panel | None = None
    if model is not None:
        require_run_or_model(model)
        loading(model)

        from pet.search.panel import Panel

        panel = Panel.load(model, settings.backbone.device, settings.backbone.precision)
        known = panel.task
        model = str(Path(model).resolve())
    else:
        loading("model and data")
    assert known is not None

    from pet.labelling import Labelling

    asked = {"task": known.to_dict(), "model": model, "backbone": asdict(settings.backbone)}
    folder = LabellingFolder.start(output, asked)
    labelling = Labelling(folder, known)
    if panel is not None:
        run = panel.labelled()
        given = [(example, dict(example.texts)) for example in (*run.train, *run.dev)]
        labelling.add_given(given, settings.seed)
        return labelling, _reader_of(lambda: panel)
    return labelling, _reader_of(lambda: _untrained(labelling, settings))


def _drafted(
    labels: str, unlabeled: str | None, columns: tuple[str, ...], reading: Reading
) -> Task:
    """Draft a task from label names, for the columns of the texts."""
    from pet.drafting import draft_from_files

    names = word_list(labels)
    if len(names) < 2:
        raise UsageError(f"--labels {labels!r}: expected two labels or more, such as yes,no.")
    pool = None if unlabeled == "-" else unlabeled  # standard input is read once
    return draft_from_files((), pool, column_mapping(columns), reading, names).task


def _untrained(labelling: Labelling, settings: Settings) -> Panel:
    from pet.data import Pool
    from pet.search.panel import Panel

    return Panel.untrained(labelling.task, settings, Pool(labelling.texts.examples))


def _reader_of(panel: Callable[[], Panel]) -> Callable[[], TextReader]:
    def reader() -> TextReader:
        from pet.labelling import TextReader

        return TextReader(panel())

    return reader


def _read(
    labelling: Labelling,
    rows: RowReader,
    unlabeled: str | None,
    labelled_files: Sequence[str],
    seed: int,
) -> None:
    """Read the files into the labelling's folder."""
    from pet.data import examples_and_rows, has_labels, reusable

    columns = rows.columns("required")
    given = [
        row for file in labelled_files for row in examples_and_rows(file, columns, rows.reading)
    ]
    labelling.add_given(given, seed)
    if unlabeled is not None:
        source, read_as = reusable(unlabeled), rows.columns("ignored")
        if has_labels(source, read_as, rows.reading):
            say(f"The labels in {unlabeled} are ignored.")
        labelling.add_pool(examples_and_rows(source, read_as, rows.reading), seed)
    if not len(labelling.texts):
        raise DataError("There are no texts to label.", "Give some with `--unlabeled FILE`.")
