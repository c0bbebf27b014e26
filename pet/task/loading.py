"""Tasks by their names: built-in ones, those of other packages, and files."""

from __future__ import annotations

import runpy
from pathlib import Path

from pet.errors import PetError, TaskError, did_you_mean, quoted
from pet.registry import Registry
from pet.resources import is_file, resource_folder
from pet.task.declared import ENDINGS, read_declared
from pet.task.task import Task

# Tasks of other packages; those of `pet` are files.
TASKS: Registry[Task] = Registry("tasks", "task", {}, holds=Task)


def task_names() -> list[str]:
    """Return the names of the built-in tasks and of those from outside."""
    built_in = sorted(path.stem for path in resource_folder("tasks").glob("[!_]*.py"))
    return list(dict.fromkeys([*built_in, *TASKS]))


def load_task(name: str | Path | Task) -> Task:
    """Return a task by its name, or from a file that defines it.

    Parameters
    ----------
    name : str, Path or Task
        Name of a built-in task or of one in `TASKS`; the path of a .toml or .json file, which is
        read; or that of a .py file, which is run as any imported file is. A task is returned
        unchanged.

    Raises
    ------
    TaskError
        When there is no such task, or the file does not define exactly one.

    Examples
    --------
    >>> from pet import load_task
    >>> task = load_task("reviews")
    >>> task.labels, len(task.pvps)
    (('negative', 'positive'), 5)
    """
    if isinstance(name, Task):
        return name
    if not isinstance(name, str | Path):
        raise TaskError(
            "Expected a Task, the name of a built-in one, or a .py, .toml or .json file; "
            f"found {name!r}."
        )
    path = Path(name)
    if path.suffix in ENDINGS:
        if not is_file(path):
            raise TaskError(
                f"No task file {path}.", "Label words alone are given as `--verbalizer FILE`."
            )
        return read_declared(path)
    if path.suffix != ".py":
        path = resource_folder("tasks") / f"{name}.py"
        if not is_file(path) and name in TASKS:
            return TASKS[str(name)]
        if not is_file(path):
            raise _no_task(str(name))
    if not is_file(path):
        raise TaskError(f"No task file {path}.")
    try:
        values = runpy.run_path(str(path)).values()
    except PetError as error:
        raise TaskError(f"{path}: {error.message}") from error
    except (Exception, SystemExit) as error:
        problem = f"{type(error).__name__} while it was run"
        raise TaskError(f"{path}: {problem}: {str(error)[:1000]}") from error
    unique = list({id(value): value for value in values if isinstance(value, Task)}.values())
    if len(unique) != 1:
        raise TaskError(f"{path}: expected one Task object at module level, found {len(unique)}.")
    return unique[0]


def _no_task(name: str) -> TaskError:
    """Return the error for a name that is no task: a mistyped one, or another sort of file."""
    if Path(name).suffix or is_file(Path(name)):
        return TaskError(
            f"{quoted(name)} is no task: a task is a built-in name, or a .py, .toml or .json file "
            "that says what the labels, patterns and label words are.",
            "pet init makes one from labelled rows; pet train drafts one if `--task` is left out. "
            "Rows are given as `--train FILE`, label words alone as `--verbalizer FILE`.",
        )
    return TaskError(
        f"No built-in task {quoted(name)}.",
        f"{did_you_mean(name, task_names())} Or give a .py, .toml or .json file; "
        "pet init makes one from rows.",
    )
