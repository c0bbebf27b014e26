"""The prompt bank: many tasks on one backbone, each row as if its task were alone."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from families import FAMILIES, save_family
from hypothesis import given, settings
from hypothesis import strategies as st
from other_families import CAUSAL, SEQ2SEQ, save_other
from tiny import save_lively_bert, save_tiny_bert
from toy import NEW, Files, Result, pet, train, write_jsonl

from pet import PVP, Ensemble, PromptBank, Task, Verbalizer
from pet.backbone import CausalLM, LanguageModel, MaskedLM, fingerprint, load_backbone
from pet.config import Settings
from pet.device import Compute
from pet.encoding import Chunk
from pet.errors import BackboneError, DataError, RunError, UsageError
from pet.members import MemberSet, specs_of
from pet.model import (
    EnsembleModel,
    TaskPrompt,
    change_bank,
    load_model,
    read_prompt,
    stored_prompts,
)
from pet.model.saving import trained_members
from pet.runs import RunFolder
from pet.scoring import PVPScorer, score

TOPICS = """from pet import PVP, Task, Verbalizer

words = Verbalizer({"home": ["food", "room"], "travel": ["train"], "talk": ["phone"]})
long = Verbalizer({"home": ["kitchen"], "travel": ["train"], "talk": ["phone"]})
task = Task(
    name="topics",
    labels=["home", "travel", "talk"],
    fields=["title", "body"],
    pvps=[PVP("{title} {mask} : {body}", words, long), PVP("{body} in {mask}", words)],
)
"""
TAGS = """from pet import PVP, Task, Verbalizer

answer = Verbalizer({"yes": ["yes"], "no": ["no"]})
task = Task(
    name="tags",
    labels=["warm", "fast"],
    fields=["text"],
    kind="multi-label",
    pvps=[PVP("{text} {label} ? {mask}", answer)],
)
"""
TOPIC_ROWS = [
    {"title": "a warm room", "body": "the food was good", "label": "home"},
    {"title": "slow", "body": "the train was slow", "label": "travel"},
    {"title": "no answer", "body": "phone news", "label": "talk"},
]
SOFT = ("--scope", "prompt", "--soft-length", "3")
# The rows of all tasks, as one file holds them.
MIXED = [
    ("toy", {"text": "a cold room"}),
    ("topics", {"title": "we", "body": "all the food and that"}),
    ("tags", {"text": "very fast and warm"}),
    ("toy", {"text": "the film was just wonderful, and so was all that we had in the room"}),
    ("plain", {"text": "i was not happy"}),
    ("topics", {"title": "the train was very slow and so cold", "body": "no"}),
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny_bert: str) -> Path:
    """Runs of four tasks on one backbone; "plain" is the toy task without training."""
    folder = tmp_path_factory.mktemp("bank-runs")
    files = Files.write(folder)
    (folder / "topics.py").write_text(TOPICS)
    (folder / "tags.py").write_text(TAGS)
    topics = write_jsonl(folder / "topics.jsonl", TOPIC_ROWS)
    tags = write_jsonl(
        folder / "tags.jsonl",
        [{"text": "warm food", "label": ["warm"]}, {"text": "a fast train", "label": ["fast"]}],
    )
    made = [
        train(files, tiny_bert, folder / "toy", *SOFT, "--soft", "prompt-tuning,deep,prefix"),
        train(files, tiny_bert, folder / "plain", "--method", "zero-shot", "--patterns", "1"),
        _train("topics", topics, folder, tiny_bert, "--soft", "words", "--soft-length", "2"),
        _train("tags", tags, folder, tiny_bert, "--soft", "p-tuning"),
    ]
    assert [result.code for result in made] == [0] * 4, [result.err for result in made]
    return folder


def _train(name: str, rows: str, folder: Path, backbone: str, *more: str) -> Result:
    return pet(
        "train", "--task", folder / f"{name}.py", "--train", rows, "--backbone", backbone,
        "--device", "cpu", "--max-steps", "3", "-o", folder / name, *SOFT, *more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(runs: Path) -> Path:
    """A bank of all of them, made by the command."""
    sources = [part for name in ("toy", "topics", "tags") for part in ("--add", runs / name)]
    made = pet("bank", runs / "bank", *sources)
    assert made.code == 0, made.err
    assert pet("bank", runs / "bank", "--add", runs / "plain", "--name", "plain").code == 0
    return runs / "bank"


@pytest.fixture(scope="module")
def bank(folder: Path) -> PromptBank:
    return PromptBank.load(folder, device="cpu", precision="fp32")


def alone(runs: Path, name: str, texts: dict[str, str]) -> Any:
    """Scores of one row by the run's own model."""
    return load_model(runs / name, "cpu", "fp32").scores([texts])[0]


