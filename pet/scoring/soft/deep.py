"""Deep prompts: slots have separate vectors at the input of every encoder layer.

Source: P-tuning v2 (Liu et al., ACL 2022), here in the sequence instead of as keys and values, so
that every architecture can have them; and the deep perturbation of Qin and Eisner (NAACL 2021).
"""

from __future__ import annotations

import torch
from torch import nn

from pet.backbone.injection import layer_inputs
from pet.config.base import number_list
from pet.encoding.slots import Prompt
from pet.errors import UsageError
from pet.scoring.soft.template import Site, SoftTemplate


class Deep(SoftTemplate):
    """Vectors in the slots, and a table (D, T, H) of vectors at the input of D layers.

    With ``deep="replace"`` a layer's vectors replace its input at the slots; they start as the
    layer's input for the slots alone. With ``"add"`` they are added to it, and start at zero. The
    first layer is never among the D: its input are the vectors in the slots.
    """

    rate = 3e-2

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        body = site.backbone.body
        inputs = layer_inputs(body, site.start)
        self._layers = chosen_layers(site.spec.layers, len(inputs))
        self._adds = site.spec.deep == "add"
        table = torch.stack([inputs[layer] for layer in self._layers]).float()
        self.table = nn.Parameter(torch.zeros_like(table) if self._adds else table)

    def forward(self) -> Prompt:
        """Return the values that are put into the model."""
        deep = dict(zip(self._layers, self.table, strict=True))
        return Prompt(self.vectors, deep, self._adds)


def chosen_layers(text: str, count: int) -> tuple[int, ...]:
    """Read numbers of layers: "all" but the first, or such as "1,4-6"; the first of ``count`` is 0.

    Raises
    ------
    UsageError
        When there are no such layers.
    """
    if text == "all":
        numbers = list(range(1, count))
    else:
        numbers = list(number_list(text, "`--soft-deep-layers`", ", or all"))
    if not numbers or not all(0 < number < count for number in numbers):
        raise UsageError(
            f"`--soft-deep-layers`={text!r}: this backbone has the layers 1 to {count - 1} for "
            "deep prompts (0 takes the slots' own vectors).",
            "Write all, or numbers such as 1,4-6.",
        )
    return tuple(sorted(set(numbers)))
