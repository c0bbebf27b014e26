"""Searches for label words, against what they say done the naive way, and pet verbalize."""

from __future__ import annotations

import json
import math
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from families import FAMILIES, save_family
from golden import Naive
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import BAD, GOOD, NEW, Files, labelled_rows, pet, toy_task, write_jsonl

from pet import PVP, Example, Task, Verbalizer, load_task
from pet.backbone import MaskedLM
from pet.config import WordSearchConfig
from pet.encoding import Batch, Chunk
from pet.errors import DataError, UsageError, VerbalizerError
from pet.scoring import PVPScorer
from pet.scoring.soft.template import SoftSpec
from pet.search.kpt import relevance
from pet.search.lm_bff import search
from pet.search.verbalize import all_words, find_words, with_words
from pet.search.vocabulary import WordTable, log_probabilities, mask_encoder, mask_states
from pet.task.label_names import fault_of
from pet.task.source import task_source

EXAMPLES = [Example({"text": text}, "negative") for text in BAD[:3]]
EXAMPLES += [Example({"text": text}, "positive") for text in GOOD]
# Before and after the text, as the toy task's two patterns put them.
AROUND = [("{} it was", "."), ("just", "! {}")]


@pytest.fixture(scope="module")
def naive(lively_bert: str) -> dict[tuple[int, str], torch.Tensor]:
    """Logits of the whole vocabulary, pattern by pattern and text by text."""
    model = Naive(lively_bert)
    found = {}
    for pattern, (before, after) in enumerate(AROUND):
        for text in [example.texts["text"] for example in EXAMPLES] + NEW:
            row, (place,) = model.row(before.format(text), 1, after.format(text))
            found[pattern, text] = model.logits(row)[place].double()
    return found


def words_of(tokenizer: Any) -> dict[str, int]:
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    return {word: number for word, number in vocabulary.items() if word.isalpha() and word[1:]}


def test_real_words_are_what_text_becomes_one_token_of(backbone: MaskedLM) -> None:
    encoders = [mask_encoder(pvp, backbone, 64) for pvp in toy_task().pvps]
    table = WordTable.whole(backbone.tokenizer, encoders)
    expected = words_of(backbone.hf_tokenizer)
    assert dict(zip(table.texts, table.ids[0, :, 0].tolist(), strict=True)) == expected
    assert (table.ids[0] == table.ids[1]).all()
    some = WordTable.of(["good", "zebra", "", "bad"], backbone.tokenizer, encoders)
    assert some.texts == ("good", "bad")


@pytest.mark.parametrize("name", FAMILIES)
def test_words_are_the_tokens_that_a_verbalizer_would_have(name: str, tmp_path: Path) -> None:
    loaded = MaskedLM.load(str(save_family(FAMILIES[name], tmp_path / name)), "cpu", "fp32")
    verbalizer = Verbalizer({"no": ["bad"], "yes": ["good"]})
    for pattern in ("{a} {mask} {b}", "{a} ({mask}) {b}", "{mask}{a}"):
        encoder = mask_encoder(PVP(pattern, verbalizer), loaded, 64)
        table = WordTable.whole(loaded.tokenizer, [encoder])
        before = encoder.mask_before
        for word, number in zip(table.texts, table.ids[0, :, 0].tolist(), strict=True):
            assert word.isalpha()
            assert loaded.tokenizer.word_ids(word, before) == [number]
        assert len(set(table.texts)) == len(table)
        if before.end == " ":
            assert {"good", "terrible"} <= set(table.texts)


def test_log_probabilities_are_streamed_and_those_of_the_whole_vocabulary(
    backbone: MaskedLM,
) -> None:
    states = torch.randn(7, 1, 32, generator=torch.Generator().manual_seed(1))
    ids = torch.tensor([[9, -1], [30, -1], [12, -1]])
    cells = 3 * backbone.tokenizer.vocabulary_size
    parts = list(log_probabilities(backbone, states, ids, cells))
    assert [len(part) for _, part in parts] == [3, 3, 1]
    whole = backbone.vocabulary_logits(states).log_softmax(-1)[:, 0, ids[:, 0]]
    torch.testing.assert_close(torch.cat([part for _, part in parts]), whole)


