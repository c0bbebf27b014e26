"""Tasks with several labels a text, from rows to predictions: the command line and the class."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden import Naive
from torch.nn import functional
from toy import pet, write_csv, write_jsonl

from pet import PVP, Example, PETClassifier, PetError, Task, Verbalizer, load_task
from pet.backbone import MaskedLM
from pet.config import Settings, TrainingConfig
from pet.data import Data
from pet.encoding import Chunk
from pet.evaluation.metrics import METRICS
from pet.evaluation.study.baselines import BASELINES
from pet.members import PatternSpec, train_member
from pet.members.losses import label_losses
from pet.members.work import Work
from pet.scoring import PVPScorer
from pet.scoring.labelled import Labelled
from pet.task.kinds import KINDS, targets_of

TASK_FILE = '''"""What is it about?"""

from pet import PVP, Task, Verbalizer

answer = Verbalizer({"yes": ["yes"], "no": ["no"]})

task = Task(
    name="topics",
    labels=["food", "room", "sports news"],
    fields=["text"],
    description="What it is about.",
    kind="multi-label",
    pvps=[
        PVP("{text} is it {label} ? {mask} .", answer),
        PVP("( {label} ? {mask} ) {text}", answer),
    ],
)
'''
LABELS = ["food", "room", "sports news"]
# Every label has a word of its own, which is not its name.
SIGNS = {"food": "warm", "room": "blue", "sports news": "fast"}
ROWS = [
    {"text": " ".join([start, *(SIGNS[label] for label in own), "it was"]), "label": own}
    for start in ("the", "a very", "so")
    for own in (
        ["food"], ["room"], ["sports news"], ["food", "room"], ["sports news", "food"], [],
        ["room", "sports news"], LABELS,
    )
]  # fmt: skip
POOL = [
    {"text": " ".join([start, *(SIGNS[label] for label in row["label"]), "it was"])}
    for start in ("we", "they", "this", "and")
    for row in ROWS[:8]
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("files")
    (folder / "topics.py").write_text(TASK_FILE)
    table = [{"text": f"one {' '.join(SIGNS[x] for x in own)} it was", "label": ";".join(own)}
             for own in (["room", "food"], [], ["sports news"], ["food"])]  # fmt: skip
    return {
        "task": str(folder / "topics.py"),
        "train": write_jsonl(folder / "train.jsonl", ROWS),
        "pool": write_jsonl(folder / "pool.jsonl", POOL),
        "test": write_csv(folder / "test.csv", table),
        "folder": str(folder),
    }


@pytest.fixture(scope="module")
def trained(files: dict[str, str], lively_bert: str) -> tuple[str, str]:
    """A run folder, and the table of its report."""
    out = f"{files['folder']}/run"
    result = pet(
        "train", "--task", files["task"], "--train", files["train"], "--unlabeled", files["pool"],
        "--test", files["test"], "--backbone", lively_bert, "--max-steps", 100, "--learning-rate",
        "5e-3", "--distill-epochs", 40, "--distill-learning-rate", "2e-3", "--device", "cpu",
        "-o", out,
    )  # fmt: skip
    assert result.code == 0, result.err
    return out, result.out


def test_the_report_counts_texts_and_labels(trained: tuple[str, str]) -> None:
    out, table = trained
    assert "test, all labels right  micro-F1  macro-F1  calibration error" in table
    metrics = json.loads((Path(out) / "metrics.json").read_text())
    for name in ("ensemble", "classifier"):
        assert metrics["test"][name]["micro_f1"] > 0.6, table
    member = metrics["rows"][next(iter(metrics["rows"]))]
    assert member["accuracy_after"] > max(0.8, member["accuracy_before"])


def test_the_student_is_a_multi_label_classifier_for_transformers(
    trained: tuple[str, str],
) -> None:
    config = json.loads((Path(trained[0]) / "classifier" / "config.json").read_text())
    assert config["problem_type"] == "multi_label_classification"
    assert list(config["id2label"].values()) == LABELS


def test_evaluate_shows_the_figures(trained: tuple[str, str], files: dict[str, str]) -> None:
    shown = pet("evaluate", trained[0], "--test", files["test"])
    assert shown.code == 0, shown.err
    assert "micro_f1 " in shown.out
    assert "true \\ predicted" not in shown.out
    plain = pet("evaluate", trained[0], "--test", files["test"], "--json", "-")
    figures = json.loads(plain.out)
    metrics = json.loads((Path(trained[0]) / "metrics.json").read_text())
    assert figures.keys() == {
        "n", *METRICS, "per_class", "confusion", "reliability", "training_examples",
    }  # fmt: skip
    for name in ("accuracy", "micro_f1", "macro_f1", "ece", "n"):
        assert figures[name] == pytest.approx(metrics["test"]["classifier"][name], abs=1e-6)


def test_predict_writes_lists_and_joined_cells(
    trained: tuple[str, str], files: dict[str, str]
) -> None:
    lines = pet("predict", trained[0], "--input", files["test"])
    assert lines.code == 0, lines.err
    rows = [json.loads(line) for line in lines.out.splitlines()]
    for row in rows:
        wanted = [label for label in LABELS if row["probabilities"][label] >= 0.5]
        assert row["predicted_label"] == wanted
        shares = [max(p, 1 - p) for p in row["probabilities"].values()]
        assert row["probability"] == pytest.approx(np.prod(shares), abs=1e-5)
    target = f"{files['folder']}/predicted.csv"
    assert pet("predict", trained[0], "--input", files["test"], "-o", target).code == 0
    with open(target, encoding="utf-8") as stream:
        cells = list(csv.DictReader(stream))
    assert [cell["predicted_label"] for cell in cells] == [
        ";".join(row["predicted_label"]) for row in rows
    ]
    # What it wrote can be read as labelled examples.
    predicted = ("--column", "label=predicted_label")
    shown = pet("evaluate", trained[0], "--test", target, "--json", "-", *predicted)
    assert json.loads(shown.out)["accuracy"] == 1


def test_explain_shows_the_questions_and_votes(trained: tuple[str, str]) -> None:
    shown = pet("explain", trained[0], "--text", "the warm blue we see")
    assert shown.code == 0, shown.err
    assert "the warm blue we see is it <label> ? ____ ." in shown.out
    assert "    sports news: " in shown.out
    assert "calibrated: food " in shown.out
    nothing = pet("explain", trained[0], "--text", "one")
    assert nothing.code == 0, nothing.err


def test_check_counts_every_label(files: dict[str, str], lively_bert: str) -> None:
    shown = pet(
        "check", "--task", files["task"], "--train", files["train"], "--backbone", lively_bert
    )
    assert shown.code == 0, shown.err
    assert "   12  food" in shown.out
    assert "labels a text: 1.5 on average, at most 3; 3 texts have none" in shown.out


@pytest.mark.parametrize(
    ("label", "message"),
    [(["food", "stuff"], "unknown label 'stuff'"), (None, "no row with a label")],
)
def test_a_faulty_row_is_named(
    files: dict[str, str], tmp_path: Path, label: Any, message: str
) -> None:
    rows = write_jsonl(tmp_path / "rows.jsonl", [{"text": "a", "label": label}])
    result = pet("train", "--task", files["task"], "--train", rows, "-o", tmp_path / "run")
    assert result.code == 1
    assert message in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("text,lable\na,food\n", "no column 'label' among 'text', 'lable'."),
        ("text,lable\na,food\n", "Did you mean 'lable'? Name it with --column label=COLUMN"),
        (f"text,{','.join(LABELS)}\na{',' * len(LABELS)}\n", "in the columns of the labels, '"),
    ],
)
def test_a_file_without_any_label_is_told_by_its_columns(
    files: dict[str, str], tmp_path: Path, table: str, message: str
) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text(table, "utf-8")
    result = pet("check", "--task", files["task"], "--train", rows)
    assert result.code == 1
    assert message in result.out


def test_what_cannot_be_done_is_said_at_once(
    files: dict[str, str], lively_bert: str, tmp_path: Path
) -> None:
    how = ("--task", files["task"], "--backbone", lively_bert, "--max-steps", 1)
    for rows, more, message in (
        (ROWS, ("--method", "ipet", "--unlabeled", files["pool"]), "Method 'ipet' takes tasks"),
        ([{"text": "a", "label": []}] * 2, (), "no label at all"),
        ([{"text": "a", "label": LABELS}], (), "has all labels"),
    ):
        train = write_jsonl(tmp_path / "train.jsonl", rows)
        result = pet("train", *how, "--train", train, "-o", tmp_path / "run", "--force", *more)
        assert (result.code, message in result.err) == (2 if more else 1, True), result.err
        assert "Traceback" not in result.err


# --- one member ---------------------------------------------------------------------------------

PVP_ = PVP("{text} is it {label} ? {mask} .", Verbalizer({"yes": ["yes"], "no": ["no"]}))
TASK = Task("topics", LABELS, ["text"], [PVP_], kind="multi-label")
EXAMPLES = [Example({"text": str(row["text"])}, tuple(row["label"])) for row in ROWS]


@pytest.mark.parametrize("weight", ["none", "balanced"])
def test_the_loss_is_binary_cross_entropy_of_the_questions_asked(
    lively_bert: str, weight: Any
) -> None:
    model = MaskedLM.load(lively_bert, "cpu", "fp32")
    naive = Naive(lively_bert)
    scorer = PVPScorer(PVP_, LABELS, model, 64)
    chunk = Chunk(model.tokenizer, [example.texts for example in EXAMPLES[:8]])
    targets = targets_of(TASK, [example.label for example in EXAMPLES[:8]])
    # As many wrong labels as there are: everything is asked, in whatever order.
    training = TrainingConfig(batch_size=8, negatives=3, class_weight=weight)
    generator = np.random.default_rng(0)
    kind = KINDS["multi-label"]
    found = next(label_losses(scorer, Labelled(chunk, targets, kind), training, None, generator))
    scores = torch.zeros(8, 3)
    for row, example in enumerate(EXAMPLES[:8]):
        for column, label in enumerate(LABELS):
            before = f"{example.texts['text']} is it {label} ?"
            yes, no = (naive.word_logit(before, word, ".") for word in ("yes", "no"))
            scores[row, column] = yes - no
    truth = torch.tensor(targets).float()
    own = functional.binary_cross_entropy_with_logits(scores, truth, reduction="none")
    share = truth.mean()
    weights = torch.ones(8, 3)
    if weight == "balanced":
        weights = torch.where(truth == 1, 0.5 / share, 0.5 / (1 - share))
    assert found().item() == pytest.approx(float((own * weights).sum() / weights.sum()), abs=1e-4)


def test_a_member_repeats_bit_by_bit(lively_bert: str) -> None:
    model = MaskedLM.load(lively_bert, "cpu", "fp32")
    spec = PatternSpec("m", 0, PVP_, 1, TrainingConfig(max_steps=4, negatives=1), 64)
    one, two = (train_member(model, spec, Work(TASK, Data(EXAMPLES))) for _ in range(2))
    assert one.loss == two.loss
    assert all(torch.equal(one.weights[name], two.weights[name]) for name in one.weights)


# --- the class ----------------------------------------------------------------------------------

TEXTS = [row["text"] for row in ROWS]
SETS = [row["label"] for row in ROWS]
TABLE = np.array([[label in own for label in LABELS] for own in SETS]).astype(int)


def classifier(files: dict[str, str], lively_bert: str, **more: Any) -> PETClassifier:
    how = {"max_steps": 3, "device": "cpu", **more}
    return PETClassifier(load_task(files["task"]), backbone=lively_bert, **how)


@pytest.mark.parametrize("method", ["pet", "zero-shot", "head", "fine-tune"])
def test_lists_and_indicators_give_the_same_model(
    files: dict[str, str], lively_bert: str, method: str, tmp_path: Path
) -> None:
    lists = classifier(files, lively_bert, method=method).fit(TEXTS, SETS)
    table = classifier(files, lively_bert, method=method).fit(TEXTS, TABLE)
    shares = lists.predict_proba(TEXTS)
    np.testing.assert_array_equal(shares, table.predict_proba(TEXTS))
    assert shares.shape == (len(TEXTS), 3)
    assert ((shares >= 0) & (shares <= 1)).all()
    found = table.predict(TEXTS)
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, (shares >= 0.5).astype(int))
    named = lists.predict(TEXTS)
    assert named == [
        tuple(label for label, has in zip(LABELS, row, strict=True) if has) for row in found
    ]
    assert lists.score(TEXTS, SETS) == table.score(TEXTS, TABLE)
    assert table.score(TEXTS, TABLE) == (found == TABLE).all(axis=1).mean()
    lists.save_pretrained(tmp_path / "saved")
    again = PETClassifier.from_pretrained(tmp_path / "saved", "cpu")
    np.testing.assert_allclose(again.predict_proba(TEXTS), shares, atol=1e-5)
    assert again.predict(TEXTS) == named


@pytest.mark.parametrize("weighting", ["learned", "tempered"])
def test_learned_weights_and_early_stopping_take_several_labels(
    files: dict[str, str], lively_bert: str, weighting: str
) -> None:
    how = {
        "weighting": weighting,
        "temper": "folds",
        "folds": 2,
        "eval_every": 1,
        "class_weight": "balanced",
    }
    model = classifier(files, lively_bert, **how).fit(TEXTS, SETS, dev=(TEXTS, SETS))
    assert len(model.predict(TEXTS)) == len(TEXTS)


def test_the_class_names_a_faulty_label(files: dict[str, str], lively_bert: str) -> None:
    for y in ([["food"], ["fod"]], np.zeros((2, 4), int)):
        with pytest.raises(PetError, match=r"unknown label 'fod'|0 and 1 with 3 columns"):
            classifier(files, lively_bert).fit(TEXTS[:2], y)


@pytest.mark.parametrize("name", ["tfidf", "embedding"])
def test_baselines_learn_every_label_alone(lively_bert: str, name: str) -> None:
    settings = Settings.from_flat({"backbone": lively_bert, "device": "cpu"})
    fitted = BASELINES[name](TASK, EXAMPLES, settings)
    scores = fitted.scores([example.texts for example in EXAMPLES])
    assert ((scores > 0) == (TABLE == 1)).mean() > 0.9


def test_a_study_compares_methods_on_it(
    files: dict[str, str], lively_bert: str, tmp_path: Path
) -> None:
    result = pet(
        "fewshot", "--task", files["task"], "--train", files["train"], "--test", files["test"],
        "--shots", 2, "--seeds", "13,21", "--methods", "tfidf,single", "--max-steps", 2,
        "--backbone", lively_bert, "--device", "cpu", "-o", tmp_path / "study",
        "--json", tmp_path / "study.json",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert "micro_f1" in (tmp_path / "study.json").read_text()
