"""Adapt a backbone to a domain by continued masked-LM training on raw text."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pet.adaptation.corpus import Corpus, Source
from pet.adaptation.heldout import HeldOutFigures
from pet.adaptation.keeping import STAGE, AdaptationKeeper, StoredState, tell_figures
from pet.adaptation.modelcard import model_card
from pet.adaptation.packing import TokenRows
from pet.adaptation.steps import Beside, adaptation_losses, limited, schedule_of, trained_parameters
from pet.adaptation.text import Text
from pet.backbone import MaskedLM
from pet.backbone.adapters import Adapters
from pet.backbone.loading import edition_of
from pet.backbone.sentences import hand_on_sentence_encoder
from pet.config import BackboneConfig, LMConfig, deciding
from pet.errors import UsageError
from pet.progress import Progress, silent
from pet.runs import AdaptationFolder, RunFolder
from pet.seeds import AdaptationStream, derived_seed
from pet.training import Checkpoint, Fit, Group, Job, Schedule, optimise

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Adaptation:
    """Figures of an adaptation.

    ``before`` and ``after`` are None if no text was held out. ``tokens`` counts the tokens of all
    rows that were read, ``learning_rate`` is the peak, ``new_head`` says whether the backbone had
    no masked-LM head before.
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
        """Rebuild from the output of `dataclasses.asdict`."""
        before, after = (
            values[key] and HeldOutFigures(**values[key]) for key in ("before", "after")
        )
        return cls(**{**values, "before": before, "after": after})


def adapt(
    start: BackboneConfig,
    sources: Sequence[Source],
    config: LMConfig,
    seed: int,
    output: str | Path,
    force: bool = False,
    command: str = "",
    progress: Progress = silent,
    beside: Beside | None = None,
) -> Adaptation:
    """Train a masked LM on raw text and write it as a plain Hugging Face folder.

    After an interruption the same call goes on from the last checkpoint; on a CPU it ends with the
    same weights, bit for bit, unless the clock limits it.

    Parameters
    ----------
    start : BackboneConfig
        A masked LM, or an encoder, which then gets a head.
    sources : sequence of Source
        Raw text.
    config : LMConfig
        Masking, rows, schedule.
    seed : int
        Seed of all random draws.
    output : str or Path
        Folder for the new model, and meanwhile for the checkpoint.
    force : bool
        Start over if the folder holds an adaptation already.
    command : str
        Command line for the model card; empty for none.
    progress : callable
        Told of the training, stage "masked LM", of each pass over held-out text, and of the figures
        from it; see `pet.progress`.
    beside : Beside, optional
        Yields losses; one is added to the loss of every batch.

    Raises
    ------
    UsageError
        When the output is the backbone's folder, or a row has no room for text.
    PetError
        When backbone, text or folder cannot be used, or the training diverges.
    """
    if Path(start.backbone).resolve() == Path(output).resolve():
        raise UsageError(
            f"{output} is the backbone that training starts from; it would be lost.",
            "Write the new one into another folder.",
        )
    corpus = Corpus(sources, config.held_out, seed)
    backbone = MaskedLM.load(start.backbone, start.device, start.precision, new_head=True)
    inputs: dict[str, Any] = {
        "start": deciding(start), "text": corpus.sizes, "config": deciding(config), "seed": seed,
        **edition_of(start.backbone),
    }  # fmt: skip
    if beside is not None:
        inputs["beside"] = beside.asked
    folder = AdaptationFolder.start(output, inputs, force)
    if folder.has(folder.metrics):
        folder.check_model()
        return _figures(folder)
    config = _shortened(config, backbone)
    checkpoint = Checkpoint(folder)
    stored = StoredState.read(checkpoint)
    text = Text.packed(corpus, backbone, config, seed, None if stored is None else stored.rows)
    schedule = schedule_of(limited(config, corpus, text.packer), backbone.hidden_size)
    new_head = bool(backbone.untrained)
    if stored is None:
        if new_head:
            _start_head(backbone, text.stream.buffer, seed)
        before = text.held_out.measure(backbone, progress)
        tell_figures(before, 0, schedule.max_steps, progress)
    else:
        before = stored.before
    log.info("held out: %d rows; before: %s", len(text.held_out.rows), before)
    resume = None if stored is None else stored.snapshot
    keeper = AdaptationKeeper(
        folder, checkpoint, config, text, backbone, before, resume, schedule.max_steps, progress
    )
    fit = _train(keeper, schedule, seed, beside)
    after = text.held_out.measure(backbone, progress)
    tell_figures(after, fit.steps, schedule.max_steps, progress)
    if before is not None and after is not None and after.loss >= before.loss:
        log.warning(
            "the held-out text is predicted no better than before: train less (fewer steps or "
            "passes, a smaller learning rate), or give more text"
        )
    tokens = fit.steps * config.accumulation * config.batch_size * text.packer.length
    result = Adaptation(
        before, after, fit.steps, round(fit.seconds, 1), tokens, schedule.learning_rate, new_head
    )
    card = model_card(
        start.backbone, corpus.sizes, config, seed, command, asdict(result), backbone.compute
    )
    _publish(folder, backbone, config, card)
    folder.write_json(folder.metrics, asdict(result))
    checkpoint.remove()
    return result


