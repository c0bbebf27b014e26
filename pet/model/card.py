"""The model card of a finished model: labels, data, figures, licence, limits, how to load it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pet.backbone.cards import filled_card, in_cell
from pet.model.about import About
from pet.runs import ModelFiles
from pet.runs.checksums import Checksums
from pet.runs.writing import written_whole
from pet.task import Task

_TEMPLATE = Path(__file__).parent / "templates" / "card.md"
# Names of the hub's own metrics.
_HUB_METRICS = {"accuracy": "accuracy", "macro_f1": "f1", "micro_f1": "f1"}
_KINDS = {
    "single": "One label for every text.",
    "ordinal": "One label for every text; the labels are in order.",
    "multi-label": "Any number of labels for every text, each with a probability of its own.",
}


def model_card(record: Mapping[str, Any]) -> str:
    """Return the text of a model's README.md.

    Parameters
    ----------
    record : mapping
        Content of the model's pet.json; see `pet.model.save_model`.
    """
    from huggingface_hub import EvalResult

    task, about = Task.from_dict(record["task"]), About.from_dict(record.get("about"))
    plain = record["kind"] == "sequence-classifier"
    results = [
        EvalResult(
            task_type="text-classification",
            dataset_type=task.name,
            dataset_name=task.name,
            dataset_split="test",
            metric_type=_HUB_METRICS.get(name, name),
            metric_name=name,
            metric_value=round(value, 4),
        )
        for name, value in about.figures.items()
    ]
    data = {
        "pipeline_tag": "text-classification",
        "library_name": "transformers" if plain else "pet-fewshot",
        "tags": ["few-shot", "pattern-exploiting-training"],
        **({"model_name": task.name, "eval_results": results} if results else {}),
    }
    return filled_card(
        _TEMPLATE,
        about.base or "an unknown model",
        data,
        title=in_cell(task.name),
        description=" ".join(task.description.split()),
        plain=plain,
        members=len(record.get("members", ())),
        kind=_KINDS.get(task.kind, ""),
        labels=[(in_cell(label), about.labelled.get(label, "–")) for label in task.labels],
        call=_call(task),
        max_length=record["max_length"],
        method=about.method,
        seed=about.seed,
        labelled=about.examples,
        unlabelled=about.unlabelled,
        development=about.development,
        tests=about.tests,
        figures=[(name, f"{value:.4f}") for name, value in about.figures.items()],
        more_limits=_limits(task, plain),
    )


def write_card(folder: Path, record: Mapping[str, Any]) -> None:
    """Write a model's record, pet.json, and its card, README.md; each appears when it is whole."""
    files = ModelFiles(folder)
    with written_whole(files.page) as temporary:
        temporary.write_text(model_card(record), "utf-8")
    with written_whole(files.card) as temporary:
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        temporary.write_text(text, "utf-8")
        Checksums(folder).note({files.card.name: temporary})


def add_figures(folder: Path, figures: Mapping[str, float | None], tests: int) -> None:
    """Add figures on test examples to a saved model's record and card.

    Folders of earlier versions have no card, and stay as they are.
    """
    record = json.loads(ModelFiles(folder).card.read_text("utf-8"))
    if "about" not in record:
        return
    known = {name: value for name, value in figures.items() if value is not None}
    about = About.from_dict(record.get("about")).to_dict() | {"figures": known, "tests": tests}
    write_card(folder, {**record, "about": about})
    Checksums(folder).settle(lambda _: False)


def _call(task: Task) -> str:
    if len(task.fields) == 1:
        return '["A text."]'
    names = " and ".join(task.fields[1:])
    return f'{{"text": {json.dumps(task.fields[0])}, "text_pair": {json.dumps(names)}}}'


def _limits(task: Task, plain: bool) -> str:
    if not plain or len(task.fields) < 3:
        return ""
    return (
        " Its fields from the second on are one text, joined by spaces; where a text is too long "
        "`pet` shortens each field for itself, which `transformers` cannot."
    )
