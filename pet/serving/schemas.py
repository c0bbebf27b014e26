"""Schemas: what requests hold and what answers do, for checks and for OpenAPI."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[
    str | dict[str, str],
    Field(
        description="A text; where the task has several fields, an object of them by name. In a "
        "bank the object may also have a key `task`, which names the task of this text."
    ),
]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PredictRequest(_Given):
    """Texts to label."""

    texts: list[Text] = Field(min_length=1, description="The texts.")
    task: str | None = Field(
        None, description="Task of all texts; in a bank each text may name its own instead."
    )
    threshold: float = Field(
        0.0, ge=0, le=1, allow_inf_nan=False, strict=False,
        description="A text whose prediction is less likely gets no label (null).",
    )  # fmt: skip


class ChangeRequest(_Given):
    """A member's pattern and label words, changed for one request."""

    pattern: str | None = Field(None, description="Another pattern, such as `{text} So {mask}.`")
    words: list[dict[str, list[str]]] = Field(
        default_factory=list,
        max_length=16,
        description="For each verbalizer of the member the words of some labels.",
    )


class ExplainRequest(_Given):
    """Texts of one task to explain."""

    texts: list[Text] = Field(min_length=1, description="The texts.")
    task: str | None = Field(None, description="Their task; needed in a bank.")
    changes: dict[str, ChangeRequest] = Field(
        default_factory=dict, max_length=100, description="Member to what is changed in it."
    )


class PredictionAnswer(BaseModel):
    """The prediction of one text."""

    task: str
    label: str | list[str] | None = Field(
        description="The label; in multi-label tasks a list; null below the threshold."
    )
    probability: float = Field(
        description="Of the likeliest label, or of exactly this set of labels."
    )
    probabilities: dict[str, float] = Field(description="Of every label.")


class PredictAnswer(BaseModel):
    """Predictions, in the order of the texts."""

    model: str = Field(description="Name of the model's folder.")
    predictions: list[PredictionAnswer]


class WordAnswer(BaseModel):
    """A label word at the mask."""

    word: str
    label: str = Field(description="Its label; of a pattern that names a label, `yes` or `no`.")
    score: float
    question: str = Field(description="The label that the pattern asks about, if it names one.")


class MemberAnswer(BaseModel):
    """One member's view of a text."""

    name: str
    weight: float = Field(description="Its share in the vote.")
    pattern: str
    text: str = Field(description="The pattern, filled with the text.")
    label: str | list[str] | None = Field(description="Its vote.")
    probabilities: dict[str, float]
    words: list[list[WordAnswer]] = Field(description="For each verbalizer, the best words first.")
    calibration: list[dict[str, float]] = Field(
        description="For each verbalizer, what is subtracted from the labels' scores."
    )
    notes: list[str]


class ExplanationAnswer(BaseModel):
    """Why a text gets its label."""

    prediction: PredictionAnswer = Field(description="Of the model; a run's is its classifier.")
    members_together: PredictionAnswer = Field(description="Of the members, with the changes.")
    members: list[MemberAnswer]


class ExplainAnswer(BaseModel):
    """Explanations, in the order of the texts."""

    model: str
    explanations: list[ExplanationAnswer]


class MemberTask(BaseModel):
    """A member as it was trained."""

    name: str
    pattern: str
    can_change: bool = Field(description="Whether its pattern and words may be changed.")
    words: list[dict[str, list[str]]] = Field(description="For each verbalizer, label to words.")


class TaskAnswer(BaseModel):
    """A task that is served."""

    name: str
    description: str
    kind: str
    fields: list[str]
    labels: list[str]
    members: list[MemberTask] = Field(description="Empty where nothing can be explained.")


class TasksAnswer(BaseModel):
    """Description of the served model or bank."""

    model: str
    tasks: list[TaskAnswer]


class HealthAnswer(BaseModel):
    """Whether requests are answered."""

    status: str


class ReloadAnswer(BaseModel):
    """Description of the model or bank after a reload."""

    model: str
    tasks: list[str]


class Refusal(BaseModel):
    """Why a request was refused."""

    detail: str
