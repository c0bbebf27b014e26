"""Adaptation as a step of a run: members and student start from the adapted backbone."""

from __future__ import annotations

from dataclasses import asdict, replace

from pet.adaptation import Source, adapt
from pet.config import BackboneConfig, LMConfig
from pet.errors import DataError
from pet.members import Work
from pet.runs import RunFolder

# Most passes over the unlabelled text, and fewest texts from which some are held out.
_PASSES, _FEWEST = 20.0, 20


def adapted(
    work: Work, folder: RunFolder, config: BackboneConfig, steps: int, seed: int
) -> BackboneConfig:
    """Adapt the backbone to the unlabelled text, and return the adapted one.

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
        held_out=LMConfig.held_out if len(pool) >= _FEWEST else 0,
    )
    result = adapt(config, [text], lm_config, seed, target, progress=work.progress)
    folder.log("adapted", **asdict(result))
    return replace(config, backbone=str(target))
