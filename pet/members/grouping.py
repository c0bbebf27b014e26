"""Groups of members that are trained together: their backbone is frozen, and memory allows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pet.backbone import LanguageModel
from pet.config import TrainingConfig
from pet.members.pattern_spec import PatternSpec
from pet.members.spec import MemberSpec


def training_groups(
    specs: Sequence[MemberSpec], backbone: LanguageModel, token_budget: int
) -> Iterator[tuple[MemberSpec, ...]]:
    """Yield groups of members to train together.

    A group has a frozen backbone and the same settings, and its batches have at most
    ``token_budget`` tokens in all, so that memory stays bounded. Every other member is alone.
    """
    waiting: dict[TrainingConfig, list[PatternSpec]] = {}
    tokens: Counter[TrainingConfig] = Counter()
    for spec in specs:
        if not (isinstance(spec, PatternSpec) and spec.freezes_backbone):
            yield (spec,)
            continue
        training, size = spec.training, spec.batch_tokens(backbone)
        group = waiting.setdefault(training, [])
        if group and tokens[training] + size > token_budget:
            yield tuple(group)
            group.clear()
            tokens[training] = 0
        group.append(spec)
        tokens[training] += size
    yield from (tuple(group) for group in waiting.values() if group)
