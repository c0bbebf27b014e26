"""Check data before training: all that is wrong, odd or worth knowing, at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pet.config import Settings
from pet.data import Example, chunked
from pet.pipeline.findings import Findings
from pet.pipeline.member_checks import planned_members, refuse_members
from pet.pipeline.row_checks import SeenFile, class_counts, what_is_missing
from pet.pipeline.token_checks import TokenChecks
from pet.task import Task

_CHUNK = 4096


def check(
    task: Task,
    train: Sequence[Example] | None,
    unlabeled: Iterable[Example] | None,
    test: Iterable[Example] | None,
    settings: Settings,
    dev: Iterable[Example] | None = None,
) -> Findings:
    """Check class counts, repeated and contradicting texts, overlap, lengths, words and members.

    Everything is looked at, whatever is wrong before it.

    Parameters
    ----------
    task : Task
        Labels, fields and patterns.
    train : sequence of Example, optional
        Labelled examples; empty if there are some, but none can be read.
    unlabeled, test, dev : iterable of Example, optional
        Examples that are read once, as a stream.
    settings : Settings
        Method; backbone, whose tokenizer counts; most tokens of an input; slots of patterns;
        members.
    """
    findings = Findings()
    specs = planned_members(task, settings, len(train or ()), findings)
    class_counts(findings, task, train or [])
    tokens = TokenChecks(task, settings, specs, findings)
    files: dict[str, SeenFile] = {}
    every = {"labelled": train, "development": dev, "test": test, "unlabelled": unlabeled}
    for name, examples in every.items():
        if examples is None:
            continue
        seen, figures = SeenFile(name), tokens.figures(name)
        for chunk in chunked(examples, _CHUNK):
            seen.add(chunk, files)
            figures.add(chunk)
        seen.report(findings)
        figures.report(findings)
        files[name] = seen
    what_is_missing(findings, task, train, files, settings)
    if train is None or train:  # rows of which none can be read are refused already
        refuse_members(task, settings, specs, train or [], tokens.unfit, findings)
    tokens.label_words(findings)
    return findings.once()
