"""Reader: texts to vectors and pattern probabilities, by a backbone that stays as it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from pet.backbone.sentences import sentence_weights
from pet.data import Example, Pool
from pet.encoding import Chunk
from pet.labelling.quick_model import Evidence
from pet.model import SequenceClassifier
from pet.scoring.vectors.text_reading import TextReading
from pet.search.panel import Panel


class TextReader:
    """A panel that turns texts into evidence for quick models.

    Parameters
    ----------
    panel : Panel
        A task's untrained patterns, or a run.
    """

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.members = panel.size

    def read(self, examples: Sequence[Example]) -> Evidence:
        """Read N texts."""
        judged = [one for _, one in self.panel.judge(Pool(lambda: iter(examples)))]
        members = np.concatenate([one.members for one in judged], axis=1)
        return Evidence(self._vectors(examples), members, judged[0].weights)

    def _vectors(self, examples: Sequence[Example]) -> NDArray[np.float32]:
        """Return vectors of length 1, by the sentence encoder that a backbone has: (N, H)."""
        texts, model = [example.texts for example in examples], self.panel.model
        if isinstance(model, SequenceClassifier):
            vectors = self.panel.embed(texts)
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)
        backbone = model.members.backbone
        longest = model.members.specs[0].max_length
        reading = TextReading(self.panel.task.fields, backbone, longest)
        with backbone.turn, torch.inference_mode():
            backbone.weights.put(sentence_weights(backbone))
            read = reading.vectors(Chunk(backbone.tokenizer, texts))
        return read.float().cpu().numpy()
