"""Groups of members that are trained together: their backbone is frozen, and memory allows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pet.backbone import LanguageModel
from pet.config import TrainingConfig
from pet.members.spec import MemberSpec


def training_groups(
    specs: Sequence[MemberSpec], backbone: LanguageModel, token_budget: int
) -> Iterator[tuple[MemberSpec, ...]]:
    """Yield groups of members to train together.

    A group has a frozen backbone and the same settings, and its batches have at most
    ``token_budget`` tokens in all, so that memory stays bounded. Every other member is alone.
    """
    waiting: dict[TrainingConfig, list[MemberSpec]] = {}
    tokens: Counter[TrainingConfig] = Counter()
    for spec in specs:
        if not _is_frozen(spec):
            yield (spec,)
            continue
        training, size = spec.training, _batch_tokens(spec, backbone)
        group = waiting.setdefault(training, [])
        if group and tokens[training] + size > token_budget:
            yield tuple(group)
            group.clear()
            tokens[training] = 0
        group.append(spec)
        tokens[training] += size
    yield from (tuple(group) for group in waiting.values() if group)


def _batch_tokens(spec: MemberSpec, backbone: LanguageModel) -> int:
    """Return the most tokens of a batch: rows for every template, asked label, number of masks."""
    templates = 1 if spec.soft is None else spec.soft.mixture
    asked = 1 + spec.training.negatives if spec.pvp.pattern.asks_each_label else 1
    words = {
        word
        for verbalizer in spec.pvp.verbalizers
        for words in verbalizer.words.values()
        for word in words
    }
    pieces = (tuple(backbone.tokenizer.word_ids(word)) for word in words)
    masks = len(backbone.reader(pieces).mask_counts)
    return spec.training.batch_size * templates * asked * masks * spec.max_length


def _is_frozen(spec: MemberSpec) -> bool:
    """Whether training leaves the backbone alone."""
    # Dropout is drawn for a whole batch, so it would depend on the other members of the group.
    training = spec.training
    soft = spec.soft is not None
    return soft and training.weights_scope(soft) is None and not training.dropout
