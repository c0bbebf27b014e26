"""Sentence encoders: weights with which a backbone's states make good vectors of texts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pet.backbone.held import beside_backbone
from pet.backbone.loading import load_pretrained, load_tokenizer, resolve_backbone, some_of
from pet.errors import BackboneError

if TYPE_CHECKING:
    from pet.backbone.base import LanguageModel

FILE = "sentence_encoder.safetensors"
_EMBEDS = "embeds_texts"  # in config.json
_POOLER = "pooler."  # which language models do without
_WITHOUT = "Take it from a whole copy, or remove it: then the backbone's own weights serve."


def has_sentence_encoder(backbone: str) -> bool:
    """Whether a backbone makes good vectors of texts, with weights beside its own or as it is."""
    return (Path(resolve_backbone(backbone)) / FILE).is_file() or _embeds(backbone)


def hand_on_sentence_encoder(trained: LanguageModel, folder: Path) -> None:
    """Write the sentence encoder that a backbone had before it was trained into its new folder.

    Training moves a backbone's own states away from vectors of texts. Those that it started from
    are kept beside it, in fp16 and without word vectors, which both share.
    """
    beside = Path(resolve_backbone(trained.name)) / FILE
    if beside.is_file():
        shutil.copyfile(beside, folder / FILE)
    elif _embeds(trained.name):
        start, _ = load_pretrained(type(trained.model), trained.name)
        words = trained.model.get_input_embeddings().weight
        body = {id(parameter) for parameter in trained.body.parameters()} - {id(words)}
        names = {name for name, weight in trained.model.named_parameters() if id(weight) in body}
        kept = {name: w.detach().half() for name, w in start.named_parameters() if name in names}
        save_file(kept, folder / FILE)
        config = folder / "config.json"
        settings = json.loads(config.read_text(encoding="utf-8"))
        settings.pop(_EMBEDS, None)
        config.write_text(f"{json.dumps(settings, indent=2)}\n", encoding="utf-8")


def _embeds(backbone: str) -> bool:
    """Whether a folder's config.json says that the model was trained to embed texts, too."""
    file = Path(resolve_backbone(backbone)) / "config.json"
    try:
        return bool(json.loads(file.read_text(encoding="utf-8")).get(_EMBEDS))
    except (OSError, ValueError, AttributeError):
        return False  # a hub name, or a file that is refused when the model is loaded


def sentence_weights(backbone: LanguageModel, encoder: str | None = None) -> dict[str, Tensor]:
    """Return weights to put into a backbone before it turns texts into vectors.

    A model that fills masks makes poor vectors of texts; one of the same shape that was trained
    for it makes good ones. An encoder by name is read once and kept, in main memory, as long
    as the backbone is held; see `pet.backbone.held`.

    Parameters
    ----------
    backbone : LanguageModel
        The backbone, a masked LM for example.
    encoder : str, optional
        Sentence encoder of the same architecture and vocabulary, a folder or hub name, such as
        sentence-transformers/all-mpnet-base-v2 for microsoft/mpnet-base. By default weights that
        lie beside the backbone's own, if there are some.

    Returns
    -------
    dict
        Name of a parameter of the backbone to its value; empty where the backbone's own weights
        serve, as pet-mini's do, which was trained to embed texts, too.

    Raises
    ------
    BackboneError
        When the encoder cannot be loaded, lacks weights, or is of another shape or vocabulary.
    """
    if encoder is None:
        return _beside(backbone)  # mapped from its file, not copied
    kept: dict[str, dict[str, Tensor]] = beside_backbone(backbone).setdefault("encoders", {})
    if encoder not in kept:
        kept.clear()  # two would need twice the memory
        kept[encoder] = _of_encoder(backbone, encoder)
    return kept[encoder]


def _beside(backbone: LanguageModel) -> dict[str, Tensor]:
    """Read the weights that lie beside a backbone's own; empty without any."""
    file = Path(resolve_backbone(backbone.name)) / FILE
    if not file.is_file():
        return {}
    try:
        weights = load_file(file)
    except (SafetensorError, OSError) as error:
        raise BackboneError(f"{file} cannot be read: {error}", _WITHOUT) from error
    ours = dict(backbone.model.named_parameters())
    for name, weight in weights.items():
        if name not in ours or ours[name].shape != weight.shape:
            raise BackboneError(
                f"{file} does not fit the backbone beside it: {_has(name, weight)}.", _WITHOUT
            )
    return weights


def _of_encoder(backbone: LanguageModel, encoder: str) -> dict[str, Tensor]:
    """Load an encoder's weights under the names of the backbone's, all that read the text."""
    from transformers import AutoModel

    model, report = load_pretrained(AutoModel, encoder)
    if load_tokenizer(encoder).get_vocab() != backbone.hf_tokenizer.get_vocab():
        raise _unlike(encoder, backbone, "its vocabulary is another")
    prefix = backbone.model.base_model_prefix
    inside = f"{prefix}." if hasattr(backbone.model, prefix) else ""  # T5 has no such part
    theirs = {
        inside + name: parameter.detach()
        for name, parameter in model.named_parameters()
        if name not in report["missing_keys"] and not name.startswith(_POOLER)
    }
    ours = dict(backbone.model.named_parameters())
    for name, weight in theirs.items():
        if name not in ours or ours[name].shape != weight.shape:
            raise _unlike(encoder, backbone, _has(name.removeprefix(inside), weight))
    body = {id(parameter) for parameter in backbone.body.parameters()}
    wanted = [name for name, parameter in ours.items() if id(parameter) in body]
    lacking = [
        own
        for name in wanted
        if name not in theirs and not (own := name.removeprefix(inside)).startswith(_POOLER)
    ]
    if lacking:
        raise _unlike(encoder, backbone, f"it lacks {some_of(lacking)}")
    return {name: theirs[name] for name in wanted if name in theirs}


def _has(name: str, weight: Tensor) -> str:
    return f"it has {name} {tuple(weight.shape)}"


def _unlike(encoder: str, backbone: LanguageModel, found: str) -> BackboneError:
    return BackboneError(
        f"Sentence encoder {encoder!r} does not fit the backbone {backbone.name!r}: {found}.",
        "Give one that was made from this backbone, as `--encoder` for mpnet-base is "
        "sentence-transformers/all-mpnet-base-v2, or leave `--encoder` out.",
    )