def naive_petal(
    naive: dict[tuple[int, str], torch.Tensor], ids: dict[str, int], most: int, candidates: int
) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for label in ("negative", "positive"):
        own = [e.texts["text"] for e in EXAMPLES if e.label == label]
        others = [e.texts["text"] for e in EXAMPLES if e.label != label]
        ratio = len(others) / len(own)
        likely, scores = {}, {}
        for word, number in ids.items():
            likely[word], scores[word] = 0.0, 0.0
            for pattern in range(2):
                for text in own + others:
                    q = float(naive[pattern, text].softmax(0)[number])
                    odds = math.log(q / (1 - q))
                    scores[word] += ratio * odds if text in own else -odds
                    likely[word] += math.log(q) if text in own else 0
        chosen = sorted(likely, key=lambda w: -likely[w])[:candidates]
        best = sorted(chosen, key=lambda w: -scores[w])[:most]
        found[label] = {word: scores[word] / len(others) / 2 for word in best}
    return found


@pytest.mark.parametrize("candidates", [1000, 20])
def test_petal_is_the_naive_likelihood_ratio(
    backbone: MaskedLM,
    naive: dict[tuple[int, str], torch.Tensor],
    candidates: int,
) -> None:
    config = WordSearchConfig(words=4, candidates=candidates)
    found = find_words(backbone, toy_task(), EXAMPLES, config)[None]
    expected = naive_petal(naive, words_of(backbone.hf_tokenizer), 4, candidates)
    assert not set(expected["negative"]) & set(expected["positive"])
    for label, own in expected.items():
        assert list(found.scores[label]) == list(own)
        np.testing.assert_allclose(list(found.scores[label].values()), list(own.values()), 1e-4)
        assert list(found.verbalizer.words[label]) == list(own)


def test_without_joint_every_pattern_is_searched_as_if_it_were_alone(backbone: MaskedLM) -> None:
    task = toy_task()
    found = find_words(backbone, task, EXAMPLES, WordSearchConfig(words=3, joint=False))
    assert list(found) == [0, 1]
    for number, pvp in enumerate(task.pvps):
        alone = Task("toy", task.labels, task.fields, [pvp])
        expected = find_words(backbone, alone, EXAMPLES, WordSearchConfig(words=3))[None]
        assert found[number].verbalizer == expected.verbalizer
    one = find_words(backbone, task, EXAMPLES, WordSearchConfig(joint=False), patterns=[1])
    assert list(one) == [1]
    changed = with_words(task, one)
    assert changed.pvps[0] == task.pvps[0]
    assert changed.pvps[1].verbalizers == (one[1].verbalizer,)


def test_a_word_speaks_for_one_label_and_labels_left_without_are_named(backbone: MaskedLM) -> None:
    config = WordSearchConfig(words=1000)
    found = find_words(backbone, toy_task(), EXAMPLES, config)[None].verbalizer.words
    assert not set(found["negative"]) & set(found["positive"])
    same = [Example({"text": BAD[0]}, label) for label in ("negative", "positive")]
    for how, expected in (("petal", "left for"), ("lm-bff", "too few")):
        config = WordSearchConfig(search=how, candidates=1)  # type: ignore[arg-type]
        with pytest.raises(VerbalizerError, match=expected):
            find_words(backbone, toy_task(), same, config)


@pytest.mark.parametrize("slots", ["{soft:'it was'}", "{soft:2}"])
def test_slots_are_read_as_an_untrained_member_has_them(backbone: MaskedLM, slots: str) -> None:
    pvp = PVP(f"{{text}} {slots} {{mask}}", *toy_task().pvps[0].verbalizers)
    chunk = Chunk(backbone.tokenizer, [{"text": text} for text in NEW])
    found = mask_states(backbone, mask_encoder(pvp, backbone, 64), chunk)
    scorer = PVPScorer(pvp, toy_task().labels, backbone, 64, soft=SoftSpec("words", "vocabulary"))
    batches = scorer.batch(scorer.encode(chunk), np.arange(len(NEW)))
    torch.testing.assert_close(found, scorer.mask_states(batches)[1])


