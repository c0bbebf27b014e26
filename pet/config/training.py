"""Settings of the backbone and of the training of members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pet.config.base import Checked, setting
from pet.registry import Names

WeightsScope = Literal["full", "head", "bias", "lora"]
Scope = Literal[WeightsScope, "prompt"]
ClassWeight = Literal["none", "balanced"]
ObjectiveKind = Annotated[str, Names(("pet", "adapet"), "objectives")]
OffsetsSource = Literal["auto", "labelled", "prior", "none"]


@dataclass(frozen=True)
class BackboneConfig(Checked):
    """Language model, its device, and the length of its inputs."""

    backbone: str = setting("pet-mini", "Language model: hub name, folder, GGUF file or pet-mini.")
    device: str = setting("auto", "Device: cpu, cuda, cuda:N, or auto.", decides=False)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = setting(
        "auto",
        "Precision of matrix products; auto takes bf16 where the hardware has it.",
    )
    max_length: int = setting(256, "Most tokens of an input; longer texts are shortened.", low=8)


@dataclass(frozen=True)
class TrainingConfig(Checked):
    """Training of one member."""

    max_steps: int | None = setting(
        None,
        "Optimiser steps of a member; by default 30 (25 for a contrastive one, 100 with soft slots "
        "or another `--scope` than full, 200 for fine-tune), or 4 passes over the labelled "
        "examples where that is more.",
        low=0,
    )
    batch_size: int = setting(8, "Labelled examples in one forward pass.", low=1)
    accumulation: int = setting(1, "Forward passes that make one optimiser step.", low=1)
    learning_rate: float | None = setting(
        None,
        "Peak learning rate; by default from the backbone's width, up to twice that where there "
        "are fewer than 100 steps.",
        above=0,
    )
    weight_decay: float = setting(0.01, "AdamW weight decay.", low=0)
    warmup: float = setting(
        0.1, "Share of the steps in which the rate rises; then it falls.", low=0, high=1
    )
    clip_norm: float = setting(1.0, "Largest gradient norm.", above=0)
    scope: Scope = setting(
        "full",
        "Part of a member that is trained: all but word embeddings (full), the head, biases, LoRA "
        "adapters, or only the soft slots (prompt). Slots are trained with any scope; a member "
        "without slots takes full for prompt.",
        formerly_values={
            "all": "full",
            "prompt+head": "head",
            "prompt+bias": "bias",
            "prompt+lora": "lora",
        },
    )
    lora_rank: int = setting(8, "Rank of the adapters of `--scope lora`.", low=1)
    prompt_rate: float | None = setting(
        None,
        "Peak learning rate of soft slots; by default that of their kind.",
        low=0,
    )
    objective: ObjectiveKind = setting(
        "pet",
        "Loss of labelled examples: pet, of label scores against labels; adapet, of "
        "probabilities of label words in the whole vocabulary, and hidden words given a label.",
    )
    demonstrations: int = setting(
        0,
        "Draws of a labelled example of every label, shown beside each input: a new one at every "
        "step of training, as many as given for a score, which is their mean; 0 shows none.",
        low=0,
    )
    class_weight: ClassWeight = setting(
        "none", "Weights of labels in the loss; balanced: the inverse of their frequency."
    )
    negatives: int = setting(
        4,
        "Wrong labels asked about for every true one in training, by patterns that name a label.",
        low=1,
    )
    lm_weight: float = setting(
        0.0,
        "Share of the loss that is masked-LM loss on unlabelled text, 0 to 1.",
        low=0,
        below=1,
    )
    dropout: bool = setting(False, "Train with the backbone's dropout.")
    offsets: OffsetsSource = setting(
        "auto",
        "Offsets that are subtracted from a member's label scores: prior, its mean scores of "
        "unlabelled text (or of inputs without content); labelled, those of the labelled examples "
        "before training; none; or auto: labelled for trained members, prior for others.",
        formerly="calibration",
    )
    readout_rate: float | None = setting(
        None,
        "Peak learning rate of a readout; by default 0.05 for word weights, 0.001 for "
        "class vectors and prototypes.",
        low=0,
    )
    eval_every: int = setting(20, "Steps between two looks at the development examples.", low=1)
    patience: int = setting(
        3, "Looks at the development examples without gain before stopping.", low=1
    )

    def offsets_of(self, trained: bool) -> OffsetsSource:
        """Return the source of offsets, "auto" resolved for a member that is trained or not."""
        if self.offsets != "auto":
            return self.offsets
        return "labelled" if trained else "prior"

    def weights_scope(self, soft: bool) -> WeightsScope | None:
        """Return the scope of the backbone's weights, None if none of them are trained.

        With the scope "prompt" a member with soft slots trains only these; one without trains all.
        """
        if self.scope == "prompt":
            return None if soft else "full"
        return self.scope

    def steps_for(self, examples: int, *, soft: bool = False, least: int | None = None) -> int:
        """Return the number of optimiser steps for so many labelled examples.

        ``least`` are those for few examples: by default 30 if the whole model is trained, at a rate
        for so few, or 100 if parts of it are, or soft slots.
        """
        if self.max_steps is not None:
            return self.max_steps
        if least is None:
            least = 30 if self.weights_scope(soft) == "full" and not soft else 100
        return max(least, -(-4 * examples // (self.batch_size * self.accumulation)))


def default_learning_rate(hidden_size: int) -> float:
    """Return the peak rate of AdamW for a backbone of this width, all trained in 100 steps or more.

    It is a power law through two points: 1e-5 at width 1,024, the PET paper's for RoBERTa-large,
    and 5e-5 at width 384, measured for pet-mini (benchmarks/RESULTS.md). It gives 1.6e-5 at width
    768.
    """
    return float(1e-5 * (1024 / hidden_size) ** 1.64)
