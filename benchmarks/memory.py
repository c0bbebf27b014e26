"""Peak memory of commands, from small pools of unlabelled texts to large ones.

    OMP_NUM_THREADS=1 python benchmarks/memory.py

Writes files of 8 to 16 words a text, then runs `pet train` (two patterns with two verbalizers,
then a student that reads every text once), `pet suggest`, `pet predict` and the same with a bank
of prompts on each, every command in a process of its own. The model is a random BERT of two narrow
layers, so that a million texts take minutes and no growth hides behind weights. Printed are peaks
in MiB and, in brackets, what each is of that of the smallest pool.

train          `pet train`: members label the pool, a student learns from them
train prompts  the same with a soft prompt as the only member, which the bank takes, and two steps
               of its student
suggest        `pet suggest RUN`, which reads the scores that the run has stored for its pool
suggest new    `pet suggest --task`: an untrained pattern judges every text
predict        `pet predict RUN`, by the student
bank           `pet bank DIR --add RUN`, of the run with prompts
predict bank   `pet predict --bank DIR`
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np
from naive import MAX_LENGTH
from peaks import peak_of, peak_of_command

from pet import Task
from pet.backbone import MaskedLM
from pet.data import Columns, Pool, examples_from
from pet.encoding import Chunk
from pet.evaluation.tables import text_table
from pet.runs import RunFolder
from pet.scoring import PVPScorer

TASK = '''"""Topics, for a tiny model that knows few words."""

from pet import PVP, Task, Verbalizer

first = Verbalizer({name: [name] for name in ("news", "sports", "business", "world")})
others = {"news": ["room"], "sports": ["train"], "business": ["food"], "world": ["film"]}
second = Verbalizer(others)
patterns = ["{text} {mask}", "{mask} : {text}"]
task = Task(
    name="topics",
    labels=["news", "sports", "business", "world"],
    fields=["text"],
    pvps=[PVP(pattern, first, second) for pattern in patterns],
)
'''
LABELS = ("news", "sports", "business", "world")


def memory_pool(task: Task, file: str, folder: str) -> None:
    """Score a pool as `pet train` does: streamed from its file, shards of scores to disk."""
    backbone = MaskedLM.load(device="cpu")
    pool = Pool(lambda: examples_from(file, Columns(task, {}, "ignored")))
    scorer = PVPScorer(task.pvps[0], task.labels, backbone, MAX_LENGTH)
    with RunFolder(Path(folder)).writing("scores") as temporary:
        temporary.mkdir()
        for index, examples in enumerate(pool.chunks()):
            scores = scorer.score(Chunk(backbone.tokenizer, [e.texts for e in examples]))
            np.save(temporary / f"{index:06}.npy", scores, allow_pickle=False)


def pool_peaks(task: Task, texts: Sequence[Mapping[str, str]], sizes: Sequence[int]) -> list[int]:
    """Return the peak memory for pools of these sizes; their texts are 12 words of the texts."""
    generator = np.random.default_rng(0)
    words = [next(iter(row.values())).split() for row in texts]
    peaks = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pool.jsonl"
            with file.open("w", encoding="utf-8") as stream:
                for index in range(size):
                    text = words[index % len(words)]
                    start = generator.integers(max(1, len(text) - 11))
                    row = dict.fromkeys(task.fields, " ".join(text[start : start + 12]))
                    stream.write(json.dumps(row) + "\n")
            peaks.append(peak_of(memory_pool, task, str(file), folder))
            print(f"pool of {size:,} texts: peak {peaks[-1] / 2**20:,.0f} MiB")
    return peaks


def write_rows(file: Path, size: int, seed: int, **more: str) -> None:
    """Write rows of 8 to 16 words of a tiny model, 12 in the mean, with other columns."""
    from tests.support.tiny import WORDS

    draw = random.Random(seed)
    with file.open("a", encoding="utf-8") as stream:
        for _ in range(size):
            text = " ".join(draw.choices(WORDS, k=draw.randint(8, 16)))
            stream.write(json.dumps({"text": text, **more}) + "\n")


def commands(folder: Path, size: int) -> dict[str, list[str]]:
    """Return the commands on one pool, by their names in the table; each may read what is before.

    The folder holds ``task.py``, ``train.jsonl``, ``model`` and the pool.
    """
    pool, task = f"{folder}/{size}.jsonl", f"{folder}/task.py"
    run, prompts, bank = (f"{folder}/{name}-{size}" for name in ("run", "prompts", "bank"))
    compute = ["--device", "cpu"]
    model = ["--backbone", f"{folder}/model", *compute]
    train = [
        "train", "--task", task, "--train", f"{folder}/train.jsonl", "--unlabeled", pool, *model,
        "--max-steps", "2", "--distill-epochs", "1", "--distill-batch-size", "128",
        "--distill-max-steps",
    ]  # fmt: skip
    soft = [
        "--soft", "prompt-tuning", "--soft-slots", "2", "--scope", "prompt", "--patterns", "0",
    ]  # fmt: skip
    suggest = ["suggest", "--unlabeled", pool, "-n", "20", "-o", f"{folder}/next.csv", "--force"]
    predict = ["predict", "--input", pool, "-o", f"{folder}/labelled.jsonl", *compute]
    return {
        "train": [*train, str(size), "-o", run],
        "train prompts": [*train, "2", *soft, "-o", prompts],
        "suggest": [*suggest, run, *compute],
        "suggest new": [*suggest, "--task", task, "--patterns", "0", *model],
        "predict": [*predict, run],
        "bank": ["bank", bank, "--add", prompts, *compute],
        "predict bank": [*predict, "--bank", bank],
    }


@click.command(context_settings={"show_default": True}, help=__doc__.split("\n\n")[0])
@click.option("--sizes", default="2000,20000,1000000", help="Texts of the pools.")
@click.option("--only", multiple=True, help="Rows of the table, such as predict. Repeatable.")
@click.option("--folder", type=click.Path(), help="Where all is kept.  [default: nowhere]")
def main(sizes: str, only: Sequence[str], folder: str | None) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from tests.support.tiny import save_tiny_bert

    with tempfile.TemporaryDirectory() as temporary:
        place = Path(folder or temporary)
        place.mkdir(parents=True, exist_ok=True)
        save_tiny_bert(place / "model")
        (place / "task.py").write_text(TASK)
        (place / "train.jsonl").unlink(missing_ok=True)
        for number, label in enumerate(LABELS):
            write_rows(place / "train.jsonl", 16, number, label=label)
        every = [int(size) for size in sizes.split(",")]
        peaks: dict[str, list[int]] = {}
        for number, size in enumerate(every):
            (place / f"{size}.jsonl").unlink(missing_ok=True)
            write_rows(place / f"{size}.jsonl", size, 100 + number, task="topics")
            for name, command in commands(place, size).items():
                if only and name not in only:
                    continue
                start = time.perf_counter()
                peaks.setdefault(name, []).append(peak_of_command(*command))
                print(
                    f"{size:,} texts, {name}: {peaks[name][-1] / 2**20:,.0f} MiB, "
                    f"{time.perf_counter() - start:,.0f} s",
                    flush=True,
                )
    cells = [
        [name, *(f"{peak / 2**20:,.0f} ({peak / of_name[0]:.3f})" for peak in of_name)]
        for name, of_name in peaks.items()
    ]
    print(text_table(cells, ["peak, MiB", *(f"{size:,} texts" for size in every)]))


if __name__ == "__main__":
    main()
