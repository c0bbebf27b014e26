"""A process that is forked after several threads were used answers, with the same numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import sys
from multiprocessing import get_context
import numpy, torch
from in_any_order import classifier_of, texts

def answer(queue):
    queue.put((torch.get_num_threads(), model.predict_proba(rows)))

torch.set_num_threads(2)
model = classifier_of(["pos", "neg"], sys.argv[1]).fit([])
rows = texts(60)
expected = model.predict_proba(rows)
assert torch.get_num_threads() == 2
context = get_context("fork")
queue = context.Queue()
child = context.Process(target=answer, args=(queue,), daemon=True)
child.start()
threads, found = queue.get(timeout=120)
assert threads == 1, threads
numpy.testing.assert_allclose(found, expected, atol=1e-6)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_answers(lively_bert: str) -> None:
    support = str(Path(__file__).resolve().parents[1] / "support")
    path = os.pathsep.join([support, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "2"}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, lively_bert],
        check=True, timeout=240, env=environment,
    )  # fmt: skip
