"""Settings of masked language modelling on raw text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pet.config.base import Checked, setting
from pet.errors import UsageError

SavePrecision = Literal["fp32", "fp16"]


@dataclass(frozen=True)
class AdaptConfig(Checked):
    """Adaptation of a run's backbone to the unlabelled text, before its members are trained."""

    adapt: bool = setting(
        False, "First train the backbone as a masked LM on the unlabelled text, as pet adapt does."
    )
    adapt_steps: int = setting(200, "Optimiser steps of that adaptation.", low=1)


@dataclass(frozen=True)
class LMConfig(Checked):
    """Training of a masked LM on raw text; only pet adapt has these options."""

    max_steps: int | None = setting(
        None, "Optimiser steps; by default 1000, or as many as `--minutes` allows.", low=1
    )
    minutes: float | None = setting(
        None,
        "Most minutes of training, by default unlimited; the rate falls with the clock.",
        above=0,
    )
    passes: float | None = setting(
        None,
        "Most times that the text is read, by default unlimited; short text takes fewer steps.",
        above=0,
    )
    length: int = setting(128, "Tokens of a row; documents are packed into rows.", low=8)
    batch_size: int = setting(32, "Rows in one forward pass.", low=1)
    accumulation: int = setting(1, "Forward passes that make one optimiser step.", low=1)
    learning_rate: float | None = setting(
        None, "Peak learning rate; by default chosen from the backbone's width.", above=0
    )
    weight_decay: float = setting(0.01, "AdamW weight decay.", low=0)
    warmup: float = setting(
        0.1, "Share of the steps in which the rate rises; then it falls on a cosine.", low=0, high=1
    )
    clip_norm: float = setting(1.0, "Largest gradient norm.", above=0)
    dropout: bool = setting(False, "Train with the backbone's dropout.")
    mask_rate: float = setting(0.15, "Share of the tokens that are predicted.", low=0.01, below=1)
    mask_share: float = setting(0.8, "Share of these that the mask token hides.", low=0, high=1)
    random_share: float = setting(
        0.1, "Share of these that a random token replaces; the others stay.", low=0, high=1
    )
    whole_word: bool = setting(False, "Predict whole words, not single tokens.")
    cloze: bool = setting(
        False,
        "Always predict the words that the text has as {mask:word}, beside those drawn.",
    )
    freeze_words: bool = setting(False, "Do not train the word embeddings.")
    lora: int | None = setting(
        None, "Rank of LoRA adapters on the encoder; by default all weights are trained.", low=1
    )
    held_out: int = setting(
        500, "Documents kept from training to measure it by; at most a tenth of all.", low=0
    )
    shuffle_buffer: int = setting(16384, "Rows in memory from which the next are drawn.", low=1)
    checkpoint_every: int | None = setting(
        None,
        "Optimiser steps between two checkpoints; by default as many as take a minute.",
        low=1,
        decides=False,
    )
    save_precision: SavePrecision = setting("fp32", "Precision of the saved weights.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mask_share + self.random_share > 1:
            raise UsageError(
                f"`--mask-share` and `--random-share` are {self.mask_share} and "
                f"{self.random_share}; together they must not be above 1."
            )
