"""Sum of masked LMs that were adapted from one start: their changes are added up.

    python benchmarks/soup.py pet-mini 0.5:judged 1:second -o NEW

NEW = start + 0.5 (judged - start) + 1 (second - start), weight by weight, saved in fp16. Source:
Ilharco et al. 2023 (2212.04089), section 2, task vectors.
"""

from __future__ import annotations

import re
from pathlib import Path

import click
import torch

from pet.backbone import MaskedLM
from pet.errors import UsageError


@click.command()
@click.argument("start")
@click.argument("parts", nargs=-1, required=True, metavar="SHARE:FOLDER...")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
@torch.no_grad()
def main(start: str, parts: tuple[str, ...], output: Path) -> None:
    """Add the changes of masked LMs to START, from which they were adapted."""
    if output.exists():
        raise UsageError(f"{output} exists.", "Choose another folder with -o.")
    model = MaskedLM.load(start, "cpu", "fp32")
    began = {name: weight.clone() for name, weight in model.model.named_parameters()}
    for addend in parts:
        share, _, folder = addend.partition(":")
        if not re.fullmatch(r"-?\d+(\.\d+)?", share) or not folder:
            raise UsageError(f"{addend!r}: expected SHARE:FOLDER, such as 0.5:judged.")
        learned = dict(MaskedLM.load(folder, "cpu", "fp32").model.named_parameters())
        if learned.keys() != began.keys():
            raise UsageError(f"{folder} has other weights than {start}.")
        for name, weight in model.model.named_parameters():
            weight += float(share) * (learned[name] - began[name])
    model.model.half().save_pretrained(output)
    model.hf_tokenizer.save_pretrained(output)


if __name__ == "__main__":
    main()
