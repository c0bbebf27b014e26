"""Every setting with its default and its one-line explanation.

The command line's options and the parameters of `PETClassifier` are made from these classes, so a
name is unique across them and a default lives here only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal, get_args

from pet.errors import UsageError, did_you_mean

Method = Literal["pet", "ipet", "zero-shot", "single", "head", "fine-tune"]
Baseline = Literal["tfidf", "embedding", "setfit"]
WeightsScope = Literal["full", "head", "bias", "lora"]
Scope = Literal[WeightsScope, "prompt", "prompt+head", "prompt+bias", "prompt+lora", "all"]
SoftKind = Literal["words", "prompt-tuning", "p-tuning", "deep", "prefix"]
DeepKind = Literal["replace", "add"]
SoftMember = Literal["none", SoftKind]
SoftStart = Literal["label-words", "vocabulary", "uniform", "mask"]
Combiner = Literal["logits", "probabilities", "log-probabilities", "vote"]
Weighting = Literal["uniform", "accuracy", "learned", "tempered"]
ClassWeight = Literal["none", "balanced"]
ObjectiveKind = Literal["pet", "adapet"]
ReadoutKind = Literal["words", "word-weights", "class-vectors", "prototypes"]
Calibration = Literal["auto", "none", "prior", "labelled"]
WordSearch = Literal["petal", "lm-bff", "kpt"]
Measure = Literal["entropy", "margin", "confidence", "votes", "disagreement"]


def setting(
    default: Any, text: str, choices: Any = None, low: float | None = None, decides: bool = True
) -> Any:
    """Declare one setting: default, help text, allowed values or smallest value.

    One that does not decide a result but where it is computed is no part of what a run was asked.
    """
    values = get_args(choices) if choices is not None else None
    known = {"help": text, "choices": values, "low": low, "decides": decides}
    return field(default=default, metadata=known)


def deciding(config: Any) -> dict[str, Any]:
    """`dataclasses.asdict` of the settings that decide a result."""
    own = {f.name: getattr(config, f.name) for f in fields(config) if f.metadata.get("decides", 1)}
    return {name: deciding(v) if is_dataclass(v) else v for name, v in own.items()}


class _Checked:
    """Validates a configuration once, when it is made."""

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            choices, low = item.metadata.get("choices"), item.metadata.get("low")
            for own in value if isinstance(value, tuple) else (value,):
                if choices and own not in choices:
                    raise UsageError(
                        f"{item.name}={own!r} is unknown.", did_you_mean(str(own), choices)
                    )
            if isinstance(value, tuple) and (not value or len(set(value)) < len(value)):
                raise UsageError(
                    f"{item.name} must be one or more different values, not {value!r}."
                )
            if low is None or value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= low:
                raise UsageError(f"{item.name} must be a number from {low:g}, not {value!r}.")
            if str(item.type).startswith("int") and value != int(value):
                raise UsageError(f"{item.name} must be a whole number, not {value!r}.")


@dataclass(frozen=True)
class BackboneConfig(_Checked):
    """Which masked language model, where it runs, and how much text it reads."""

    backbone: str = setting("pet-mini", "Language model: hub name, folder, GGUF file or pet-mini.")
    device: str = setting("auto", "cpu, cuda, cuda:N, or auto.", decides=False)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = setting(
        "auto",
        "Precision of matrix products; auto takes bf16 where the hardware has it.",
        Literal["auto", "fp32", "bf16", "fp16"],
    )
    max_length: int = setting(256, "Most tokens of an input; longer texts are shortened.", low=8)


@dataclass(frozen=True)
class TrainingConfig(_Checked):
    """How one member is trained."""

    max_steps: int | None = setting(
        None,
        "Optimiser steps of a member; by default 100 (200 for fine-tune), or 4 passes over the "
        "labelled examples where that is more.",
        low=0,
    )
    batch_size: int = setting(8, "Labelled examples in one forward pass.", low=1)
    accumulation: int = setting(1, "Forward passes that make one optimiser step.", low=1)
    learning_rate: float | None = setting(
        None, "Peak learning rate; by default chosen from the backbone's width.", low=0
    )
    weight_decay: float = setting(0.01, "AdamW weight decay.", low=0)
    warmup: float = setting(
        0.1, "Share of the steps in which the rate rises; then it falls.", low=0
    )
    clip_norm: float = setting(1.0, "Largest gradient norm.", low=0)
    scope: Scope = setting(
        "full",
        "What is trained of the backbone: all of it (full), the language-modelling head, biases, "
        "LoRA adapters or, with soft slots, nothing (prompt). Slots are always trained: "
        "prompt+head, prompt+bias, prompt+lora and all are other names of head, bias, lora and "
        "full. Members without slots take full for prompt.",
        Scope,
    )
    lora_rank: int = setting(8, "Rank of the adapters of --scope lora.", low=1)
    prompt_rate: float | None = setting(
        None,
        "Peak learning rate of soft slots; by default that of their kind.",
        low=0,
    )
    objective: ObjectiveKind = setting(
        "pet",
        "What labelled examples are trained with: pet, label scores against labels; adapet, "
        "probabilities of label words in the whole vocabulary, and hidden words given a label.",
        ObjectiveKind,
    )
    demonstrations: int = setting(
        0,
        "Show a labelled example of every label beside each input: drawn anew in training, scores "
        "averaged over so many draws; 0 shows none.",
        low=0,
    )
    class_weight: ClassWeight = setting(
        "none", "'balanced' weighs each label by its inverse frequency in the loss.", ClassWeight
    )
    negatives: int = setting(
        4,
        "Patterns that name a label: wrong labels asked about for every true one in training.",
        low=1,
    )
    lm_weight: float = setting(
        0.0, "Share of the loss that is masked-LM loss on unlabelled text, 0 to 1.", low=0
    )
    dropout: bool = setting(False, "Train with the backbone's dropout.")
    calibration: Calibration = setting(
        "auto",
        "What is subtracted from a member's label scores: prior, its mean scores of unlabelled "
        "text (or of inputs without content); labelled, those of the labelled examples before "
        "training; none; or auto: labelled for trained members, prior for others.",
        Calibration,
    )
    readout_rate: float | None = setting(
        None,
        "Peak learning rate of what a readout learns; by default 0.05 for word weights, 0.001 for "
        "class vectors and prototypes.",
        low=0,
    )
    eval_every: int = setting(20, "With a development file: steps between two looks at it.", low=1)
    patience: int = setting(
        3, "With a development file: looks without gain before stopping.", low=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lm_weight >= 1:
            raise UsageError(f"lm_weight is a share of the loss below 1, not {self.lm_weight}.")

    def calibration_of(self, trained: bool) -> Calibration:
        """Resolve "auto" for a member that is trained or not."""
        if self.calibration != "auto":
            return self.calibration
        return "labelled" if trained else "prior"

    def weights_scope(self, soft: bool) -> WeightsScope | None:
        """What is trained of the backbone: "full", "head", "bias", or None for nothing.

        Only a member with soft slots can leave the backbone alone.
        """
        match self.scope:
            case "full" | "all":
                return "full"
            case "head" | "prompt+head":
                return "head"
            case "bias" | "prompt+bias":
                return "bias"
            case "lora" | "prompt+lora":
                return "lora"
            case "prompt":
                return None if soft else "full"

    def steps_for(self, examples: int, least: int = 100) -> int:
        """Optimiser steps for so many labelled examples."""
        if self.max_steps is not None:
            return self.max_steps
        return max(least, -(-4 * examples // (self.batch_size * self.accumulation)))


@dataclass(frozen=True)
class TemplateConfig(_Checked):
    """Which patterns have learned slots, and how these start."""

    soft: tuple[str, ...] = setting(
        ("none",),
        "Soft templates, one or several: words, a learned change of the slots' words; "
        "prompt-tuning, free vectors; p-tuning, the same trained through an LSTM; deep, vectors at "
        "every layer; prefix, keys and values at every layer; none is the pattern as the task has "
        "it. Several give every pattern a member of each kind.",
        SoftMember,
    )
    soft_length: int = setting(20, "Pseudo tokens that a pattern without slots gets.", low=1)
    soft_text: str | None = setting(
        None, "Words that the slots before a pattern start as; by default none."
    )
    soft_start: SoftStart = setting(
        "label-words",
        "What pseudo tokens start as: label words (and common words for those that remain), common "
        "words of the vocabulary, uniform noise, or the mask token (with --soft prompt-tuning, "
        "--readout class-vectors and --scope prompt this is WARP).",
        SoftStart,
    )
    deep: DeepKind = setting(
        "replace",
        "Deep prompts: they replace what comes to a layer at the slots, or are added to it.",
        DeepKind,
    )
    deep_layers: str = setting(
        "all", "Deep prompts: which layers have them, such as 1,4-6, or all but the first, 0."
    )
    soften: Literal["none", "words"] = setting(
        "none",
        "words: a pattern's own words become its slots, instead of slots before it.",
        Literal["none", "words"],
    )

    def __post_init__(self) -> None:
        kinds = self.soft.split(",") if isinstance(self.soft, str) else self.soft
        object.__setattr__(self, "soft", tuple(kind.strip() for kind in kinds))
        super().__post_init__()
        if self.soften != "none" and set(self.soft) <= {"none"}:
            object.__setattr__(self, "soft", ("words",))


@dataclass(frozen=True)
class EnsembleConfig(_Checked):
    """Which members there are and how they are combined."""

    readout: tuple[str, ...] = setting(
        ("words",),
        "How members read labels off the mask, one or several: words, the verbalizer as it is; "
        "word-weights, learned; class-vectors, which start from the words; prototypes of the "
        "labels' mask states. Several give every pattern a member of each kind.",
        ReadoutKind,
    )
    repetitions: int = setting(1, "Members of each pattern, with different seeds.", low=1)
    combine_verbalizers: Combiner = setting(
        "logits", "How the verbalizers of one member are combined.", Combiner
    )
    combine_members: Combiner = setting("logits", "How the members are combined.", Combiner)
    weighting: Weighting = setting(
        "uniform",
        "Member weights: uniform, accuracy on the labelled examples before training, learned on "
        "out-of-fold scores of the labelled examples, or tempered: uniform, with a temperature "
        "for every member from those scores.",
        Weighting,
    )
    calibrate: bool = setting(
        False,
        "Make probabilities honest with a temperature that is fitted on out-of-fold scores of the "
        "labelled examples; takes --folds more trainings of every member.",
    )
    folds: int = setting(4, "Folds for learned and tempered weights and --calibrate.", low=2)


@dataclass(frozen=True)
class IpetConfig(_Checked):
    """How generations follow each other (PET, section 3.4)."""

    generations: int | None = setting(
        None,
        "iPET: generations after the first; by default until members learn from 1,000 examples "
        "or the next generation would draw more than half of the unlabelled text.",
        low=1,
    )
    growth: int = setting(
        5, "iPET: factor by which the training examples grow from generation to generation.", low=2
    )
    labeller_share: float = setting(
        0.25,
        "iPET: share of the other members that label the text a member learns from; at least one.",
        low=0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.labeller_share > 1:
            raise UsageError(f"labeller_share is a share up to 1, not {self.labeller_share}.")


@dataclass(frozen=True)
class DistillationConfig(_Checked):
    """How the final classifier is trained on softly labelled text."""

    student: str | None = setting(
        None,
        "Model that the distilled classifier starts from; by default the backbone, or pet-mini "
        "where the backbone's architecture has no classifier.",
    )
    temperature: float = setting(2.0, "Softens the ensemble's labels; 1 leaves them.", low=0.01)
    distill_epochs: int = setting(4, "Passes over the unlabelled text.", low=1)
    distill_max_steps: int = setting(2000, "Most optimiser steps, whatever the epochs.", low=1)
    distill_batch_size: int = setting(32, "Unlabelled texts per optimiser step.", low=1)
    distill_learning_rate: float | None = setting(
        None, "Peak learning rate; by default four times that of the members.", low=0
    )


@dataclass(frozen=True)
class AdaptConfig(_Checked):
    """Whether a run starts by adapting its backbone to the unlabelled text."""

    adapt: bool = setting(
        False, "First train the backbone as a masked LM on the unlabelled text, as pet adapt does."
    )
    adapt_steps: int = setting(200, "Optimiser steps of that.", low=1)


@dataclass(frozen=True)
class LMConfig(_Checked):
    """How a masked LM is trained on raw text. These are the options of pet adapt alone."""

    max_steps: int | None = setting(
        None, "Optimiser steps; by default 1000, or as many as --minutes allows.", low=1
    )
    minutes: float | None = setting(
        None,
        "Most minutes of training, by default unlimited; the rate falls with the clock.",
        low=0,
    )
    length: int = setting(128, "Tokens of a row; documents are packed into rows.", low=8)
    batch_size: int = setting(32, "Rows in one forward pass.", low=1)
    accumulation: int = setting(1, "Forward passes that make one optimiser step.", low=1)
    learning_rate: float | None = setting(
        None, "Peak learning rate; by default chosen from the backbone's width.", low=0
    )
    weight_decay: float = setting(0.01, "AdamW weight decay.", low=0)
    warmup: float = setting(
        0.1, "Share of the steps in which the rate rises; then it falls on a cosine.", low=0
    )
    clip_norm: float = setting(1.0, "Largest gradient norm.", low=0)
    dropout: bool = setting(False, "Train with the backbone's dropout.")
    mask_rate: float = setting(0.15, "Share of the tokens that are to be predicted.", low=0.01)
    mask_share: float = setting(0.8, "Share of these that the mask token hides.", low=0)
    random_share: float = setting(
        0.1, "Share of these that a random token replaces; the others stay.", low=0
    )
    whole_word: bool = setting(False, "Choose whole words to be predicted, not single tokens.")
    freeze_words: bool = setting(False, "Leave the word embeddings as they are.")
    lora: int | None = setting(
        None, "Rank of LoRA adapters on the encoder; by default all weights are trained.", low=1
    )
    held_out: int = setting(
        500, "Documents kept from training to measure it by; at most a tenth of all.", low=0
    )
    shuffle_buffer: int = setting(16384, "Rows in memory from which the next are drawn.", low=1)
    checkpoint_every: int = setting(500, "Optimiser steps between two checkpoints.", low=1)
    save_precision: Literal["fp32", "fp16"] = setting(
        "fp32", "Precision of the saved weights.", Literal["fp32", "fp16"]
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mask_rate >= 1:
            raise UsageError(f"mask_rate is a share of the tokens below 1, not {self.mask_rate}.")
        if self.mask_share + self.random_share > 1:
            raise UsageError(
                f"mask_share and random_share are {self.mask_share} and {self.random_share}; "
                "together they must not be above 1."
            )


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run's result, besides the data."""

    method: Method = "pet"
    seed: int = 13
    patterns: tuple[int, ...] | None = None
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    template: TemplateConfig = field(default_factory=TemplateConfig)
    ensemble: EnsembleConfig = field(default_factory=EnsembleConfig)
    ipet: IpetConfig = field(default_factory=IpetConfig)
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    adaptation: AdaptConfig = field(default_factory=AdaptConfig)

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise UsageError(
                f"Unknown method {self.method!r}.", did_you_mean(self.method, get_args(Method))
            )
        if not isinstance(self.seed, int) or self.seed < 0:
            raise UsageError(f"seed must be a whole number from 0, not {self.seed!r}.")

    @classmethod
    def from_flat(cls, values: dict[str, Any]) -> Settings:
        """Build the nested settings from ``{option name: value}``; unknown names are refused."""
        rest = dict(values)
        parts = {
            name: part(
                **{item.name: rest.pop(item.name) for item in fields(part) if item.name in rest}
            )
            for name, part in CONFIGS.items()
        }
        for name in rest:
            if name not in ("method", "seed", "patterns"):
                raise UsageError(f"Unknown setting {name!r}.")
        return cls(**rest, **parts)