def test_one_forward_pass_a_pattern(backbone: MaskedLM, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    plain = MaskedLM.mask_states

    def counted(self: MaskedLM, batch: Batch) -> torch.Tensor:
        rows.append(len(batch.ids))
        return plain(self, batch)

    monkeypatch.setattr(MaskedLM, "mask_states", counted)
    for how in ("petal", "lm-bff", "kpt"):
        rows.clear()
        config = WordSearchConfig(search=how)  # type: ignore[arg-type]
        sample = [{"text": text} for text in NEW]
        find_words(backbone, toy_task(), EXAMPLES, config, sample)
        assert sum(rows) == 2 * (len(EXAMPLES) + len(NEW))


def naive_search(
    logits: np.ndarray, targets: np.ndarray, candidates: list[list[int]]
) -> list[tuple[float, float, tuple[int, ...]]]:
    """Every combination of different words: accuracy, mean log-likelihood, words; best first."""
    ranked = []
    for words in product(*candidates):
        if len(set(words)) < len(words):
            continue
        right, likelihood = 0, 0.0
        for row, target in zip(logits, targets, strict=True):
            scores = [row[word] for word in words]
            own = scores.pop(target)
            right += own > max(scores)
            likelihood += own - math.log(sum(math.exp(row[word]) for word in words))
        ranked.append((right / len(targets), likelihood / len(targets), words))
    return sorted(ranked, key=lambda found: (-found[0], -found[1]))


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 4), st.integers(0, 10_000), st.integers(1, 40))
def test_wide_beams_find_what_the_full_product_finds(labels: int, seed: int, cells: int) -> None:
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(9, 7))
    targets = np.concatenate([np.arange(labels), generator.integers(labels, size=9 - labels)])
    candidates = [generator.permutation(7)[:4].tolist() for _ in range(labels)]
    found = search(
        torch.from_numpy(logits), torch.from_numpy(targets), torch.tensor(candidates), 10_000, cells
    )
    expected = naive_search(logits, targets, candidates)
    assert len(found.accuracies) == len(expected)
    np.testing.assert_allclose(found.accuracies, [right for right, _, _ in expected], rtol=1e-6)
    assert tuple(found.choices[0].tolist()) == expected[0][2]
    narrow = search(
        torch.from_numpy(logits), torch.from_numpy(targets), torch.tensor(candidates), 2
    )
    assert len(narrow.accuracies) <= 2
    assert narrow.accuracies[0] <= expected[0][0] + 1e-6
    assert len(set(narrow.choices[0].tolist())) == labels


def test_lm_bff_ranks_centred_logits_of_the_likeliest_words(
    backbone: MaskedLM, naive: dict[tuple[int, str], torch.Tensor]
) -> None:
    ids = words_of(backbone.hf_tokenizer)
    labels = ["negative", "positive"]
    texts = {label: [e.texts["text"] for e in EXAMPLES if e.label == label] for label in labels}

    def mean(word: str, label: str) -> float:
        logits = [float(naive[p, text][ids[word]]) for p in (0, 1) for text in texts[label]]
        return sum(logits) / len(logits)

    candidates = [sorted(ids, key=lambda w, own=label: -mean(w, own))[:5] for label in labels]
    words = sorted({word for own in candidates for word in own})
    targets = np.array([labels.index(str(e.label)) for e in EXAMPLES])
    logits = np.array(
        [
            [
                sum(float(naive[p, e.texts["text"]][ids[word]]) for p in (0, 1)) / 2
                - sum(mean(word, label) for label in labels) / 2
                for word in words
            ]
            for e in EXAMPLES
        ]
    )
    columns = [[words.index(word) for word in own] for own in candidates]
    right, _, best = naive_search(logits, targets, columns)[0]
    config = WordSearchConfig(search="lm-bff", candidates=5)
    found = find_words(backbone, toy_task(), EXAMPLES, config)[None]
    assert [list(found.verbalizer.words[label]) for label in labels] == [[words[n]] for n in best]
    assert f"{right:.1%}" in found.remarks[0]
    more = find_words(
        backbone, toy_task(), EXAMPLES, WordSearchConfig(search="lm-bff", candidates=5, words=3)
    )[None].verbalizer.words
    assert all(1 <= len(own) <= 3 for own in more.values())
    assert [next(iter(more[label])) for label in labels] == [words[n] for n in best]


def test_relevance_is_the_formula() -> None:
    q = np.random.default_rng(3).uniform(size=(6, 5))
    owners, name = ["a", "a", "b", "c", "c"], {"a": 0, "b": 2, "c": 3}

    def cosine(v: int, w: int) -> float:
        return float(q[:, v] @ q[:, w] / np.linalg.norm(q[:, v]) / np.linalg.norm(q[:, w]))

    expected = []
    for word, own in enumerate(owners):
        others = [cosine(word, column) for label, column in name.items() if label != own]
        expected.append(cosine(word, name[own]) * 2 / sum(others))
    np.testing.assert_allclose(relevance(torch.from_numpy(q), owners, name), expected, rtol=1e-9)
    assert relevance(torch.from_numpy(q), ["a"] * 5, {"a": 1}) == [1.0] * 5