# Scoring


def test_every_row_scores_as_its_own_run_says(bank: PromptBank, runs: Path) -> None:
    found = bank.scores(MIXED)
    for (name, texts), own in zip(MIXED, found, strict=True):
        assert len(own) == len(bank.tasks[name].labels)
        np.testing.assert_allclose(own, alone(runs, name, texts), atol=1e-5, rtol=1e-5)


def test_prompts_of_one_shape_are_not_mixed_up(tmp_path: Path) -> None:
    pvp = PVP("{text} {mask}", Verbalizer({"bad": ["bad"], "good": ["good"]}), soft="deep")
    backbone = MaskedLM.load(str(save_lively_bert(tmp_path)), "cpu", "fp32")
    bank = PromptBank(backbone)
    expected = []
    for seed in range(3):
        task = Task(f"task-{seed}", ["bad", "good"], ["text"], [pvp])
        prompt, scorer = _random_prompt(task, backbone, seed)
        bank.add(prompt)
        # One member, whose scores are those of the ensemble, by a pass of its own.
        expected.append(score(scorer, Chunk(backbone.tokenizer, [{"text": NEW[0]}]))[0, 0])
    found = bank.scores([(f"task-{seed}", {"text": NEW[0]}) for seed in range(3)])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(np.diff(found, axis=0)).max(axis=1).min() > 1e-3


@given(rows=st.lists(st.sampled_from(MIXED), max_size=9))
@settings(max_examples=15, deadline=None)
def test_the_company_of_a_row_does_not_matter(bank: PromptBank, rows: list[Any]) -> None:
    found = bank.scores(rows)
    assert len(found) == len(rows)
    for row, own in zip(rows, found, strict=True):
        np.testing.assert_allclose(own, bank.scores([row])[0], atol=1e-5, rtol=1e-5)


def test_predictions_are_those_of_each_kind_of_task(bank: PromptBank) -> None:
    for (name, _), own, scores in zip(MIXED, bank.predict(MIXED), bank.scores(MIXED), strict=True):
        labels = bank.tasks[name].labels
        assert list(own.probabilities) == list(labels)
        shares = list(own.probabilities.values())
        if name == "tags":
            np.testing.assert_allclose(shares, 1 / (1 + np.exp(-scores)), rtol=1e-5)
            assert own.label == tuple(
                label for label, s in zip(labels, scores, strict=True) if s >= 0
            )
        else:
            assert sum(shares) == pytest.approx(1, abs=1e-5)
            assert own.label == labels[int(scores.argmax())]
    assert [own.label for own in bank.predict(MIXED, threshold=1.1)] == [None] * len(MIXED)


def test_a_small_mixed_batch_runs_the_backbone_once(
    bank: PromptBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Compute, "pass_cost", 10**6)  # rows of all lengths in one, as on a GPU
    calls: list[int] = []
    handle = bank.backbone.body.register_forward_pre_hook(lambda *_: calls.append(1))
    bank.scores([row for row in MIXED if row[0] != "topics"])
    handle.remove()
    assert len(calls) == 1


def test_a_stream_is_the_same_in_any_chunks(bank: PromptBank) -> None:
    rows = [{"task": name, **texts} for name, texts in MIXED]
    whole, parts = (
        list(bank.predict_stream(bank.examples(rows), chunk_size=size)) for size in (100, 2)
    )
    assert [row[:2] for row in whole] == [row[:2] for row in parts]
    for (name, example, one), (*_, other), row in zip(whole, parts, MIXED, strict=True):
        assert (name, example.texts) == row
        assert one.label == other.label
        assert one.probability == pytest.approx(other.probability, abs=1e-5)


