"""Explanations, also of members whose pattern or words somebody changes to see what happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

import numpy as np

from pet.data import Example
from pet.errors import PatternError, UsageError, VerbalizerError, did_you_mean
from pet.evaluation.explanation import Explanation, view_members
from pet.members import MemberSpec, PatternSpec
from pet.model import EnsembleModel, Prediction
from pet.model.base import finite
from pet.model.prediction import predictions_from
from pet.scoring import Scorer
from pet.task import PVP, Pattern, Verbalizer

LONGEST_PATTERN = 1000
LONGEST_WORD = 60
MOST_WORDS = 1000


@dataclass(frozen=True)
class Change:
    """Change of a member for one request.

    Parameters
    ----------
    pattern : str, optional
        Another pattern.
    words : sequence of mapping
        For each verbalizer, in their order, the words of some labels; other labels keep theirs.
        Words that a label had before keep their weights.
    """

    pattern: str | None = None
    words: Sequence[Mapping[str, Sequence[str]]] = ()


@dataclass(frozen=True, eq=False)
class Explained:
    """A task's members, and the classifier that predicts in their place, if there is one."""

    ensemble: EnsembleModel
    predict: Callable[[Sequence[Example]], Sequence[Prediction]] | None = None


@dataclass(frozen=True)
class Explanations:
    """One text: the prediction of the model, that of the members together, and their views."""

    prediction: Prediction
    together: Prediction
    views: Explanation
    specs: Sequence[MemberSpec]


@dataclass(frozen=True, eq=False)
class Explaining:
    """Work on texts of one task: an explanation each.

    Parameters
    ----------
    explained : Explained
        The members and the model.
    most : int
        Most texts that are explained one after the other before other work has its turn.
    changes : mapping
        Member to what is changed in it.
    """

    explained: Explained
    most: int
    changes: Mapping[str, Change] = field(default_factory=dict)

    def changed(self, changes: Mapping[str, Change]) -> Explaining:
        """Return the work with changed members; without changes the work itself.

        Raises
        ------
        UsageError
            When there is no such member, or it cannot be changed.
        PatternError, VerbalizerError
            When a pattern or the words are impossible, whatever the backbone.
        """
        if not changes:
            return self
        specs = {spec.name: spec for spec in self.explained.ensemble.members.specs}
        for name, change in changes.items():
            if name not in specs:
                raise UsageError(f"There is no member {name[:100]!r}.", did_you_mean(name, specs))
            changed_pvp(specs[name], change)
        return replace(self, changes=changes)

    def run(self, items: Sequence[Example]) -> Sequence[Explanations]:
        """Explain texts.

        Raises
        ------
        PatternError, VerbalizerError
            When a changed pattern leaves no room for text, or a word cannot be represented.
        """
        model = _with_changes(self.explained.ensemble, self.changes)
        views = view_members(model, [example.texts for example in items])
        shares = np.array([[*view.probabilities.values()] for view in views], dtype=np.float32)
        together = list(predictions_from(model.task, finite(shares, "ensemble")))
        predict = self.explained.predict
        return [
            Explanations(prediction, of_all, view, model.members.specs)
            for prediction, of_all, view in zip(
                together if predict is None else predict(items), together, views, strict=True
            )
        ]


def can_change(spec: MemberSpec) -> bool:
    """Tell whether a member's pattern and words may be changed: nothing was learned for them."""
    return isinstance(spec, PatternSpec) and spec.soft is None and spec.readout == "words"


def changed_pvp(spec: MemberSpec, change: Change) -> PVP:
    """Return the PVP of a changed member.

    Raises
    ------
    UsageError
        When the member cannot be changed.
    PatternError, VerbalizerError
        When the pattern or the words are impossible.
    """
    if not isinstance(spec, PatternSpec) or not can_change(spec):
        raise UsageError(
            f"{spec.name} cannot be changed: it has learned its pattern or its words.",
            "Members without learned slots, and with the readout words, can.",
        )
    pvp = spec.pvp
    pattern = pvp.pattern if change.pattern is None else _pattern(change.pattern, pvp.pattern)
    if len(change.words) > len(pvp.verbalizers):
        raise VerbalizerError(
            f"{spec.name} has {len(pvp.verbalizers)} verbalizers; words for {len(change.words)} "
            "were given."
        )
    new = [
        _verbalizer(own, given) for own, given in zip(pvp.verbalizers, change.words, strict=False)
    ]
    return PVP(pattern, *new, *pvp.verbalizers[len(new) :])


def _pattern(template: str, before: Pattern) -> Pattern:
    if len(template) > LONGEST_PATTERN:
        raise PatternError(f"A pattern may have {LONGEST_PATTERN} characters here.")
    pattern = Pattern(template)
    if pattern.is_soft:
        raise PatternError("A pattern with {soft} has to be trained; it cannot be tried here.")
    if pattern.asks_each_label != before.asks_each_label:
        wanted = "needs its {label}" if before.asks_each_label else "takes no {label}"
        raise PatternError(f"This member {wanted}: its words answer another question.")
    unknown = [name for name in pattern.fields if name not in before.fields]
    if unknown:
        raise PatternError(
            f"Pattern: there is no field {unknown[0][:100]!r}.",
            did_you_mean(unknown[0], before.fields),
        )
    return pattern


def _verbalizer(own: Verbalizer, given: Mapping[str, Sequence[str]]) -> Verbalizer:
    unknown = [label for label in given if label not in own.words]
    if unknown:
        raise VerbalizerError(
            f"There are no words for {unknown[0][:100]!r}.", did_you_mean(unknown[0], own.words)
        )
    counted = [word for words in given.values() for word in words]
    if len(counted) > MOST_WORDS or any(len(word) > LONGEST_WORD for word in counted):
        raise VerbalizerError(
            f"Here there may be {MOST_WORDS} words of {LONGEST_WORD} characters each."
        )
    words = {
        label: {word.strip(): had.get(word.strip(), 1.0) for word in given[label]}
        if label in given
        else had
        for label, had in own.words.items()
    }
    return Verbalizer(words, combine=own.combine, decoding=own.decoding)


def _with_changes(model: EnsembleModel, changes: Mapping[str, Change]) -> EnsembleModel:
    """Return an ensemble of which some members have other patterns or words, and their weights."""
    if not changes:
        return model
    members = copy(model.members)
    specs: list[MemberSpec] = []
    scorers: list[Scorer] = []
    for spec, scorer in zip(members.specs, members.scorers, strict=True):
        change = changes.get(spec.name)
        if change is not None and isinstance(spec, PatternSpec):
            spec = replace(spec, pvp=changed_pvp(spec, change))
            with members.backbone.turn:
                scorer = spec.scorer(model.task.labels, members.backbone, scorer.offsets)
        specs.append(spec)
        scorers.append(scorer)
    members.specs, members.scorers = tuple(specs), scorers
    return replace(model, members=members)
