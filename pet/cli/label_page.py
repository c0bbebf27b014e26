"""The page of pet label: served on this machine until the command is ended."""

from __future__ import annotations

import getpass
import secrets
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pet.cli.console import echo, say
from pet.cli.options import flag_of
from pet.config import LabelConfig

if TYPE_CHECKING:
    from pet.labelling import Labelling, TextReader


def serve_page(
    labelling: Labelling,
    make_reader: Callable[[], TextReader],
    config: LabelConfig,
    port: int,
    annotator: str | None,
    browser: bool,
    options: Sequence[str],
    seed: int,
) -> None:
    """Serve the page until the command is ended."""
    from pet.labelling import Bulks, FullTraining, Parts, label_app
    from pet.web import bound, listen

    folder, task = labelling.folder, labelling.task
    at = bound("127.0.0.1", port)
    port, token = at.getsockname()[1], secrets.token_urlsafe(24)
    address = f"http://127.0.0.1:{port}/?token={token}"
    session = labelling.session(make_reader, config, seed)
    backbone = folder.asked()["backbone"]
    values = {**backbone, "seed": seed}
    own = [
        part
        for key, value in values.items()
        if value is not None
        for part in (flag_of(key), str(value))
    ]
    training = FullTraining(folder, labelling.texts, labelling.clicks, task, [*own, *options])
    parts = Parts(
        labelling.database, session, Bulks(session, seed), training, annotator or _account()
    )

    def ready() -> None:
        echo(f"Label at {address}")
        say("Ctrl-C ends; every click is kept.")
        if browser and sys.stderr is not None and sys.stderr.isatty():  # a person is there
            import webbrowser

            webbrowser.open(address)

    listen(label_app(parts, token, port), at, ready, grace=5)
    say(
        f"{labelling.labelled} texts are labelled in {folder.path}. Go on with: pet label "
        f"{folder.path}; write them with: pet label {folder.path} --export labels.csv"
    )
    labelling.database.close()


def _account() -> str:
    """Return the name of the person's account."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        return "me"
