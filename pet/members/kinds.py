"""Kinds of members beside the cloze ones, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pet.members.comparison import ComparisonSpec
from pet.members.contrastive import ContrastiveSpec
from pet.members.pattern_spec import PatternSpec
from pet.members.spec import MemberSpec
from pet.members.vector_spec import VectorSpec
from pet.registry import Registry
from pet.task import Task

# Members with patterns have no row: there is one for each pattern, readout and repetition.
CLOZE = PatternSpec.kind
MEMBER_KINDS: Registry[type[VectorSpec]] = Registry(
    "member_kinds",
    "kind of member",
    {"contrastive": ContrastiveSpec, "comparison": ComparisonSpec},
    subclasses_of=VectorSpec,
)


def spec_from_dict(task: Task, name: str, plain: Mapping[str, Any], max_length: int) -> MemberSpec:
    """Rebuild a member's spec from its `MemberSpec.to_dict`, to score with."""
    kind = plain.get("kind", CLOZE)
    made: type[MemberSpec] = PatternSpec if kind == CLOZE else MEMBER_KINDS[kind]
    return made.from_dict(task, name, plain, max_length)
