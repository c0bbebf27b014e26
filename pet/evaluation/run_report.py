"""Run report: figures of each pattern, the ensemble and the final classifier of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pet.adaptation.adapt import adaptation_of
from pet.config import EnsembleConfig, Settings
from pet.data import Data, Example, chunked
from pet.evaluation.bootstrap import paired_bootstrap_of_examples
from pet.evaluation.evidence import Mistake, keep_examples, surest_mistakes
from pet.evaluation.metrics import Evaluation, evaluate
from pet.evaluation.run_metrics import generation_key
from pet.members import MemberRecord, cost
from pet.members.stored import stored_members
from pet.model import EnsembleModel, Scoring, load_model
from pet.model.card import add_figures
from pet.model.run_members import keeps_members, trained_members
from pet.pipeline.combining import uniform
from pet.pipeline.generations import Generation, finished_generations
from pet.runs import RunFolder
from pet.task import Task
from pet.task.kinds import right, targets_of, task_kind
from pet.task.labels import Label
from pet.types import Scores


@dataclass(frozen=True)
class ReportRow:
    """A row of a report: a member with its template and record, the ensemble or the classifier."""

    name: str
    template: str = ""
    record: MemberRecord | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values, without the texts of demonstrations."""
        if self.record is None:
            return {}
        plain = {**self.record.to_dict(), "template": self.template}
        plain.pop("demonstrations", None)
        return plain


@dataclass(frozen=True)
class Report:
    """Training figures of a run by row and, after a test, their evaluations.

    The keys of ``evaluations`` and ``right`` are names of rows, and `generation_key` for earlier
    generations. ``right`` tells for every test example, in order, whether the prediction
    is right: (N,). ``mistakes`` are the surest ones of the last row. `pet.evaluation.report_table`
    shows a report as text.
    """

    task: Task
    rows: Sequence[ReportRow]
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    generations: Sequence[Generation] = ()
    right: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    mistakes: Sequence[Mistake] = ()

    @property
    def records(self) -> list[MemberRecord]:
        """Records of the members, in the order of their rows."""
        return [row.record for row in self.rows if row.record is not None]

    def costs(self) -> list[str]:
        """Say how much members train, one line for all members that train the same number."""
        members: dict[tuple[int, int], list[str]] = {}
        for record in self.records:
            if record.trained:
                members.setdefault((record.trained, record.frozen), []).append(record.name)
        return [f"{', '.join(names)}: {cost(*key)}" for key, names in members.items()]

    def generation_tests(self) -> list[tuple[Generation, Evaluation | None]]:
        """Return every generation with its ensemble's evaluation, the last with the run's."""
        last = len(self.generations) - 1
        return [
            (generation, self.evaluations.get("ensemble" if generation.number == last else key))
            for generation in self.generations
            for key in [generation_key(generation.number)]
        ]

    def student_against_ensemble(self) -> dict[str, float] | None:
        """Compare the classifier with the ensemble that taught it; None without both or a test.

        The mean difference of their accuracies, its interval and p; see
        `pet.evaluation.bootstrap.paired_bootstrap`.
        """
        if not {"classifier", "ensemble"} <= self.right.keys():
            return None
        found = paired_bootstrap_of_examples(self.right["classifier"], self.right["ensemble"])
        return dict(zip(("mean", "low", "high", "p"), found, strict=True))


def run_report(
    folder: RunFolder,
    settings: Settings,
    data: Data,
    tests: Iterable[Example] | None,
    keep: bool = False,
) -> Report:
    """Collect the figures of a finished run, and evaluate its rows on test examples, if any.

    Writes metrics.json and, with ``keep``, the examples that a page about the run shows
    (`pet.evaluation.evidence`).

    Parameters
    ----------
    folder : RunFolder
        Folder of the run.
    settings : Settings
        Settings of the run; device and precision are used.
    data : Data
        The examples that the run learned from, to tell overlap with the test examples.
    tests : iterable of Example, optional
        Labelled test examples; nothing before reads them.
    keep : bool
        Whether examples are kept for a page.
    """
    config = settings.backbone
    model = load_model(folder.path, config.device, config.precision)
    ensemble: EnsembleModel | None = None
    if keeps_members(folder):
        ensemble = (
            model
            if isinstance(model, EnsembleModel)
            else trained_members(folder, config.device, config.precision)
        )
    final = "ensemble" if isinstance(model, EnsembleModel) else "classifier"
    rows: list[ReportRow] = []
    if ensemble is not None:
        for spec in ensemble.members.specs:
            record = MemberRecord.read(folder, spec.name)
            rows.append(ReportRow(spec.name, spec.title, record))
        rows.append(ReportRow("ensemble"))
    if final == "classifier":
        rows.append(ReportRow(final))
    report = Report(
        model.task, rows, remarks=_adapted(folder), generations=finished_generations(folder)
    )
    if tests is not None:
        earlier = {} if ensemble is None else _earlier(report.generations, folder, ensemble)
        report = _evaluated(report, model, ensemble, earlier, data, tests)
    if keep and final in report.evaluations:
        seen = report.evaluations[final]
        add_figures(folder.path / folder.classifier, seen.metrics, len(report.right[final]))
    if keep:
        keep_examples(folder, data, ensemble, report.mistakes)
    folder.write_json(
        folder.metrics,
        {
            "rows": {row.name: row.to_dict() for row in report.rows},
            "generations": [
                {**asdict(generation), "test_accuracy": test.accuracy if test else None}
                for generation, test in report.generation_tests()
            ],
            "test": {name: seen.to_dict() for name, seen in report.evaluations.items()},
            "student": report.student_against_ensemble(),
        },
    )
    folder.settle()
    return report