# What a bank is


def test_a_prompt_is_small_and_the_backbone_is_not_touched(folder: Path, tiny_bert: str) -> None:
    backbone = MaskedLM.load(tiny_bert, "cpu", "fp32")
    before = {name: p.clone() for name, p in backbone.model.named_parameters()}
    bank = PromptBank(backbone)
    for name in stored_prompts(folder):
        assert bank.add(folder / name, name) == name
    bank.scores(MIXED)
    bank.drop("topics")
    assert sorted(bank.tasks) == ["plain", "tags", "toy"]
    for name, parameter in backbone.model.named_parameters():
        assert torch.equal(parameter, before[name])
    for name in ("tags", "topics", "toy", "plain"):
        files = sorted(file.name for file in (folder / name).iterdir())
        assert files == ["prompt.json", "prompt.safetensors"]
        assert sum(file.stat().st_size for file in (folder / name).iterdir()) < 24_000
    record = json.loads((folder / "toy" / "prompt.json").read_text())
    assert record["backbone"]["fingerprint"] == fingerprint(backbone)
    assert record["members"]["pattern-0-deep"]["soft"]["kind"] == "deep"
    assert record["members"]["pattern-0-deep"]["offsets"]


def test_saved_and_loaded_it_says_the_same(bank: PromptBank, tmp_path: Path) -> None:
    bank.save(tmp_path / "copy")
    again = PromptBank.load(tmp_path / "copy", device="cpu", precision="fp32")
    for one, other in zip(again.scores(MIXED), bank.scores(MIXED), strict=True):
        np.testing.assert_array_equal(one, other)
    again.drop("toy")
    again.save(tmp_path / "copy")
    assert sorted(stored_prompts(tmp_path / "copy")) == ["plain", "tags", "topics"]
    with pytest.raises(UsageError, match="no task 'toy'"):
        again.scores(MIXED)
    with pytest.raises(UsageError, match="no task 'toy'"):
        again.drop("toy")
    assert again.scores([]) == []


def test_a_saved_classifier_and_a_prompt_itself_are_taken_too(
    bank: PromptBank, runs: Path, tiny_bert: str
) -> None:
    own = PromptBank(MaskedLM.load(tiny_bert, "cpu", "fp32"))
    own.add(runs / "toy" / "classifier", "saved")
    own.add(TaskPrompt.of(load_model(runs / "toy", "cpu", "fp32")))  # type: ignore[arg-type]
    texts = MIXED[0][1]
    one, other = own.scores([("saved", texts), ("toy", texts)])
    np.testing.assert_allclose(one, other, atol=1e-6)
    np.testing.assert_allclose(one, bank.scores(MIXED[:1])[0], atol=1e-6)


def test_the_members_of_a_generation_are_taken_too(tiny_bert: str, tmp_path: Path) -> None:
    files = Files.write(tmp_path)
    # Calibrated, the untrained model has texts of both labels to draw.
    some = ("--calibration", "prior", "--growth", "2", "--unlabeled", files.unlabeled)
    run = train(
        files, tiny_bert, tmp_path / "run", *SOFT, "--soft", "words", "--method", "ipet", *some
    )
    assert run.code == 0, run.err
    made = pet("bank", tmp_path / "bank", "--add", tmp_path / "run")
    assert made.code == 0, made.err
    assert re.search(r"toy +\d words", made.out)
    again = PromptBank.load(tmp_path / "bank", device="cpu", precision="fp32")
    texts = MIXED[0][1]
    expected = trained_members(RunFolder.open(tmp_path / "run"), "cpu", "fp32").scores([texts])[0]
    np.testing.assert_allclose(again.scores([("toy", texts)])[0], expected, atol=1e-5)


def test_what_is_saved_names_the_backbone_that_is_here(folder: Path, tmp_path: Path) -> None:
    backbone = json.loads((folder / "toy" / "prompt.json").read_text("utf-8"))["backbone"]["name"]
    shutil.copytree(backbone, tmp_path / "moved")
    bank = PromptBank.load(folder, str(tmp_path / "moved"), "cpu")
    bank.save(tmp_path / "bank")
    for name, prompt in stored_prompts(tmp_path / "bank").items():
        assert prompt.backbone == str(tmp_path / "moved"), name


