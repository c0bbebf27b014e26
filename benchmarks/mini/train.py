"""Train pet-mini: masked words, texts as vectors, and patterns, in the same steps, by the clock.

    python benchmarks/mini/pools.py mini.xz clean clean.pt
    python benchmarks/mini/train.py mini.xz --pools clean.pt --seconds 280 -o OUT

Needs only Python, torch, numpy, click and safetensors. Every batch is one pass of packed rows: rows
of running text with masked words (cross entropy), rows of short texts whose mean states must be the
vectors of the sentence encoder that training started from, and, in the last part of the time, rows
of texts in patterns, answered as a judge does: the model as it was when patterns began, plus the
similarity that the encoder sees between text and word, plus, for words that judge, how well the
author liked the subject. All draws are made on the device. The model is written every minute.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from bert import PackedBert, pooled
from pools import Asked, Pools, Prepared, Running, framed
from rows import CLS, LENGTH, MASK, MOST, PAD, SEP, Rows, pack
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

_TEMPERATURE = 0.05  # of similarities within a batch
_GROUP = 8  # words
_BYTES = 15 * 2**20  # of one piece of the model


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the training, but the text and the clock.

    Rows are those of one step; ``masked`` is the share of all tokens of running text.
    """

    running: int = 320
    short: int = 64
    short_beside_patterns: int = 48
    asked: int = 16  # of every family, instead of other rows
    masked: float = 0.25
    learning_rate: float = 1e-3
    warmup: int = 300
    weight_decay: float = 0.05
    vectors: float = 4.0  # weight of the loss 1 - cosine
    neighbours: float = 1.0  # weight of the divergence of similarities in the batch
    words: float = 1.0  # weight of the divergence over all words of a family
    groups: float = 10.0  # weight of that over groups of words
    seed: int = 13


class Clock:
    """Shares of a given time."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._began = seconds, time.monotonic()

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    @property
    def share(self) -> float:
        """Share of the time that is over."""
        return self.now / self._seconds


class Drawn:
    """Draws rows of a pool by odds, on the pool's device."""

    def __init__(self, rows: Rows, odds: Tensor | None = None) -> None:
        self.rows = rows
        odds = torch.ones(len(rows), dtype=torch.float64) if odds is None else odds
        self._limits = (odds.cumsum(0) / odds.sum()).to(rows.ids.device)

    def index(self, count: int) -> Tensor:
        """Draw indices of rows, (count,)."""
        at = torch.rand(count, dtype=torch.float64, device=self._limits.device)
        return torch.searchsorted(self._limits, at).clamp(max=len(self.rows) - 1)