@dataclass(frozen=True)
class StudyConfig(_Checked):
    """What a few-shot study runs: every method on every draw."""

    methods: tuple[str, ...] = setting(
        ("zero-shot", "tfidf", "embedding", "fine-tune", "single", "pet"),
        f"What is compared, of: {', '.join((*get_args(Method), *get_args(Baseline)))}.",
    )
    shots: tuple[int, ...] = setting((16,), "Training examples of each label; 16,64 is a curve.")
    seeds: tuple[int, ...] = setting((13, 21, 42, 87, 100), "One draw from the pool each.")
    unlabeled: int | None = setting(
        None, "Most unlabelled texts, drawn from the rest of the pool; by default all.", low=0
    )
    draw_dev: bool = setting(
        False, "Also draw as many development examples: turns on early stopping."
    )
    jobs: int = setting(1, "Cells that run at once, each in a process of its own.", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, low in (("shots", 1), ("seeds", 0)):
            for value in getattr(self, name):
                if isinstance(value, bool) or not isinstance(value, int) or value < low:
                    raise UsageError(f"{name} must be whole numbers from {low}, not {value!r}.")
        known = (*get_args(Method), *get_args(Baseline))
        for method in self.methods:
            if method not in known:
                raise UsageError(f"Unknown method {method!r}.", did_you_mean(method, known))


@dataclass(frozen=True)
class WordSearchConfig(_Checked):
    """How label words are searched for. These are the options of pet verbalize alone."""

    search: WordSearch = setting(
        "petal",
        "petal: words that are likelier for a label's examples than for others; lm-bff: the "
        "combination of likely words that labels the examples best; kpt: refine given words.",
        WordSearch,
    )
    words: int | None = setting(
        None, "Most words of a label; by default 10 for petal, 1 for lm-bff, all for kpt.", low=1
    )
    joint: bool = setting(True, "One set of words for all patterns, or one for each.")
    candidates: int | None = setting(
        None, "Likeliest words that a label chooses from; by default 1000, for lm-bff 100.", low=1
    )
    beams: int = setting(100, "lm-bff: combinations kept while the search goes on.", low=1)
    frequent: int = setting(
        10_000, "With unlabelled text: choose among so many words that are likeliest in it.", low=1
    )
    rare: float = setting(
        0.5, "kpt: share of the given words, the least likely in the text, that is dropped.", low=0
    )
    sample: int = setting(512, "Most unlabelled texts that are looked at.", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rare >= 1:
            raise UsageError(f"rare is a share of the words below 1, not {self.rare}.")


@dataclass(frozen=True)
class RankConfig(_Checked):
    """How a task's patterns are compared on the labelled examples alone."""

    trained: bool = setting(
        False, "Train every pattern on each half, instead of taking it as it is."
    )
    halvings: int | None = setting(
        None,
        "Random halvings of the labelled examples, each half predicted from the other; by default "
        "20, or 2 with --trained.",
        low=1,
    )

    @property
    def halvings_or_default(self) -> int:
        """How many halvings there are."""
        return self.halvings or (2 if self.trained else 20)


@dataclass(frozen=True)
class SuggestConfig(_Checked):
    """Which unlabelled texts are worth labelling next."""

    by: Measure = setting(
        "entropy",
        "What makes a text worth labelling: the entropy of its label, a small margin between the "
        "two most likely labels, low confidence, or members that differ (entropy of their votes; "
        "disagreement: their mean divergence from the consensus).",
        Measure,
    )
    candidates: int = setting(
        10,
        "Candidates for each suggestion; they are clustered and one is taken from each cluster, so "
        "that no two are alike. 1 takes the best as they are.",
        low=1,
    )


@dataclass(frozen=True)
class TemplateSearchConfig(_Checked):
    """Which patterns are candidates. These are the options of pet templates alone."""

    families: tuple[str, ...] = setting(
        ("null", "punctuation", "prompt", "question-answer"), "Rules that candidates are made by."
    )
    seq2seq: str | None = setting(
        None, "Also have this seq2seq LM write candidates: a T5, by hub name or folder."
    )
    beams: int = setting(20, "seq2seq: width of its search, and most templates of a place.", low=2)
    span_tokens: int = setting(8, "seq2seq: most tokens that it writes into a template.", low=1)
    span_examples: int = setting(
        32, "seq2seq: most labelled examples that a template has to fit.", low=1
    )
    best: int = setting(5, "How many of the best patterns are written.", low=1)


CONFIGS: dict[str, Any] = {
    "backbone": BackboneConfig,
    "training": TrainingConfig,
    "template": TemplateConfig,
    "ensemble": EnsembleConfig,
    "ipet": IpetConfig,
    "distillation": DistillationConfig,
    "adaptation": AdaptConfig,
}


def default_learning_rate(hidden_size: int) -> float:
    """Peak learning rate of AdamW for a member of this width when all of it is tuned.

    A power law through two points: 1e-5 at width 1,024, the PET paper's for RoBERTa-large, and
    5e-5 at width 384, measured for pet-mini (benchmarks/RESULTS.md). It gives 1.6e-5 at width 768.
    """
    return float(1e-5 * (1024 / hidden_size) ** 1.64)
