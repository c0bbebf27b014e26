"""Templates that a seq2seq LM writes: the spans around a text and its label word.

Source: LM-BFF, Gao, Fisch and Chen, ACL 2021, section 5.2. A T5 is shown ``text <X> word <Y>`` for
every labelled example and asked for the spans X and Y that fit all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pet.backbone.loading import load_pretrained, load_tokenizer
from pet.data import Example
from pet.device import Compute
from pet.errors import BackboneError
from pet.search.templates import literal, slots
from pet.task import Task
from pet.task.labels import Label

_SENTINELS = ("<extra_id_0>", "<extra_id_1>", "<extra_id_2>")
# Where a search has found fewer sequences than beams, the others have this score or less.
_NOTHING = -1e8


@dataclass(frozen=True)
class SpanWriter:
    """A seq2seq LM that fills spans, such as T5, and its tokenizer."""

    model: Any
    tokenizer: Any
    name: str

    @classmethod
    def load(cls, name: str, device: str = "auto") -> SpanWriter:
        """Load it from a folder or the hub.

        Raises
        ------
        BackboneError
            When it cannot be loaded or has no sentinel tokens for spans.
        """
        from transformers import AutoModelForSeq2SeqLM

        tokenizer = load_tokenizer(name)
        known = tokenizer.get_vocab()
        if not all(sentinel in known for sentinel in _SENTINELS):
            raise BackboneError(
                f"Backbone {name!r} cannot fill spans: its tokenizer has no {_SENTINELS[0]}.",
                "Choose a T5 that was trained to fill spans, such as t5-base.",
            )
        model, _ = load_pretrained(AutoModelForSeq2SeqLM, name)
        return cls(model.to(Compute.choose(device).device).eval(), tokenizer, name)

    @property
    def sentinels(self) -> tuple[int, int, int]:
        """Token ids of the marks before the first, before the second and after the last span."""
        first, second, end = self.tokenizer.convert_tokens_to_ids(_SENTINELS)
        return first, second, end

    def ids(self, text: str) -> list[int]:
        """Token ids of a text, without special tokens."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])


