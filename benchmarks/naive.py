"""The naive reference of the speed benchmarks, and functions that they share.

`NaivePVP` does what the original PET code does (github.com/timoschick/pet: pvp.py, wrapper.py):
every example is converted by Python on its own and padded to 256 tokens, one pattern with one
verbalizer after the other; the model computes the logits of all words at all positions, (B, L, V)
in fp32; a Python loop over the examples then picks the mask's row and the label words' columns.
Evaluation and training both use batches of 8, the original's default.

Where the two could differ, the reference got the faster choice: today's tokenizer is compiled, the
original's was Python; and it trains without dropout, as pet does, where the original had dropout.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from transformers import BertConfig, BertForMaskedLM, get_linear_schedule_with_warmup

from pet import PVP, Task
from pet.backbone import MaskedLM
from pet.data import Columns, Example, examples_from
from pet.task import Pattern, Verbalizer, load_task
from pet.task.parts import Field, Mask, Words

MAX_LENGTH = 256
BATCH_SIZE = 8


class NaivePVP:
    """One pattern with one verbalizer, computed as in the original code."""

    def __init__(
        self, pattern: Pattern, verbalizer: Verbalizer, labels: Sequence[str], tokenizer: Any
    ) -> None:
        self._elements = pattern.parts
        self._tokenizer = tokenizer
        words = [[self._ids(word)[0] for word in verbalizer.words[label]] for label in labels]
        width = max(map(len, words))
        self._words = torch.tensor([row + [-1] * (width - len(row)) for row in words])  # (C, W)
        self._counts = torch.tensor([len(row) for row in words], dtype=torch.float)

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def encode(self, texts: Mapping[str, str]) -> tuple[list[int], ...]:
        """Return an example's ids, attention mask, segments and mask labels, MAX_LENGTH each."""
        tokenizer = self._tokenizer
        segments: list[tuple[list[int], bool]] = []  # token ids, and whether they may be shortened
        for element in self._elements:
            match element:
                case Words(text):
                    segments.append((self._ids(text), False))
                case Field(name):
                    segments.append((self._ids(texts[name]), True))
                case Mask():
                    segments.append(([tokenizer.mask_token_id], False))
        excess = sum(len(ids) for ids, _ in segments) + 2 - MAX_LENGTH
        for _ in range(excess):
            next(ids for ids, is_text in reversed(segments) if is_text and ids).pop()
        ids = [token for ids, _ in segments for token in ids]
        ids = [tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]
        mask_labels = [1 if token == tokenizer.mask_token_id else -1 for token in ids]
        padding = MAX_LENGTH - len(ids)
        return (
            ids + [tokenizer.pad_token_id] * padding,
            [1] * len(ids) + [0] * padding,
            [0] * MAX_LENGTH,
            mask_labels + [-1] * padding,
        )

    def dataset(self, texts: Sequence[Mapping[str, str]], targets: Sequence[int]) -> TensorDataset:
        """Return all examples as tensors (N, MAX_LENGTH), and their label indices (N,)."""
        features = [self.encode(row) for row in texts]
        columns = [torch.tensor(column) for column in zip(*features, strict=True)]
        return TensorDataset(*columns, torch.tensor(targets))

    def label_logits(self, model: Any, batch: Sequence[Tensor]) -> Tensor:
        """Return label logits (B, C), from the logits of every word at every position."""
        ids, attention, segments, mask_labels = (column.to(model.device) for column in batch[:4])
        logits = model(input_ids=ids, attention_mask=attention, token_type_ids=segments).logits
        return torch.stack([self._one(row) for row in logits[mask_labels >= 0]])

    def _one(self, logits: Tensor) -> Tensor:
        words, counts = self._words.to(logits.device), self._counts.to(logits.device)
        chosen = logits[words.clamp_min(0)] * (words > 0).float()
        return chosen.sum(dim=1) / counts

    @torch.no_grad()
    def score(self, model: Any, texts: Sequence[Mapping[str, str]]) -> np.ndarray:
        """Return label scores, (N, C)."""
        loader = DataLoader(self.dataset(texts, [0] * len(texts)), batch_size=BATCH_SIZE)
        return np.concatenate([self.label_logits(model, batch).cpu().numpy() for batch in loader])

    def train(
        self,
        model: Any,
        examples: Sequence[tuple[Mapping[str, str], int]],
        batches: list[list[int]],
        rate: float,
        total_steps: int,
        trained: Container[str] | None = None,
    ) -> Iterator[float]:
        """Yield the loss of every optimiser step, one step for each batch of row indices.

        All parameters are trained, as in the original, unless ``trained`` names them.
        """
        groups: dict[bool, list[Tensor]] = {True: [], False: []}
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(trained is None or name in trained)
            if parameter.requires_grad:
                groups[not name.endswith("bias") and "LayerNorm" not in name].append(parameter)
        optimiser = torch.optim.AdamW(
            [
                {"params": groups[True], "weight_decay": 0.01},
                {"params": groups[False], "weight_decay": 0.0},
            ],
            lr=rate,
        )
        schedule = get_linear_schedule_with_warmup(optimiser, 0, total_steps)
        data = self.dataset([texts for texts, _ in examples], [label for _, label in examples])
        for batch in DataLoader(data, batch_sampler=batches):
            loss = nn.CrossEntropyLoss()(
                self.label_logits(model, batch), batch[-1].to(model.device)
            )
            loss.backward()
            nn.utils.clip_grad_norm_(groups[True] + groups[False], 1.0)
            optimiser.step()
            schedule.step()
            model.zero_grad()
            yield loss.item()


