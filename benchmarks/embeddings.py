"""Backbones as sentence encoders: logistic regression on frozen mean states, few labels.

    python benchmarks/embeddings.py NAME [NAME ...] --data DIR

DIR has one folder a task with train.jsonl. Some texts a label are drawn from it, several times;
accuracy is that on the file's last rows. Test files are read only with --test, which is for the end
of all choices. A folder without a masked-LM head, such as a sentence encoder's, will do.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional
from variants import TASKS, files_of

from pet.backbone import MaskedLM
from pet.backbone.embedding import mean_embeddings
from pet.config.base import number_list
from pet.data import Columns, draw_shots, examples_from
from pet.encoding import Encoder
from pet.evaluation.tables import text_table
from pet.seeds import RunStream, derived_seed


@click.command()
@click.argument("backbones", nargs=-1, required=True)
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of tasks.")
@click.option("--tasks", default=TASKS, show_default=True)
@click.option("--shots", default=16, show_default=True, help="Labelled texts a label.")
@click.option("--seeds", default="13,21,42,87,100", show_default=True)
@click.option("--rows", default=300, show_default=True, help="Rows to measure on.")
@click.option("--max-length", default=128, show_default=True)
@click.option("--test", is_flag=True, help="Measure on test.jsonl instead.")
def main(
    backbones: tuple[str, ...],
    data: Path,
    tasks: str,
    shots: int,
    seeds: str,
    rows: int,
    max_length: int,
    test: bool,
) -> None:
    """Compare BACKBONES, names or folders, by what a linear classifier makes of their states."""
    names, draws = tasks.split(","), number_list(seeds, "--seeds")
    table = []
    for backbone in backbones:
        lm = MaskedLM.load(backbone, "auto", "fp32", new_head=True)
        encoder = Encoder.plain(lm.tokenizer, ["text"], max_length)
        cells, means = [], []
        for name in names:
            files = files_of(data, name, None if test else rows, rows)
            columns = Columns(files.task, {})
            examples = list(examples_from(files.pool, columns))
            tested = list(examples_from(files.test, columns))

            def vectors(texts: list[str], lm: MaskedLM = lm, encoder: Encoder = encoder) -> object:
                found = mean_embeddings(lm, encoder, [{"text": text} for text in texts])
                return functional.normalize(torch.from_numpy(found), dim=1).numpy()

            of_test = vectors([" ".join(e.texts.values()) for e in tested])
            accuracies = []
            for seed in draws:
                shots_seed = derived_seed(seed, RunStream.SHOTS)
                train = draw_shots(examples, files.task.labels, shots, shots_seed)
                of_train = vectors([" ".join(e.texts.values()) for e in train])
                head = LogisticRegression(max_iter=1000).fit(of_train, [e.label for e in train])
                accuracies.append(100 * head.score(of_test, [e.label for e in tested]))
            means.append(np.mean(accuracies))
            cells.append(f"{means[-1]:.1f} ± {np.std(accuracies, ddof=len(draws) > 1):.1f}")
        table.append([backbone, *cells, f"{np.mean(means):.1f}"])
    click.echo(text_table(table, [f"{shots} shots", *names, "mean"]))


if __name__ == "__main__":
    main()