def model_report(model: Scoring, data: Data, tests: Iterable[Example]) -> Report:
    """Evaluate a model without members; its one row is "classifier"."""
    return _evaluated(Report(model.task, [ReportRow("classifier")]), model, None, {}, data, tests)


def _adapted(folder: RunFolder) -> list[str]:
    """Say in a line how much the backbone's adaptation improved it; [] if that is unknown."""
    adapted = adaptation_of(folder)
    if adapted is None or adapted.before is None or adapted.after is None:
        return []
    return [
        f"The backbone was adapted in {adapted.steps} "
        f"step{'' if adapted.steps == 1 else 's'}: loss on held-out text "
        f"{adapted.before.loss:.3f} before, {adapted.after.loss:.3f} after."
    ]


def _earlier(
    generations: Sequence[Generation], folder: RunFolder, last: EnsembleModel
) -> dict[str, EnsembleModel]:
    """Return the uniform ensembles of all generations but the last; they share its backbone."""
    backbone, length = last.members.backbone, last.members.specs[0].max_length
    config = EnsembleConfig(
        combine_verbalizers=last.ensemble.combine_verbalizers,
        combine_members=last.ensemble.combine_members,
    )
    earlier = {}
    for generation in generations[:-1]:
        members = stored_members(folder, generation.members, backbone, last.task, length)
        results = [MemberRecord.read(folder, name).result({}) for name in generation.members]
        ensemble = uniform(config, last.ensemble.kind, members.specs, results)
        earlier[generation_key(generation.number)] = EnsembleModel(members, ensemble)
    return earlier


def _evaluated(
    report: Report,
    model: Scoring,
    ensemble: EnsembleModel | None,
    earlier: Mapping[str, EnsembleModel],
    data: Data,
    tests: Iterable[Example],
) -> Report:
    """Return the report with evaluations of all rows, and of the earlier generations."""
    names = [*earlier, *(row.name for row in report.rows)]
    scores: dict[str, list[Scores]] = {name: [] for name in names}
    labels: list[Label | None] = []
    keys: set[tuple[str, ...]] = set()
    mistakes: Sequence[Mistake] = ()
    for chunk in chunked(tests, 1024):
        texts = [example.texts for example in chunk]
        labels += [example.label for example in chunk]
        keys |= {example.key for example in chunk}
        for name, generation in earlier.items():
            scores[name].append(generation.scores(texts))
        if ensemble is not None:
            member_scores = ensemble.members.scores(texts)
            combined = ensemble.ensemble.member_scores(member_scores)
            for spec, spec_scores in zip(ensemble.members.specs, combined, strict=True):
                scores[spec.name].append(spec_scores)
            scores["ensemble"].append(ensemble.ensemble(member_scores))
        if "classifier" in scores:
            scores["classifier"].append(model.scores(texts))
        mistakes = surest_mistakes(mistakes, chunk, scores[names[-1]][-1], report.task)
    kind, targets = task_kind(report.task), targets_of(report.task, labels)
    probabilities = {
        name: kind.probabilities(np.concatenate(chunks) if chunks else np.zeros((0, 1)))
        for name, chunks in scores.items()
    }
    seen = sum(example.key in keys for example in data.train)
    shared = sum(example.key in keys for example in data.pool or ())
    overlap = (
        f"Overlap: {seen} labelled and {shared} unlabelled texts are also test texts; "
        "the test figures may be too good."
    )
    return replace(
        report,
        evaluations={
            name: evaluate(shares, targets, report.task) for name, shares in probabilities.items()
        },
        right={
            name: right(kind.predicted(shares), targets) for name, shares in probabilities.items()
        },
        mistakes=mistakes,
        remarks=[*report.remarks, *([overlap] if seen or shared else [])],
    )
