"""Groups of members that are trained together: they share a frozen backbone, as memory allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pet.backbone import LanguageModel
from pet.config import TrainingConfig
from pet.members.spec import MemberSpec


def training_groups(
    specs: Sequence[MemberSpec], backbone: LanguageModel, token_budget: int
) -> Iterator[tuple[MemberSpec, ...]]:
    """Split members into those that are trained together.

    Those whose backbone is frozen and whose settings are the same are together, in their order: as
    many as have at most ``token_budget`` tokens in a batch, so that memory stays what it is.
    """
    waiting: dict[TrainingConfig, list[MemberSpec]] = {}
    tokens: Counter[TrainingConfig] = Counter()
    for spec in specs:
        how, own = spec.training, _batch_tokens(spec, backbone)
        if not _is_frozen(spec):
            yield (spec,)
            continue
        group = waiting.setdefault(how, [])
        if group and tokens[how] + own > token_budget:
            yield tuple(group)
            group.clear()
            tokens[how] = 0
        group.append(spec)
        tokens[how] += own
    yield from (tuple(group) for group in waiting.values() if group)


def _batch_tokens(spec: MemberSpec, backbone: LanguageModel) -> int:
    """Most tokens of a training batch: rows for every template, asked label and number of masks."""
    templates = 1 if spec.soft is None else spec.soft.mixture
    asked = 1 + spec.training.negatives if spec.pvp.pattern.asks_each_label else 1
    words = {w for own in spec.pvp.verbalizers for words in own.words.values() for w in words}
    pieces = (tuple(backbone.tokenizer.word_ids(word, True, False)) for word in words)
    masks = len(backbone.reader(pieces).mask_counts)
    return spec.training.batch_size * templates * asked * masks * spec.max_length


def _is_frozen(spec: MemberSpec) -> bool:
    # Dropout is drawn for a whole batch, so it would depend on who else is in it.
    training = spec.training
    soft = spec.soft is not None
    return soft and training.weights_scope(soft) is None and not training.dropout
