"""Demonstrations stand beside every input, never an example beside itself, and are saved."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from other_families import CAUSAL, save_other
from toy import NOUNS, Files, pet, train, warm_or_cold

from pet import PVP, PETClassifier, Task, Verbalizer
from pet.backbone import MaskedLM, holding, load_backbone
from pet.config import BackboneConfig, TrainingConfig
from pet.data import Data
from pet.encoding import Before, Chunk, Ragged
from pet.encoding.demonstrations import Demonstrations, draw_each
from pet.errors import DataError, PatternError, UsageError
from pet.members import MemberSet, PatternSpec, executing, train_member
from pet.members.losses import label_losses
from pet.members.work import Work
from pet.scoring import PVPScorer
from pet.scoring.labelled import Labelled
from pet.scoring.view import view_pattern

WORDS = Verbalizer({"no": {"sad": 0.5, "bad": 1.0}, "yes": ["good"]})
SHOWN = {
    "no": [{"text": "a cold film"}, {"text": "the slow train was sad"}],
    "yes": [{"text": "warm food"}, {"text": "a fast phone"}, {"text": "we all"}],
}
TASK = Task("toy", ["no", "yes"], ["text"], [PVP("{text} it was {mask} .", WORDS)])
EXAMPLES = warm_or_cold(NOUNS[:3])
SPEC = PatternSpec(
    "m", 0, TASK.pvps[0], 1,
    TrainingConfig(max_steps=6, batch_size=3, learning_rate=1e-3, demonstrations=2), 64,
)  # fmt: skip


pytestmark = pytest.mark.usefixtures("fresh")


def scorer(backbone: MaskedLM, pattern: str = "{text} it was {mask} .", **more: Any) -> PVPScorer:
    more = {"demonstrations": SHOWN, **more}
    return PVPScorer(PVP(pattern, WORDS), TASK.labels, backbone, 64, **more)


def chunk(backbone: MaskedLM, *texts: str) -> Chunk:
    return Chunk(backbone.tokenizer, [{"text": text} for text in texts])


def rows(own: PVPScorer, texts: Chunk, draw: int) -> list[str]:
    encoded = own.encode(texts, draw)[1]
    bounds = zip(encoded.ids.starts, encoded.ids.starts[1:], strict=False)
    return [own.backbone.hf_tokenizer.decode(encoded.ids.flat[a:b]) for a, b in bounds]


@torch.no_grad()
def logit(backbone: MaskedLM, segments: list[str], word: str) -> float:
    """The logit of a word, of a row of segments, by plain transformers."""
    tokenizer = backbone.hf_tokenizer
    ids, kinds = [tokenizer.cls_token_id], [0]
    for number, text in enumerate(segments):
        own = [*tokenizer.encode(text, add_special_tokens=False), tokenizer.sep_token_id]
        ids += own
        kinds += [min(number, 1)] * len(own)
    logits = backbone.model(
        input_ids=torch.tensor([ids]),
        token_type_ids=torch.tensor([kinds]),
        attention_mask=torch.ones(1, len(ids)).long(),
    ).logits
    place = ids.index(tokenizer.mask_token_id)
    return float(logits[0, place, tokenizer.convert_tokens_to_ids(word)])


def test_scores_are_averaged_over_draws_of_the_filled_pattern(backbone: MaskedLM) -> None:
    texts = ["the room", "all in all it was very very slow but happy"]
    found = scorer(backbone).score(chunk(backbone, *texts))[0]
    shown = [("a cold film", "warm food"), ("the slow train was sad", "a fast phone"),
             ("a cold film", "we all")]  # fmt: skip
    for text, row in zip(texts, found, strict=True):
        draws = []
        for no, yes in shown:
            parts = [f"{text} it was [MASK] .", f"{no} it was bad .", f"{yes} it was good ."]
            bad, sad = (logit(backbone, parts, word) for word in ("bad", "sad"))
            draws.append([(bad + 0.5 * sad) / 1.5, logit(backbone, parts, "good")])
        np.testing.assert_allclose(row, np.mean(draws, axis=0), atol=1e-4)


def test_patterns_with_segments_of_their_own_go_on_in_the_second(backbone: MaskedLM) -> None:
    own = scorer(backbone, "{mask} : {sep}{text:keep}")
    (row,) = rows(own, chunk(backbone, "a zoo"), 0)
    assert row == (
        "[CLS] [MASK] : [SEP] a zoo [SEP] bad : [SEP] a cold film [SEP] "
        "good : [SEP] warm food [SEP]"
    )
    encoded = own.encode(chunk(backbone, "a zoo"))[1]
    assert encoded.segments is not None
    first = row.split().index("[SEP]") + 1
    assert encoded.segments.tolist() == [0] * first + [1] * (len(encoded.segments) - first)


def test_an_example_is_never_shown_beside_itself(backbone: MaskedLM) -> None:
    own = scorer(backbone)
    texts = chunk(backbone, "a cold film", "warm food")
    assert [row.count("a cold film") for row in rows(own, texts, 0)] == [1, 1]
    assert [row.count("warm food") for row in rows(own, texts, 0)] == [1, 1]
    assert "the slow train was sad" in rows(own, texts, 0)[0]
    alone = scorer(backbone, demonstrations={label: own[:1] for label, own in SHOWN.items()})
    assert rows(alone, texts, 0)[0] == (
        "[CLS] a cold film it was [MASK]. [SEP] it was bad. [SEP] warm food it was good. [SEP]"
    )


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_samples_are_of_the_right_label_and_of_others(data: st.DataObject) -> None:
    texts = st.lists(st.sampled_from("abcd"), min_size=1, max_size=4)
    shown = {label: [{"text": t} for t in data.draw(texts)] for label in ("no", "yes")}
    tokenizer = _Letters()
    demonstrations = Demonstrations(tokenizer, shown)  # type: ignore[arg-type]
    asked = data.draw(st.lists(st.sampled_from("abcdx"), min_size=1, max_size=5))
    own = Chunk(tokenizer, [{"text": text} for text in asked])  # type: ignore[arg-type]
    order = np.arange(len(asked))[::-1]
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    ways = [(demonstrations.sample(own, order, generator), [asked[n] for n in order])]
    ways += [(demonstrations.draw(own, number), asked) for number in range(demonstrations.draws)]
    for beside, expected in ways:
        assert len(beside) == len(asked)
        assert _read(beside.field("text", Before())) == expected
        for label, examples in shown.items():
            for text, pick in zip(
                expected, _read(beside.field(f"{label}:text", Before())), strict=True
            ):
                others = {e["text"] for e in examples} - {text}
                assert pick in others if others else pick == ""


class _Letters:
    """A tokenizer of letters."""

    def alike(self, before: Before) -> Before:
        return before

    def texts(self, texts: list[str], before: Before) -> Ragged:
        return Ragged.pack([[ord(letter) for letter in text] for text in texts])


def _read(tokens: Ragged) -> list[str]:
    bounds = zip(tokens.starts, tokens.starts[1:], strict=False)
    return ["".join(map(chr, tokens.flat[a:b].tolist())) for a, b in bounds]


def test_long_texts_share_the_room(backbone: MaskedLM) -> None:
    shown = {label: [{"text": "two " * 100}] for label in TASK.labels}
    own = scorer(backbone, "{text:keep} it was {mask} .", demonstrations=shown)
    (row,) = rows(own, chunk(backbone, "one " * 20), 0)
    assert row.count("one") == 20  # kept whole; demonstrations take what is left, evenly
    counts = [part.count("two") for part in row.split("[SEP]")[1:3]]
    assert counts[0] == counts[1] > 5
    own = scorer(backbone, demonstrations=shown)
    (row,) = rows(own, chunk(backbone, "one " * 100), 0)
    # The input has half of the room, the demonstrations share the rest evenly.
    counts = [part.count("one") + part.count("two") for part in row.split("[SEP]")[:3]]
    assert counts[1] == counts[2] > 5
    assert counts[0] in (2 * counts[1], 2 * counts[1] + 1)
    encoded = own.encode(chunk(backbone, "one " * 100))[1]
    assert 62 <= int(encoded.ids.lengths[0]) <= 64


@pytest.mark.parametrize(("words", "kept"), [(20, 20), (26, 24)])
def test_demonstrations_give_way_before_the_input(
    backbone: MaskedLM, words: int, kept: int
) -> None:
    shown = {label: [{"text": "two " * 100}] for label in TASK.labels}
    own = scorer(backbone, demonstrations=shown)
    (row,) = rows(own, chunk(backbone, "one " * words), 0)
    assert row.count("one") == kept  # all of it, or half of the room
    assert row.count("two") > 20
    short = {label: [{"text": "two"}] for label in TASK.labels}
    own = scorer(backbone, demonstrations=short)
    (row,) = rows(own, chunk(backbone, "one " * 100), 0)
    assert row.count("two") == 2  # and what they leave is the input's
    assert row.count("one") > 40


def test_too_many_demonstrations_for_the_length_are_named(backbone: MaskedLM) -> None:
    shown = {label: [{"text": "two"}] for label in TASK.labels}
    with pytest.raises(PatternError, match="and its demonstrations take") as caught:
        PVPScorer(TASK.pvps[0], TASK.labels, backbone, 12, demonstrations=shown)
    assert "Leave demonstrations out" in str(caught.value)


def test_a_view_shows_what_score_gives(backbone: MaskedLM) -> None:
    own = scorer(backbone)
    expected = own.score(chunk(backbone, "the room"))[0, 0]
    seen = view_pattern(own, {"text": "the room"})
    np.testing.assert_allclose(list(seen.labels[0].values()), expected, atol=1e-5)
    words = seen.words[0][""]
    assert seen.labels[0]["no"] == pytest.approx(
        (words["bad"] + 0.5 * words["sad"]) / 1.5, abs=1e-6
    )


def test_left_to_right_models_read_demonstrations_first(tmp_path: Path) -> None:
    model = load_backbone(str(save_other(CAUSAL["gpt2"], tmp_path / "gpt")), "cpu", "fp32")
    pvp = PVP("{text} it was {mask}", Verbalizer({"no": ["bad"], "yes": ["good"]}))
    own = PVPScorer(pvp, TASK.labels, model, 64, demonstrations=SHOWN)
    texts = Chunk(model.tokenizer, [{"text": "the room"}])
    ids = own.encode(texts)[1].ids.flat
    shown = model.hf_tokenizer.decode(ids, skip_special_tokens=True)
    places = [shown.index(part) for part in ("a cold film", "bad", "warm food", "good", "the room")]
    assert places == sorted(places)
    assert shown.endswith("the room it was")
    assert np.isfinite(own.score(texts)).all()


# Members


def test_draws_are_without_replacement_and_seeded() -> None:
    shown = draw_each(EXAMPLES, TASK.labels, 2, np.random.default_rng(0))
    assert {label: len(texts) for label, texts in shown.items()} == {"no": 2, "yes": 2}
    for label, texts in shown.items():
        own = [example.texts for example in EXAMPLES if example.label == label]
        assert all(text in own for text in texts)
        assert texts[0] != texts[1]
    everything = draw_each(EXAMPLES, TASK.labels, 99, np.random.default_rng(0))
    assert {label: len(texts) for label, texts in everything.items()} == {"no": 3, "yes": 3}
    one, two = (SPEC.showing(EXAMPLES, TASK.labels) for _ in range(2))
    assert one == two
    assert one != replace(SPEC, seed=2).showing(EXAMPLES, TASK.labels)
    off = replace(SPEC, training=replace(SPEC.training, demonstrations=0))
    assert off.showing(EXAMPLES, TASK.labels) is off


def test_training_draws_anew_for_every_batch(
    backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = scorer(backbone)
    demonstrations = Demonstrations(
        backbone.tokenizer, {"no": SHOWN["no"] * 1, "yes": SHOWN["yes"]}
    )
    texts = chunk(backbone, *(t["text"] for label in SHOWN for t in SHOWN[label]))
    seen: list[str] = []
    plain = PVPScorer.mask_states

    def record(self: Any, batches: Any) -> Any:
        seen.extend(map(backbone.hf_tokenizer.decode, batches[1].ids))
        return plain(self, batches)

    monkeypatch.setattr(PVPScorer, "mask_states", record)
    training = TrainingConfig(batch_size=5)
    losses = label_losses(
        own,
        Labelled(texts, np.array([0, 0, 1, 1, 1]), demonstrations=demonstrations),
        training,
        None,
        np.random.default_rng(0),
    )
    for _ in range(6):
        assert next(losses)().isfinite()
    beside = {row.split("[SEP]", 1)[1] for row in seen if row.startswith("[CLS] we all")}
    assert len(beside) > 1  # not always the same
    for row in seen:
        first, rest = row.split("[SEP]", 1)
        assert first.removeprefix("[CLS] ").split(" it was")[0] not in rest


def test_a_member_scores_alike_from_what_is_saved(backbone: MaskedLM) -> None:
    own = SPEC.showing(EXAMPLES, TASK.labels)
    one, two = (train_member(backbone, own, Work(TASK, Data(EXAMPLES))) for _ in range(2))
    assert all(torch.equal(one.weights[name], two.weights[name]) for name in one.weights)
    expected = own.scorer(TASK.labels, backbone, one.offsets)
    expected.put(one.weights)
    texts = [{"text": "the news was cold"}, {"text": "the film was warm and warm"}]
    table = expected.score(Chunk(backbone.tokenizer, texts))
    plain = PatternSpec.from_dict(TASK, "m", json.loads(json.dumps(own.to_dict())), 64)
    members = MemberSet(backbone, TASK, [plain], {"m": one.weights}, {"m": one.offsets})
    np.testing.assert_array_equal(members.scores(texts)[0], table)


def test_held_out_examples_are_not_shown(
    backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def record(backbone: Any, spec: Any, work: Any, **more: Any) -> Any:
        seen.append((spec.demonstrations, [example.texts for example in work.data.train]))
        return train_member(backbone, spec, work, **more)

    monkeypatch.setattr(executing, "train_member", record)
    halves = [
        (np.array([0, 1, 2, 3]), np.array([4, 5])),
        (np.array([4, 5]), np.array([0, 1, 2, 3])),
    ]
    own = SPEC.showing(EXAMPLES, TASK.labels)
    short = replace(own, training=replace(own.training, max_steps=1))
    config, work = BackboneConfig(backbone.name, "cpu", "fp32"), Work(TASK, Data(EXAMPLES))
    with holding(config, backbone):
        executing.out_of_fold_scores(executing.fold_specs(short, config, work, halves), work)
    assert len(seen) == 2
    for shown, known in seen:
        assert all(text in known for texts in shown.values() for text in texts)


def test_there_must_be_something_to_show(backbone: MaskedLM) -> None:
    with pytest.raises(DataError, match="demonstrations are labelled examples; there are none"):
        SPEC.showing([], TASK.labels)
    pvp = PVP("{text} {label} ? {mask}", Verbalizer({"yes": ["yes"], "no": ["no"]}))
    with pytest.raises(UsageError, match="names a label; demonstrations"):
        PVPScorer(pvp, TASK.labels, backbone, 64, demonstrations=SHOWN)


# The command line


def test_from_the_command_line(tiny_bert: str, tmp_path: Path) -> None:
    files = Files.write(tmp_path)
    more = ["--demonstrations", "2", "--patterns", "0-1", "--max-length", "96"]
    more += ["--unlabeled", files.unlabeled, "--test", files.test]
    result = train(files, tiny_bert, tmp_path / "run", *more)
    assert result.code == 0, result.err
    own = json.loads((tmp_path / "run/members/pattern-0/member.json").read_text("utf-8"))
    assert {label: len(texts) for label, texts in own["demonstrations"].items()} == {
        "negative": 2, "positive": 2,
    }  # fmt: skip
    metrics = json.loads((tmp_path / "run/metrics.json").read_text("utf-8"))
    assert not any("demonstrations" in figures for figures in metrics["rows"].values())
    again = train(files, tiny_bert, tmp_path / "run", *more)
    assert again.out == result.out
    assert pet("explain", tmp_path / "run", "--text", "a warm room").code == 0


def test_untrained_members_learn_in_context(tiny_bert: str, tmp_path: Path) -> None:
    how: dict[str, Any] = {"backbone": tiny_bert, "device": "cpu", "precision": "fp32"}
    y = [str(example.label) for example in EXAMPLES]
    texts = [example.texts for example in EXAMPLES]
    model = PETClassifier(TASK, method="zero-shot", demonstrations=3, **how).fit(texts, y)
    plain = PETClassifier(TASK, method="zero-shot", **how).fit(texts, y)
    expected = model.predict_proba(texts)
    assert not np.allclose(expected, plain.predict_proba(texts))
    model.save_pretrained(tmp_path / "saved")
    loaded = PETClassifier.from_pretrained(tmp_path / "saved", "cpu", "fp32")
    np.testing.assert_allclose(loaded.predict_proba(texts), expected, atol=1e-7)
    with pytest.raises(DataError, match="Give labelled examples"):
        PETClassifier(TASK, method="zero-shot", demonstrations=3, **how).fit(texts)
