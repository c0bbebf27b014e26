"""What nobody sees without a GPU: that ways to train, and commands, run on one to their end.

Whether they say there what they say on a CPU is for the tests with this marker elsewhere.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from toy import Files, pet, train, write_jsonl

pytestmark = pytest.mark.gpu

DEVICE = "cuda"


@pytest.mark.parametrize(
    "how",
    [
        (),
        ("--method", "fine-tune"),
        ("--method", "zero-shot"),
        ("--soft", "none,prompt-tuning,deep", "--scope", "prompt"),
        ("--soft", "p-tuning,prefix,mixture", "--scope", "lora"),
        ("--soft", "warp", "--scope", "bias"),
        ("--readout", "words,prototypes,class-vectors"),
        ("--objective", "adapet", "--class-weight", "balanced"),
        ("--demonstrations", 2, "--lm-weight", 0.5, "--dropout"),
        ("--scope", "head", "--offsets", "prior"),
    ],
    ids=lambda given: " ".join(map(str, given)),
)
def test_every_way_to_train_runs_on_a_gpu(
    how: tuple[object, ...], files: Files, tiny_bert: str
) -> None:
    run = files.folder / "run"
    unlabeled = ("--unlabeled", files.unlabeled, "--device", DEVICE)
    result = train(files, tiny_bert, run, *unlabeled, "--test", files.test, *how)
    assert result.code == 0, result.err
    predicted = pet("predict", run, "--input", files.test, "--device", DEVICE)
    assert predicted.code == 0, predicted.err
    assert len(predicted.out.splitlines()) == 3


@pytest.mark.parametrize(
    "command",
    [
        ("patterns", "--no-trained"),
        ("verbalize", "--search", "petal"),
        ("verbalize", "--search", "lm-bff"),
        ("suggest",),
        ("explain",),
        ("bank",),
        ("evaluate",),
        ("fewshot",),
        ("adapt",),
    ],
    ids=lambda given: " ".join(map(str, given)),
)
def test_every_command_runs_on_a_gpu(
    command: tuple[object, ...], files: Files, tiny_bert: str
) -> None:
    name, *more = command
    device = ("--device", DEVICE)
    model = ("--backbone", tiny_bert, *device)
    labelled = ("--task", files.task, "--train", files.train)
    match name:
        case "patterns" | "verbalize":
            result = pet(name, *labelled, *model, *more)
        case "suggest" | "explain" | "evaluate":
            run = files.folder / "run"
            assert train(files, tiny_bert, run, *device).code == 0
            what = {
                "suggest": ("--unlabeled", files.unlabeled),
                "explain": ("--text", "a film"),
                "evaluate": ("--test", files.test),
            }
            result = pet(name, run, *what[name], *device)
        case "bank":
            run, bank = files.folder / "run", files.folder / "bank"
            prompts = ("--soft", "prefix", "--scope", "prompt", *device)
            assert train(files, tiny_bert, run, *prompts).code == 0
            assert pet("bank", bank, "--add", run, *device).code == 0
            rows = [{"text": "a film", "task": "toy"}, {"text": "cold food", "task": "toy"}]
            mixed = write_jsonl(files.folder / "mixed.jsonl", rows)
            result = pet("predict", "--bank", bank, "--input", mixed, *device)
        case "fewshot":
            pool = ("--train", files.train, "--test", files.test, "--shots", 2, "--seeds", "1,2")
            study = ("--max-steps", 2, "--jobs", 2, "-o", files.folder / "study")
            result = pet(name, "--task", files.task, *pool, *model, *study)
        case _:
            steps = ("--max-steps", 2, "--checkpoint-every", 1, "-o", files.folder / "adapted")
            result = pet(name, tiny_bert, "--text", files.unlabeled, *steps, *device)
    assert result.code == 0, result.err


def test_peaks_can_be_reset_before_a_gpu_is_used() -> None:
    code = "from pet.evaluation.study.memory import peak_gpu_memory, reset_peaks; reset_peaks()"
    subprocess.run([sys.executable, "-c", f"{code}; print(peak_gpu_memory())"], check=True)
