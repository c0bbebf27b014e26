"""Choose the members of a run: those with patterns, and others that err differently."""

from __future__ import annotations

from collections.abc import Sequence

from pet.backbone.sentences import has_sentence_encoder
from pet.config import METHODS, Settings
from pet.members.kinds import CLOZE, MEMBER_KINDS
from pet.members.planning import specs_of
from pet.members.spec import MemberSpec
from pet.seeds import RunStream, derived_seed
from pet.task import Task


def members_of(
    task: Task, settings: Settings, labelled: int, shared: bool = False
) -> list[MemberSpec]:
    """Choose the members of a run.

    Parameters
    ----------
    task : Task
        Patterns and fields.
    settings : Settings
        Method, kinds of members and everything about each of them.
    labelled : int
        Number of labelled examples.
    shared : bool
        Whether the settings are for several methods; see `specs_of`.

    Returns
    -------
    list of MemberSpec
        Empty for a method without members.

    Raises
    ------
    UsageError
        When a kind of member cannot take the task, or all patterns are left out.
    """
    kinds = kinds_of(task, settings, labelled)
    return [spec for kind in kinds for spec in members_of_kind(kind, task, settings, shared)]


def members_of_kind(
    kind: str, task: Task, settings: Settings, shared: bool = False
) -> Sequence[MemberSpec]:
    """Plan the members of one kind; for parameters and errors see `members_of`."""
    if kind == CLOZE:
        return specs_of(task, settings, shared)
    seed = derived_seed(settings.seed, RunStream.UNLIKE)
    return [MEMBER_KINDS[kind].planned(task, settings, seed)]


def kinds_of(task: Task, settings: Settings, labelled: int) -> tuple[str, ...]:
    """Return the kinds of a run's members, those with patterns first.

    By default a method that takes unlike members has one where it can be expected to help: there
    are labelled examples, whole backbones are trained, and there is a sentence encoder to start
    from. Two texts are compared; any other number of fields is read as one text.
    """
    method, wanted = METHODS[settings.method], settings.ensemble.members
    if not method.unlike:
        return (CLOZE,)
    if wanted is not None:
        return tuple(sorted(wanted, key=lambda kind: kind != CLOZE))
    encoder = settings.ensemble.encoder is not None
    if (
        labelled
        and settings.training.scope == "full"
        and (encoder or has_sentence_encoder(settings.backbone.backbone))
    ):
        return (CLOZE, *(name for name, kind in MEMBER_KINDS.items() if kind.suits(task)))
    return (CLOZE,)
