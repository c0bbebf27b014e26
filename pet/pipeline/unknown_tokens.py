"""Texts that a backbone cannot read: much of them are tokens for what its tokenizer lacks."""

from __future__ import annotations

from itertools import islice

from pet.backbone import backbone_class
from pet.backbone.loading import load_config, load_tokenizer
from pet.data import Data, chunked
from pet.encoding import Chunk, TextTokenizer
from pet.encoding.text_figures import TextFigures
from pet.task import Task

# Share of the tokens, or of the texts. English texts have a few: emoji, names in other scripts.
_MUCH = 0.1
_SAMPLE = 1024  # unlabelled texts that are looked at before a training


def tokenizer_of(backbone: str) -> TextTokenizer:
    """Load a backbone's tokenizer alone."""
    return backbone_class(load_config(backbone)).text_tokenizer(load_tokenizer(backbone))


def unknown_tokens(name: str, figures: TextFigures, backbone: str) -> list[str]:
    """Say in a line what share of some texts a backbone cannot read, or in none if that is little.

    Parameters
    ----------
    name : str
        What texts they are, such as "labelled".
    figures : TextFigures
        Tokens of the texts.
    backbone : str
        Name of the backbone, for the message.
    """
    share, count = figures.unknown_share, len(figures)
    if share <= _MUCH and figures.unread <= _MUCH * count:
        return []
    texts = ""
    if figures.unread and count > 1:
        number = figures.first_unread
        texts = f" Most are in {figures.unread} of {count} texts, the first is text {number}."
    return [
        f"{100 * share:.0f} % of the tokens of the {name} texts are unknown to the backbone "
        f"{backbone!r}: it cannot read them.{texts} Choose a backbone of their language and script"
    ]


def unreadable(task: Task, data: Data, backbone: str) -> list[str]:
    """Say which texts of a run the backbone cannot read; of the unlabelled ones a few are tried."""
    tokenizer = tokenizer_of(backbone)
    pool = list(islice(data.pool or (), _SAMPLE))
    lines = []
    for name, examples in (("labelled", data.train), ("unlabelled", pool)):
        figures = TextFigures(tokenizer, task.fields)
        for examples_now in chunked(examples, _SAMPLE):
            figures.add(Chunk(tokenizer, [example.texts for example in examples_now]))
        lines += unknown_tokens(name, figures, backbone)
    return lines
