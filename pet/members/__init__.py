"""Members: PVPs that score texts, each trained on the labelled examples or untrained."""

from pet.members.choosing import members_of
from pet.members.grouping import training_groups
from pet.members.member_set import MemberSet
from pet.members.parameters import cost
from pet.members.pattern_spec import PatternSpec
from pet.members.planning import slots_of, specs_of
from pet.members.record import MemberRecord
from pet.members.result import MemberResult
from pet.members.spec import MemberSpec
from pet.members.training import train_member, train_together
from pet.members.work import Work

__all__ = [
    "MemberRecord",
    "MemberResult",
    "MemberSet",
    "MemberSpec",
    "PatternSpec",
    "Work",
    "cost",
    "members_of",
    "slots_of",
    "specs_of",
    "train_member",
    "train_together",
    "training_groups",
]
