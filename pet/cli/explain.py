"""pet explain: why a text gets its label."""

from __future__ import annotations

from pathlib import Path

import click

from pet.cli.console import echo, loading, say
from pet.cli.importing import importing
from pet.cli.options import compute_options
from pet.runs.finding import model_folder

_CALIBRATED = (
    "Behind 'calibrated' stands what is added to each label's score, because the model finds some "
    "words likely whatever the text is: the label that gets more was the less likely one."
)


@click.command(name="explain")
@click.argument("model")
@click.option(
    "--text",
    "texts",
    multiple=True,
    required=True,
    help="The text of a field; one for each field, in order.",
)
@click.option("--words", default=5, show_default=True, help="Label words shown a pattern.")
@compute_options
def command(model: str, texts: tuple[str, ...], words: int, device: str, precision: str) -> None:
    """Show how each pattern of MODEL sees a text: its label words' scores and its vote.

    For learned slots it shows the nearest words of the vocabulary at the start and now, with their
    cosines, and how far the slots have moved: the norm of the change divided by the norm at the
    start. A prefix has no vectors in the places of words now: "-".

    MODEL is a run folder, a saved ensemble, or a prompt of a bank. A distilled classifier alone has
    no patterns: name the run folder it comes from.

    \b
    Example: pet explain runs/first --text "The soup was cold."
    """
    model_folder(model)
    loading(model)

    with importing():
        from pet.data import Example
        from pet.errors import UsageError
        from pet.evaluation.explanation import explain_text
        from pet.model import EnsembleModel, load_model
        from pet.model.prediction import predict_stream
        from pet.model.run_members import keeps_members, trained_members
        from pet.runs import RunFolder
        from pet.task.labels import label_text

    loaded = load_model(model, device, precision, only_scores=True)
    fields = loaded.task.fields
    if len(texts) != len(fields) or not all(text.strip() for text in texts):
        empty = "" if all(text.strip() for text in texts) else ", some of them empty"
        raise UsageError(
            f"Expected a text for each of {', '.join(fields)}; found {len(texts)}{empty}.",
            "Give " + " ".join(f"--text <{field}>" for field in fields),
        )
    example = Example(dict(zip(fields, (text.strip() for text in texts), strict=True)))
    _, prediction = next(predict_stream(loaded, [example]))
    if isinstance(loaded, EnsembleModel):
        ensemble: EnsembleModel | None = loaded
    else:
        folder = RunFolder(Path(model))
        keeps = keeps_members(folder)
        ensemble = trained_members(folder, device, precision, only_scores=True) if keeps else None
    why = "This classifier has no patterns to show; name its run folder for those."
    if ensemble is not None:
        why = explain_text(ensemble, example.texts, words)
    label = label_text(prediction.label or "", f"{loaded.task.label_separator} ") or "no label"
    echo(f"{label}  ({prediction.probability:.1%})")
    for label, share in prediction.probabilities.items():
        echo(f"  {share:6.1%}  {label}")
    echo(f"\n{why}")
    if ensemble is not None and any(scorer.offsets for scorer in ensemble.members.scorers):
        say(_CALIBRATED)
