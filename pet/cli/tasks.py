"""pet tasks: the built-in tasks, or the patterns of one task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from pet.cli.console import echo
from pet.evaluation.tables import text_table
from pet.task import PVP, Task, load_task, task_names


@click.command(name="tasks")
@click.argument("name", required=False)
@click.option(
    "--backbone",
    metavar="MODEL",
    help="Also show how this language model splits label words into tokens.  [default: none]",
)
def command(name: str | None, backbone: str | None) -> None:
    """List the tasks, or show one: its patterns on an example, and label words.

    NAME is a built-in task or a file with one of your own, such as this one (or .toml, .json):

    \b
      from pet import PVP, Task, Verbalizer
      words = Verbalizer({"billing": ["money"], "technical": ["computers"]})
      task = Task(
          name="tickets",
          labels=["billing", "technical"],
          fields=["text"],
          pvps=[PVP("{text} This is about {mask}.", words)],
      )

    A field is a column of your files. In a pattern the text comes in its place, and the language
    model fills {mask}: the likelier a label's words are there, the likelier is the label.

    \b
    Example: pet tasks ag_news
    """
    if name is None:
        echo(_list_of(task_names()))
        return
    task = load_task(name)
    tokens_of = _splitter(backbone)
    echo(_title(task))
    echo(f"fields: {', '.join(task.fields)}")
    echo(f"labels: {', '.join(task.labels)}\n")
    example = {field: f"<{field}>" for field in task.fields}
    sets: list[list[str]] = []
    for index, pvp in enumerate(task.pvps):
        soft = "" if pvp.soft is None else f", {pvp.soft}"
        echo(f"pattern {index}{soft}: {pvp.pattern.render(example)}")
        for verbalizer in pvp.verbalizers:
            lines = []
            for label in pvp.answers(task.labels):
                words = [
                    word + tokens_of(word, pvp) + ("" if weight == 1 else f" x{weight:g}")
                    for word, weight in verbalizer.words[label].items()
                ]
                lines.append(f"    {label}: {', '.join(words)}")
            if lines in sets:
                echo(f"  label words: as set {sets.index(lines) + 1}")
                continue
            sets.append(lines)
            echo(f"  label words, set {len(sets)}:")
            for line in lines:
                echo(line)


def _list_of(names: Sequence[str]) -> str:
    rows = []
    for name in names:
        task = load_task(name)
        rows.append([_title(task, name), str(len(task.labels)), str(len(task.pvps))])
    return text_table(rows, ["task", "labels", "patterns"])


def _title(task: Task, name: str = "") -> str:
    return f"{name or task.name}: {task.description}" if task.description else name or task.name


def _splitter(backbone: str | None) -> Callable[[str, PVP], str]:
    """Return a function from a word in a pattern to its tokens, such as " (sci+-+fi)".

    It returns "" for a word of one token.
    """
    if backbone is None:
        return lambda word, pvp: ""

    from pet.backbone import backbone_class
    from pet.backbone.loading import load_config, load_tokenizer
    from pet.encoding import before_mask

    tokenizer = backbone_class(load_config(backbone)).text_tokenizer(load_tokenizer(backbone))

    def tokens_of(word: str, pvp: PVP) -> str:
        tokens = tokenizer.word_pieces(word, before_mask(tokenizer, pvp.pattern.parts))
        return f" ({'+'.join(tokens)})" if len(tokens) > 1 else ""

    return tokens_of