def adaptation_of(folder: RunFolder) -> Adaptation | None:
    """Read the figures of the backbone's adaptation in a finished run; None if there was none."""
    adapted = AdaptationFolder(folder.path / folder.backbone)
    return _figures(adapted) if adapted.has(adapted.metrics) else None


def _figures(folder: AdaptationFolder) -> Adaptation:
    with folder.reading(folder.metrics):
        return Adaptation.from_dict(folder.read_json(folder.metrics))


def _publish(folder: AdaptationFolder, backbone: MaskedLM, config: LMConfig, card: str) -> None:
    """Write a plain Hugging Face folder, whole or not at all."""
    with folder.writing(folder.model) as temporary:
        temporary.mkdir()
        model = backbone.model.half() if config.save_precision == "fp16" else backbone.model
        model.save_pretrained(temporary)
        backbone.hf_tokenizer.save_pretrained(temporary)
        hand_on_sentence_encoder(backbone, temporary)
        (temporary / folder.card).write_text(card, encoding="utf-8")
    folder.publish()


def _shortened(config: LMConfig, backbone: MaskedLM) -> LMConfig:
    """Limit the length of rows to what the backbone reads."""
    most = backbone.max_length
    if config.length <= most:
        return config
    log.warning("%s reads at most %d tokens: so long are the rows", backbone.name, most)
    return replace(config, length=most)


def _start_head(backbone: MaskedLM, rows: TokenRows, seed: int) -> None:
    """Give a backbone a masked-LM head whose bias is the log-frequency (V,) of tokens in rows.

    One is added to every count.
    """
    log.info("%s has no masked-LM head; it gets one", backbone.name)
    size = int(backbone.model.config.vocab_size)
    counts = np.bincount(rows[:, 0].ravel(), minlength=size).astype(np.float64)
    counts[list(backbone.tokenizer.special_ids)] = 0
    log_shares = torch.from_numpy(np.log((counts + 1) / (counts + 1).sum())).float()
    torch.manual_seed(derived_seed(seed, AdaptationStream.NEW_HEAD))
    backbone.start_head(log_shares)


def _train(keeper: AdaptationKeeper, schedule: Schedule, seed: int, beside: Beside | None) -> Fit:
    """Train the keeper's backbone from its last checkpoint on; leave the weights to be saved."""
    backbone, config, resume = keeper.backbone, keeper.config, keeper.resume
    torch.manual_seed(derived_seed(seed, AdaptationStream.TRAINING))
    adapters = None
    if config.lora is not None:
        adapters = Adapters(backbone.model, backbone.linear_layers, config.lora)
    groups = [Group(trained_parameters(backbone, config))]
    drawn = resume.step * config.accumulation if resume else 0
    losses = adaptation_losses(backbone, keeper.text.stream, config, seed, drawn, beside)
    job = Job(groups, losses, STAGE, drawn=drawn)
    (fit,) = optimise([job], schedule, backbone.compute, keeper=keeper, progress=keeper.progress)
    if adapters is not None:
        adapters.merge()
    if config.save_precision == "fp16":
        backbone.model.half().float()  # the weights as they are saved, to be measured
    return fit
