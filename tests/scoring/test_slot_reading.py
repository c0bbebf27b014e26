"""Learned slots looked at: nearest words and how far they moved, in values and in pet explain."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from families import FAMILIES, MAX_LENGTH, save_family
from toy import Files, pet, train

from pet import PVP, Verbalizer
from pet.backbone import MaskedLM
from pet.model import TaskPrompt
from pet.model.run_members import trained_members
from pet.runs import RunFolder
from pet.scoring import PVPScorer
from pet.scoring.soft import KINDS
from pet.scoring.soft.slot_view import slot_views
from pet.scoring.soft.template import SoftSpec, SoftTemplate

WORDS = Verbalizer({"good": ["great"], "bad": ["terrible"]})


@pytest.fixture(scope="module", params=["bert", "roberta", "albert"])
def backbone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MaskedLM:
    folder = tmp_path_factory.mktemp("reading") / request.param
    return MaskedLM.load(str(save_family(FAMILIES[request.param], folder)), "cpu", "fp32")


def template(backbone: MaskedLM, kind: str, start: str = "mask", **more: str) -> SoftTemplate:
    pvp, soft = PVP("{a} {soft:'it was'} {soft} {mask}", WORDS), SoftSpec(kind, start, 1, **more)
    own = PVPScorer(pvp, ("bad", "good"), backbone, MAX_LENGTH, soft=soft).soft
    assert isinstance(own, SoftTemplate)
    return own


@pytest.mark.parametrize("kind", KINDS)
def test_untrained_slots_are_next_to_their_words_and_have_not_moved(
    backbone: MaskedLM, kind: str
) -> None:
    found = slot_views(template(backbone, kind), backbone)
    mask = backbone.hf_tokenizer.mask_token
    assert [own.start[0][0] for own in found] == ["it", "was", mask]
    for own in found:
        assert own.start[0][1] == pytest.approx(1, abs=1e-5)
        assert own.moved == 0
        assert own.now == (() if kind == "prefix" else own.start)


def test_nearest_words_are_those_of_the_highest_cosines(backbone: MaskedLM) -> None:
    own = template(backbone, "words")
    with torch.no_grad():
        own.vectors.add_(torch.randn(own.vectors.shape))
    table = backbone.model.get_input_embeddings().weight.detach().numpy()
    for view, vector, start in zip(
        slot_views(own, backbone, 4), own().vectors.detach().numpy(), own.start.numpy(), strict=True
    ):
        cosines = [float(vector @ w / np.linalg.norm(vector) / np.linalg.norm(w)) for w in table]
        order = sorted(range(len(table)), key=lambda number: -cosines[number])[:4]
        expected = [backbone.hf_tokenizer.decode([number]).strip() or "▁" for number in order]
        assert [word for word, _ in view.now] == expected
        assert [c for _, c in view.now] == pytest.approx([cosines[n] for n in order], abs=1e-5)
        change = np.linalg.norm(vector - start) / np.linalg.norm(start)
        assert view.moved == pytest.approx(change, rel=1e-4)


@pytest.mark.parametrize(
    ("kind", "more"), [("prefix", {}), ("deep", {}), ("deep", {"deep": "add"})]
)
def test_what_is_learned_at_layers_counts_as_moved(
    backbone: MaskedLM, kind: str, more: dict[str, str]
) -> None:
    own = template(backbone, kind, **more)
    table = own.table.detach().clone()  # type: ignore[operator,union-attr]
    with torch.no_grad():
        own.table[..., 1, :] += 0.5  # type: ignore[index,operator]
    found = slot_views(own, backbone)
    # Of the second slot alone: sqrt(sum of squares of its changes) against those of its start.
    learned = table[..., 1, :].flatten()
    if kind == "deep":
        learned = torch.cat([own.start[1], learned])
    expected = 0.5 * table[..., 1, :].numel() ** 0.5 / float(learned.norm())
    assert [view.moved for view in found] == pytest.approx([0, expected, 0], rel=1e-4)


def test_p_tuning_starts_where_its_encoder_does(tmp_path: Path, tiny_bert: str) -> None:
    files, run = Files.write(tmp_path), tmp_path / "run"
    what = ("--patterns", 0, "--soft", "p-tuning", "--soft-slots", 2, "--scope", "prompt")
    result = train(files, tiny_bert, run, *what, "--prompt-rate", 0)
    assert result.code == 0, result.err
    shown = pet("explain", run, "--text", "the film was warm", "--device", "cpu").out
    rows = [line for line in shown.splitlines() if line.strip()[:2] in ("1 ", "2 ")]
    for row in rows:
        assert re.search(r" 0\.00$", row)  # nothing was learned
        start, now = re.split(r"  +", row.strip())[1:3]
        assert start == now
        assert "1.00" not in start  # no word is where a random encoder puts a slot
    # The prompt is counted without what is only there to be looked at.
    prompt = TaskPrompt.from_model(trained_members(RunFolder.open(run), "cpu", "fp32"))
    assert prompt.learned == 2 * 32


def test_explain_shows_slots_and_the_templates_of_a_mixture(tmp_path: Path, tiny_bert: str) -> None:
    files, run = Files.write(tmp_path), tmp_path / "run"
    result = train(
        files, tiny_bert, run, "--patterns", 0, "--soft", "none,words,prompt-tuning,prefix",
        "--soft-text", "it was", "--soft-mixture", 2, "--scope", "prompt", "--prompt-rate", 0.1,
        "--unlabeled", files.unlabeled,
    )  # fmt: skip
    assert result.code == 0, result.err
    shown = pet("explain", run, "--text", "the film was warm", "--device", "cpu")
    assert shown.code == 0, shown.err
    members = shown.out.split("\npattern-0")
    hard, words, vectors, prefix = members[1], *members[2:5]
    assert "slot" not in hard
    for own, kind in ((words, "words"), (vectors, "prompt-tuning"), (prefix, "prefix")):
        assert own.startswith(f"-{kind}:")
        assert "template 1 of the mixture, weight 0." in own
        assert "template 2 of the mixture, weight 0." in own
        rows = [line.split() for line in own.splitlines() if line.strip()[:2] in ("1 ", "2 ")]
        assert [row[1] for row in rows[:2]] == ["it", "was"]
        assert len(rows) == 4
        assert all(float(row[-1]) > 0 for row in rows)
        assert all((row[-2] == "-") == (kind == "prefix") for row in rows)
