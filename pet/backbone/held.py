"""The backbone that a worker holds: specs name a backbone, and whoever works them off has it.

A thread holds one backbone at a time, so threads never train on the same one. A worker process
keeps the one it was last asked for, which serves all specs that name it.
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

    def take(
        self,
        config: BackboneConfig | None,
        backbone: LanguageModel | None,
        beside: dict[str, Any] | None,
    ) -> None:
        self.config, self.backbone, self.beside = config, backbone, beside


_held = _Held()


def held_backbone(config: BackboneConfig) -> LanguageModel:
    """Return this thread's backbone, loaded where it holds another one or none.

    Raises
    ------
    BackboneError
        When it cannot be loaded.
    """
    if _held.backbone is None or _held.config != config:
        _held.take(None, None, None)  # two would need twice the memory
        _held.take(config, load_backbone(config), {})
    assert _held.backbone is not None
    return _held.backbone


def beside_backbone(config: BackboneConfig) -> dict[str, Any]:
    """Return what a thread keeps beside its backbone, such as a scorer; it goes when that goes."""
    held_backbone(config)
    assert _held.beside is not None
    return _held.beside


@contextmanager
def holding(
    config: BackboneConfig, backbone: LanguageModel | None = None
) -> Iterator[LanguageModel]:
    """Hold a backbone for the work inside this context, loaded afresh unless it is given.

    The thread holds again afterwards what it held before.
    """
    before = _held.config, _held.backbone, _held.beside
    _held.take(config, load_backbone(config) if backbone is None else backbone, {})
    try:
        yield held_backbone(config)
    finally:
        _held.take(*before)
