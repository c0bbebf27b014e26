"""Settings that a kind of member does not read: they change nothing, and a run names them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from toy import labelled_rows, toy_task

from pet import PVP, Example, Task, Verbalizer
from pet.backbone import MaskedLM
from pet.config import Settings, SlotUse, unused
from pet.data import Data, Pool
from pet.members import MemberSpec, members_of, train_member
from pet.members.kinds import MEMBER_KINDS
from pet.members.work import Work
from pet.pipeline import asked, run
from pet.runs import RunFolder

TOY = toy_task()
EXAMPLES = [Example({"text": row["text"]}, row["label"]) for row in labelled_rows()][:-1]
ANSWERS = Verbalizer({"negative": ["no"], "positive": ["yes"]})
PAIR = Task("pair", TOY.labels, ["a", "b"], [PVP("{a} ? {b} {mask}", ANSWERS)])
PAIRS = [Example({"a": e.texts["text"], "b": "so warm"}, e.label) for e in EXAMPLES]
GIVEN = {"max_steps": 4, "batch_size": 1, "learning_rate": 1e-2}
# A setting of training, or of patterns, to another value than the default and the one above.
OTHER: dict[str, Any] = {
    "patterns": (0,), "readout": "prototypes", "repetitions": 2, "soft": "prefix", "soft_slots": 3,
    "soft_text": "it was", "soft_start": "mask", "soft_deep": "add", "soft_deep_layers": "1",
    "soft_mixture": 2, "soft_from_words": True, "max_steps": 2, "batch_size": 2, "accumulation": 2,
    "learning_rate": 5e-3, "weight_decay": 0.3, "warmup": 0.5, "clip_norm": 0.01, "scope": "bias",
    "lora_rank": 2, "prompt_rate": 0.1, "objective": "adapet", "demonstrations": 2,
    "class_weight": "balanced", "negatives": 1, "lm_weight": 0.5, "dropout": True,
    "offsets": "prior", "readout_rate": 0.1, "eval_every": 1, "patience": 1,
}  # fmt: skip
NOTHING = SlotUse(frozenset(), False, False)


def task_and_data(kind: str) -> tuple[Task, Data]:
    task, examples = (PAIR, PAIRS) if kind == "comparison" else (TOY, EXAMPLES)
    wrong = [Example(e.texts, task.labels[e.label == task.labels[0]]) for e in examples]
    return task, Data(examples, wrong, Pool(lambda: iter(Example(e.texts) for e in examples)))


def planned(kind: str, **values: Any) -> MemberSpec:
    task, data = task_and_data(kind)
    settings = Settings.from_flat({"members": kind, **GIVEN, **values})
    (spec,) = members_of(task, settings, len(data.train))
    return spec


def trained(backbone: MaskedLM, kind: str, **values: Any) -> dict[str, Any]:
    """The member's weights and steps."""
    result = train_member(backbone, planned(kind, **values), Work(*task_and_data(kind)))
    return {**result.weights, "steps": torch.tensor(result.steps)}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


@pytest.mark.parametrize("kind", ["contrastive", "comparison"])
def test_what_a_kind_ignores_changes_nothing_and_is_named(kind: str, backbone: MaskedLM) -> None:
    ignored = {name: OTHER[name] for name in planned(kind).ignores}
    assert same(trained(backbone, kind, **ignored), trained(backbone, kind))
    found = unused(
        Settings.from_flat({"members": kind, **ignored}), NOTHING, [planned(kind).ignores]
    )
    assert sorted(found) == sorted(ignored)


@pytest.mark.parametrize("kind", ["contrastive", "comparison"])
def test_every_other_setting_of_training_changes_something(kind: str, backbone: MaskedLM) -> None:
    plain = trained(backbone, kind)
    for name in OTHER.keys() - planned(kind).ignores:
        more = {"eval_every": 1} if name == "patience" else {}
        before = trained(backbone, kind, **more) if more else plain
        assert not same(trained(backbone, kind, **{name: OTHER[name]}, **more), before), name


def test_what_one_of_several_kinds_reads_is_not_named() -> None:
    cloze, *others = ({"encoder"}, *(MEMBER_KINDS[kind].ignores for kind in MEMBER_KINDS))
    values = {**OTHER, "encoder": "some", "scope": "full"}
    found = unused(Settings.from_flat(values), NOTHING, [frozenset(cloze), *others])
    assert not {"encoder", "readout", "patterns", "repetitions", "objective"} & set(found)
    assert "encoder" in unused(Settings.from_flat(values), NOTHING, [frozenset(cloze)])


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ("contrastive", "method pet with contrastive members does not use patterns, readout"),
        ("cloze,contrastive", None),
    ],
)
def test_a_run_names_what_its_members_do_not_read(
    members: str,
    named: str | None,
    lively_bert: str,
    tmp_path: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    how = Settings.from_flat(
        {"members": members, "backbone": lively_bert, "device": "cpu", "max_steps": 1,
         "patterns": "0", "readout": "prototypes"}
    )  # fmt: skip
    data = Data(EXAMPLES)
    run(TOY, how, data, RunFolder.start(tmp_path / "run", asked(TOY, how, data)))
    found = [own.getMessage() for own in caplog.records if "does not use" in own.getMessage()]
    assert found == ([named] if named else [])
