"""Few-shot study: every method on the same draws of many seeds, each tested once.

A study is a list of cells. Cells are values, so they run one after the other or in processes, and a
study that was interrupted runs only those that are left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from pet.backbone.loading import edition_of
from pet.config import METHODS, Settings, StudyConfig, deciding
from pet.data import fingerprint
from pet.errors import UsageError
from pet.evaluation.study.baselines import require
from pet.evaluation.study.cells import CellSpec, TaskFiles, draw, run_cell
from pet.evaluation.study.results import CellResult, StudyResult
from pet.execution import executor_for
from pet.progress import Event, Progress, silent
from pet.runs import StudyFolder, StudyTaskFolder

__all__ = ["CellResult", "StudyResult", "TaskFiles", "few_shot_study"]


def few_shot_study(
    tasks: Sequence[TaskFiles],
    config: StudyConfig,
    settings: Settings,
    output: str | Path | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> StudyResult:
    """Run every method on every draw of every task.

    For each seed ``shots`` examples a label are drawn from the pool, and as many development
    examples with ``draw_dev``; the rest of the pool is unlabelled text. Rows of the pool whose
    texts are test texts are left out. Only the final evaluation of a cell reads the labels of test
    examples.

    Parameters
    ----------
    tasks : sequence of TaskFiles
        Tasks with their files; their names must differ.
    config : StudyConfig
        Methods, shots and seeds. ``jobs`` above 1 starts new processes, so a script needs
        ``if __name__ == "__main__":``.
    settings : Settings
        Settings of all methods; ``method`` and ``seed`` are ignored.
    output : str or Path, optional
        A folder that keeps every finished cell; a study that is there is resumed. Other methods,
        seeds, shots and tasks may be added to it.
    force : bool
        Start over in the folder.
    progress : callable
        Called at every stage; see `pet.progress`.

    Raises
    ------
    DataError
        When a pool has too few examples for a draw.
    RunError
        When the folder holds a study with other settings or data.
    """
    if output is None:
        with TemporaryDirectory() as temporary:
            return few_shot_study(tasks, config, settings, f"{temporary}/study", False, progress)
    names = [files.task.name for files in tasks]
    if len(set(names)) < len(names):
        raise UsageError(f"The tasks of a study need different names, not {', '.join(names)}.")
    for method in config.methods:
        require(method)
    specs: list[CellSpec] = []
    overlap: dict[str, int] = {}
    for files in tasks:
        shared = _shared(files)
        overlap[files.task.name] = len(shared)
        cells_of_task = _cells(files, config, settings, frozenset(shared))
        # A pool that is too small is refused here.
        draw(max(cells_of_task, key=lambda spec: spec.shots))
        specs += cells_of_task
    specs.sort(key=lambda spec: config.seeds.index(spec.seed))  # whole seeds first
    study = StudyFolder.start(output, _asked(config, settings), force)
    folders = {files.task.name: _folder(study, files) for files in tasks}
    workplace = study.workplace()
    left = [
        replace(spec, workplace=workplace)
        for spec in specs
        if not _finished(folders[spec.files.task.name], spec)
    ]
    done = len(specs) - len(left)
    of_cells = {spec.name for spec in left}

    def within(event: Event) -> bool | None:
        if event.stage in of_cells:  # an executor's own, of whole cells, which are told below
            return None
        return progress(replace(event, stage=f"{done + 1}/{len(specs)} {event.stage}", stages=None))

    def tell(spec: CellSpec, moment: Literal["start", "end"]) -> None:
        stages, ended = (done, len(specs)), int(moment == "end")
        progress(Event(f"{spec.files.task.name} {spec.name}", moment, ended, 1, stages=stages))

    def begun() -> Iterator[CellSpec]:
        for spec in left:
            tell(spec, "start")
            yield spec

    try:
        with executor_for(config.jobs) as executor:
            for spec, result in executor.run(run_cell, begun(), within):
                folder = folders[spec.files.task.name]
                folder.write_json(folder.cell(spec.name), asdict(result))
                done += 1
                tell(spec, "end")
    finally:
        study.remove(study.unfinished)
    cells = tuple(_read(folders[spec.files.task.name], spec) for spec in specs)
    return StudyResult(config, cells, overlap)


def _shared(files: TaskFiles) -> list[tuple[str, ...]]:
    """Return the keys of the pool's rows whose texts are test texts."""
    tests = {example.key for example in files.examples(files.test, "ignored")}
    pool = (example.key for example in files.examples(files.pool, "ignored"))
    return [key for key in pool if key in tests]


def _folder(study: StudyFolder, files: TaskFiles) -> StudyTaskFolder:
    wanted = {
        "task": files.task.to_dict(),
        "pool": fingerprint(files.examples(files.pool, "optional")),
        "test": fingerprint(files.examples(files.test, "required")),
    }
    return StudyTaskFolder.start(study.task(files.task.name), wanted)


def _cells(
    files: TaskFiles,
    config: StudyConfig,
    settings: Settings,
    left_out: frozenset[tuple[str, ...]],
) -> list[CellSpec]:
    # Methods that learn nothing from labels run once a seed, whatever the shots.
    untrained = {name for name, method in METHODS.items() if not method.trains}
    drawn = {
        (method, 0 if method in untrained else shots): None
        for shots in config.shots
        for method in config.methods
    }
    common = (settings, config.unlabeled, config.draw_dev, left_out)
    return [
        CellSpec(files, method, shots, seed, *common)
        for seed in config.seeds
        for method, shots in drawn
    ]


def _asked(config: StudyConfig, settings: Settings) -> dict[str, Any]:
    plain = deciding(settings)
    for name in ("method", "seed"):
        del plain[name]
    return {
        "settings": plain,
        "unlabeled": config.unlabeled,
        "draw_dev": config.draw_dev,
        **edition_of(settings.backbone.backbone, settings.distillation.distill_student),
    }


def _finished(folder: StudyTaskFolder, spec: CellSpec) -> bool:
    return folder.has(folder.cell(spec.name))


def _read(folder: StudyTaskFolder, spec: CellSpec) -> CellResult:
    file = folder.cell(spec.name)
    with folder.reading(file):
        return CellResult.from_dict(folder.read_json(file))