# What is refused


def test_a_prompt_is_a_model_like_any_other(folder: Path, runs: Path) -> None:
    rows = write_jsonl(runs / "labelled.jsonl", [{"text": "a warm room", "label": "positive"}])
    for command in (["explain", "--text", "a warm room"], ["evaluate", "--test", rows]):
        found, expected = (
            pet(command[0], place, *command[1:], "--device", "cpu")
            for place in (folder / "toy", runs / "toy")
        )
        assert found.code == 0, found.err
        assert found.out == expected.out
    assert "next to it at the start" in pet("explain", folder / "toy", "--text", "warm").out


def test_a_prompt_without_its_backbone_is_one_message(
    folder: Path, tiny_bert: str, tmp_path: Path
) -> None:
    shutil.copytree(folder / "toy", tmp_path / "toy")
    record = json.loads((tmp_path / "toy" / "prompt.json").read_text("utf-8"))
    found = {}
    for place, changes in (("name", "/nowhere"), ("fingerprint", "0000")):
        changed = {**record, "backbone": {**record["backbone"], place: changes}}
        (tmp_path / "toy" / "prompt.json").write_text(json.dumps(changed), "utf-8")
        result = pet("explain", tmp_path / "toy", "--text", "warm")
        assert result.code == 1
        found[place] = result.err
    assert "cannot be loaded" in found["name"]
    assert "made for the backbone" in found["fingerprint"]


def test_a_prompt_of_another_backbone_is_refused(folder: Path, tmp_path: Path) -> None:
    other = MaskedLM.load(str(save_tiny_bert(tmp_path / "other", seed=1)), "cpu", "fp32")
    with pytest.raises(
        BackboneError, match=r"'toy' was made for .*weights, settings or vocabulary differ"
    ):
        PromptBank(other).add(folder / "toy")
    with pytest.raises(BackboneError, match="was made for"):
        PromptBank.load(folder, str(tmp_path / "other"), "cpu")
    prompt = read_prompt(folder / "toy")
    change_bank(tmp_path / "bank", add=[("toy", prompt)])
    foreign = TaskPrompt(prompt.card, prompt.weights, "x", "other")
    for added in ([("more", foreign)], [("fine", prompt), ("more", foreign)]):
        with pytest.raises(BackboneError, match="'more' was made for"):
            change_bank(tmp_path / "bank", add=added)
    with pytest.raises(UsageError, match="has a prompt 'toy' already"):
        change_bank(tmp_path / "bank", add=[("toy", prompt)])
    with pytest.raises(UsageError, match="cannot name a prompt"):
        change_bank(tmp_path / "bank", drop=["toy"], add=[("../toy", prompt)])
    assert sorted(stored_prompts(tmp_path / "bank")) == ["toy"]  # nothing was done by halves


@pytest.mark.parametrize(
    "place", ["cls.predictions.bias", "bert.encoder.layer.1.output.dense.weight"]
)
def test_a_fingerprint_is_that_of_the_weights(tiny_bert: str, place: str) -> None:
    own, same = (MaskedLM.load(tiny_bert, "cpu", "fp32") for _ in range(2))
    assert fingerprint(own) == fingerprint(same)
    parameter = dict(own.model.named_parameters())[place]
    own.weights.put({place: parameter.detach() + 1e-4})
    assert fingerprint(own) == fingerprint(same)  # a member's weights are not the backbone's
    with torch.no_grad():
        dict(same.model.named_parameters())[place].add_(1e-4)
    assert fingerprint(own) != fingerprint(same)


