"""Explanation of a prediction: patterns, label words, their scores, and each member's vote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pet.evaluation.tables import percent, text_table
from pet.members import MemberSpec, PatternSpec
from pet.model import EnsembleModel
from pet.scoring import PVPScorer, Scorer
from pet.scoring.soft.slot_view import Near, slot_views
from pet.scoring.view import PatternView
from pet.task import Task
from pet.task.kinds import task_kind
from pet.task.labels import label_text

_MOST_COLUMNS = 8


@dataclass(frozen=True)
class MemberView:
    """One member's view of an example.

    ``weight`` is its share in the ensemble; ``text`` the filled pattern; ``words`` the scores of
    the label words and ``offsets`` the numbers subtracted from the labels' scores, one mapping a
    verbalizer; ``probabilities`` are the member's, by label; ``notes`` say what its readouts
    learned. The keys of ``words`` are questions: a pattern that names a label asks about each
    label, the likeliest first; any other pattern asks one question, "".
    """

    name: str
    weight: float
    text: str
    words: list[dict[str, dict[str, float]]]
    offsets: list[dict[str, float]]
    probabilities: dict[str, float]
    notes: list[str]


@dataclass(frozen=True)
class Explanation:
    """Every member's view of an example, and the probabilities of the ensemble by label."""

    members: list[MemberView]
    probabilities: dict[str, float]


def view_members(model: EnsembleModel, examples: Sequence[Mapping[str, str]]) -> list[Explanation]:
    """Explain examples, given by their fields, by the view of every member."""
    specs, scorers = model.members.specs, model.members.scorers
    views_by_member: list[list[PatternView]] = []
    notes_by_member: list[list[str]] = []
    for spec, scorer in zip(specs, scorers, strict=True):
        with model.members.backbone.turn:
            scorer.put(model.members.weights.get(spec.name, {}))
            views_by_member.append([scorer.view(texts) for texts in examples])
        notes_by_member.append(scorer.notes())
    labels, kind = model.task.labels, task_kind(model.task)
    explanations = []
    shares = np.asarray(model.ensemble.weights) / sum(model.ensemble.weights)
    for views in zip(*views_by_member, strict=True):
        scores = [
            np.array([[list(by_label.values())] for by_label in view.labels], dtype=np.float32)
            for view in views
        ]
        member_scores = model.ensemble.member_scores(scores)[:, 0]
        members = [
            MemberView(
                spec.name,
                float(share),
                view.text,
                _likeliest_first(view),
                [dict(zip(labels, map(float, offset), strict=True)) for offset in scorer.offsets]
                if scorer.offsets
                else [],
                dict(zip(labels, kind.probabilities(row).tolist(), strict=True)),
                notes,
            )
            for spec, scorer, share, view, row, notes in zip(
                specs, scorers, shares, views, member_scores, notes_by_member, strict=True
            )
        ]
        together = kind.probabilities(model.ensemble(scores)[0]).tolist()
        explanations.append(Explanation(members, dict(zip(labels, together, strict=True))))
    return explanations


def explain_text(model: EnsembleModel, texts: Mapping[str, str], words: int = 5) -> str:
    """Explain one example by the view of every member, as text.

    Parameters
    ----------
    model : EnsembleModel
        Members and their ensemble.
    texts : mapping
        The example's fields.
    words : int
        Most label words shown of each verbalizer, the best ones first.
    """
    (explanation,) = view_members(model, [texts])
    lines: list[str] = []
    votes: list[list[str]] = []
    members = model.members
    for view, spec, scorer in zip(explanation.members, members.specs, members.scorers, strict=True):
        lines.append(f"{view.name}: {view.text}")
        for asked in view.words:
            for question, scores in list(asked.items())[:words]:
                best = sorted(scores.items(), key=lambda item: -item[1])[:words]
                shown = ", ".join(f"{word} {score:+.1f}" for word, score in best)
                lines.append(f"    {question}: {shown}" if question else f"    {shown}")
        lines += [f"    {note}" for note in view.notes]
        for offset in view.offsets:
            shifts = ", ".join(f"{name} {-by:+.1f}" for name, by in offset.items())
            lines.append("    calibrated: " + shifts)
        lines += [f"    {line}" for line in _slots(spec, scorer)]
        votes.append([view.name, f"{view.weight:.2f}", *_vote(model.task, view.probabilities)])
    votes.append(["ensemble", "1.00", *_vote(model.task, explanation.probabilities)])
    together = np.array(list(explanation.probabilities.values()))
    likeliest = np.sort(np.argsort(-together, kind="stable")[:_MOST_COLUMNS])
    columns = [0, 1, 2, *(likeliest + 3).tolist()]
    header = ["member", "weight", "vote", *model.task.labels]
    table = text_table(
        [[row[column] for column in columns] for row in votes],
        [header[column] for column in columns],
    )
    left_out = len(together) - len(likeliest)
    rest = f"\n({left_out} less likely labels are not shown)" if left_out else ""
    return "\n".join(lines) + "\n\n" + table + rest


def _slots(spec: MemberSpec, scorer: Scorer) -> list[str]:
    """Show the words nearest to the member's slots, a table for every template of a mixture."""
    if not isinstance(spec, PatternSpec) or not isinstance(scorer, PVPScorer):
        return []
    if spec.soft is None or scorer.soft is None:
        return []
    header = [f"slot, {spec.soft.kind}", "next to it at the start", "now", "moved"]
    lines = []
    for number, template in enumerate(scorer.soft.parts, start=1):
        if scorer.learned.mixture is not None:
            weight = float(scorer.learned.mixture.weights[number - 1])
            lines.append(f"template {number} of the mixture, weight {weight:.2f}")
        rows = [
            [str(place), _near(slot.start), _near(slot.now), f"{slot.moved:.2f}"]
            for place, slot in enumerate(slot_views(template, scorer.backbone), start=1)
        ]
        lines += text_table(rows, header).splitlines()
    return lines


def _near(words: Near) -> str:
    return ", ".join(f"{word} {cosine:.2f}" for word, cosine in words) or "-"


def _likeliest_first(view: PatternView) -> list[dict[str, dict[str, float]]]:
    """Return the scores of label words; questions that are most likely answered yes come first."""
    return [
        dict(sorted(asked.items(), key=lambda item: -scores.get(item[0], 0.0)))
        for asked, scores in zip(view.words, view.labels, strict=True)
    ]


def _vote(task: Task, probabilities: Mapping[str, float]) -> list[str]:
    """Name a member's choice, and the probabilities of all labels."""
    kind, shares = task_kind(task), np.array([list(probabilities.values())])
    chosen = label_text(kind.label(kind.predicted(shares)[0], task.labels), task.label_separator)
    return [chosen or "-", *map(percent, probabilities.values())]
