"""Classifiers read without transformers: the same numbers, tokens and files, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from families import FAMILIES, save_family
from safetensors.torch import load_file, save_file
from tiny import TEXTS, randomise
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from pet import PVP, Task, Verbalizer, load_backbone, load_model
from pet.backbone import MaskedLM
from pet.backbone.direct.bert import BertMaskedLM
from pet.backbone.direct.reading import read_classifier
from pet.backbone.families import load_to_score
from pet.backbone.loading import EMBEDDED
from pet.config import BackboneConfig
from pet.encoding import Chunk, TextTokenizer
from pet.model import SequenceClassifier, save_model
from pet.scoring import PVPScorer

LABELS = ("no", "maybe", "yes")
WORDS = Verbalizer({"no": ["bad"], "maybe": ["so"], "yes": ["good"]})
TASK = Task("toy", list(LABELS), ["a", "b"], [PVP("{a} {mask} {b}", WORDS)])


def made(backbone: str, folder: Path, precision: str = "fp32") -> Path:
    """Write a classifier all of whose weights matter."""
    model, _ = SequenceClassifier.fresh(BackboneConfig(backbone, "cpu", "fp32", 24), TASK, 3)
    randomise(model.model, 4)
    save_model(model, folder, precision)
    return folder


@pytest.fixture(scope="module")
def folder(tiny_bert: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tiny_bert, tmp_path_factory.mktemp("made") / "classifier")


def both(folder: Path) -> tuple[Any, Any]:
    """The folder's model, read directly and by transformers."""
    found = read_classifier(folder, LABELS)
    assert found is not None
    plain = AutoModelForSequenceClassification.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32
    )
    return found[0].eval(), plain.eval()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("ends", [(9, 9, 9), (9, 4, 1)], ids=["whole", "padded"])
@torch.inference_mode()
def test_the_numbers_are_those_of_transformers(
    precision: str, ends: tuple[int, ...], folder: Path
) -> None:
    direct, plain = both(folder)
    ids = torch.arange(5, 32).reshape(3, 9)
    seen = torch.tensor([[int(at < end) for at in range(9)] for end in ends])
    segments = torch.tensor([[0] * 4 + [1] * 5] * 3)
    for more in ({}, {"attention_mask": seen}, {"token_type_ids": segments}):
        inputs = {"input_ids": ids, "attention_mask": seen, **more}
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            assert torch.equal(direct(**inputs).logits, plain(**inputs).logits)
            states = direct.base_model(**inputs)[0]
            assert torch.equal(states, plain.base_model(**inputs)[0])


@pytest.mark.parametrize("name", ["lively", EMBEDDED])
def test_a_masked_lm_gives_the_numbers_of_transformers(name: str, lively_bert: str) -> None:
    name = lively_bert if name == "lively" else name
    direct, plain = load_to_score(name, "cpu", "fp32"), load_backbone(name, "cpu", "fp32")
    assert isinstance(direct.model, BertMaskedLM)
    assert not isinstance(plain.model, BertMaskedLM)
    assert isinstance(direct, MaskedLM)
    names = [[*dict(backbone.model.named_parameters())] for backbone in (direct, plain)]
    assert sorted(names[0]) == sorted(names[1])
    pvp = PVP("{a} {mask} {b}", WORDS)
    scores = []
    for backbone in (direct, plain):
        scorer = PVPScorer(pvp, list(LABELS), backbone, 24)
        scores.append(scorer.score(Chunk(backbone.tokenizer, TEXTS)))
    assert (scores[0] == scores[1]).all()


def test_weights_put_into_a_mapped_model_leave_its_file_alone(
    lively_bert: str, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(lively_bert, tmp_path / "backbone"))
    before = (folder / "model.safetensors").read_bytes()
    backbone = load_to_score(str(folder), "cpu", "fp32")
    name, parameter = next(iter(backbone.model.named_parameters()))
    backbone.weights.put({name: torch.zeros_like(parameter)})
    assert not bool(parameter.any())
    assert (folder / "model.safetensors").read_bytes() == before
    backbone.weights.put({})
    assert torch.equal(parameter, load_file(folder / "model.safetensors")[name])


