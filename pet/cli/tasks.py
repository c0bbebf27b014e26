"""pet tasks: what is there, and what a task asks."""

from __future__ import annotations

import click

from pet.cli.options import settings_options


@click.command(name="tasks")
@click.argument("name", required=False)
@settings_options("backbone")
def command(name: str | None, backbone: str, **_: object) -> None:
    """List the tasks, or show one: its patterns on an example, label words as tokens.

    NAME is a built-in task or a .py file.

    \b
    Example: pet tasks ag_news
    """
    from pet.evaluation.tables import text_table
    from pet.task import load_task, task_names

    if name is None:
        rows = []
        for known in task_names():
            task = load_task(known)
            counts = [str(len(task.labels)), str(len(task.pvps))]
            rows.append([f"{known}: {task.description}", *counts])
        click.echo(text_table(rows, ["task", "labels", "patterns"]))
        return

    from pet.backbone import kind_of
    from pet.backbone.loading import load_config, load_tokenizer

    task = load_task(name)
    tokenizer = kind_of(load_config(backbone)).text_tokenizer(load_tokenizer(backbone))
    click.echo(f"{task.name}: {task.description}")
    click.echo(f"fields: {', '.join(task.fields)}")
    click.echo(f"labels: {', '.join(task.labels)}\n")
    example = {field: f"<{field}>" for field in task.fields}
    shown: list[object] = []
    for number, pvp in enumerate(task.pvps):
        soft = "" if pvp.soft is None else f", {pvp.soft}"
        click.echo(f"pattern {number}{soft}: {pvp.pattern.render(example)}")
        for verbalizer in pvp.verbalizers:
            if verbalizer in shown:
                click.echo(f"  label words: as set {shown.index(verbalizer) + 1}")
                continue
            shown.append(verbalizer)
            click.echo(f"  label words, set {len(shown)}:")
            for label in pvp.answers(task.labels):
                words = []
                for word, weight in verbalizer.words[label].items():
                    pieces = tokenizer.pieces(word)
                    split = f" ({'+'.join(pieces)})" if len(pieces) > 1 else ""
                    words.append(word + split + ("" if weight == 1 else f" x{weight:g}"))
                click.echo(f"    {label}: {', '.join(words)}")