def test_a_fingerprint_is_that_of_the_settings_too(tiny_bert: str, tmp_path: Path) -> None:
    llama = CausalLM.load(str(save_other(CAUSAL["llama"], tmp_path / "llama")), "cpu", "fp32")
    modern = save_family(FAMILIES["modernbert"], tmp_path / "modernbert")
    t5 = save_other(SEQ2SEQ["t5"], tmp_path / "t5")
    changes: list[tuple[LanguageModel, str, Any]] = [
        (MaskedLM.load(tiny_bert, "cpu", "fp32"), "num_attention_heads", 2),
        (MaskedLM.load(str(modern), "cpu", "fp32"), "local_attention", 4),
        (load_backbone(str(t5), "cpu", "fp32"), "decoder_start_token_id", 7),
        (llama, "rms_norm_eps", 0.1),
        (llama, "rope_parameters", {"rope_type": "default", "rope_theta": 77.0}),
    ]
    for backbone, name, value in changes:
        config, before = backbone.model.config, fingerprint(backbone)
        assert getattr(config, name) != value
        setattr(config, name, value)
        assert fingerprint(backbone) != before, name
    config, before = llama.model.config, fingerprint(llama)
    config.architectures, config.dtype, config.a_later_setting = ["Other"], torch.bfloat16, None
    assert fingerprint(llama) == before


def test_a_prompt_of_another_format_is_one_message(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "toy", tmp_path / "toy")
    file = tmp_path / "toy" / "prompt.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "format": 1}), "utf-8")
    with pytest.raises(RunError, match=r"another version of pet(?s:.*)--add RUN --replace"):
        read_prompt(tmp_path / "toy")


def test_members_that_trained_the_backbone_are_refused(
    runs: Path, tiny_bert: str, tmp_path: Path
) -> None:
    files = Files.write(tmp_path)
    for scope, patterns in (("prompt+bias", "0"), ("full", "0,1")):
        run = tmp_path / scope
        more = ("--soft", "words", "--soft-length", "2", "--patterns", patterns, "--scope", scope)
        assert train(files, tiny_bert, run, *more).code == 0
        result = pet("bank", tmp_path / "bank", "--add", run)
        assert result.code == 2
        assert "pattern-0" in result.err
        assert "--scope prompt" in result.err
    assert not (tmp_path / "bank").exists()
    tuned = train(files, tiny_bert, tmp_path / "tuned", "--method", "fine-tune")
    assert tuned.code == 0
    for source in (tmp_path / "tuned", tmp_path / "tuned" / "classifier"):
        assert pet("bank", tmp_path / "bank", "--add", source).code == 2
    missing = pet("bank", tmp_path / "bank")
    assert missing.code == 1
    assert "no prompts" in missing.err


def test_a_damaged_prompt_is_named(folder: Path, tmp_path: Path) -> None:
    change_bank(tmp_path, add=[(name, read_prompt(folder / name)) for name in ("toy", "tags")])
    (tmp_path / "toy" / "prompt.safetensors").write_bytes(b"nothing")
    with pytest.raises(RunError, match="toy: this prompt is damaged"):
        PromptBank.load(tmp_path)
    with pytest.raises(RunError, match="expected a prompt bank"):
        PromptBank.load(tmp_path / "none")
    shown = pet("bank", tmp_path)
    assert shown.code == 0, shown.err
    assert re.search("toy +cannot be read", shown.out)
    assert "this prompt is damaged" in shown.err
    replaced = pet("bank", tmp_path, "--add", folder / "toy", "--replace")
    assert replaced.code == 0, replaced.err
    assert "cannot be read" not in replaced.out
    (tmp_path / "toy" / "prompt.json").write_text("nothing", "utf-8")
    assert pet("bank", tmp_path, "--drop", "toy").code == 0
    assert sorted(stored_prompts(tmp_path)) == ["tags"]
    assert pet("bank", tmp_path, "--drop", "tags", "--drop", "tags").code == 0
    assert not stored_prompts(tmp_path)


def test_what_fails_changes_nothing_in_a_bank(folder: Path, tmp_path: Path) -> None:
    change_bank(tmp_path / "bank", add=[("toy", read_prompt(folder / "toy"))])
    result = pet("bank", tmp_path / "bank", "--drop", "toy", "--add", tmp_path / "nothing")
    assert result.code == 1
    again = pet("bank", tmp_path / "bank", "--add", folder / "tags", "--add", tmp_path / "nothing")
    assert again.code == 1
    assert sorted(stored_prompts(tmp_path / "bank")) == ["toy"]