LISTS = {
    "negative": {"bad": 1.0, "terrible": 2.0, "awful": 1.0, "zebra": 1.0, "cold": 0.5},
    "positive": {"good": 1.0, "great": 1.0, "warm": 1.0, "happy": 3.0},
}


@pytest.mark.parametrize("with_sample", [True, False])
@pytest.mark.parametrize("rare", [0.0, 0.5])
def test_kpt_drops_what_is_rare_or_speaks_for_the_other_label(
    backbone: MaskedLM,
    naive: dict[tuple[int, str], torch.Tensor],
    with_sample: bool,
    rare: float,
) -> None:
    texts = NEW if with_sample else [e.texts["text"] for e in EXAMPLES]
    ids = words_of(backbone.hf_tokenizer)
    judged = {word: label for label, own in LISTS.items() for word in own if word in ids}
    q = {
        word: np.array([float(naive[p, t].softmax(0)[ids[word]]) for p in (0, 1) for t in texts])
        for word in judged
    }
    by_prior = sorted(judged, key=lambda word: q[word].mean())
    gone = set(by_prior[: int(rare * len(judged))])

    def cosine(v: str, w: str) -> float:
        return float(q[v] @ q[w] / np.linalg.norm(q[v]) / np.linalg.norm(q[w]))

    names = {"negative": "bad", "positive": "good"}
    expected = {}
    for label, own in LISTS.items():
        other = next(name for key, name in names.items() if key != label)
        scores = {word: cosine(word, names[label]) / cosine(word, other) for word in own & q.keys()}
        kept = [w for w in scores if w == names[label] or (w not in gone and scores[w] >= 1)]
        several = [word for word in own if word not in q]
        expected[label] = sorted(kept, key=lambda word: -scores[word]) + several
    task = toy_task().with_verbalizers(Verbalizer(LISTS))
    config = WordSearchConfig(search="kpt", rare=rare)
    sample = [{"text": text} for text in NEW] if with_sample else []
    found = find_words(backbone, task, EXAMPLES, config, sample)[None]
    assert {label: list(own) for label, own in found.verbalizer.words.items()} == expected
    assert "zebra" in found.verbalizer.words["negative"]
    assert "zebra" not in found.scores["negative"]
    assert found.verbalizer.words["negative"]["bad"] == 1
    dropped = {word for own in LISTS.values() for word in own} - {
        word for own in expected.values() for word in own
    }
    assert dropped
    assert dropped == {word for text in found.remarks for word in text.split(": ")[1].split(", ")}


def test_words_of_several_verbalizers_are_joined() -> None:
    first = Verbalizer({"a": {"x": 2.0}, "b": ["y"]})
    second = Verbalizer({"a": ["x", "z"], "b": ["w"]})
    task = Task("t", ["a", "b"], ["text"], [PVP("{text} {mask}", first, second)])
    assert all_words(task, task.pvps).words == {"a": {"x": 2, "z": 1}, "b": {"y": 1, "w": 1}}


def test_unlabelled_text_leaves_its_likeliest_words(
    backbone: MaskedLM, naive: dict[tuple[int, str], torch.Tensor]
) -> None:
    ids = words_of(backbone.hf_tokenizer)
    prior = {
        word: sum(float(naive[p, t].softmax(0)[number]) for p in (0, 1) for t in NEW)
        for word, number in ids.items()
    }
    likely = set(sorted(prior, key=lambda word: -prior[word])[:12])
    sample = [{"text": text} for text in NEW]
    config = WordSearchConfig(frequent=12)
    found = find_words(backbone, toy_task(), EXAMPLES, config, sample)[None].verbalizer.words
    assert {word for own in found.values() for word in own} == likely


def test_bad_input_is_refused(backbone: MaskedLM) -> None:
    with pytest.raises(DataError, match="'positive' has no labelled example"):
        find_words(backbone, toy_task(), EXAMPLES[:3], WordSearchConfig())
    with pytest.raises(UsageError, match="rare"):
        WordSearchConfig(rare=1.0)
    with pytest.raises(VerbalizerError, match="single token"):
        task = toy_task().with_verbalizers(Verbalizer({"negative": ["zoo"], "positive": ["ox"]}))
        find_words(backbone, task, EXAMPLES, WordSearchConfig(search="kpt"))


text_strategy = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6).filter(str.strip)


