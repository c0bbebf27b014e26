"""Model cards: the hub's own library fills them, and a base model's card is passed on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pet.backbone.loading import resolve_backbone
from pet.version import __version__


def filled_card(template: Path, base: str, data: dict[str, Any], **values: Any) -> str:
    """Return the text of a model's README.md: front matter that the hub reads, and a page.

    Parameters
    ----------
    template : Path
        The page, a Jinja template.
    base : str
        Hub name or folder of the model that this one was made from.
    data : dict
        Arguments of `huggingface_hub.ModelCardData`; licence, language and hub name of the base
        are added where they are known.
    **values
        Values for the template, beside ``version``, ``base`` and ``licence``.
    """
    from huggingface_hub import ModelCard, ModelCardData

    known = _known_of(base)
    card = ModelCard.from_template(
        ModelCardData(**known, **data),
        str(template),
        version=__version__,
        base=Path(base).name if Path(base).exists() else base,
        licence=known.get("license"),
        **values,
    )
    return str(card).rstrip() + "\n"


def in_cell(text: str) -> str:
    """Return a text as it can stand in a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def _known_of(base: str) -> dict[str, Any]:
    """Return licence, language and hub name of a base model, as far as its card is at hand.

    Nothing is downloaded.
    """
    from huggingface_hub import ModelCard, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    known: dict[str, Any] = {}
    folder = Path(resolve_backbone(base))
    page: Any = folder / "README.md"
    if not folder.exists():
        known["base_model"] = base
        try:
            page = try_to_load_from_cache(base, "README.md")
        except HFValidationError:  # no name of the hub either
            return {}
    if not isinstance(page, str | Path) or not Path(page).is_file():
        return known
    try:
        told = ModelCard.load(Path(page), ignore_metadata_errors=True).data
    except Exception:  # whatever somebody wrote there
        return known
    names = ("license", "license_name", "license_link", "language", "base_model")
    return {name: value for name in names if (value := getattr(told, name, None))} | known