class Judge:
    """How well the words of a family answer its patterns, for all texts in patterns."""

    def __init__(
        self, about: dict[str, Any], asked_rows: Asked, words: Tensor, phrases: Tensor,
        texts: Tensor, liking: Tensor,
    ) -> None:  # fmt: skip
        self.name, self.asked, self.words = about["name"], asked_rows, words
        self.draws = Drawn(asked_rows.rows)
        self._about, self._phrases, self._texts = about, phrases, texts
        self._mean = texts.float().mean(0) @ phrases.T
        of_texts, of_words = texts.float() @ liking, phrases @ liking
        self._text_liking, self._word_liking = (
            (values - values.mean()) / values.std() for values in (of_texts, of_words)
        )
        self.answers: Tensor | None = None

    def fitting(self, items: Tensor) -> Tensor:
        """Return how well every word fits texts in patterns, (n, W), in nats."""
        texts = self.asked.texts[items]
        fit = self._about["weight"] * (self._texts[texts].float() @ self._phrases.T - self._mean)
        if self._about["rated"]:
            # Log density, up to a constant, of the word's liking around the text's as the mean.
            text, word = self._text_liking[texts, None], self._word_liking
            fit = fit + self._about["rated"] * (text * word - word**2 / 2)
        return fit

    @torch.no_grad()
    def learn(self, model: PackedBert, at_once: int) -> None:
        """Keep the answers of the model as it is, plus what fits, for every text: (P, W)."""
        count = len(self.asked.texts)
        self.answers = torch.empty(
            (count, len(self.words)), dtype=torch.float16, device=self.words.device
        )
        for index in torch.arange(len(self.asked.rows), device=self.words.device).split(at_once):
            rows = self.asked.rows.take(index)
            states = model(rows.ids.flatten(), rows)
            there = rows.items.flatten() >= 0
            at = places(self.asked.masks[index]).flatten()[there]
            items = rows.items.flatten()[there]
            own = model.word_logits(states[at], self.words)
            self.answers[items] = (own + self.fitting(items)).half()

    def loss(self, model: PackedBert, states: Tensor, index: Tensor, recipe: Recipe) -> Tensor:
        """Return the divergence from the judge, of states (T, H) of the rows ``index``."""
        assert self.answers is not None
        items = self.asked.rows.items[index].flatten().long()
        there = (items >= 0).float()
        at = places(self.asked.masks[index]).flatten()
        learned = model.word_logits(states[at], self.words)
        judged = self.answers[items.clamp(min=0)].float()
        order = torch.randperm(len(self.words), device=states.device)
        order = order[: len(order) // _GROUP * _GROUP]
        groups = [logits[:, order].view(len(items), -1, _GROUP) for logits in (learned, judged)]
        of_all = divergence(learned, judged)
        of_groups = divergence(*groups).mean(1)
        total = recipe.words * of_all + recipe.groups * of_groups
        return (total * there).sum() / there.sum()


def divergence(learned: Tensor, judged: Tensor) -> Tensor:
    """Return KL(softmax of ``judged`` || softmax of ``learned``) over the last axis, in nats."""
    learned, judged = learned.log_softmax(-1), judged.log_softmax(-1)
    return (judged.exp() * (judged - learned)).sum(-1)


def places(in_row: Tensor) -> Tensor:
    """Turn places in rows, (N, S), into places among all their tokens."""
    first = LENGTH * torch.arange(len(in_row), device=in_row.device)
    return in_row.long() + first[:, None]


def masked_loss(model: PackedBert, states: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross entropy of words from states at their places, (K, H)."""
    return functional.cross_entropy(model.logits(states).float(), targets)


def vector_losses(states: Tensor, rows: Rows, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Return 1 - cosine with the wanted vectors, and the divergence of similarities in the batch.

    ``wanted`` are vectors of length 1, (n, H), of all places for texts; of those with none, any.
    """
    there = rows.items.flatten() >= 0
    vectors = functional.normalize(pooled(states, rows).flatten(0, 1), dim=1)
    weights = there.float() / there.sum()
    cosine = ((1 - (vectors * wanted).sum(1)) * weights).sum()
    hidden = torch.zeros(len(there), device=states.device).masked_fill(~there, -math.inf)
    own = torch.eye(len(there), dtype=torch.bool, device=states.device)

    def near(v: Tensor) -> Tensor:
        return (v @ v.T / _TEMPERATURE + hidden).masked_fill(own, -1e4).clamp(min=-1e4)

    return cosine, (divergence(near(vectors), near(wanted)) * weights).sum()


class Training:
    """One training: the model, what it reads, and the time it has."""

    def __init__(
        self, prepared: Prepared, pools: Pools, recipe: Recipe, seconds: float, device: torch.device
    ) -> None:  # fmt: skip
        self.clock = Clock(seconds)
        self.recipe, self.device = recipe, device
        dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        encoder = prepared.encoder()
        self.types = encoder["embeddings.token_type_embeddings.weight"]
        self.model = PackedBert(encoder, dtype).to(device)
        self._start_bias(pools)
        self.running = Drawn(pools.running.to(device), pools.odds)
        self.short = Drawn(pools.short.to(device))
        self.vectors = self._vectors(self.short.rows, sum(pools.counts))
        of_texts, of_questions, _ = self.vectors.split(pools.counts)
        liking = torch.from_numpy(prepared.arrays[f"liking.{pools.text}"]).to(device)
        self.judges = []
        for index, about in enumerate(prepared.about["families"]):
            words = torch.from_numpy(prepared.arrays[f"words.{index}"]).long().to(device)
            flat, starts, _ = prepared.pieces(f"phrases.{index}")
            rows = pack(flat, np.append(starts, len(flat)), 0).to(device)
            phrases = self._vectors(rows, len(starts)).float()
            texts = of_questions if about["questions"] else of_texts
            asked = pools.asked[index].to(device)
            self.judges.append(Judge(about, asked, words, phrases, texts, liking))
        self.optimiser = self._optimiser()
        self.step = 0
        self.steady = 0.0  # tokens a second, of the fastest ten seconds
        self.masked_loss = masked_loss
        self._say(f"{len(pools.running)} rows of running text, {pools.counts} short texts")
        self._say(", ".join(f"{name} {share:.3f}" for name, share in pools.shares.items()))

    def _say(self, line: str) -> None:
        click.echo(f"{self.clock.now:6.1f} s  {line}")

    @torch.no_grad()
    def _start_bias(self, pools: Pools) -> None:
        """Start the decoder's bias at the log frequencies of word pieces."""
        ids = pools.running.ids.flatten().long()
        odds = pools.odds.repeat_interleave(LENGTH)
        counts = torch.bincount(ids, odds, minlength=self.model.vocabulary)
        counts[[PAD, CLS, SEP, MASK]] = 0
        shares = counts / counts.sum() + 1e-7
        self.model.bias[: self.model.vocabulary] = shares.log().float().to(self.device)

    @torch.no_grad()
    def _vectors(self, rows: Rows, count: int) -> Tensor:
        """Return the start's vectors of length 1 of all texts in rows, (N, H), fp16."""
        vectors = torch.zeros(count, self.model.places.shape[1], device=self.device)
        for index in torch.arange(len(rows), device=self.device).split(384):
            some = rows.take(index)
            there = some.items.flatten() >= 0
            of_texts = pooled(self.model(some.ids.flatten(), some), some).flatten(0, 1)[there]
            vectors[some.items.flatten()[there]] = functional.normalize(of_texts, dim=1)
        return vectors.half()

    def _optimiser(self) -> torch.optim.Optimizer:
        matrices = [p for layer in self.model.layers for p in layer.parameters() if p.ndim == 2]
        matrices.append(self.model.transform.weight)
        known = {id(p) for p in matrices}
        others = [p for p in self.model.parameters() if id(p) not in known]
        groups = [
            {"params": matrices, "weight_decay": self.recipe.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(
            groups, lr=self.recipe.learning_rate, betas=(0.9, 0.98), eps=1e-6, fused=True
        )

    def compile(self) -> None:
        """Compile the layers and the loss of masked words."""
        self.model.compile_layers()
        self.masked_loss = torch.compile(masked_loss, dynamic=False)

    @property
    def operations(self) -> float:
        """Floating-point operations of the matrix products of a step, per token, without attention.

        Six for every weight of the layers, and six for every weight of the head at masked words.
        """
        layers = sum(p.numel() for p in self.model.layers.parameters())
        head = self.model.words.numel() + self.model.transform.weight.numel()
        total = self.recipe.running + self.recipe.short
        return 6 * (layers + head * self.recipe.masked * self.recipe.running / total)

    def rate(self, decay: float) -> float:
        """Return the learning rate: warm-up, level, and down in the last ``decay`` of the time."""
        level = min(1.0, (self.step + 1) / self.recipe.warmup)
        left = max(0.0, 1 - self.clock.share) / decay
        return self.recipe.learning_rate * min(level, 1.0 if left >= 1 else 0.02 + 0.98 * left)

    def losses(self, patterns: bool) -> dict[str, Tensor]:
        """Return the weighted losses of one batch."""
        recipe, model = self.recipe, self.model
        judges = self.judges if patterns else []
        short = recipe.short_beside_patterns if patterns else recipe.short
        total = recipe.running + recipe.short
        running = total - short - recipe.asked * len(judges)
        index = [self.running.index(running), self.short.index(short)]
        index += [judge.draws.index(recipe.asked) for judge in judges]
        pools = [self.running.rows, self.short.rows, *(j.asked.rows for j in judges)]
        batches = [pool.take(at) for pool, at in zip(pools, index, strict=True)]
        rows = Rows.joined(batches)
        kept = batches[0]
        seen, places_, targets = self._masked(kept, int(recipe.masked * recipe.running * LENGTH))
        ids = torch.cat([seen, *(batch.ids.flatten() for batch in batches[1:])])
        states = model(ids, rows)
        result = {"words": self.masked_loss(model, states[places_], targets)}
        first = running * LENGTH
        wanted = self.vectors[batches[1].items.flatten().clamp(min=0)].float()
        of_short = states[first : first + short * LENGTH]
        cosine, near = vector_losses(of_short, batches[1], wanted)
        result |= {"vectors": recipe.vectors * cosine, "neighbours": recipe.neighbours * near}
        first += short * LENGTH
        size = recipe.asked * LENGTH
        for judge, at in zip(judges, index[2:], strict=True):
            loss = judge.loss(model, states[first : first + size], at, recipe)
            result[judge.name] = loss / len(judges)
            first += size
        return result

    def _masked(self, rows: Rows, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Mask ``count`` tokens, more of some texts than of others.

        Returns the ids that are seen (T,), the places that were chosen (K,) and their ids.
        """
        ids = rows.ids.flatten()
        rates = 0.1 + 0.3 * torch.rand(len(rows) * (MOST + 1), device=ids.device)
        chance = torch.rand(len(ids), device=ids.device) / rates[rows.owners]
        special = (ids == PAD) | (ids == CLS) | (ids == SEP)
        places_ = chance.masked_fill(special, math.inf).topk(count, largest=False, sorted=False)[1]
        targets = ids[places_]
        draw = torch.rand(count, device=ids.device)
        other = torch.randint(1000, self.model.vocabulary, (count,), device=ids.device)
        shown = torch.where(draw < 0.9, MASK, torch.where(draw < 0.95, other, targets))
        return ids.scatter(0, places_, shown), places_, targets

    def run(self, decay: float, patterns: float, keep: Path | None, output: Path) -> None:
        """Train until the time is over.

        Parameters
        ----------
        decay, patterns : float
            Shares of the time, the last ones, in which the rate falls and patterns are asked.
        keep : Path, optional
            File for the model and the optimiser at the moment when the rate begins to fall.
        output : Path
            Folder of the model.
        """
        sums: dict[str, Tensor] = {}
        told = written = self.clock.now
        told_step = self.step
        asking = False
        while self.clock.share < 1:
            if not asking and self.clock.share >= 1 - patterns:
                asking = True
                for judge in self.judges:
                    judge.learn(self.model, self.recipe.running + self.recipe.short)
                self._say("patterns begin")
            if keep is not None and self.clock.share >= 1 - decay:
                state = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
                torch.save({**state, "step": self.step}, keep)
                keep = None
                self._say("the rate begins to fall")
            for group in self.optimiser.param_groups:
                group["lr"] = self.rate(decay)
            losses = self.losses(asking)
            torch.stack(list(losses.values())).sum().backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimiser.step()
            self.optimiser.zero_grad()
            self.step += 1
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0) + loss.detach()
            if self.step % 20 == 0:
                next(iter(sums.values())).item()  # wait for the device, which the clock times
            if self.clock.now - told >= 10 or self.step <= 3:
                steps = self.step - told_step
                means = ", ".join(f"{name} {float(s) / steps:.3f}" for name, s in sums.items())
                tokens = steps * (self.recipe.running + self.recipe.short) * LENGTH
                rate = tokens / (self.clock.now - told)
                if self.clock.now - told >= 10:
                    self.steady = max(self.steady, rate)
                self._say(f"step {self.step}: {rate / 1e6:.3f}M tokens/s; {means}")
                told, told_step, sums = self.clock.now, self.step, {}
            if self.clock.now - written >= 60:
                self.write(output)
                written = self.clock.now
        self.write(output)

    def write(self, output: Path) -> None:
        """Write the weights in pieces of at most 15 MiB: join them to model.safetensors."""
        output.mkdir(parents=True, exist_ok=True)
        data = save(self.model.weights(self.types), {"format": "pt"})
        for at, start in enumerate(range(0, len(data), _BYTES)):
            (output / f"model.{at}").write_bytes(data[start : start + _BYTES])

    @torch.no_grad()
    def held_out(self, prepared: Prepared) -> dict[str, float]:
        """Return the share of masked words (15 %) that are right, by part of the held-out text."""
        result = {}
        held = Running(prepared, "held")
        for part, name in enumerate(prepared.about["parts"]):
            pieces = held.chunks([part])
            if not len(pieces[1]):
                continue
            rows = pack(*framed(pieces), 0)
            torch.manual_seed(self.recipe.seed)
            right = total = 0
            for index in torch.arange(len(rows)).split(64):
                some = rows.take(index).to(self.device)
                ids = some.ids.flatten()
                hidden = (torch.rand(len(ids), device=self.device) < 0.15) & (ids > MASK)
                states = self.model(ids.masked_fill(hidden, MASK), some)[hidden]
                right += int((self.model.logits(states).argmax(1) == ids[hidden]).sum())
                total += len(states)
            result[name] = right / total
        return result


def matrix_rate(device: torch.device) -> float:
    """Return floating-point operations a second of a large bf16 product."""
    size = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    for turn in range(13):
        if turn == 3:
            (a @ b)[0, 0].item()
            began = time.perf_counter()
        product = a @ b
    product[0, 0].item()
    return 10 * 2 * size**3 / (time.perf_counter() - began)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--pools", required=True, type=click.Path(path_type=Path), help="By pools.py.")
@click.option("--seconds", default=280.0, show_default=True, help="All of the time.")
@click.option("--decay", default=0.4, show_default=True, help="Share in which the rate falls.")
@click.option("--patterns", default=0.3, show_default=True, help="Share with patterns.")
@click.option("--keep", type=click.Path(path_type=Path), help="File for a state to start from.")
@click.option("--start", type=click.Path(path_type=Path), help="State to start from.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Change the recipe.")
@click.option("--device", default="cuda", show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
def main(
    file: Path,
    pools: Path,
    seconds: float,
    decay: float,
    patterns: float,
    keep: Path | None,
    start: Path | None,
    settings: tuple[str, ...],
    device: str,
    output: Path,
) -> None:
    """Train pet-mini on what prepare.py put into FILE."""
    recipe = Recipe(**{n: json.loads(v) for n, v in (s.split("=") for s in settings)})
    torch.manual_seed(recipe.seed)
    prepared = Prepared.read(file)
    packed = torch.load(pools, weights_only=False)
    training = Training(prepared, packed, recipe, seconds, torch.device(device))
    if start is not None:
        state = torch.load(start, map_location=device)
        training.model.load_state_dict(state["model"])
        training.optimiser.load_state_dict(state["optimiser"])
        training.step = state["step"]
    if device == "cuda":
        training.compile()
    training.run(decay, patterns, keep, output)
    parts = training.held_out(prepared)
    mean = sum(parts.values()) / len(parts)
    click.echo(f"held out: {mean:.4f}; " + ", ".join(f"{n} {v:.3f}" for n, v in parts.items()))
    tokens, operations = training.steady, training.operations
    matrix = matrix_rate(training.device)
    click.echo(
        f"{tokens / 1e6:.3f}M tokens a second, {operations / 1e6:.1f}M operations a token: "
        f"{tokens * operations / matrix:.0%} of a product's {matrix / 1e12:.0f}T a second"
    )


if __name__ == "__main__":
    main()
