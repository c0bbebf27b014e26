"""Cells of a few-shot study: one method on one draw of one task's examples.

`run_cell` turns a `CellSpec` into a `CellResult`; cells share nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pet.config import METHODS, Settings
from pet.config.files import Reading
from pet.data import Columns, Data, Example, Labels, Pool, draw_shots, examples_from
from pet.errors import DataError
from pet.evaluation.run_metrics import generation_key
from pet.evaluation.run_report import Report, model_report, run_report
from pet.evaluation.study.baselines import BASELINES
from pet.evaluation.study.memory import peak_gpu_memory, peak_memory, reset_peaks
from pet.evaluation.study.results import CellResult, ModelFigures
from pet.pipeline import asked, run
from pet.progress import Progress, silent
from pet.runs import RunFolder
from pet.seeds import RunStream, derived_seed
from pet.task import Task


@dataclass(frozen=True)
class TaskFiles:
    """A task, the pool that its shots are drawn from, and its test examples.

    ``pool`` and ``test`` are file names or lists of rows, as `pet.data.examples_from` takes them;
    they are read more than once. Rows of the pool without a label are unlabelled texts.
    ``columns`` maps fields to columns; ``reading`` says how the files are read.
    """

    task: Task
    pool: Any
    test: Any
    columns: Mapping[str, str] = field(default_factory=dict)
    reading: Reading | None = None

    def examples(self, source: Any, labels: Labels) -> Iterator[Example]:
        """Read the pool or the test examples, one at a time."""
        return examples_from(source, Columns(self.task, self.columns, labels), self.reading)


@dataclass(frozen=True)
class CellSpec:
    """One method on one draw; ``left_out`` are keys of pool rows whose texts are test texts.

    The cell's run is in ``workplace`` while it lasts; by default where the system has temporary
    files.
    """

    files: TaskFiles
    method: str
    shots: int
    seed: int
    settings: Settings
    unlabeled: int | None = None
    draw_dev: bool = False
    left_out: frozenset[tuple[str, ...]] = frozenset()
    workplace: Path | None = None

    @property
    def name(self) -> str:
        """The cell's name, unique within a task."""
        return f"{self.method}-{self.shots}-{self.seed}"


def draw(spec: CellSpec) -> Data:
    """Draw a cell's examples: they depend on pool, shots and seed, never on the method.

    Raises
    ------
    DataError
        When a label has too few examples.
    """
    train: list[Example] = []
    dev: list[Example] = []
    labels = spec.files.task.labels
    if spec.shots:
        labelled = [example for example in _pool(spec, "optional") if example.label is not None]
        if not labelled:
            raise DataError(
                f"The pool of task {spec.files.task.name!r} has no labelled example.",
                "Name the right column with `--column label=COLUMN`.",
            )
        train = draw_shots(labelled, labels, spec.shots, derived_seed(spec.seed, RunStream.SHOTS))
    if spec.shots and spec.draw_dev:
        taken = {example.key for example in train}
        rest = [example for example in labelled if example.key not in taken]
        try:
            dev = draw_shots(
                rest, labels, spec.shots, derived_seed(spec.seed, RunStream.DEVELOPMENT)
            )
        except DataError as error:
            raise DataError(
                f"No equal development sample is left beside the shots: {error.message}"
            ) from error
    unlabeled = Pool(
        partial(_pool, spec, "ignored"),
        [*train, *dev],
        spec.unlabeled,
        derived_seed(spec.seed, RunStream.UNLABELLED),
    )
    return Data(train, dev, unlabeled)


def _pool(spec: CellSpec, labels: Labels) -> Iterator[Example]:
    examples = spec.files.examples(spec.files.pool, labels)
    return (example for example in examples if example.key not in spec.left_out)


def run_cell(spec: CellSpec, progress: Progress = silent) -> CellResult:
    """Draw examples, train, and evaluate on the test examples."""
    task = spec.files.task
    data = draw(spec)
    settings = replace(spec.settings, seed=spec.seed)
    reset_peaks()
    start = time.perf_counter()
    if spec.method in BASELINES:
        model = BASELINES[spec.method](task, data.train, settings)
        seconds = time.perf_counter() - start
        report = model_report(model, data, spec.files.examples(spec.files.test, "required"))
    else:
        settings = _with_method(settings, spec.method)
        with TemporaryDirectory(dir=spec.workplace) as temporary:
            folder = RunFolder.start(f"{temporary}/run", asked(task, settings, data))
            run(task, settings, data, folder, progress, shared=True)
            seconds = time.perf_counter() - start
            tests = spec.files.examples(spec.files.test, "required")
            report = run_report(folder, settings, data, tests)
    models = {spec.method: _figures(report, report.rows[-1].name)}
    for generation in report.generations[:-1]:
        figures = _figures(report, generation_key(generation.number))
        models[f"{spec.method} generation {generation.number}"] = figures
    for row in report.rows[:-1]:
        if row.record is None:
            models[f"{spec.method} {row.name}"] = _figures(report, row.name)
    counts = [record.trained for record in report.records]
    return CellResult(
        task.name,
        spec.method,
        spec.shots,
        spec.seed,
        models,
        {row.name: report.evaluations[row.name].accuracy for row in report.rows if row.record},
        len(data.train),
        len(data.dev),
        len(data.pool or ()),
        round(seconds, 2),
        round(peak_memory(), 1),
        peak_gpu_memory(),
        trained=round(sum(counts) / len(counts)) if counts else None,
        templates={row.name: row.template for row in report.rows if row.record},
    )


def _with_method(settings: Settings, method: str) -> Settings:
    """Return the settings of a compared method; a soft kind names the default method with it."""
    if method in METHODS:
        return replace(settings, method=method)
    template = replace(settings.template, soft=(method,))
    return replace(settings, method=Settings.method, template=template)


def _figures(report: Report, name: str) -> ModelFigures:
    evaluation = report.evaluations[name]
    asked = {metric: evaluation.metric(metric) for metric in report.task.metrics}
    values = {**evaluation.metrics, **asked}
    metrics = {metric: value for metric, value in values.items() if value is not None}
    right = "".join("01"[mark] for mark in report.right[name].astype(int))
    return ModelFigures(metrics, right, evaluation.confusion, evaluation.reliability)