@pytest.mark.parametrize("backbone", ["tiny", EMBEDDED])
def test_the_tokenizer_is_that_of_transformers(
    backbone: str, tiny_bert: str, tmp_path: Path
) -> None:
    folder = made(tiny_bert if backbone == "tiny" else backbone, tmp_path / "saved")
    found = read_classifier(folder, LABELS)
    assert found is not None
    direct = vars(TextTokenizer(found[1]))  # type: ignore[arg-type]
    plain = vars(TextTokenizer(AutoTokenizer.from_pretrained(folder)))
    assert direct.pop("_backend").to_str() == plain.pop("_backend").to_str()
    assert direct == plain


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_it_is_saved_as_transformers_saves_it(
    precision: str, tiny_bert: str, tmp_path: Path
) -> None:
    folder = made(tiny_bert, tmp_path / "saved", precision)
    save_model(load_model(folder, "cpu", "fp32", only_scores=True), tmp_path / "again", precision)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        found, expected = (
            json.loads((at / name).read_bytes()) for at in (tmp_path / "again", folder)
        )
        assert found == expected, name
    weights, same = (load_file(at / "model.safetensors") for at in (folder, tmp_path / "again"))
    assert {name: weight.dtype for name, weight in same.items()} == {
        name: weight.dtype for name, weight in weights.items()
    }
    assert all(torch.equal(weight, same[name]) for name, weight in weights.items())
    again = load_model(tmp_path / "again", "cpu", "fp32")
    found = load_model(folder, "cpu", "fp32", only_scores=True).scores(TEXTS)
    assert (again.scores(TEXTS) == found).all()


def settings(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_bytes()), **changes}))

    return change


def weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        own = {
            name: weight.clone() for name, weight in load_file(folder / "model.safetensors").items()
        }
        change(own)
        save_file(own, folder / "model.safetensors", {"format": "pt"})

    return changed


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def tokenizer_settings(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "tokenizer_config.json"
        file.write_text(json.dumps({**json.loads(file.read_bytes()), **changes}))

    return change


def tokenizer_file(part: str, **changes: Any) -> Callable[[Path], None]:
    """Change a part of tokenizer.json; transformers builds some parts anew from the settings."""

    def change(folder: Path) -> None:
        file = folder / "tokenizer.json"
        plain = json.loads(file.read_bytes())
        plain[part] = {**(plain[part] or {}), **changes}
        file.write_text(json.dumps(plain))

    return change


def beside(name: str) -> Callable[[Path], None]:
    def add(folder: Path) -> None:
        (folder / name).write_text("{}")

    return add


UNUSUAL = {
    "activation": settings(hidden_act="relu"),
    "decoder": settings(is_decoder=True),
    "unknown setting": settings(rope_theta=1e4),
    "packed": settings(quantization_config={"quant_method": "gptq"}),
    "other labels": settings(id2label={"0": "yes", "1": "no", "2": "maybe"}),
    "too many layers": settings(num_hidden_layers=10**9),
    "wider": settings(hidden_size=64),
    "heads that do not fit": settings(num_attention_heads=5),
    "no number": settings(num_attention_heads="many"),
    "a tensor too few": weights(lambda own: own.pop("classifier.bias")),
    "a tensor too many": weights(lambda own: own.update(more=torch.zeros(1))),
    "another shape": weights(lambda own: own.update({"classifier.bias": torch.zeros(4)})),
    "no tokenizer": no_tokenizer,
    "tokenizer with another setting": tokenizer_settings(model_input_names=["input_ids"]),
    "cased by its settings": tokenizer_settings(do_lower_case=False),
    "accents by its settings": tokenizer_settings(strip_accents=False),
    "cased by its file": tokenizer_file("normalizer", lowercase=False),
    "short words": tokenizer_file("model", max_input_chars_per_word=3),
    "no mask": tokenizer_settings(mask_token=None),
    "a mask that is no token": tokenizer_settings(mask_token="<m>"),
    "padded": tokenizer_file(
        "padding",
        strategy={"Fixed": 16},
        direction="Right",
        pad_to_multiple_of=None,
        pad_id=0,
        pad_type_id=0,
        pad_token="[PAD]",
    ),
    "an adapter": beside("adapter_config.json"),
    "more special tokens": beside("special_tokens_map.json"),
    "more tokens": beside("added_tokens.json"),
}


@pytest.mark.parametrize("unusual", UNUSUAL)
def test_what_is_unusual_is_left_to_transformers(
    unusual: str, tiny_bert: str, tmp_path: Path
) -> None:
    folder = made(tiny_bert, tmp_path / "saved")
    assert read_classifier(folder, LABELS) is not None
    UNUSUAL[unusual](folder)
    assert read_classifier(folder, LABELS) is None


@pytest.mark.parametrize("family", ["roberta", "electra", "distilbert"])
def test_another_architecture_is_left_to_transformers(family: str, tmp_path: Path) -> None:
    folder = made(str(save_family(FAMILIES[family], tmp_path / "backbone")), tmp_path / "saved")
    assert read_classifier(folder, LABELS) is None
    assert load_model(folder, "cpu", "fp32").scores(TEXTS).shape == (len(TEXTS), 3)
