"""What a finished run tells: each pattern alone, the ensemble, the final classifier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pet.adaptation.adapt import adaptation_of
from pet.config import Settings
from pet.data import Data, Example, chunked
from pet.evaluation.evidence import Mistake, keep_examples, surest_mistakes
from pet.evaluation.metrics import Evaluation, evaluate
from pet.evaluation.tables import percent, text_table
from pet.members import cost
from pet.members.stored import stored_members
from pet.model import Ensemble, EnsembleModel, Scoring, load_model
from pet.model.saving import trained_members
from pet.pipeline.generations import Generation, finished_generations
from pet.runs import RunFolder
from pet.task import Task
from pet.task.kinds import right, targets_of, task_kind
from pet.task.labels import Label


@dataclass
class Report:
    """Rows of the final table and, where there were test examples, their evaluations.

    ``right`` says of every test example, in order, whether a row's prediction is true: (N,);
    ``mistakes`` are the surest ones of the last row.
    """

    task: Task
    rows: list[tuple[str, dict[str, Any]]]
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    generations: list[Generation] = field(default_factory=list)
    right: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def members(self) -> list[str]:
        """The rows that are single members."""
        return [name for name, _ in self.rows if name not in ("ensemble", "classifier")]

    def table(self, per_class: bool = False) -> str:
        """Return the table as text."""
        header = ["", "labelled, before", "after", "seconds"]
        if self.evaluations:
            several = self.task.is_multi_label
            header += ["test, all labels right", "micro-F1"] if several else ["test accuracy"]
            header += ["macro-F1", "calibration error"]
            header += ["mean abs. error"] if self.task.kind == "ordinal" else []
        lines = []
        for name, figures in self.rows:
            seconds = figures.get("seconds")
            cells = [
                name,
                percent(figures.get("accuracy_before")),
                percent(figures.get("accuracy_after")),
                "-" if seconds is None else f"{seconds:.1f}",
            ]
            if name in self.evaluations:
                found = self.evaluations[name]
                cells.append(percent(found.accuracy))
                if found.micro_f1 is not None:
                    cells.append(percent(found.micro_f1))
                cells += [percent(found.macro_f1), f"{found.ece:.3f}"]
                if found.mean_absolute_error is not None:
                    cells.append(f"{found.mean_absolute_error:.3f}")
            cells += ["-"] * (len(header) - len(cells))
            lines.append(cells)
        text = text_table(lines, header)
        if self.generations:
            text += "\n\n" + self._generation_table()
        if per_class and self.evaluations:
            last, found = list(self.evaluations.items())[-1]
            text += f"\n\n{last}\n" + per_class_table(found)
        return text

    def costs(self) -> list[str]:
        """Say how much members train: a line for all those that train the same number."""
        members: dict[tuple[int, int], list[str]] = {}
        for name, figures in self.rows:
            if figures.get("trained"):
                key = figures["trained"], figures["frozen"]
                members.setdefault(key, []).append(name.split()[0])
        return [f"{', '.join(names)}: {cost(*key)}" for key, names in members.items()]

    def generation_tests(self) -> list[tuple[Generation, Evaluation | None]]:
        """Every generation with its ensemble's evaluation; the last one's is the run's ensemble."""
        last = len(self.generations) - 1
        return [
            (own, self.evaluations.get("ensemble" if own.number == last else _generation(own)))
            for own in self.generations
        ]

    def _generation_table(self) -> str:
        """Members, texts drawn a label, agreement and, where there is one, test accuracy."""
        rows = []
        for own, test in self.generation_tests():
            counts = [f"{label} {count}" for label, count in own.drawn.items() if count]
            shown = ", ".join(counts) if len(counts) <= 4 else f"{sum(own.drawn.values())} in all"
            rows.append(
                [
                    str(own.number),
                    str(len(own.members)),
                    shown or "-",
                    percent(own.agreement),
                    percent(test.accuracy if test else None),
                ]
            )
        header = ["generation", "members", "drawn by each", "agreement", "test accuracy"]
        width = len(header) if self.evaluations else -1
        return text_table([row[:width] for row in rows], header[:width])


def per_class_table(evaluation: Evaluation) -> str:
    """Return precision, recall and F1 of every label, and the confusion matrix."""
    rows = [
        [
            label,
            *(percent(figures[name]) for name in ("precision", "recall", "f1")),
            str(int(figures["support"])),
        ]
        for label, figures in evaluation.per_class.items()
    ]
    text = text_table(rows, ["label", "precision", "recall", "F1", "examples"])
    labels = list(evaluation.per_class)
    if evaluation.confusion and len(labels) <= 12:
        rows = [
            [f"{number} {label}", *map(str, counts)]
            for number, (label, counts) in enumerate(zip(labels, evaluation.confusion, strict=True))
        ]
        text += "\n\n" + text_table(rows, ["true \\ predicted", *map(str, range(len(labels)))])
    return text