@settings(max_examples=40, deadline=None)
@given(
    names=st.lists(text_strategy, min_size=2, max_size=3).filter(lambda n: fault_of(n) is None),
    words=st.lists(text_strategy, min_size=6, max_size=6, unique_by=str.strip),
    weight=st.floats(0.01, 100),
    description=st.text(st.characters(codec="utf-8"), max_size=8),
)
def test_a_task_file_is_read_as_the_same_task(
    names: list[str], words: list[str], weight: float, description: str
) -> None:
    first = Verbalizer({name: {words[n]: weight} for n, name in enumerate(names)})
    second = Verbalizer(
        {name: [words[n + 3]] for n, name in enumerate(names)}, "max", "left-to-right"
    )
    task = Task(
        words[0],
        names,
        ["text", "other"],
        [PVP('{text} "{mask}" \\ {{x}}\n{other:keep}', first, second), PVP("{mask}{text}", first)],
        description,
        columns={"other": words[1]},
        label_column=words[2],
        metrics=("macro_f1",),
        kind="ordinal",
    )
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "task.py"
        file.write_text(task_source(task), "utf-8")
        assert load_task(file).to_dict() == task.to_dict()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files.write(tmp_path)


def test_the_command_writes_a_verbalizer_that_train_takes(files: Files, tiny_bert: str) -> None:
    words = files.folder / "words.json"
    common = ["--task", files.task, "--train", files.train, "--backbone", tiny_bert]
    result = pet("verbalize", *common, "--words", 2, "--unlabeled", files.unlabeled, "-o", words)
    assert result.code == 0, result.err
    loaded = Verbalizer.load(words)
    assert [len(own) for own in loaded.words.values()] == [2, 2]
    for label, own in loaded.words.items():
        (line,) = [line for line in result.out.splitlines() if line.startswith(f"{label}: ")]
        assert [part.split()[0] for part in line.split(": ")[1].split(", ")] == list(own)
    again = pet("verbalize", *common, "--words", 2, "--unlabeled", files.unlabeled)
    assert again.out == result.out
    run = files.folder / "run"
    trained = pet(
        "train", *common, "--verbalizer", words, "--method", "zero-shot", "-o", run
    )  # fmt: skip
    assert trained.code == 0, trained.err
    asked = json.loads((run / "run.json").read_text("utf-8"))
    kept = json.dumps(asked)
    assert all(word in kept for own in loaded.words.values() for word in own)
    assert pet("check", *common, "--verbalizer", words).code == 0
    wrong = files.folder / "wrong.json"
    wrong.write_text('{"negative": ["bad"]}', "utf-8")
    refused = pet("train", *common, "--verbalizer", wrong, "-o", files.folder / "other")
    assert refused.code == 1
    assert "lacks words for ['positive']" in refused.err


def test_the_command_writes_a_task_of_its_own(files: Files, tiny_bert: str) -> None:
    own = files.folder / "own.py"
    common = ["--task", files.task, "--train", files.train, "--backbone", tiny_bert]
    result = pet("verbalize", *common, "--search", "lm-bff", "--no-joint", "-o", own)
    assert result.code == 0, result.err
    assert result.out.count("pattern ") == 4
    task = load_task(own)
    assert [pvp.pattern.template for pvp in task.pvps] == [
        pvp.pattern.template for pvp in load_task(files.task).pvps
    ]
    trained = pet(
        "train", "--task", own, "--train", files.train, "--backbone", tiny_bert,
        "--method", "zero-shot", "-o", files.folder / "run",
    )  # fmt: skip
    assert trained.code == 0, trained.err
    refined = pet("verbalize", *common, "--search", "kpt", "--rare", 0.4, "--patterns", "0,1")
    assert refined.code == 0, refined.err


def test_the_command_refuses_what_makes_no_sense(files: Files, tiny_bert: str) -> None:
    common = ["--task", files.task, "--train", files.train, "--backbone", tiny_bert]
    for more, expected in (
        (["-o", "words.txt"], ".json or .py"),
        (["--no-joint", "-o", "words.json"], "words of its own"),
    ):
        result = pet("verbalize", *common, *more)
        assert result.code == 2
        assert expected in result.err
    one = write_jsonl(files.folder / "one.jsonl", labelled_rows()[:3])
    result = pet("verbalize", "--task", files.task, "--train", one, "--backbone", tiny_bert)
    assert result.code == 1
    assert "'positive' has no labelled example" in result.err
