"""Pages: one self-contained HTML page about a training run or a few-shot study."""

from __future__ import annotations

from pathlib import Path

from jinja2 import UndefinedError

from pet.errors import RunError
from pet.evaluation.pages.rendering import render
from pet.evaluation.pages.run import run_context
from pet.evaluation.pages.study import study_context
from pet.runs import RunFolder, StudyFolder


def page(path: str | Path) -> str:
    """Return the HTML page of a folder that `pet train` or `pet fewshot` wrote.

    Only the folder's figures are read, no model. The page needs no other file, no network and no
    scripts.

    Raises
    ------
    RunError
        When the folder is neither, or nothing in it is finished.
    """
    folder = RunFolder.open(path)
    asked = folder.asked()
    try:
        if "task" in asked:
            return render("run.html", **run_context(folder))
        if "settings" in asked:
            return render("study.html", **study_context(StudyFolder(folder.path)))
    except (LookupError, TypeError, ValueError, AttributeError, UndefinedError) as error:
        raise RunError(
            f"{path}: this folder cannot be shown: {error!r}.",
            "It is damaged, or another version of pet wrote it.",
        ) from error
    raise RunError(
        f"{path}: expected the folder of a training run or of a few-shot study.",
        "pet train -o RUN and pet fewshot -o RUN make one.",
    )
