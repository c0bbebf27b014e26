"""Spans: templates that a seq2seq LM writes around a text and its label word.

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
from pet.search.frames import literal, placeholders
from pet.task import Task
from pet.task.labels import Label

_SENTINELS = ("<extra_id_0>", "<extra_id_1>", "<extra_id_2>")
# A search that finds fewer sequences than beams gives the others this score or less.
_NO_SEQUENCE = -1e8


@dataclass(frozen=True)
class SpanWriter:
    """A seq2seq LM that fills spans, such as T5, and its tokenizer."""

    model: Any
    tokenizer: Any
    name: str

    @classmethod
    def load(cls, name: str, device: str = "auto") -> SpanWriter:
        """Load a seq2seq LM from a folder or the hub.

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
        """Return the token ids of a text, without special tokens."""
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
        Its fields are used. Spans and word are put after the text, before it, and, if there are
        several fields, after the first.
    examples : sequence of Example
        N labelled examples; N times ``beams`` rows are decoded at once.
    words : mapping
        Each label's word.
    beams : int
        Width of the search, and most templates of each place.
    max_tokens : int
        Most tokens of both spans together.
    max_length : int
        Most tokens of an example's text; the end of longer ones is cut off.

    Returns
    -------
    dict
        Templates and their log-probabilities, the mean over the examples, best first.
    """
    fields = placeholders(task)
    places = [(fields, []), ([], fields)] + ([(fields[:1], fields[1:])] if fields[1:] else [])
    templates: dict[str, float] = {}
    for before, after in places:
        rows = []
        for example in examples:
            ids = [writer.ids(example.texts[name]) for name in task.fields]
            ids = [field_ids[: max(1, max_length // len(ids))] for field_ids in ids]
            split = len(before)
            left = [token for field_ids in ids[:split] for token in field_ids]
            right = [token for field_ids in ids[split:] for token in field_ids]
            first, second, _ = writer.sentinels
            word = writer.ids(words[str(example.label)])
            end = [writer.tokenizer.eos_token_id]
            rows.append([*left, first, *word, second, *right, *end])
        any_word = words[str(examples[0].label)]
        for (first_span, second_span), score in _spans(writer, rows, beams, max_tokens):
            texts = [" ".join(before), _text(writer, first_span), "{mask}"]
            start = " ".join(text for text in texts if text)
            end_text = _text_after(writer, any_word, second_span)
            template = " ".join([start + end_text, *after]).strip()
            templates.setdefault(template, score)
    return dict(sorted(templates.items(), key=lambda item: -item[1]))


def spread(examples: Sequence[Example], most: int) -> list[Example]:
    """Return at most ``most`` examples: the first of every label, then the second, and so on."""
    seen: Counter[Label | None] = Counter()
    rounds = []
    for index, example in enumerate(examples):
        rounds.append((seen[example.label], index))
        seen[example.label] += 1
    return [examples[index] for _, index in sorted(rounds)[:most]]


def _spans(
    writer: SpanWriter, rows: list[list[int]], beams: int, max_tokens: int
) -> list[tuple[tuple[list[int], list[int]], float]]:
    """Search for pairs of spans, with beams, by their mean log-probability over all rows."""
    from transformers import LogitsProcessorList

    first, second, end = writer.sentinels
    model, pad = writer.model, writer.tokenizer.pad_token_id
    longest = max(map(len, rows))
    device = model.device
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows], device=device)
    real = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    begin = torch.tensor([[model.config.decoder_start_token_id, first]] * len(rows), device=device)
    vocabulary = writer.tokenizer.get_vocab()
    marks = {token_id for token, token_id in vocabulary.items() if token.startswith("<extra_id_")}
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
    # The searches of all rows are the same; the first row's is read.
    sequences = output.sequences[:beams, 2:].tolist()
    spans = []
    for sequence, score in zip(sequences, output.sequences_scores[:beams].tolist(), strict=True):
        if score > _NO_SEQUENCE and second in sequence and end in sequence:
            middle, stop = sequence.index(second), sequence.index(end)
            spans.append(((sequence[:middle], sequence[middle + 1 : stop]), score))
    return spans


def _together(
    beams: int, second: int, end: int, banned: list[int], max_tokens: int
) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a logits processor for `generate` that joins a batch of searches into one.

    Every row gets the mean of all rows' log-probabilities, so that all rows keep the same beams.
    The second span may begin once, and may end only after it has begun. Both must happen once the
    spans have ``max_tokens`` tokens.
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


def _text_after(writer: SpanWriter, word: str, ids: list[int]) -> str:
    """Return the text of a span that follows a word, with the space before it if it has one."""
    start = writer.ids(word)
    whole = str(writer.tokenizer.decode([*start, *ids]))
    return literal(whole.removeprefix(str(writer.tokenizer.decode(start)))).rstrip()
