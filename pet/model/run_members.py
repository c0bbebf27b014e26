"""The members of a finished run as a model, also where a classifier was distilled from them."""

from __future__ import annotations

from pet.backbone import load_backbone
from pet.backbone.families import load_to_score
from pet.backbone.loading import EDITION, EMBEDDED
from pet.config import METHODS
from pet.errors import RunError
from pet.members.record import MemberRecord
from pet.members.stored import stored_members
from pet.model.ensemble import ensemble_from_dict
from pet.model.ensemble_model import EnsembleModel
from pet.runs import AdaptationFolder, RunFolder
from pet.task import Task


def keeps_members(folder: RunFolder) -> bool:
    """Whether a folder is that of a run whose method has members, and these are trained."""
    if folder.has(folder.ensemble):
        return True
    if not RunFolder.is_at(folder.path) or not folder.has(folder.classifier):
        return False
    with folder.reading(folder.record):
        return METHODS[folder.asked()["settings"]["method"]].patterns != "none"


def trained_members(
    folder: RunFolder, device: str, precision: str, only_scores: bool = False
) -> EnsembleModel:
    """Load the ensemble of a finished run, even if a classifier was distilled from it.

    With ``only_scores`` it can only score texts, and is loaded sooner.

    Raises
    ------
    RunError
        When a file is damaged, or the embedded backbone has changed since.
    """
    inputs = folder.asked()
    with folder.reading(folder.record):
        task, config = Task.from_dict(inputs["task"]), inputs["settings"]["backbone"]
        name, length = config["backbone"], config["max_length"]
    with folder.reading(folder.ensemble):
        plain = folder.read_json(folder.ensemble)
        ensemble, names = ensemble_from_dict(plain), plain["members"]
    if folder.has(folder.backbone):
        AdaptationFolder(folder.path / folder.backbone).check_model()
        name = str(folder.path / folder.backbone)
    if name == EMBEDDED and inputs.get("edition") != EDITION:
        raise RunError(
            f"{folder.path}: its members were trained on another edition of {EMBEDDED}, whose "
            "weights have changed since.",
            "Train them again; the run's classifier is whole and works as before.",
        )
    soft = only_scores and any(MemberRecord.read(folder, member).soft for member in names)
    load = load_to_score if only_scores and not soft else load_backbone
    backbone = load(name, device, precision)
    members = stored_members(folder, names, backbone, task, length)
    return EnsembleModel(members, ensemble)