def _random_prompt(task: Task, backbone: MaskedLM, seed: int) -> tuple[TaskPrompt, PVPScorer]:
    """A prompt of one member, with anything learned, and its scorer."""
    (spec,) = specs_of(task, Settings.from_flat({"soft_length": 4, "method": "zero-shot"}))
    scorer = spec.scorer(task.labels, backbone)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in scorer.learned.parameters():
            part.add_(torch.randn(part.shape, generator=generator))
    members = MemberSet(backbone, task, [spec], {spec.name: scorer.take(())})
    return TaskPrompt.of(EnsembleModel(members, Ensemble.uniform(1))), scorer


# Kinds that put hooks on a model, which threads share.
@pytest.mark.parametrize("kind", ["deep", "prefix"])
def test_threads_take_turns(kind: str, tiny_bert: str) -> None:
    pvp = PVP("{text} {mask}", Verbalizer({"bad": ["bad"], "good": ["good"]}), soft=kind)
    backbone = MaskedLM.load(tiny_bert, "cpu", "fp32")
    bank = PromptBank(backbone)
    for seed in range(2):
        task = Task(f"task-{seed}", ["bad", "good"], ["text"], [pvp])
        bank.add(_random_prompt(task, backbone, seed)[0])
    rows = [[(f"task-{seed}", {"text": text}) for text in NEW[:5]] for seed in range(2)]
    expected = [bank.scores(own) for own in rows]

    def differences(seed: int) -> float:
        found = [bank.scores(rows[seed]) for _ in range(20)]
        return max(float(np.abs(np.subtract(one, expected[seed])).max()) for one in found)

    with ThreadPoolExecutor(2) as pool:
        assert max(pool.map(differences, range(2))) == 0.0


# The command line


def test_the_command_lists_adds_and_drops(folder: Path, runs: Path, tmp_path: Path) -> None:
    shown = pet("bank", folder)
    assert shown.code == 0
    lines = {line.split("  ")[0]: line for line in shown.out.splitlines()[2:]}
    assert list(lines) == ["plain", "tags", "topics", "toy"]
    assert "4 prompt-tuning, 4 deep, 4 prefix" in lines["toy"]
    assert "1 hard" in lines["plain"]
    bank = tmp_path / "bank"
    assert pet("bank", bank, "--add", runs / "toy", "--name", "mood").code == 0
    assert pet("bank", bank, "--add", folder / "tags", "--drop", "mood").code == 0
    assert sorted(stored_prompts(bank)) == ["tags"]
    wrong = pet("bank", bank, "--drop", "tag")
    assert wrong.code == 2
    assert "Did you mean 'tags'?" in wrong.err
    assert pet("bank", bank, "--name", "x").code == 2
    assert pet("bank", bank, "--add", tmp_path).code == 1


def test_rows_are_labelled_by_their_task_column(
    bank: PromptBank, folder: Path, tmp_path: Path
) -> None:
    rows = [{"task": name, **texts, "more": 1} for name, texts in MIXED]
    source = write_jsonl(tmp_path / "mixed.jsonl", rows)
    result = pet(
        "predict", "--bank", folder, "--input", source, "--device", "cpu", "--precision", "fp32"
    )
    assert result.code == 0, result.err
    found = [json.loads(line) for line in result.out.splitlines()]
    expected = bank.predict(MIXED)
    for row, (name, texts), own in zip(found, MIXED, expected, strict=True):
        assert list(row) == ["task", *texts, "label", "probability", "probabilities"]
        assert (row["task"], row["label"]) == (
            name, list(own.label) if isinstance(own.label, tuple) else own.label,
        )  # fmt: skip
        assert row["probabilities"] == pytest.approx(own.probabilities, abs=1e-5)