def load_backbone(name: str, device: str) -> MaskedLM:
    """Load a backbone by name or folder; "large" has RoBERTa-large's shape and random weights."""
    if name != "large":
        return MaskedLM.load(name, device=device)
    small = MaskedLM.load(device="cpu")
    shape = {
        "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
        "intermediate_size": 4096,
    }  # fmt: skip
    config = BertConfig(**{**small.model.config.to_diff_dict(), **shape})
    with TemporaryDirectory() as folder:
        BertForMaskedLM(config).save_pretrained(folder)
        small.hf_tokenizer.save_pretrained(folder)
        return MaskedLM.load(folder, device=device)


def load(data: str | None, count: int) -> tuple[Task, list[Example]]:
    """Load the benchmark's task, 4 patterns with the same 2 verbalizers each, and its texts.

    ``data`` is a jsonl file of AG's News rows; without it, the project's reviews are repeated.
    """
    task = load_task("ag_news" if data else "reviews")
    verbalizers: list[Verbalizer] = []
    for pvp in task.pvps:
        verbalizers += [new for new in pvp.verbalizers if new not in verbalizers]
    pvps = [PVP(pvp.pattern, *verbalizers[:2]) for pvp in task.pvps[:4]]
    same = Task(task.name, task.labels, task.fields, pvps)
    reviews = Path(__file__).parents[1] / "tasks" / "reviews"
    sources = [Path(data)] if data else [reviews / "test.jsonl", reviews / "train.jsonl"]
    columns = Columns(same, {})
    rows = [example for source in sources for example in examples_from(source, columns)]
    if data and len(rows) < count:
        raise SystemExit(f"{data} has {len(rows)} rows; --texts {count} asks for more.")
    if not data:
        print("No --data: the texts are the project's reviews. The issue's figures are for 1,000")
        print("test texts of AG's News, which are longer.\n")
    return same, list(islice(cycle(rows), count))


def first_verbalizer(pvps: Sequence[PVP]) -> list[PVP]:
    """Return the same patterns with one verbalizer each."""
    return [PVP(pvp.pattern, pvp.verbalizers[0]) for pvp in pvps]


def clock(backbone: MaskedLM) -> float:
    """Return seconds since some time, after the backbone's device has finished its work."""
    if backbone.compute.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def show_machine(backbone: MaskedLM) -> None:
    """Print the machine that the figures are of."""
    compute = backbone.compute
    on = f"{torch.get_num_threads()} threads"
    if compute.device.type == "cuda":
        on = torch.cuda.get_device_name(compute.device)
    print(f"{platform.machine()}, {on}, torch {torch.__version__};")
    print(f"{backbone.name}: pet in {compute.precision}, the naive reference in fp32\n")


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return median, smallest and largest as text."""
    low, middle, high = (round(f(values), digits) for f in (min, median, max))
    return f"{middle} (pairs: {low} to {high})"