@torch.inference_mode()
def written_templates(
    writer: SpanWriter,
    task: Task,
    examples: Sequence[Example],
    words: Mapping[str, str],
    beams: int,
    max_tokens: int,
    max_length: int,
) -> dict[str, float]:
    """Search the templates that are likeliest for all examples together.

    Parameters
    ----------
    writer : SpanWriter
        The seq2seq LM.
    task : Task
        For its fields. The spans and the word stand after the text, before it, and, where there
        are several fields, after the first.
    examples : sequence of Example
        N labelled examples; N times ``beams`` rows are decoded at once.
    words : mapping
        Each label's word.
    beams : int
        Width of the search, and most templates of each of the places.
    max_tokens : int
        Most tokens of both spans together.
    max_length : int
        Most tokens of an example's text; the end of longer ones is cut off.

    Returns
    -------
    dict
        Templates and their log-probabilities, the mean over the examples, best first.
    """
    fields = slots(task)
    places = [(fields, []), ([], fields)] + ([(fields[:1], fields[1:])] if fields[1:] else [])
    found: dict[str, float] = {}
    for before, after in places:
        rows = []
        for example in examples:
            ids = [writer.ids(example.texts[name]) for name in task.fields]
            ids = [part[: max(1, max_length // len(ids))] for part in ids]
            split = len(before)
            left = [token for part in ids[:split] for token in part]
            right = [token for part in ids[split:] for token in part]
            first, second, _ = writer.sentinels
            word = writer.ids(words[str(example.label)])
            end = [writer.tokenizer.eos_token_id]
            rows.append([*left, first, *word, second, *right, *end])
        any_word = words[str(examples[0].label)]
        for (one, two), score in _spans(writer, rows, beams, max_tokens):
            parts = [" ".join(before), _text(writer, one), "{mask}"]
            start = " ".join(part for part in parts if part)
            template = " ".join([start + _glued(writer, any_word, two), *after]).strip()
            found.setdefault(template, score)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def spread(examples: Sequence[Example], most: int) -> list[Example]:
    """Return at most so many examples: the first of every label, then the second, and so on."""
    seen: Counter[Label | None] = Counter()
    rounds = []
    for number, example in enumerate(examples):
        rounds.append((seen[example.label], number))
        seen[example.label] += 1
    return [examples[number] for _, number in sorted(rounds)[:most]]


def _spans(
    writer: SpanWriter, rows: list[list[int]], beams: int, max_tokens: int
) -> list[tuple[tuple[list[int], list[int]], float]]:
    """Beam search for pairs of spans by their mean log-probability over all rows."""
    from transformers import LogitsProcessorList

    first, second, end = writer.sentinels
    model, pad = writer.model, writer.tokenizer.pad_token_id
    longest = max(map(len, rows))
    device = model.device
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows], device=device)
    real = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    begin = torch.tensor([[model.config.decoder_start_token_id, first]] * len(rows), device=device)
    vocabulary = writer.tokenizer.get_vocab()
    marks = {number for token, number in vocabulary.items() if token.startswith("<extra_id_")}
    # Models have more ids than their tokenizer has tokens.
    unused = range(len(writer.tokenizer), model.config.vocab_size)
    banned = [*({*writer.tokenizer.all_special_ids, *marks} - {second, end}), *unused]
    output = model.generate(
        input_ids=ids,
        attention_mask=real.to(device),
        decoder_input_ids=begin,
        num_beams=beams,
        num_return_sequences=beams,
        max_new_tokens=max_tokens + 2,
        do_sample=False,
        early_stopping=False,
        length_penalty=0.0,
        eos_token_id=end,
        pad_token_id=pad,
        logits_processor=LogitsProcessorList([_together(beams, second, end, banned, max_tokens)]),
        output_scores=True,
        return_dict_in_generate=True,
    )
    # All rows have gone the same way; the first tells it.
    sequences = output.sequences[:beams, 2:].tolist()
    found = []
    for sequence, score in zip(sequences, output.sequences_scores[:beams].tolist(), strict=True):
        if score > _NOTHING and second in sequence and end in sequence:
            middle, stop = sequence.index(second), sequence.index(end)
            found.append(((sequence[:middle], sequence[middle + 1 : stop]), score))
    return found


def _together(
    beams: int, second: int, end: int, banned: list[int], max_tokens: int
) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a step of `generate` that makes one search of a batch of searches.

    It gives every row the mean of all rows' log-probabilities, so that all take the same beams;
    and it lets the second span begin once and end only after it has begun, and has both happen
    when the spans have ``max_tokens`` tokens.
    """

    def process(sequences: Tensor, scores: Tensor) -> Tensor:
        count = len(scores) // beams
        mean = scores.view(count, beams, -1).mean(dim=0)
        begun = (sequences[:beams] == second).any(dim=1)
        mean[:, banned] = -torch.inf
        spent = sequences.shape[1] - 2 - begun.long()
        marks = torch.zeros(mean.shape[1], dtype=torch.bool, device=mean.device)
        marks[[second, end]] = True
        mean[(spent >= max_tokens)[:, None] & ~marks] = -torch.inf
        mean[begun, second] = -torch.inf
        mean[~begun, end] = -torch.inf
        return mean.repeat(count, 1)

    return process


def _text(writer: SpanWriter, ids: list[int]) -> str:
    return literal(" ".join(str(writer.tokenizer.decode(ids)).split()))


def _glued(writer: SpanWriter, word: str, ids: list[int]) -> str:
    """The text of a span that follows a word, with the space before it if it has one."""
    start = writer.ids(word)
    whole = str(writer.tokenizer.decode([*start, *ids]))
    return literal(whole.removeprefix(str(writer.tokenizer.decode(start)))).rstrip()
