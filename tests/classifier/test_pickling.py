"""A fitted classifier of every kind is a value: it pickles, is copied, moved and forked."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from families import FAMILIES, save_family
from in_any_order import classifier_of, texts
from other_families import CAUSAL, SEQ2SEQ, save_other

from pet import PVP, PETClassifier

X, Y = texts(12), ["pos", "neg"] * 6
POOL = texts(40)[12:]
ROWS = texts(60)
# Everything that makes a model of another make.
KINDS: dict[str, dict[str, Any]] = {
    "single": {},
    "zero-shot": {"method": "zero-shot"},
    "head": {"method": "head"},
    "ensemble": {"method": "pet", "repetitions": 2},
    "distilled": {"method": "pet", "distill_epochs": 1},
    "fine-tuned": {"method": "fine-tune"},
    "adapet": {"objective": "adapet"},
    "lora": {"scope": "lora"},
    "demonstrations": {"demonstrations": 1},
    **{
        f"soft {kind}": {"soft": kind, "soft_slots": 2, "scope": "prompt"}
        for kind in ("words", "p-tuning", "deep", "prefix", "mixture")
    },
    **{
        f"readout {kind}": {"readout": kind}
        for kind in ("word-weights", "class-vectors", "prototypes")
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def fitted(lively_bert: str) -> dict[str, PETClassifier]:
    models = {}
    for name, settings in KINDS.items():
        if name == "lora":
            try:
                import peft  # noqa: F401
            except ImportError:
                continue
        pool = POOL if name == "distilled" else None
        model = classifier_of(["pos", "neg"], lively_bert, max_steps=1, **settings)
        models[name] = model.fit(X, Y, unlabeled=pool)
    return models


def test_copies_and_pickles_give_the_same_probabilities(fitted: dict[str, PETClassifier]) -> None:
    for name, model in fitted.items():
        expected = model.predict_proba(X)
        for made in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            np.testing.assert_array_equal(made.predict_proba(X), expected, err_msg=name)
            assert made.predict(X).tolist() == model.predict(X).tolist(), name
        np.testing.assert_array_equal(model.predict_proba(X), expected, err_msg=name)


def test_a_copy_can_be_trained_on_without_its_original(lively_bert: str) -> None:
    model = classifier_of(["pos", "neg"], lively_bert, max_steps=1).fit(X, Y)
    before = model.predict_proba(X)
    made = copy.deepcopy(model)
    made.fit(X, Y[::-1])
    np.testing.assert_array_equal(model.predict_proba(X), before)


# One process for both tests: loading torch takes longer than all that they ask of it.
ELSEWHERE = """
import sys
from multiprocessing import get_context
import joblib, numpy, torch

models, rows = joblib.load(sys.argv[1])
found = {name: model.predict_proba(rows) for name, model in models.items()}
numpy.savez(sys.argv[2], **found)

def answer(queue):
    queue.put((torch.get_num_threads(), models["zero-shot"].predict_proba(rows)))

torch.set_num_threads(2)
models["zero-shot"].predict_proba(rows)
assert torch.get_num_threads() == 2
context = get_context("fork")
queue = context.Queue()
child = context.Process(target=answer, args=(queue,), daemon=True)
child.start()
threads, forked = queue.get(timeout=120)
numpy.savez(sys.argv[3], threads=threads, forked=forked)
"""


@pytest.fixture(scope="module")
def elsewhere(
    fitted: dict[str, PETClassifier], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Answers of another process, and those of its forked child where there are any."""
    folder = tmp_path_factory.mktemp("elsewhere")
    joblib.dump((fitted, ROWS), folder / "models.joblib", compress=3)
    paths = [folder / name for name in ("models.joblib", "found.npz", "forked.npz")]
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ELSEWHERE, *map(str, paths)], timeout=300
    )  # fmt: skip
    return paths[1], paths[2]


def test_another_process_gives_the_same_probabilities(
    fitted: dict[str, PETClassifier], elsewhere: tuple[Path, Path]
) -> None:
    with np.load(elsewhere[0]) as found:
        for name, model in fitted.items():
            np.testing.assert_array_equal(found[name], model.predict_proba(ROWS), err_msg=name)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_after_several_threads_were_used_answers(
    fitted: dict[str, PETClassifier], elsewhere: tuple[Path, Path]
) -> None:
    expected = fitted["zero-shot"].predict_proba(ROWS)
    with np.load(elsewhere[1]) as found:
        assert found["threads"] == 1
        np.testing.assert_allclose(found["forked"], expected, atol=1e-6)


@pytest.mark.parametrize("name", ["roberta", "deberta-v2", "gpt2", "t5"])
def test_other_architectures_pickle(name: str, tmp_path: Path) -> None:
    if name in FAMILIES:
        folder = save_family(FAMILIES[name], tmp_path / "model")
    else:
        folder = save_other({**CAUSAL, **SEQ2SEQ}[name], tmp_path / "model")
    model = classifier_of(["pos", "neg"], str(folder))
    (pvp,) = model.task.pvps
    ends_with_mask = PVP("{text} It was {mask}", *pvp.verbalizers)
    model.set_params(task=replace(model.task, pvps=[ends_with_mask])).fit([])
    made = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(made.predict_proba(X[:3]), model.predict_proba(X[:3]))
