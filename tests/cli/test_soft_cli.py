"""Soft templates from the command line and from Python: one command, an ensemble, a small file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from toy import Files, labelled_rows, pet, toy_task, train
from transformers import AutoModelForMaskedLM, AutoTokenizer

from pet import PVP, PETClassifier, Task, Verbalizer
from pet.config import Settings, TemplateConfig, unused
from pet.errors import UsageError
from pet.members import slots_of, specs_of
from pet.task import load_task
from pet.task.source import task_source


def specs(task: Task | None = None, **flat: Any) -> list[Any]:
    return specs_of(task or toy_task(), Settings.from_flat(flat))


def test_a_hard_pattern_gets_its_slots_before_the_text() -> None:
    first = specs(soft="words", soft_slots=3)[0]
    assert first.pvp.pattern.template == "{soft:3} {text} It was {mask}."
    assert (first.name, first.soft.kind, first.soft.seed) == ("pattern-0", "words", first.seed)
    named = specs(soft="words", soft_text="the film")[0]
    assert named.pvp.pattern.template == "{soft:'the film'} {text} It was {mask}."


def test_softening_makes_slots_of_the_patterns_own_words() -> None:
    first = specs(soft_from_words=True)[0]
    assert first.soft.kind == "words"
    assert first.pvp.pattern.template == "{text}{soft:' It was '}{mask}{soft:'.'}"
    other = specs(soft_from_words=True, soft="prompt-tuning")[0]
    assert other.soft.kind == "prompt-tuning"


def test_hard_and_soft_members_stand_side_by_side_with_the_same_seeds() -> None:
    found = specs(soft="none,words,prompt-tuning", repetitions=2, patterns=(1,))
    assert [spec.name for spec in found] == [
        f"pattern-1{kind}-{n}" for kind in ("", "-words", "-prompt-tuning") for n in (0, 1)
    ]
    assert [spec.soft and spec.soft.kind for spec in found[::2]] == [None, "words", "prompt-tuning"]
    assert found[0].seed == found[2].seed == found[4].seed
    assert found[0] == specs(repetitions=2, patterns=(1,))[0]


def test_a_task_says_itself_how_its_slots_are_learned() -> None:
    words = toy_task().pvps[0].verbalizers[0]
    own = replace(
        toy_task(),
        pvps=[
            PVP("{soft:2} {text} {mask}", words, soft="words"),
            PVP("{text} {mask}", words),
            PVP("{text} {mask}", words, soft="words"),
        ],
    )
    first, second, third = specs(own, soft_slots=4)
    assert (first.soft.kind, second.soft, third.soft.kind) == ("words", None, "words")
    assert third.pvp.pattern.template == "{soft:4} {text} {mask}"
    again = Task.from_dict(json.loads(json.dumps(own.to_dict())))
    assert again == own
    source: dict[str, Any] = {}
    exec(task_source(own), source)
    assert source["task"] == own


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"soft": "wrods"}, "soft='wrods' is unknown(?s:.*)'words'"),
        ({"soft": ("words", "words")}, "one or more different"),
        ({"soft": ()}, "one or more different"),
        ({"soft_start": "msak"}, "'mask'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values: Any, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        TemplateConfig(**values)


def test_one_command_trains_hard_and_soft_members(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    result = train(
        files, tiny_bert, run, "--patterns", "0", "--soft", "none,words,prompt-tuning",
        "--soft-slots", "3", "--scope", "prompt", "--test", files.test,
    )  # fmt: skip
    assert result.code == 0, result.err
    for name in ("pattern-0 ", "pattern-0-words", "pattern-0-prompt-tuning"):
        assert name in result.out
    for name in ("pattern-0-words", "pattern-0-prompt-tuning"):
        record = json.loads((run / "members" / name / "member.json").read_text("utf-8"))
        assert record["trained"] == 96
    small = run / "members" / "pattern-0-words" / "weights.safetensors"
    assert small.stat().st_size < 2_000
    assert (run / "members" / "pattern-0" / "weights.safetensors").stat().st_size > 20_000
    assert pet("predict", run, "--input", files.test, "--device", "cpu").code == 0
    again = train(
        files, tiny_bert, run, "--patterns", "0", "--soft", "none,words,prompt-tuning",
        "--soft-slots", "3", "--scope", "prompt",
    )  # fmt: skip
    assert again.code == 0
    assert "was finished before" in again.err
    shown = pet("explain", run, "--text", "the film was warm", "--device", "cpu")
    assert shown.code == 0, shown.err
    assert "pattern-0-prompt-tuning: <3> the film was warm" in shown.out


def test_slots_and_adapters_are_trained_together_and_nothing_else(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    pytest.importorskip("peft")
    run = tmp_path / "run"
    result = train(
        files, tiny_bert, run, "--method", "single", "--soft", "prompt-tuning", "--soft-slots", 3,
        "--scope", "lora", "--lora-rank", 2,
    )  # fmt: skip
    assert result.code == 0, result.err
    stored = load_file(run / "members" / "pattern-0" / "weights.safetensors")
    kinds = {"slots" if "soft" in name else "lora" if ".lora_" in name else name for name in stored}
    assert kinds == {"slots", "lora"}
    model = PETClassifier.from_pretrained(run)
    texts = [row["text"] for row in labelled_rows()]
    expected = model.predict_proba(texts)
    model.save_pretrained(tmp_path / "saved")
    again = PETClassifier.from_pretrained(tmp_path / "saved")
    np.testing.assert_allclose(again.predict_proba(texts), expected, atol=1e-6)


@pytest.mark.parametrize(
    "named",
    [
        ("--soft", "warp"),
        ("--soft", "prompt-tuning", "--soft-start", "mask", "--readout", "class-vectors"),
    ],
    ids=["warp", "spelled out"],
)
def test_warp_is_prompt_tuning_from_masks_with_class_vectors(
    named: tuple[str, ...], files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    # As the paper has it: slots that start as mask tokens and class vectors that start from label
    # words are trained; the language model is not.
    warp = (*named, "--scope", "prompt", "--soft-slots", "3", "--method", "single")
    learned = {}
    for steps in (0, 5):
        run = tmp_path / f"run-{steps}"
        result = train(
            files, tiny_bert, run, *warp, "--max-steps", steps, "--prompt-rate", 0.05,
            "--readout-rate", 0.05,
        )  # fmt: skip
        assert result.code == 0, result.err
        (file,) = (run / "members").glob("*/weights.safetensors")
        learned[steps] = load_file(file)
    masked = AutoModelForMaskedLM.from_pretrained(tiny_bert)
    words = masked.get_input_embeddings().weight.detach()
    ids = AutoTokenizer.from_pretrained(tiny_bert).convert_tokens_to_ids
    vectors, classes = "learned.soft.vectors", "learned.readouts.0.vectors"
    assert set(learned[0]) == {vectors, classes, "learned.readouts.0.biases"}
    assert set(learned[5]) == set(learned[0])
    torch.testing.assert_close(learned[0][vectors], words[[ids("[MASK]")] * 3])
    expected = [words[ids(own)].mean(0) for own in (["bad", "terrible"], ["good", "great"])]
    torch.testing.assert_close(learned[0][classes], torch.stack(expected))
    assert all((learned[0][name] != learned[5][name]).any() for name in (vectors, classes))
    result = pet("predict", tmp_path / "run-5", "--input", files.train, "--device", "cpu")
    assert result.code == 0, result.err
    assert len(result.out.splitlines()) == len(labelled_rows())


def test_recipes_are_members_like_other_kinds() -> None:
    how = {"patterns": (0,), "soft": ("none", "warp", "mixture", "deep"), "readout": ("words",)}
    hard, warp, mixture, deep = specs_of(load_task("reviews"), Settings.from_flat(how))
    assert hard.soft is None
    assert warp.name == "pattern-0-warp-class-vectors"
    assert warp.readout == "class-vectors"
    assert warp.soft is not None
    assert (warp.soft.kind, warp.soft.start, warp.soft.mixture) == ("prompt-tuning", "mask", 1)
    assert (mixture.name, mixture.readout) == ("pattern-0-mixture", "words")
    assert mixture.soft is not None
    assert (mixture.soft.kind, mixture.soft.start) == ("prompt-tuning", "label-words")
    assert mixture.soft.mixture == 4
    assert deep.soft is not None
    assert (deep.soft.kind, deep.soft.mixture) == ("deep", 1)
    more = specs_of(load_task("reviews"), Settings.from_flat({**how, "soft_mixture": 2}))
    assert [own.soft.mixture for own in more if own.soft] == [2, 2, 2]


def test_a_pattern_without_words_cannot_be_softened() -> None:
    words = Verbalizer({"negative": ["bad"], "positive": ["good"]})
    task = Task("toy", ["negative", "positive"], ["text"], [PVP("{text}{mask}", words)])
    with pytest.raises(UsageError, match="has no words that could be softened"):
        specs_of(task, Settings.from_flat({"soft_from_words": True}))


def test_a_study_compares_frozen_prompts_with_methods_without_slots(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    result = pet(
        "fewshot", "--task", files.task, "--train", files.train, "--test", files.test,
        "--methods", "zero-shot,single,words", "--scope", "prompt", "--shots", 1, "--seeds", 13,
        "--backbone", tiny_bert, "--max-steps", 2, "--patterns", 0, "--unlabeled", 0,
        "--soft-mixture", 2, "-o", tmp_path / "study",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert all(name in result.out for name in ("zero-shot", "single", "words"))


def test_a_pvp_may_name_a_recipe() -> None:
    words = Verbalizer({"negative": ["bad"], "positive": ["good"]})
    pvps = [PVP("{soft:2} {text} {mask}.", words, soft=name) for name in ("warp", "mixture")]
    task = Task.from_dict(Task("toy", ["negative", "positive"], ["text"], pvps).to_dict())
    warp, mixture = specs_of(task, Settings())
    assert warp.readout == "class-vectors"
    assert warp.soft is not None
    assert mixture.soft is not None
    assert (warp.soft.kind, warp.soft.start, warp.soft.mixture) == ("prompt-tuning", "mask", 1)
    assert (mixture.readout, mixture.soft.start) == ("words", "label-words")
    assert (mixture.soft.kind, mixture.soft.mixture) == ("prompt-tuning", 4)


@pytest.mark.parametrize(
    ("how", "ignored"),
    [
        ({"soft_slots": 3, "soft_start": "mask", "soft_deep_layers": "1", "prompt_rate": 0.1},
         ["soft_slots", "soft_start", "soft_deep_layers", "prompt_rate"]),
        ({"soft": ("words",), "scope": "prompt", "learning_rate": 0.1}, ["learning_rate"]),
        ({"soft": ("words", "none"), "scope": "prompt", "learning_rate": 0.1}, []),
        ({"soft_from_words": True, "soft_slots": 3, "soft_text": "it was", "soft_start": "uniform"},
         ["soft_slots", "soft_text", "soft_start"]),
        ({"soft": ("deep",), "soft_slots": 3, "soft_deep_layers": "1"}, []),
        ({"soft": ("words",), "soft_deep": "add"}, ["soft_deep"]),
        ({"soft": ("words",), "soft_text": "it was", "soft_start": "uniform", "soft_slots": 3},
         ["soft_start", "soft_slots"]),
        ({"soft": ("words",), "soft_start": "uniform"}, []),
        ({"soft": ("warp",), "soft_start": "uniform", "readout": ("prototypes",)},
         ["readout", "soft_start"]),
        ({"soft": ("warp", "none"), "soft_start": "uniform", "readout": ("prototypes",)},
         ["soft_start"]),
        ({"lora_rank": 2, "scope": "bias"}, ["lora_rank"]),
        ({"lora_rank": 2, "scope": "lora", "method": "head"}, ["lora_rank", "scope"]),
        # Pattern 2 is to have slots, which softening gives only to members of a kind.
        ({"patterns": (2,), "soft": ("none", "words"), "soft_from_words": True, "soft_slots": 3},
         []),
        ({"patterns": (2,), "soft": ("words",), "soft_from_words": True, "soft_slots": 3},
         ["soft_slots"]),
        ({"lora_rank": 2, "scope": "lora"}, []),
        # Pattern 1 has slots of its own: of words, and pseudo tokens.
        ({"patterns": (1,), "soft": ("words",), "soft_slots": 3, "soft_text": "it was"},
         ["soft_slots", "soft_text"]),
        ({"patterns": (1,), "soft": ("words",), "soft_start": "uniform"}, []),
        ({"patterns": (0, 1), "soft": ("words",), "soft_slots": 3}, []),
    ],
)  # fmt: skip
def test_settings_of_templates_that_nobody_has_are_named(
    how: dict[str, Any], ignored: list[str]
) -> None:
    words = Verbalizer({"negative": ["bad"], "positive": ["good"]})
    pvps = [
        PVP("{text} all {mask}", words),
        PVP("{text} {soft:'it'} {soft} {mask}", words),
        PVP("{text} was {mask}", words, soft="words"),
    ]
    task = Task("toy", ["negative", "positive"], ["text"], pvps)
    settings = Settings.from_flat({"patterns": (0,), **how})
    slots = slots_of(task, specs_of(task, settings), settings.template.soft_start)
    assert sorted(unused(settings, slots)) == sorted(ignored)


def test_another_seed_is_that_of_the_soft_template_too() -> None:
    (hard, *_), (soft, *_) = specs(), specs(soft="prompt-tuning")
    assert soft.seeded(7).soft == replace(soft.soft, seed=7)
    assert (soft.seeded(7).seed, hard.seeded(7).seed, hard.seeded(7).soft) == (7, 7, None)


def test_a_number_of_templates_wins_over_that_of_a_recipe() -> None:
    found = [
        specs(soft="mixture", **more)[0].soft
        for more in ({}, {"soft_mixture": 1}, {"soft_mixture": 2})
    ]
    assert [own.mixture for own in found] == [4, 1, 2]


def test_a_scope_of_slots_without_any_is_refused(
    files: Files, tiny_bert: str, tmp_path: Path
) -> None:
    result = train(files, tiny_bert, tmp_path / "run", "--scope", "prompt")
    assert result.code == 2
    assert "no chosen pattern has any" in result.err
    assert "--soft KIND" in result.err


def test_the_classifier_learns_slots_and_is_saved_with_them(tiny_bert: str, tmp_path: Path) -> None:
    words = Verbalizer({"negative": ["bad"], "positive": ["good"]})
    pvps = [PVP("{soft:2} {text} {soft:'It was'} {mask}.", words, soft="words")]
    task = Task("toy", ["negative", "positive"], ["text"], pvps)
    model = PETClassifier(
        task, backbone=tiny_bert, device="cpu", max_steps=3, scope="prompt", soft="none"
    )
    texts = [row["text"] for row in labelled_rows()]
    model.fit(texts, [row["label"] for row in labelled_rows()])
    expected = model.predict_proba(texts)
    model.save_pretrained(tmp_path / "saved")
    again = PETClassifier.from_pretrained(tmp_path / "saved")
    np.testing.assert_allclose(again.predict_proba(texts), expected, atol=1e-6)