def test_a_table_has_the_columns_of_all_tasks(
    bank: PromptBank, folder: Path, tmp_path: Path
) -> None:
    lines = [{"kind": name, "words": "", "title": "", "body": "", **texts} for name, texts in MIXED]
    for line in lines:
        line["words"] = line.pop("text", "")
    source = write_jsonl(tmp_path / "mixed.jsonl", lines)
    result = pet(
        "predict", "--bank", folder, "--input", source, "-o", tmp_path / "out.csv", "--device",
        "cpu", "--task-column", "kind", "--column", "text=words",
    )  # fmt: skip
    assert result.code == 0, result.err
    found = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert list(found[0])[:6] == ["kind", "text", "title", "body", "label", "probability"]
    for row, (name, texts) in zip(found, MIXED, strict=True):
        assert row["kind"] == name
        assert {key: row[key] for key in texts} == texts
        own = {key[2:-1] for key, value in row.items() if key.startswith("p(") and value}
        assert own == set(bank.tasks[name].labels)


@pytest.mark.parametrize(
    ("row", "more", "problem"),
    [
        ({"task": "toys", "text": "x"}, (), "row 2: the bank has no task 'toys'.\n  Did you mean"),
        ({"task": "zzz", "text": "x"}, (), "Known: 'plain', 'tags', 'topics', 'toy'."),
        ({"text": "x"}, (), "no column 'task' that names the row's task"),
        ({"task": "toy", "body": "x"}, (), "no column 'text' for the field 'text'"),
        ({"task": "toy", "text": "x"}, ("--column", "txt=a"), "Did you mean 'text'?"),
        ({"task": "toy", "text": "x"}, ("--task-column", "label"), "no column 'label'"),
    ],
)
def test_rows_that_cannot_be_labelled_are_named(
    folder: Path, tmp_path: Path, row: dict[str, str], more: tuple[str, ...], problem: str
) -> None:
    source = write_jsonl(tmp_path / "rows.jsonl", [{"task": "toy", "text": "fine"}, row])
    result = pet("predict", "--bank", folder, "--input", source, "--device", "cpu", *more)
    assert result.code in (1, 2)
    assert problem in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"text": "fine"}, "row 2: expected a task's name and its texts by field, found {'text'"),
        (("toy", "fine"), "row 2: expected a task's name"),
        (("toy", {"body": "x"}), "row 2: no column 'text' for the field 'text'"),
        (("toy", {"text": 3}), "row 2, column 'text': expected text, found 3"),
    ],
)
def test_rows_in_python_that_cannot_be_labelled_are_named(
    bank: PromptBank, row: Any, problem: str
) -> None:
    with pytest.raises(DataError) as error:
        bank.predict([("toy", {"text": "fine"}), row])
    assert problem in str(error.value)


def test_the_files_of_a_bank_can_be_read_by_whoever_reads_its_folder(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            assert file.stat().st_mode & 0o444 == file.parent.stat().st_mode & 0o444


def test_a_bank_whose_backbone_has_moved_says_how_to_name_it(
    folder: Path, tiny_bert: str, tmp_path: Path
) -> None:
    moved = tmp_path / "bank"
    shutil.copytree(folder, moved)
    for record in moved.glob("*/prompt.json"):
        plain = json.loads(record.read_text("utf-8"))
        plain["backbone"]["name"] = str(tmp_path / "gone")
        record.write_text(json.dumps(plain), "utf-8")
    source = write_jsonl(tmp_path / "rows.jsonl", [{"task": "toy", "text": "fine"}])
    result = pet("predict", "--bank", moved, "--input", source)
    assert result.code == 1
    assert "the backbone that it was made for cannot be loaded" in result.err
    assert "with --backbone" in result.err
    assert result.err.count("Error: ") == 1
    found = pet("predict", "--bank", moved, "--input", source, "--backbone", tiny_bert)
    assert found.code == 0, found.err


def test_nothing_can_be_dropped_from_no_bank(tmp_path: Path) -> None:
    result = pet("bank", tmp_path / "none", "--drop", "toy")
    assert result.code == 1
    assert "no prompts are here" in result.err


def test_a_model_or_a_bank_but_not_both(folder: Path, runs: Path, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "rows.jsonl", [{"task": "toy", "text": "fine"}])
    for arguments in ((), (runs / "toy", "--bank", folder), (runs / "toy", "--backbone", "x")):
        assert pet("predict", *arguments, "--input", source).code == 2
    nothing = pet("predict", "--bank", tmp_path / "none", "--input", source)
    assert nothing.code == 1
    assert "expected a prompt bank" in nothing.err