def run_report(
    folder: RunFolder,
    settings: Settings,
    data: Data,
    tests: Iterable[Example] | None,
    keep: bool = False,
) -> Report:
    """Collect the figures of a finished run; evaluate all its parts where there are test examples.

    The test examples are read here and nowhere earlier. Also writes metrics.json and, with
    ``keep``, the examples that a page about the run shows (`pet.evaluation.evidence`).
    """
    config = settings.backbone
    model = load_model(folder.path, config.device, config.precision)
    ensemble: EnsembleModel | None = None
    if folder.has("ensemble.json"):
        ensemble = (
            model
            if isinstance(model, EnsembleModel)
            else trained_members(folder, config.device, config.precision)
        )
    final = "ensemble" if isinstance(model, EnsembleModel) else "classifier"
    report = Report(model.task, [], generations=finished_generations(folder))
    if ensemble is not None:
        for spec in ensemble.members.specs:
            figures = folder.read_json(f"members/{spec.name}/member.json")
            figures.pop("demonstrations", None)  # texts, not figures; they are kept there
            report.rows.append((_shown(spec), figures))
        report.rows.append(("ensemble", {}))
    if final == "classifier":
        report.rows.append((final, {}))
    adapted = adaptation_of(folder)
    if adapted is not None and adapted.before is not None and adapted.after is not None:
        report.remarks.append(
            f"The backbone was adapted in {adapted.steps} "
            f"step{'' if adapted.steps == 1 else 's'}: loss on held-out text "
            f"{adapted.before.loss:.3f} before, {adapted.after.loss:.3f} after."
        )
    if tests is not None:
        earlier = {} if ensemble is None else _earlier(report.generations, folder, ensemble)
        _evaluate(report, model, ensemble, earlier, data, tests)
    if keep:
        keep_examples(folder, data, ensemble, report.mistakes)
    folder.write_json(
        "metrics.json",
        {
            "rows": dict(report.rows),
            "generations": [
                {**asdict(own), "test_accuracy": test.accuracy if test else None}
                for own, test in report.generation_tests()
            ],
            "test": {name: found.to_dict() for name, found in report.evaluations.items()},
        },
    )
    return report


def model_report(model: Scoring, data: Data, tests: Iterable[Example]) -> Report:
    """Evaluate a model that has no parts; its one row is "classifier"."""
    report = Report(model.task, [("classifier", {})])
    _evaluate(report, model, None, {}, data, tests)
    return report


def _shown(spec: Any) -> str:
    template = spec.pvp.pattern.template
    return f"{spec.name}  {template if len(template) <= 50 else template[:47] + '...'}"


def _generation(own: Generation) -> str:
    return f"generation {own.number}"


def _earlier(
    generations: Sequence[Generation], folder: RunFolder, last: EnsembleModel
) -> dict[str, EnsembleModel]:
    """The uniform ensembles of all generations but the last; they share its backbone."""
    backbone, length = last.members.backbone, last.members.specs[0].max_length
    return {
        _generation(own): EnsembleModel(
            stored_members(folder, own.members, backbone, last.task, length),
            Ensemble.uniform(
                len(own.members),
                combine_verbalizers=last.ensemble.combine_verbalizers,
                combine_members=last.ensemble.combine_members,
                kind=last.ensemble.kind,
            ),
        )
        for own in generations[:-1]
    }


def _evaluate(
    report: Report,
    model: Scoring,
    ensemble: EnsembleModel | None,
    earlier: Mapping[str, EnsembleModel],
    data: Data,
    tests: Iterable[Example],
) -> None:
    names = [*earlier, *(name for name, _ in report.rows)]
    scores: dict[str, list[Any]] = {name: [] for name in names}
    labels: list[Label | None] = []
    keys: set[tuple[str, ...]] = set()
    for chunk in chunked(tests, 1024):
        texts = [example.texts for example in chunk]
        labels += [example.label for example in chunk]
        keys |= {example.key for example in chunk}
        for name, generation in earlier.items():
            scores[name].append(generation.scores(texts))
        if ensemble is not None:
            member_scores = ensemble.members.scores(texts)
            combined = ensemble.ensemble.member_scores(member_scores)
            for spec, own in zip(ensemble.members.specs, combined, strict=True):
                scores[_shown(spec)].append(own)
            scores["ensemble"].append(ensemble.ensemble(member_scores))
        if "classifier" in scores:
            scores["classifier"].append(model.scores(texts))
        report.mistakes = surest_mistakes(
            report.mistakes, chunk, scores[names[-1]][-1], report.task
        )
    kind, targets = task_kind(report.task), targets_of(report.task, labels)
    for name, parts in scores.items():
        probabilities = kind.probabilities(np.concatenate(parts) if parts else np.zeros((0, 1)))
        report.evaluations[name] = evaluate(probabilities, targets, report.task)
        report.right[name] = right(kind.predicted(probabilities), targets)
    seen = sum(example.key in keys for example in data.train)
    shared = sum(example.key in keys for example in data.pool or ())
    if seen or shared:
        report.remarks.append(
            f"Overlap: {seen} labelled and {shared} unlabelled texts are also test texts; "
            "the test figures may be too good."
        )
