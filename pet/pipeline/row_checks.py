"""Checks of rows: how many there are of each label, which are in two files, what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pet.config import METHODS, Settings
from pet.data import Example
from pet.data.overlap import TextSet, contradictions, labels_of_texts
from pet.pipeline.findings import Findings
from pet.pipeline.requirements import refuse_labels, refuse_pool, without_examples
from pet.task import Task
from pet.task.kinds import task_kind
from pet.task.labels import names

# Examples of a label; with fewer it matters much which ones they are.
_FEW = 16
# Files that share texts though they should not, and what that does.
_APART = {
    ("development", "labelled"): "training would not stop early",
    ("test", "labelled"): "the test figures will be too good",
    ("test", "development"): "the test figures may be too good",
    ("unlabelled", "test"): "the test figures may be too good",
}


def class_counts(findings: Findings, task: Task, train: Sequence[Example]) -> None:
    """Count the labelled examples of every label, and those that repeat or contradict others."""
    if not train:
        return
    counts = Counter(label for example in train for label in names(example.label))
    findings.lines.append(f"labelled: {len(train)} example{'s' * (len(train) > 1)}")
    findings.lines += [f"  {counts[label]:5d}  {label}" for label in task.labels]
    findings.lines += task_kind(task).described([example.label for example in train])
    if missing := without_examples(task, train):
        findings.warnings.append(f"no labelled example of {', '.join(map(repr, missing))}")
    if max(counts.values(), default=0) > 5 * max(1, min(counts.values(), default=0)):
        findings.warnings.append("labels are very uneven; consider `--class-weight balanced`")
    if repeated := len(train) - len(labels_of_texts(train)):
        findings.warnings.append(
            f"{repeated} labelled example{'s' * (repeated > 1)} with the text of another one"
        )
    findings.warnings += contradictions(train)


class SeenFile:
    """Examples of one file, read once: their number, and how many are in other files too.

    Parameters
    ----------
    name : str
        "labelled", "development", "test" or "unlabelled", whose texts are not kept.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        self.shared: Counter[str] = Counter()
        self._texts = TextSet()

    def add(self, examples: Sequence[Example], others: Mapping[str, SeenFile]) -> None:
        """Add some examples; ``others`` are the files that were read before."""
        self.count += len(examples)
        for name, other in others.items():
            self.shared[name] += other._texts.count(examples)
        if self.name != "unlabelled":
            self._texts.add(examples)

    def report(self, findings: Findings) -> None:
        """Report the number of examples, and texts that should not be in two files."""
        if self.name == "labelled":
            return
        shared = [f", {count} of them also {name} examples" for name, count in self.shared.items()]
        findings.lines.append(f"{self.name}: {self.count} examples{''.join(shared)}")
        for name, count in self.shared.items():
            harm = _APART.get((self.name, name))
            if count and harm:
                findings.warnings.append(
                    f"{count} {self.name} texts are {name} examples too; {harm}"
                )


def what_is_missing(
    findings: Findings,
    task: Task,
    train: Sequence[Example] | None,
    files: Mapping[str, SeenFile],
    settings: Settings,
) -> None:
    """Report which data the method lacks, and what the lack of other data means.

    ``train`` is empty if none of the examples could be read, and None if none were given.
    """
    method = METHODS[settings.method]
    pool = files.get("unlabelled")
    n_pool = 0 if pool is None else pool.count - pool.shared["labelled"]
    examples = train or []
    if examples or train is None:
        with findings.refusing():
            refuse_labels(task, settings.method, settings.training, examples)
    with findings.refusing():
        refuse_pool(settings.method, n_pool)
    counts = Counter(label for example in examples for label in names(example.label))
    if counts and method.training(settings.training).max_steps != 0:
        least = min(counts.values())
        fewest = ", ".join(repr(label) for label in task.labels if counts[label] == least)
        if least < _FEW:
            findings.notes.append(
                f"only {least} labelled example{'s' * (least > 1)} of {fewest}: how good the "
                "model gets depends on which they are; pet suggest finds texts to label next"
            )
    if method.distils and not method.needs_pool and not n_pool:
        findings.notes.append(
            "no unlabelled text: nothing is distilled, and the model is the ensemble of all "
            "patterns, larger and slower than one classifier; `--unlabeled FILE` gives some"
        )
    if "test" not in files:
        findings.notes.append(
            "no test examples: the figures of pet train will be those of the examples that it "
            "learns from; keep some labelled ones apart, for `--test FILE`"
        )
