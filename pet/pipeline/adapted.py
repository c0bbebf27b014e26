"""Adaptation as a step of a run: members and student start from a backbone that read the text."""

from __future__ import annotations

from dataclasses import asdict, replace

from pet.adaptation import Source, adapt
from pet.config import BackboneConfig, LMConfig
from pet.errors import DataError
from pet.members import Work
from pet.runs import RunFolder

# The unlabelled text is read so often at most, and measured on if it has so many texts.
_PASSES, _MEASURED = 20.0, 20


def adapted(
    work: Work, folder: RunFolder, config: BackboneConfig, steps: int, seed: int
) -> BackboneConfig:
    """Adapt the backbone to the unlabelled text, and return the one that came of it.

    Raises
    ------
    DataError
        When there is no unlabelled text.
    """
    pool = work.data.pool
    if pool is None or not len(pool):
        raise DataError("To adapt the backbone takes unlabelled text.", "Give `--unlabeled FILE`.")
    text = Source("the unlabelled text", lambda: (" ".join(example.key) for example in pool))
    target = folder.path / folder.backbone
    lm_config = LMConfig(
        max_steps=steps,
        passes=_PASSES,
        held_out=LMConfig.held_out if len(pool) >= _MEASURED else 0,
    )
    result = adapt(config, [text], lm_config, seed, target, progress=work.progress)
    folder.log("adapted", **asdict(result))
    return replace(config, backbone=str(target))
