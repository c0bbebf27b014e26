"""Serving: a model or a bank as a service: requests become batches, within bounds."""

from typing import TYPE_CHECKING

from pet.lazy import loaded_on_use

if TYPE_CHECKING:
    from pet.serving.app import make_app as make_app
    from pet.serving.keys import Keys as Keys
    from pet.serving.metrics import Metrics as Metrics
    from pet.serving.queue import BatchQueue as BatchQueue
    from pet.serving.served import Served as Served
    from pet.serving.served import load_served as load_served
    from pet.serving.service import Service as Service

_HOMES = {
    "BatchQueue": "pet.serving.queue",
    "Keys": "pet.serving.keys",
    "Metrics": "pet.serving.metrics",
    "Served": "pet.serving.served",
    "Service": "pet.serving.service",
    "load_served": "pet.serving.served",
    "make_app": "pet.serving.app",
}
__all__ = sorted(_HOMES)
__getattr__ = loaded_on_use(__name__, _HOMES)
