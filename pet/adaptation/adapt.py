"""Continued masked-LM training on raw text, to give a backbone the words of a domain."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pet.adaptation.corpus import Corpus, Source
from pet.adaptation.heldout import HeldOut, HeldOutFigures
from pet.adaptation.keeping import STAGE, AdaptationKeeper, Kept, told
from pet.adaptation.modelcard import model_card
from pet.adaptation.packing import Packer, RowStream, TokenRows
from pet.adaptation.steps import Beside, adaptation_losses, limited, schedule_of, trained_parameters
from pet.backbone import MaskedLM
from pet.backbone.adapters import Adapters
from pet.backbone.loading import edition_of
from pet.config import BackboneConfig, LMConfig, deciding
from pet.errors import UsageError
from pet.progress import Progress, silent
from pet.runs import AdaptationFolder, RunFolder
from pet.seeds import AdaptationStream, derived_seed
from pet.training import Checkpoint, Group, Job, optimise

log = logging.getLogger(__name__)

_HELD_OUT_ROWS = 512


@dataclass(frozen=True)
class Adaptation:
    """What an adaptation did; the figures are None where nothing was held out.

    ``tokens`` counts those of all rows that were read, ``learning_rate`` is the highest there was,
    ``new_head`` says whether the backbone had no masked-LM head before.
    """

    before: HeldOutFigures | None
    after: HeldOutFigures | None
    steps: int
    seconds: float
    tokens: int = 0
    learning_rate: float = 0.0
    new_head: bool = False

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Adaptation:
        """Read what `dataclasses.asdict` made."""
        before, after = (
            values[key] and HeldOutFigures(**values[key]) for key in ("before", "after")
        )
        return cls(**{**values, "before": before, "after": after})


def adapt(
    start: BackboneConfig,
    sources: Sequence[Source],
    how: LMConfig,
    seed: int,
    output: str | Path,
    force: bool = False,
    command: str = "",
    progress: Progress = silent,
    beside: Beside | None = None,
) -> Adaptation:
    """Train a masked LM on raw text and write it as a plain Hugging Face folder.

    A call that was cut off goes on from its last checkpoint when it is made again; on a CPU it
    ends with the same weights, bit for bit, unless the clock limits it.

    Parameters
    ----------
    start : BackboneConfig
        A masked LM, or an encoder, which then gets a head.
    sources : sequence of Source
        The text.
    how : LMConfig
        Masking, rows, schedule.
    seed : int
        Of every draw.
    output : str or Path
        The new model's folder; it also holds the checkpoint meanwhile.
    force : bool
        Start over where the folder holds an adaptation already.
    command : str
        For the model card.
    progress : callable
        Told of the training, under the name "masked LM", of held-out text being read, and of its
        figures; see `pet.progress`.
    beside : Beside, optional
        Yields losses, of which one is added to every batch's own.

    Raises
    ------
    PetError
        With one message that says what to change.
    """
    if Path(start.backbone).resolve() == Path(output).resolve():
        raise UsageError(
            f"{output} is the backbone that training starts from; it would be lost.",
            "Write the new one into another folder.",
        )
    corpus = Corpus(sources, how.held_out, seed)
    backbone = MaskedLM.load(start.backbone, start.device, start.precision, new_head=True)
    asked = {"start": deciding(start), "text": corpus.sizes, "config": deciding(how), "seed": seed}
    asked |= edition_of(start.backbone)
    if beside is not None:
        asked["beside"] = beside.asked
    folder = AdaptationFolder.start(output, asked, force)
    if folder.has(folder.metrics):
        return Adaptation.from_dict(folder.read_json(folder.metrics))
    if how.length > backbone.max_length:
        how = replace(how, length=backbone.max_length)
        log.warning("%s reads at most %d tokens: so long are the rows", start.backbone, how.length)
    packer = Packer(backbone.tokenizer, how.length, how.whole_word, how.cloze)
    if packer.room < 1:
        raise UsageError(
            f"A row of {packer.length} tokens has no room for text.", "Use `--length`."
        )
    checkpoint = Checkpoint(folder)
    kept = Kept.of(checkpoint)
    new_head = bool(backbone.untrained)
    stream = RowStream(corpus, packer, how.shuffle_buffer, None if kept is None else kept.rows)
    held_out = HeldOut(backbone, packer.sample(corpus.held_out(), _HELD_OUT_ROWS, seed))
    schedule = schedule_of(limited(how, corpus, packer), backbone.hidden_size)
    if kept is None:
        if new_head:
            log.info("%s has no masked-LM head; it gets one", start.backbone)
            torch.manual_seed(derived_seed(seed, AdaptationStream.NEW_HEAD))
            backbone.start_head(_log_frequencies(stream.buffer, backbone))
        before = held_out.measure(backbone, progress)
        told(before, 0, schedule.max_steps, progress)
    else:
        before = kept.before
    log.info("held out: %d rows; before: %s", len(held_out.rows), before)
    torch.manual_seed(derived_seed(seed, AdaptationStream.TRAINING))
    adapters = None if how.lora is None else _adapters(backbone, how.lora)
    trained = trained_parameters(backbone, how)
    resume = None if kept is None else kept.snapshot
    drawn = resume.step * how.accumulation if resume else 0
    losses = adaptation_losses(backbone, stream, how, seed, drawn, beside)
    keeper = AdaptationKeeper(
        folder, checkpoint, how, stream, held_out, backbone, before, resume,
        schedule.max_steps, progress,
    )  # fmt: skip
    job = Job([Group(trained)], losses, STAGE, drawn=drawn)
    (fit,) = optimise([job], schedule, backbone.compute, keeper=keeper, progress=progress)
    if adapters is not None:
        adapters.merge()
    if how.save_precision == "fp16":
        backbone.model.half().float()  # what is measured is what is saved
    after = held_out.measure(backbone, progress)
    told(after, fit.steps, schedule.max_steps, progress)
    tokens = fit.steps * how.accumulation * how.batch_size * packer.length
    result = Adaptation(
        before, after, fit.steps, round(fit.seconds, 1), tokens, schedule.learning_rate, new_head
    )
    card = model_card(
        start.backbone, corpus.sizes, how, seed, command, asdict(result), backbone.compute
    )
    if before is not None and after is not None and after.loss >= before.loss:
        log.warning(
            "the held-out text is predicted no better than before: train less (fewer steps or "
            "passes, a smaller learning rate), or give more text"
        )
    _publish(folder, backbone, how, card)
    folder.write_json(folder.metrics, asdict(result))
    checkpoint.remove()
    return result


def adaptation_of(folder: RunFolder) -> Adaptation | None:
    """What adapting the backbone of a finished run did; None where it was left as it is."""
    adapted = AdaptationFolder(folder.path / folder.backbone)
    if not adapted.has(adapted.metrics):
        return None
    return Adaptation.from_dict(adapted.read_json(adapted.metrics))


def _publish(folder: AdaptationFolder, backbone: MaskedLM, how: LMConfig, card: str) -> None:
    """Write a plain Hugging Face folder, whole or not at all."""
    with folder.writing(folder.model) as temporary:
        temporary.mkdir()
        model = backbone.model.half() if how.save_precision == "fp16" else backbone.model
        model.save_pretrained(temporary)
        backbone.hf_tokenizer.save_pretrained(temporary)
        (temporary / folder.card).write_text(card, encoding="utf-8")
    folder.publish()


def _adapters(backbone: MaskedLM, rank: int) -> Adapters:
    return Adapters(backbone.model, backbone.linear_layers, rank)


def _log_frequencies(rows: TokenRows, backbone: MaskedLM) -> Tensor:
    """Log of the words' shares (V,) among the first rows, with one added to every count."""
    size = int(backbone.model.config.vocab_size)
    counts = np.bincount(rows[:, 0].ravel(), minlength=size).astype(np.float64)
    counts[list(backbone.tokenizer.special_ids)] = 0
    return torch.from_numpy(np.log((counts + 1) / (counts + 1).sum())).float()
