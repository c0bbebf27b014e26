"""The distilled classifier: its loss, its training, and that any user can load what it saves."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from families import FAMILIES, save_family
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from pet import PVP, Example, Task, Verbalizer
from pet.config import BackboneConfig, DistillationConfig, TrainingConfig
from pet.data import Data, Pool, chunked
from pet.device import Compute
from pet.encoding import Chunk
from pet.members.work import Work
from pet.model import SequenceClassifier
from pet.model import sequence_classifier as classifier_module
from pet.pipeline import distillation as distillation_module
from pet.pipeline.distillation import distil
from pet.pipeline.fine_tuning import fine_tune
from pet.progress import Event
from pet.training import Fit, Job, Loss

WORDS = Verbalizer({"no": ["bad"], "maybe": ["so"], "yes": ["good"]})
TASK = Task("toy", ["no", "maybe", "yes"], ["text"], [PVP("{text} {mask}", WORDS)])
PAIR = Task("pairs", ["no", "maybe", "yes"], ["a", "b"], [PVP("{a} {mask} {b}", WORDS)])
HOW = DistillationConfig(distill_learning_rate=5e-3, distill_batch_size=8, distill_epochs=10)
CUES = {"cold": 0, "slow": 0, "red": 1, "blue": 1, "warm": 2, "fast": 2}
POOL_TEXTS = [
    f"{who} {noun} was {cue} and {cue}"
    for who in ("the", "a", "this", "that")
    for noun in ("film", "food", "room", "train")
    for cue in CUES
]
POOL = Pool(lambda: (Example({"text": text}) for text in POOL_TEXTS))


def config(folder: object, max_length: int = 64) -> BackboneConfig:
    return BackboneConfig(str(folder), "cpu", "fp32", max_length)


def teacher(examples: Sequence[Example]) -> Any:
    """Scores 4, 0 or 1 by the cue in the text."""
    scores = np.zeros((len(examples), 3), dtype=np.float32)
    for row, example in enumerate(examples):
        right = next(label for cue, label in CUES.items() if cue in example.texts["text"])
        scores[row, right] = 4.0
        scores[row, (right + 1) % 3] = 1.0
    return scores


def teacher_of(pool: Pool) -> Callable[[], Iterator[Any]]:
    return lambda: (teacher(examples) for examples in pool.chunks())


def softmax(scores: Any, temperature: float = 1.0) -> Any:
    return torch.tensor(np.asarray(scores)).div(temperature).softmax(1).numpy()


def weights(student: SequenceClassifier) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in student.model.state_dict().items()}


def same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_the_student_learns_the_soft_labels(tiny_bert: str) -> None:
    told: list[Event] = []
    work = Work(TASK, Data([], pool=POOL), told.append)
    student, fit = distil(work, teacher_of(POOL), config(tiny_bert), HOW, 1)
    examples = list(POOL)
    found = student.scores([example.texts for example in examples])
    expected = teacher(examples)
    assert (found.argmax(1) == expected.argmax(1)).all()
    # Soft, not only hard: the student knows how sure the teacher is, at the temperature and at 1.
    assert np.abs(softmax(found, 2.0) - softmax(expected, 2.0)).max() < 0.1
    assert np.abs(softmax(found) - softmax(expected)).mean() < 0.1
    new = student.scores([{"text": f"this phone was {cue} and {cue}"} for cue in ("warm", "cold")])
    assert new.argmax(1).tolist() == [2, 0]
    assert fit.steps == 10 * (96 // 8)
    last = told[-1]
    assert (last.stage, last.step, last.total) == ("classifier", fit.steps, fit.steps)


def test_the_loss_is_the_scaled_divergence_of_the_formula(
    tiny_bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = 3.0
    caught = []

    def one_loss(jobs: list[Job[Loss]], *rest: Any, **more: Any) -> list[Fit]:
        caught.append(next(jobs[0].losses)().item())
        return [Fit(0, 0.0, 0.0)]

    monkeypatch.setattr(distillation_module, "optimise", one_loss)
    how = DistillationConfig(distill_temperature=t, distill_batch_size=1000)
    student, _ = distil(
        Work(TASK, Data([], pool=POOL)), teacher_of(POOL), config(tiny_bert), how, 1
    )
    student.save(tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    tokenizer: Any = AutoTokenizer.from_pretrained(tmp_path)
    total = 0.0
    for example, row in zip(POOL, teacher(list(POOL)), strict=True):
        with torch.no_grad():
            logits = model(**tokenizer(example.texts["text"], return_tensors="pt")).logits[0]
        soft, own = softmax([row / t])[0], softmax([logits.numpy() / t])[0]
        total += sum(p * np.log(p / q) for p, q in zip(soft, own, strict=True))
    assert caught[0] == pytest.approx(t * t * total / len(POOL), rel=1e-3)


def test_a_student_of_the_backbone_starts_from_a_members_weights(
    tiny_bert: str, lively_bert: str
) -> None:
    how = DistillationConfig(distill_epochs=1, distill_learning_rate=1e-12)
    name = "bert.encoder.layer.0.output.dense.weight"
    value = torch.full((32, 64), 0.5)
    learned = {name: value, "bert.encoder.layer.0.output.dense.bias": torch.ones(3), "slots": value}
    work = Work(TASK, Data([], pool=POOL))
    for student_of, expected in ((None, True), (tiny_bert, False), (lively_bert, False)):
        way = replace(how, distill_student=student_of)
        student, _ = distil(
            work, teacher_of(POOL), config(tiny_bert), way, 1, start_weights=lambda: learned
        )
        found = dict(student.model.named_parameters())
        assert torch.allclose(found[name], value, atol=1e-3) is expected
        plain, _ = distil(work, teacher_of(POOL), config(tiny_bert), way, 1)
        others = [n for n in found if n != name]
        start = dict(plain.model.named_parameters())
        assert all(torch.allclose(found[n], start[n], atol=1e-3) for n in others)


def test_epochs_and_the_largest_number_of_steps_decide_how_long(tiny_bert: str) -> None:
    small = Pool(lambda: iter(list(POOL)[:20]))
    for epochs, most, steps in ((2, 2000, 6), (2, 5, 5)):
        how = DistillationConfig(
            distill_epochs=epochs, distill_max_steps=most, distill_batch_size=8
        )
        _, fit = distil(
            Work(TASK, Data([], pool=small)), teacher_of(small), config(tiny_bert), how, 1
        )
        assert fit.steps == steps


def test_a_pool_in_small_chunks_is_streamed(
    tiny_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 8
    monkeypatch.setattr(Pool, "chunks", lambda self, n=size: chunked(self, size))
    read = 0

    def reader() -> Iterator[Example]:
        nonlocal read
        for text in POOL_TEXTS:
            read += 1
            yield Example({"text": text})

    pool = Pool(reader)
    ahead: list[int] = []
    encoded: list[int] = []

    class Watched(Chunk):
        def __init__(self, tokenizer: Any, texts: Any) -> None:
            encoded.append(len(texts))
            super().__init__(tokenizer, texts)

    def scores_of() -> Iterator[Any]:
        start = read - size  # the first chunk has been read already
        for number, examples in enumerate(
            chunked((Example({"text": x}) for x in POOL_TEXTS), size)
        ):
            ahead.append(read - start - (number + 1) * size)
            yield teacher(examples)

    monkeypatch.setattr(classifier_module, "Chunk", Watched)
    how = DistillationConfig(distill_epochs=2, distill_batch_size=4, distill_learning_rate=1e-3)
    _, fit = distil(Work(TASK, Data([], pool=pool)), scores_of, config(tiny_bert), how, 1)
    assert fit.steps == 2 * 24
    assert len(ahead) == len(encoded) == 2 * 12
    assert max(ahead) == 0  # never more than the chunk at hand has been read
    assert max(encoded) == size


def test_chunks_cover_the_pool_and_keep_texts_and_scores_together(
    tiny_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pool, "chunks", lambda self, n=7: chunked(self, 7))
    student, _ = distil(
        Work(TASK, Data([], pool=POOL)), teacher_of(POOL), config(tiny_bert), HOW, 1
    )
    examples = list(POOL)
    found = student.scores([example.texts for example in examples])
    assert (found.argmax(1) == teacher(examples).argmax(1)).mean() > 0.95


def test_scores_that_end_before_the_pool_are_an_error(tiny_bert: str) -> None:
    with pytest.raises(ValueError):
        distil(Work(TASK, Data([], pool=POOL)), lambda: iter(()), config(tiny_bert), HOW, 1)


def test_a_seed_repeats_the_student_bit_by_bit(tiny_bert: str) -> None:
    how = DistillationConfig(distill_max_steps=4, distill_batch_size=8, distill_learning_rate=1e-3)

    def student(seed: int) -> dict[str, torch.Tensor]:
        return weights(
            distil(Work(TASK, Data([], pool=POOL)), teacher_of(POOL), config(tiny_bert), how, seed)[
                0
            ]
        )

    first = student(1)
    torch.rand(3)  # whatever happened before does not matter
    assert same(first, student(1))
    assert not same(first, student(2))


def test_distillation_leaves_word_embeddings_and_moves_the_rest(tiny_bert: str) -> None:
    fresh, new_names = SequenceClassifier.fresh(config(tiny_bert), TASK, 1)
    before = weights(fresh)
    after = weights(
        distil(Work(TASK, Data([], pool=POOL)), teacher_of(POOL), config(tiny_bert), HOW, 1)[0]
    )
    untouched = {name for name in before if torch.equal(before[name], after[name])}
    assert {name for name in untouched if "position_ids" not in name} == {
        "bert.embeddings.word_embeddings.weight"
    }
    assert "classifier.weight" in new_names
    assert not any(name.startswith("bert.encoder") for name in new_names)


def test_the_new_head_learns_faster_than_the_encoder(
    tiny_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def record(jobs: list[Job[Loss]], *rest: Any, **more: Any) -> list[Fit]:
        seen.extend(jobs[0].groups)
        return [Fit(0, 0.0, 0.0)]

    monkeypatch.setattr(distillation_module, "optimise", record)
    student, _ = distil(
        Work(TASK, Data([], pool=POOL)), teacher_of(POOL), config(tiny_bert), HOW, 1
    )
    encoder, head = seen
    assert head.rate_factor > encoder.rate_factor == 1.0
    classifier = student.model.classifier.weight
    assert any(parameter is classifier for parameter in head.parameters)
    assert all(parameter is not classifier for parameter in encoder.parameters)


# Saved, and loaded by pet and by anybody

PAIR_TEXTS = [
    {"a": "the film was good", "b": "we just love it"},
    {"a": "a zebra", "b": "no"},
    {"a": "it", "b": "a very cold train and this that"},
]


def plain_logits(folder: Path, *columns: list[str], **options: Any) -> Any:
    """What a user computes who has never heard of pet."""
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        inputs = tokenizer(*columns, padding=True, return_tensors="pt", **options)
        return model(**inputs).logits.numpy()


SERVED = ["bert", "roberta", "xlm-roberta", "distilbert", "albert", "electra", "deberta",
          "deberta-v2", "modernbert", "mpnet", "megatron-bert", "roformer"]  # fmt: skip


@pytest.mark.parametrize("family", [name for name in SERVED if name in FAMILIES])
@pytest.mark.parametrize("task", [TASK, PAIR], ids=["single", "pair"])
def test_a_saved_classifier_gives_anybody_the_same_logits(
    family: str, task: Task, tmp_path: Path
) -> None:
    backbone = save_family(FAMILIES[family], tmp_path / "backbone")
    student, new_names = SequenceClassifier.fresh(config(backbone), task, 3)
    assert new_names
    texts = [{"text": f"{row['a']} {row['b']}"} if task is TASK else row for row in PAIR_TEXTS]
    expected = student.scores(texts)
    student.save(tmp_path / "saved")
    again = SequenceClassifier.load(tmp_path / "saved", task, config(backbone))
    np.testing.assert_array_equal(again.scores(texts), expected)
    columns = [[row[name] for row in texts] for name in task.fields]
    np.testing.assert_allclose(plain_logits(tmp_path / "saved", *columns), expected, atol=1e-4)


def test_a_saved_classifier_names_its_labels(tiny_bert: str, tmp_path: Path) -> None:
    student, _ = SequenceClassifier.fresh(config(tiny_bert), TASK, 1)
    student.save(tmp_path)
    saved = AutoModelForSequenceClassification.from_pretrained(tmp_path).config
    assert saved.id2label == {0: "no", 1: "maybe", 2: "yes"}
    assert saved.label2id == {"no": 0, "maybe": 1, "yes": 2}
    assert (tmp_path / "model.safetensors").is_file()
    assert not list(tmp_path.glob("*.bin"))


def test_long_texts_are_shortened_as_the_plain_tokenizer_shortens_them(
    tiny_bert: str, tmp_path: Path
) -> None:
    student, _ = SequenceClassifier.fresh(config(tiny_bert, 16), TASK, 1)
    student.save(tmp_path)
    texts = ["the film was good " * 9, "the film", "a cold train " * 30]
    found = student.scores([{"text": text} for text in texts])
    expected = plain_logits(tmp_path, texts, truncation=True, max_length=16)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_third_field_follows_the_second_after_a_space(tiny_bert: str, tmp_path: Path) -> None:
    three = Task("three", ["no", "maybe", "yes"], ["a", "b", "c"], [PVP("{a} {mask}", WORDS)])
    student, _ = SequenceClassifier.fresh(config(tiny_bert), three, 1)
    student.save(tmp_path)
    rows = [{"a": "the film", "b": "was", "c": "good"}, {"a": "it", "b": "is so", "c": "bad ."}]
    expected = plain_logits(tmp_path, [r["a"] for r in rows], [f"{r['b']} {r['c']}" for r in rows])
    np.testing.assert_allclose(student.scores(rows), expected, atol=1e-5)


def test_scores_do_not_depend_on_the_batch(tiny_bert: str, monkeypatch: pytest.MonkeyPatch) -> None:
    student, _ = SequenceClassifier.fresh(config(tiny_bert), TASK, 1)
    texts = [{"text": text} for text in ("the film", "a cold train and a warm room", "", "zebra")]
    together = student.scores(texts)
    monkeypatch.setattr(Compute, "token_budget", 1)
    np.testing.assert_allclose(student.scores(texts), together, atol=1e-5)
    assert student.scores([]).shape == (0, 3)


def test_a_fresh_head_depends_on_the_seed_alone(tiny_bert: str) -> None:
    one, other, third = (
        weights(SequenceClassifier.fresh(config(tiny_bert), TASK, seed)[0]) for seed in (1, 1, 2)
    )
    assert same(one, other)
    changed = {name for name in one if not torch.equal(one[name], third[name])}
    assert "classifier.weight" in changed
    assert not any(name.startswith(("bert.encoder", "bert.embeddings")) for name in changed)


# Fine-tuning on labels alone


def labelled(start: int, step: int) -> list[Example]:
    return [
        Example(example.texts, TASK.labels[int(teacher([example])[0].argmax())])
        for example in list(POOL)[start::step]
    ]


def test_fine_tuning_learns_and_repeats(tiny_bert: str) -> None:
    training = TrainingConfig(max_steps=120, batch_size=8, learning_rate=5e-3)
    told: list[Event] = []
    examples = labelled(0, 1)[:48]

    def tuned(seed: int, steps: int) -> tuple[SequenceClassifier, Fit]:
        own = TrainingConfig(max_steps=steps, batch_size=8, learning_rate=3e-3)
        return fine_tune(Work(TASK, Data(examples)), config(tiny_bert), own, seed)

    work = Work(TASK, Data(examples), told.append)
    model, fit = fine_tune(work, config(tiny_bert), training, 1)
    assert fit.steps == 120
    assert (told[-1].stage, told[-1].step, told[-1].total) == ("classifier", 120, 120)
    new = labelled(0, 1)[48:]
    found = model.scores([example.texts for example in new]).argmax(1)
    assert np.mean([TASK.labels[n] == e.label for n, e in zip(found, new, strict=True)]) > 0.95
    assert same(weights(tuned(1, 3)[0]), weights(tuned(1, 3)[0]))
    assert not same(weights(tuned(1, 3)[0]), weights(tuned(2, 3)[0]))


def test_fine_tuning_stops_on_development_examples(tiny_bert: str) -> None:
    wrong = {"no": "yes", "yes": "maybe", "maybe": "no"}
    dev = [Example(e.texts, wrong[str(e.label)]) for e in labelled(0, 2)]
    training = TrainingConfig(
        max_steps=400, batch_size=8, learning_rate=3e-3, eval_every=20, patience=2
    )
    _, fit = fine_tune(Work(TASK, Data(labelled(0, 2), dev)), config(tiny_bert), training, 1)
    assert fit.steps < 400
    assert fit.best_score is not None


def test_nothing_is_warned_about_when_a_classifier_is_made(tiny_bert: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        SequenceClassifier.fresh(config(tiny_bert), TASK, 1)
    assert caught == []
