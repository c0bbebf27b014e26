"""`pet check` plans the members of `pet train`, and refuses what it refuses about them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny import save_tiny_bert
from toy import Files, labelled_rows, pet, write_jsonl

LABEL_ASKED = 'PVP("{text} {label} ? {mask}", Verbalizer({"yes": ["good"], "no": ["bad"]})), '
# Members, by name: rows to train on, lines to add to the task, options.
MEMBERS: dict[str, tuple[list[dict[str, str]], str, tuple[object, ...]]] = {
    "contrastive": (labelled_rows(), "", ("--members", "contrastive")),
    "prototypes": (labelled_rows(), "", ("--readout", "prototypes", "--temper", "folds")),
    "comparison": (labelled_rows(), "", ("--members", "cloze,comparison")),
    "prototypes of none": ([], "", ("--method", "ipet", "--readout", "prototypes",
                                    "--repetitions", "2")),
    "contrast of none": ([], "", ("--method", "ipet", "--members", "cloze,contrastive")),
    "prototypes of questions": (labelled_rows(), LABEL_ASKED, ("--readout", "prototypes")),
    "one for each other": (labelled_rows(), "", ("--method", "ipet", "--members", "contrastive")),
    "no slots": (labelled_rows(), "", ("--soft-mixture", "2")),
    "folds": (labelled_rows()[4:], "", ("--temper", "folds")),
    "learned": (labelled_rows()[4:], "", ("--weighting", "learned", "--repetitions", "2")),
}  # fmt: skip


@pytest.mark.parametrize("wish", MEMBERS)
def test_check_plans_the_members_of_train_and_refuses_what_train_refuses(
    wish: str, lively_bert: str, tmp_path: Path
) -> None:
    rows, pvps, options = MEMBERS[wish]
    files = Files.write(tmp_path)
    task = Path(files.task)
    task.write_text(task.read_text("utf-8").replace("pvps=[", f"pvps=[{pvps}"), "utf-8")
    labelled = ["--train", write_jsonl(tmp_path / "rows.jsonl", rows)] if rows else []
    call = ["--task", task, *labelled, "--unlabeled", files.unlabeled, "--backbone", lively_bert,
            *options, "--patterns", "0"]  # fmt: skip
    checked = pet("check", *call)
    trained = pet("train", *call, "-o", tmp_path / "run", "--max-steps", 1, "--device", "cpu",
                  "--distill-max-steps", 1, "--generations", 1, "--growth", 2)  # fmt: skip
    refused = wish not in ("contrastive", "prototypes")
    assert (checked.code, trained.code > 0, checked.err) == (refused, refused, "")
    if refused:
        assert trained.err.rpartition("Error: ")[2].split("\n")[0] in checked.out
    else:
        kinds = [line for line in checked.out.splitlines() if line.startswith("members: ")]
        ran = json.loads((tmp_path / "run/ensemble.json").read_text("utf-8"))["members"]
        unlike = sum(name.endswith("contrastive") for name in ran)
        counts = {"cloze": len(ran) - unlike, "contrastive": unlike}
        expected = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
        assert kinds == [f"members: {expected}"]


def test_check_takes_two_kinds_that_label_for_each_other(files: Files, lively_bert: str) -> None:
    checked = pet(
        "check", "--task", files.task, "--train", files.train, "--unlabeled", files.unlabeled,
        "--backbone", lively_bert, "--method", "ipet", "--members", "contrastive,cloze",
        "--patterns", "0",
    )  # fmt: skip
    assert checked.code == 0
    assert "members: 1 cloze, 1 contrastive\n" in checked.out


def test_check_refuses_a_sentence_encoder_that_does_not_fit(
    files: Files, lively_bert: str, tmp_path: Path
) -> None:
    fitting, other = (
        str(save_tiny_bert(tmp_path / str(size), hidden_size=size)) for size in (32, 16)
    )
    call = ["--task", files.task, "--train", files.train, "--backbone", lively_bert]
    assert pet("check", *call, "--encoder", fitting).code == 0
    for encoder, said in ((other, "does not fit the backbone"), ("/nowhere", "cannot be loaded")):
        checked = pet("check", *call, "--encoder", encoder)
        trained = pet("train", *call, "--encoder", encoder, "-o", tmp_path / "run")
        assert (checked.code, trained.code) == (1, 1)
        assert said in trained.err
        assert trained.err.removeprefix("Error: ").split("\n")[0] in checked.out
        assert pet("check", *call, "--encoder", encoder, "--members", "cloze").code == 0
