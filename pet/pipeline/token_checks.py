"""Checks of texts, patterns and label words as the backbone's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pet.backbone.loading import load_config, positions_of
from pet.config import Settings
from pet.data import Example
from pet.encoding import Chunk, Encoder, TextTokenizer, before_mask
from pet.encoding.text_figures import TextFigures
from pet.errors import PatternError
from pet.members import MemberSpec, PatternSpec
from pet.pipeline.findings import Findings
from pet.pipeline.unknown_tokens import tokenizer_of, unknown_tokens
from pet.scoring.readouts.label_words import label_words
from pet.task import Task
from pet.task.parts import Field


@dataclass(frozen=True)
class _Vocabulary:
    """A backbone without its weights, as far as label words need it."""

    name: str
    tokenizer: TextTokenizer


class TokenChecks:
    """Checks with one backbone's tokenizer.

    Parameters
    ----------
    task : Task
        Task with the fields, patterns and label words.
    settings : Settings
        Backbone and length of inputs.
    specs : sequence of MemberSpec
        Members of the run; those with patterns are looked at.
    findings : Findings
        Receives the slots of patterns, and the patterns that cannot be used.

    Attributes
    ----------
    unfit : set of str
        Names of the members whose pattern or label words cannot be used.
    """

    def __init__(
        self, task: Task, settings: Settings, specs: Sequence[MemberSpec], findings: Findings
    ) -> None:
        name = settings.backbone.backbone
        self._task = task
        self._backbone = _Vocabulary(name, tokenizer_of(name))
        self._length = min(settings.backbone.max_length, positions_of(load_config(name)))
        # Tokens that are left for text: by all patterns, and by those with fields that are kept.
        self._room = self._length
        self._kept: dict[tuple[str, ...], tuple[int, str]] = {}
        self.unfit: set[str] = set()
        self._specs = [spec for spec in specs if isinstance(spec, PatternSpec)]
        for spec in self._specs:
            refusals = len(findings.refusals)
            self._check_pattern(spec, findings)
            if len(findings.refusals) > refusals:
                self.unfit.add(spec.name)

    def _check_pattern(self, spec: PatternSpec, findings: Findings) -> None:
        name, tokenizer = f"pattern {spec.pattern}", self._backbone.tokenizer
        try:
            encoder = Encoder(
                tokenizer,
                spec.pvp.pattern.parts,
                self._length,
                labels=self._task.labels,
                answer=spec.pvp.some_word,
            )
        except PatternError as error:
            findings.refusals.append(f"{name} cannot be used: {error.message}")
            return
        for verbalizer in spec.pvp.verbalizers:
            with findings.refusing():
                label_words(
                    verbalizer,
                    spec.pvp.answers(self._task.labels),
                    self._backbone,
                    encoder.mask_before,
                )
        self._room = min(self._room, encoder.room)
        kept = tuple(
            part.name for part in spec.pvp.pattern.parts if isinstance(part, Field) and part.keep
        )
        if kept:
            room = min(encoder.room, self._kept.get(kept, (encoder.room, ""))[0])
            self._kept[kept] = (room, name)
        if spec.soft is None:
            return
        slots = len(encoder.soft_starts)
        findings.lines.append(
            f"{name}: {slots} learned slots, {spec.soft.kind}; tokens left for text: {encoder.room}"
        )
        if tokenizer.open_ended and spec.soft.start == "mask" and None in encoder.soft_starts:
            findings.refusals.append(
                f"{name} cannot be used: its slots start as the mask token, as warp's do, which "
                "this backbone does not have"
            )

    def figures(self, name: str) -> FileTokens:
        """Return a counter for the examples of one file."""
        return FileTokens(name, self._task, self._backbone, self._room, self._kept)

    def label_words(self, findings: Findings) -> None:
        """Report label words of several tokens."""
        tokenizer = self._backbone.tokenizer
        split = {}
        for number in sorted({spec.pattern for spec in self._specs}):
            pvp = self._task.pvps[number]
            before = before_mask(tokenizer, pvp.pattern.parts)
            for verbalizer in pvp.verbalizers:
                for word in (word for words in verbalizer.words.values() for word in words):
                    pieces = tokenizer.word_pieces(word, before)
                    known = tokenizer.unknown_id not in tokenizer.word_ids(word, before)
                    if known and len(pieces) > 1:
                        split[word] = pieces
        for word, pieces in split.items():
            findings.lines.append(
                f"label word {word!r} is {len(pieces)} tokens: {' + '.join(pieces)}"
            )
        if split:
            findings.warnings.append(
                f"{len(split)} label words are several tokens; scoring them takes more forward "
                "passes"
            )


class FileTokens:
    """Texts of one file as tokens: their lengths, and those that the backbone does not know."""

    def __init__(
        self,
        name: str,
        task: Task,
        backbone: _Vocabulary,
        room: int,
        kept: dict[tuple[str, ...], tuple[int, str]],
    ) -> None:
        self._name, self._backbone, self._room, self._limits = name, backbone, room, kept
        self._texts = TextFigures(backbone.tokenizer, task.fields)
        self._kept = {fields: TextFigures(backbone.tokenizer, fields) for fields in kept}

    def add(self, examples: Sequence[Example]) -> None:
        """Add some examples; they are tokenised once, for all figures."""
        chunk = Chunk(self._backbone.tokenizer, [example.texts for example in examples])
        for figures in (self._texts, *self._kept.values()):
            figures.add(chunk)

    def report(self, findings: Findings) -> None:
        """Report lengths, texts that are too long, and what the backbone cannot read."""
        texts, room = self._texts, self._room
        if not len(texts):
            return
        findings.lines.append(
            f"{self._name}: {texts.median} tokens in the median text, {texts.longest} in the "
            "longest"
        )
        if too_long := texts.longer_than(room):
            findings.warnings.append(
                f"{too_long} {self._name} texts are longer than {room} tokens, which is what the "
                "patterns leave them, and will be shortened"
            )
        for fields, (limit, pattern) in self._limits.items():
            if too_long := self._kept[fields].longer_than(limit):
                findings.refusals.append(
                    f"{pattern} cannot be used: in {too_long} {self._name} texts the fields marked "
                    f":keep are longer than {limit} tokens, which is what it leaves them. Drop "
                    ":keep or raise `--max-length`"
                )
        findings.warnings += unknown_tokens(self._name, texts, self._backbone.name)
