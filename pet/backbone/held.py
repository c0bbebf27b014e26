"""The backbone that a worker holds: specs name a backbone, and the worker loads it.

A thread holds one backbone at a time, so threads never train on the same one. A worker process
keeps the backbone it was last asked for, which serves all specs that name it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pet.backbone.base import LanguageModel
from pet.backbone.families import load_backbone
from pet.config import BackboneConfig


class _Held(threading.local):
    config: BackboneConfig | None = None
    backbone: LanguageModel | None = None
    beside: dict[str, Any] | None = None

    def hold(
        self,
        config: BackboneConfig | None,
        backbone: LanguageModel | None,
        beside: dict[str, Any] | None,
    ) -> None:
        self.config, self.backbone, self.beside = config, backbone, beside


_held = _Held()


def held_backbone(config: BackboneConfig) -> LanguageModel:
    """Return this thread's backbone; it is loaded if the thread holds another one or none.

    Raises
    ------
    BackboneError
        When it cannot be loaded.
    """
    if _held.backbone is None or _held.config != config:
        _held.hold(None, None, None)  # two would need twice the memory
        _held.hold(config, load_backbone(config), {})
    assert _held.backbone is not None
    return _held.backbone


def beside_backbone(backbone: LanguageModel) -> dict[str, Any]:
    """Return the values, such as a scorer, that are kept as long as the thread holds a backbone.

    For a backbone that it does not hold nobody keeps them: they are a new dictionary.
    """
    beside = _held.beside
    return beside if beside is not None and _held.backbone is backbone else {}


@contextmanager
def holding(
    config: BackboneConfig, backbone: LanguageModel | None = None
) -> Iterator[LanguageModel]:
    """Hold a backbone inside this context; it is loaded unless it is given.

    Afterwards the thread holds again what it held before.
    """
    before = _held.config, _held.backbone, _held.beside
    _held.hold(config, load_backbone(config) if backbone is None else backbone, {})
    try:
        yield held_backbone(config)
    finally:
        _held.hold(*before)
