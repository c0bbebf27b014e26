"""Sample of the documents of text files, without those that backbones.py holds out.

    python benchmarks/sample_text.py corpus/*.txt.gz --percent 18 -o FOLDER

A document's hash decides whether it is taken, so a larger share holds a smaller one. Each file of
FOLDER has a document a line.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from pet.adaptation import Source
from pet.adaptation.corpus import Corpus
from pet.data.documents import documents_from


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--percent", default=18, show_default=True, help="Share of the documents of every file."
)
@click.option("--skip", default=0, show_default=True, help="Per cent that an earlier sample took.")
@click.option("--held-out", default=500, show_default=True, help="Documents, in all files.")
@click.option("--seed", default=13, show_default=True, help="Seed of the held-out documents.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
def main(
    files: tuple[str, ...], percent: int, skip: int, held_out: int, seed: int, output: Path
) -> None:
    """Write a share of the documents of FILES."""

    def source(file: str) -> Source:
        return Source(file, lambda: documents_from(file))

    sources = [source(file) for file in files]
    kept = set(Corpus(sources, held_out, seed).held_out())
    output.mkdir(parents=True, exist_ok=True)
    for file_source in sources:
        target = (
            output / f"{Path(file_source.name).name.removesuffix('.gz').removesuffix('.txt')}.txt"
        )
        wanted = range(skip, skip + percent)
        taken = [
            text for text in file_source.documents() if text not in kept and _draw(text) in wanted
        ]
        target.write_text("".join(f"{' '.join(text.split())}\n" for text in taken), "utf-8")
        click.echo(f"{len(taken)} documents in {target}")


def _draw(text: str) -> int:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") % 100


if __name__ == "__main__":
    main()
