"""Refining: label words and patterns of a draft are chosen on a few labelled examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy.special import log_softmax
from torch import Tensor
from torch.nn.functional import normalize

from pet.backbone import LanguageModel
from pet.backbone.held import held_backbone
from pet.config import BackboneConfig, WordSearchConfig
from pet.data import Example
from pet.drafting.draft import Draft, shell_task
from pet.drafting.label_words import joined
from pet.errors import DataError
from pet.model.temperature import fit_temperature
from pet.search.petal import petal
from pet.search.readings import Readings
from pet.search.spans import spread
from pet.search.templates import FAMILIES, rule_templates
from pet.task import PVP, Verbalizer
from pet.types import Scores

WORDS = 6  # of a label, with those of its name
PATTERNS = 4
# A cosine of 0.1 with the name counts as one nat of log-odds on the examples. Without it words are
# found that fit these few texts alone (benchmarks/RESULTS.md).
NEARNESS = 10.0
_OF_A_FAMILY = 2  # patterns that say the same in other words err alike
SAMPLE = 512  # unlabelled texts that tell which words are rare
EXAMPLES = 256  # more hardly change the choice; each is read once in every candidate pattern


def refined_draft(
    draft: Draft,
    examples: Sequence[Example],
    sample: Sequence[Mapping[str, str]],
    config: BackboneConfig,
) -> Draft:
    """Refine a draft on labelled examples, with the backbone that is trained later.

    Raises
    ------
    DataError
        When the labels are numbers, and there are no examples to find their words by.
    """
    if examples:
        draft = refined(draft, examples, held_backbone(config), sample, config.max_length)
    if not draft.names_speak and not draft.is_refined:
        raise DataError(
            "The labels are numbers, which say nothing, and there are no words from examples.",
            f"Give them names, such as `--label-map {draft.task.labels[0]}=NAME,...`.",
        )
    return draft


@torch.no_grad()  # not inference_mode: the same backbone is trained afterwards
def refined(
    draft: Draft,
    examples: Sequence[Example],
    backbone: LanguageModel,
    sample: Sequence[Mapping[str, str]] = (),
    max_length: int = 256,
) -> Draft:
    """Refine label words on examples, and choose the patterns in which they fit best.

    A word scores by PETAL, which asks how much likelier it is for a label's examples than for
    others, and by its nearness to the label's name.

    Every text is read once in every candidate pattern; both choices are made from these readings.
    A label keeps the words of its name. Usual label names keep their words and patterns: they are
    known to fit, and a few examples find worse ones (benchmarks/RESULTS.md).

    Parameters
    ----------
    draft : Draft
        The draft.
    examples : sequence of Example
        Labelled examples.
    backbone : LanguageModel
        Model that judges words and patterns.
    sample : sequence of mapping
        Unlabelled texts; words that are rare in them are no candidates.
    max_length : int
        Most tokens of an input.

    Returns
    -------
    Draft
        The refined draft; unchanged if its words are known, or a label has no example.
    """
    task = draft.task
    if draft.is_convention:
        return draft
    present = {example.label for example in examples}
    lacking = [label for label in task.labels if label not in present]
    if lacking:
        told = f"Words are not refined: no example of {', '.join(lacking[:5])}."
        return replace(draft, decisions=(*draft.decisions, told))
    words = task.pvps[0].verbalizers[0]
    origins = dict.fromkeys((pvp.pattern.template for pvp in task.pvps), "draft")
    shell = shell_task(task.labels, {field: field for field in task.fields}, words)
    origins = {**origins, **rule_templates(shell, FAMILIES)}
    candidates = [PVP(template, words) for template in origins]
    shown = spread(examples, max(EXAMPLES, 2 * len(task.labels)))
    readings = Readings.read(backbone, candidates, task.labels, shown, sample, max_length)
    config = WordSearchConfig(words=WORDS)
    readings = readings.frequent(config.frequent)
    first = {label: list(words.words[label]) if draft.names_speak else [] for label in task.labels}
    known = set(readings.table.texts)
    single = {label: [w for w in own if w in known] for label, own in first.items()}
    found = petal(readings, config, NEARNESS * nearness(readings, single)).verbalizer.words
    chosen_words = joined(single, {label: list(own) for label, own in found.items()}, WORDS)
    for label, own in chosen_words.items():
        own += first[label] if not own else []
    verbalizer = Verbalizer(chosen_words, decoding=words.decoding)
    fits = _fits(readings, chosen_words)
    chosen = _best(list(origins), list(origins.values()), fits)
    pvps = [PVP(template, verbalizer) for template in chosen]
    decisions = (
        *draft.decisions,
        f"Words were added that are near to the names and fit the examples, up to {WORDS} a label."
        if draft.names_speak
        else "Words were found that the model prefers for each label's examples.",
        f"Of {len(origins)} patterns, the {len(chosen)} were kept in which these fit best.",
    )
    refined_task = replace(task, pvps=pvps)
    return replace(draft, task=refined_task, decisions=decisions, is_refined=True)


def nearness(readings: Readings, names: Mapping[str, Sequence[str]]) -> Tensor:
    """Return how near each word is to the names of each label, (C, K): cosines of word vectors.

    Of several words of a name the nearest counts; a label without a name is near to nothing. The
    mean vector is taken off first, to which all are near. Words of two tokens have their mean.
    """
    vectors = readings.backbone.model.get_input_embeddings().weight.detach().float()
    ids = readings.table.ids[0].to(vectors.device)
    given = (ids >= 0).unsqueeze(-1)
    words = (vectors[ids.clamp_min(0)] * given).sum(dim=1) / given.sum(dim=1)
    words = normalize(words - words.mean(dim=0), dim=1)
    places = {word: column for column, word in enumerate(readings.table.texts)}
    near = torch.zeros((len(names), len(places)), dtype=torch.float64)
    for label, own in enumerate(names.values()):
        if own:
            cosines = words @ words[[places[word] for word in own]].T
            near[label] = cosines.max(dim=1).values.double().cpu()
    return near.to(readings.targets.device)


def _fits(readings: Readings, words: Mapping[str, Sequence[str]]) -> list[float]:
    """Return each pattern's mean log-likelihood of the labels, in nats, calibrated: (P,).

    Scores lose their mean over the examples, as untrained members do, and have the temperature
    that suits them.
    """
    places = {word: column for column, word in enumerate(readings.table.texts)}
    targets = readings.targets.cpu().numpy()
    fits = []
    for pattern in range(len(readings.states)):
        one = readings.only(pattern)
        scores = np.zeros((len(targets), len(words)))
        for label, own in enumerate(words.values()):
            columns = [places[word] for word in own if word in places]
            if columns:
                logits = one.logits(torch.tensor(columns, device=one.targets.device))
                scores[:, label] = logits.mean(dim=1).double().cpu().numpy()
        fits.append(_log_likelihood(scores - scores.mean(axis=0), targets))
    return fits


def _log_likelihood(scores: Scores, targets: np.ndarray) -> float:
    scaled = log_softmax(scores / fit_temperature(scores, targets), axis=1)
    return float(scaled[np.arange(len(targets)), targets].mean())


def _best(templates: Sequence[str], families: Sequence[str], fits: Sequence[float]) -> list[str]:
    """Return the patterns that fit best, few of a family; ties in the order of the candidates."""
    chosen: list[int] = []
    for index in np.argsort(-np.array(fits), kind="stable").tolist():
        if [families[other] for other in chosen].count(families[index]) < _OF_A_FAMILY:
            chosen.append(index)
        if len(chosen) == PATTERNS:
            break
    return [templates[index] for index in chosen]
