"""A fitted classifier of every kind is a value: it pickles, is copied, and moves elsewhere."""

from __future__ import annotations

import copy
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


def test_another_process_gives_the_same_probabilities(
    fitted: dict[str, PETClassifier], tmp_path: Path
) -> None:
    joblib.dump(fitted, tmp_path / "models.joblib", compress=3)
    code = (
        "import sys, joblib, numpy\n"
        "models = joblib.load(sys.argv[1])\n"
        "rows = joblib.load(sys.argv[2])\n"
        "numpy.savez(sys.argv[3], **{n: m.predict_proba(rows) for n, m in models.items()})\n"
    )
    joblib.dump(X, tmp_path / "rows.joblib")
    paths = [str(tmp_path / name) for name in ("models.joblib", "rows.joblib", "found.npz")]
    subprocess.run([sys.executable, "-c", code, *paths], check=True, timeout=300)
    with np.load(paths[2]) as found:
        for name, model in fitted.items():
            np.testing.assert_array_equal(found[name], model.predict_proba(X), err_msg=name)


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
