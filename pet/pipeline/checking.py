"""Check data before training: counts, repeated texts, lengths, label words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pet.backbone import backbone_class
from pet.backbone.loading import load_config, load_tokenizer, positions_of
from pet.config import Settings
from pet.data import Example, chunked
from pet.encoding import Encoder, TextTokenizer, before_mask
from pet.errors import PatternError
from pet.members import MemberSpec, specs_of
from pet.task import Task
from pet.task.kinds import task_kind
from pet.task.labels import Label, names


@dataclass
class Findings:
    """Facts about data, and warnings."""

    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check(
    task: Task,
    train: Sequence[Example],
    unlabeled: Iterable[Example] | None,
    test: Iterable[Example] | None,
    settings: Settings,
) -> Findings:
    """Check class counts, duplicates, overlap, lengths and label words.

    Parameters
    ----------
    task : Task
        Labels, fields and patterns.
    train : sequence of Example
        Labelled examples.
    unlabeled, test : iterable of Example, optional
        Examples that are read once, as a stream.
    settings : Settings
        Backbone, whose tokenizer counts; most tokens of an input; slots of patterns.
    """
    backbone = settings.backbone.backbone
    config = load_config(backbone)
    length = min(settings.backbone.max_length, positions_of(config))
    tokenizer = backbone_class(config).text_tokenizer(load_tokenizer(backbone))
    findings = Findings()
    _class_counts(findings, task, train)
    _conflicts(findings, train)
    room = _room(findings, task, specs_of(task, settings), tokenizer, length)
    _lengths(findings, "labelled", train, tokenizer, task, room)
    train_keys = {example.key for example in train}
    for name, examples in (("unlabelled", unlabeled), ("test", test)):
        if examples is None:
            continue
        count = overlap = 0
        for chunk in chunked(examples, 4096):
            if count == 0:
                _lengths(findings, name, chunk, tokenizer, task, room)
            count += len(chunk)
            overlap += sum(example.key in train_keys for example in chunk)
        findings.lines.append(f"{name}: {count} examples, {overlap} of them also labelled examples")
        if overlap and name == "test":
            findings.warnings.append(f"{overlap} test texts are labelled examples too")
    _label_words(findings, task, tokenizer)
    # Members of one pattern may have the same lines.
    findings.lines, findings.warnings = (
        list(dict.fromkeys(lines)) for lines in (findings.lines, findings.warnings)
    )
    return findings


def _class_counts(findings: Findings, task: Task, train: Sequence[Example]) -> None:
    counts = Counter(label for example in train for label in names(example.label))
    findings.lines.append(f"labelled: {len(train)} examples")
    findings.lines += [f"  {counts[label]:5d}  {label}" for label in task.labels]
    findings.lines += task_kind(task).described([example.label for example in train])
    missing = [label for label in task.labels if not counts[label]]
    if missing:
        findings.warnings.append(f"no labelled example of {', '.join(map(repr, missing))}")
    if counts and max(counts.values()) > 5 * max(1, min(counts.values())):
        findings.warnings.append("labels are very uneven; consider `--class-weight balanced`")


def _conflicts(findings: Findings, train: Sequence[Example]) -> None:
    labels: dict[tuple[str, ...], set[Label | None]] = {}
    for example in train:
        labels.setdefault(example.key, set()).add(example.label)
    repeated = len(train) - len(labels)
    conflicts = sum(len(different) > 1 for different in labels.values())
    if repeated:
        findings.warnings.append(f"{repeated} labelled examples repeat another one's text")
    if conflicts:
        findings.warnings.append(f"{conflicts} texts are labelled in more than one way")


def _room(
    findings: Findings,
    task: Task,
    specs: Sequence[MemberSpec],
    tokenizer: TextTokenizer,
    length: int,
) -> int:
    """Return the tokens of text that fit into every usable pattern, and note slots and faults."""
    rooms = []
    for spec in specs:
        name = f"pattern {spec.pattern}"
        try:
            encoder = Encoder(tokenizer, spec.pvp.pattern.parts, length, labels=task.labels)
        except PatternError as error:
            findings.warnings.append(f"{name} cannot be used: {error.message}")
            continue
        rooms.append(encoder.room)
        if spec.soft is None:
            continue
        slots = len(encoder.soft_starts)
        findings.lines.append(
            f"{name}: {slots} learned slots, {spec.soft.kind}; tokens left for text: {encoder.room}"
        )
        if tokenizer.open_ended and spec.soft.start == "mask" and None in encoder.soft_starts:
            findings.warnings.append(
                f"{name} cannot be used: its slots start as the mask token, as warp's do, which "
                "this backbone does not have"
            )
    return min(rooms, default=length)


def _lengths(
    findings: Findings,
    name: str,
    examples: Sequence[Example],
    tokenizer: TextTokenizer,
    task: Task,
    room: int,
) -> None:
    if not examples:
        return
    lengths = sum(
        tokenizer.texts([example.texts[field] for example in examples]).lengths
        for field in task.fields
    )
    lengths = np.asarray(lengths)
    longest = int(lengths.max())
    findings.lines.append(
        f"{name}: {int(np.median(lengths))} tokens in the median text, {longest} in the longest"
    )
    too_long = int((lengths > room).sum())
    if too_long:
        findings.warnings.append(
            f"{too_long} {name} texts are longer than {room} tokens, which is what the patterns "
            "leave them, and will be shortened"
        )


def _label_words(findings: Findings, task: Task, tokenizer: TextTokenizer) -> None:
    split = {}
    unknown = []
    for pvp in task.pvps:
        before = before_mask(tokenizer, pvp.pattern.parts)
        for verbalizer in pvp.verbalizers:
            for words in verbalizer.words.values():
                for word in words:
                    pieces = tokenizer.word_pieces(word, before)
                    if tokenizer.unknown_id in tokenizer.word_ids(word, before):
                        unknown.append(word)
                    elif len(pieces) > 1:
                        split[word] = pieces
    findings.warnings += [
        f"label word {word!r} is unknown to the backbone" for word in dict.fromkeys(unknown)
    ]
    for word, pieces in split.items():
        findings.lines.append(f"label word {word!r} is {len(pieces)} tokens: {' + '.join(pieces)}")
    if split:
        findings.warnings.append(
            f"{len(split)} label words are several tokens; scoring them takes more forward passes"
        )
