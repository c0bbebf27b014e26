"""Why: each pattern, its label words, their scores, and each member's vote."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import softmax

from pet.evaluation import percent, text_table
from pet.model import EnsembleModel
from pet.scoring import view


def explain(model: EnsembleModel, texts: Mapping[str, str], words: int = 5) -> str:
    """Return what every member sees in one example, as text.

    Parameters
    ----------
    model : EnsembleModel
        Members and their ensemble.
    texts : mapping
        The example's fields.
    words : int
        How many label words are shown of each verbalizer, the best ones first.
    """
    labels = model.task.labels
    lines: list[str] = []
    votes: list[list[str]] = []
    total = sum(model.ensemble.weights)
    all_scores = []
    for spec, scorer, weight in zip(
        model.members.specs, model.members.scorers, model.ensemble.weights, strict=True
    ):
        scorer.put(model.members.weights.get(spec.name, {}))
        seen = view(scorer, texts)
        lines.append(f"{spec.name}: {seen.text}")
        for own, found in zip(seen.words, seen.labels, strict=True):
            # Of the questions about every label, those that are answered with yes most.
            for question in sorted(own, key=lambda label: -found.get(label, 0.0))[:words]:
                best = sorted(own[question].items(), key=lambda item: -item[1])[:words]
                shown = ", ".join(f"{word} {score:+.1f}" for word, score in best)
                lines.append(f"    {question}: {shown}" if question else f"    {shown}")
        for offset in scorer.offsets or ():
            shifts = zip(labels, offset, strict=True)
            lines.append(
                "    calibrated: " + ", ".join(f"{name} {-by:+.1f}" for name, by in shifts)
            )
        scores = np.array([[list(part.values())] for part in seen.labels], dtype=np.float32)
        all_scores.append(scores)
        votes.append([spec.name, f"{weight / total:.2f}"])
    combined = model.ensemble.member_scores(all_scores)[:, 0]
    together = model.ensemble(all_scores)[0]
    for vote, scores in zip(votes, combined, strict=True):
        vote += [labels[int(scores.argmax())], *map(percent, softmax(scores).tolist())]
    everyone = [labels[int(together.argmax())], *map(percent, softmax(together).tolist())]
    votes.append(["ensemble", "1.00", *everyone])
    table = text_table(votes, ["member", "weight", "vote", *labels])
    return "\n".join(lines) + "\n\n" + table
