"""A text is read once for all that is asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from tiny import TEXTS
from unmasked import LABELS, PATTERN, SHARING, SINGLE, SPELLED, rows

from pet import PVP, Task, Verbalizer
from pet.backbone import LanguageModel
from pet.config import TrainingConfig
from pet.members import MemberSet, PatternSpec
from pet.scoring import PVPScorer, score_together


def tokens_read(backbone: LanguageModel, run: Any) -> list[tuple[int, ...]]:
    """Shapes of the ids that the text's reader is given while something runs."""
    seen: list[tuple[int, ...]] = []

    def note(module: Any, arguments: Any, named: Mapping[str, Any]) -> None:
        seen.append(tuple(named["input_ids"].shape))

    handle = backbone._body()[0].register_forward_pre_hook(note, with_kwargs=True)
    try:
        run()
    finally:
        handle.remove()
    return seen


def test_all_verbalizers_share_one_reading_of_the_text(load: Any) -> None:
    more = Verbalizer({"good": ["zippy"], "bad": ["zoo", "bleak"]})
    for name in ("gpt2", "qwen2", "t5"):
        loaded = load(name)
        pvp = PVP(PATTERN, SINGLE, SPELLED, more)
        scorer = PVPScorer(pvp, LABELS, loaded.backbone, 48)
        seen = tokens_read(loaded.backbone, lambda s=scorer, x=loaded: s.score(x.chunk()))
        length = max(map(len, rows(scorer, loaded.chunk())))
        beginnings = {
            w.ids[:n] for own in scorer.readouts for w in own.words for n in range(1, len(w.ids))
        }
        expected = [(4, length)]
        if name != "t5":  # whose encoder reads the text, and whose decoder the words
            expected.append((4, len(beginnings)))
        assert seen == expected


def test_patterns_that_begin_alike_read_the_text_once(load: Any) -> None:
    loaded = load("llama")
    text = {"a": "the film was very good " * 4, "b": ""}
    scorers = [loaded.scorer(SINGLE, pattern) for pattern in SHARING]
    lengths = [len(rows(scorer, loaded.chunk([text]))[0]) for scorer in scorers]
    start = 1 + len(loaded.backbone.tokenizer.texts([text["a"]]).flat)
    seen = tokens_read(loaded.backbone, lambda: score_together(scorers, loaded.chunk([text])))
    assert sorted(width for _, width in seen) == sorted(
        [start, lengths[0] - start, lengths[1] - start, lengths[2]]
    )


def test_untrained_members_are_scored_together(load: Any) -> None:
    loaded = load("gpt2")
    pvps = [PVP(pattern, SPELLED) for pattern in SHARING]
    task = Task("toy", list(LABELS), ["a"], pvps)
    training = TrainingConfig(max_steps=0)
    specs = [PatternSpec(f"m{n}", n, pvp, 0, training, 48) for n, pvp in enumerate(pvps)]
    bias = {
        name: t + 1.0 for name, t in loaded.backbone.weights.take(["transformer.ln_f.bias"]).items()
    }
    members = MemberSet(loaded.backbone, task, specs, {"m1": bias})
    found = members.scores(TEXTS)
    for number, scorer in enumerate(members.scorers):
        scorer.put(bias if number == 1 else {})
        np.testing.assert_allclose(found[number], scorer.score(loaded.chunk()), atol=1e-4)
