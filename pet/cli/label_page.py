"""The page of pet label: served on this machine until the command is ended."""

from __future__ import annotations

import getpass
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
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

    entrance = folder.file(folder.entrance)

    def ready() -> None:
        echo(f"Label at {address}")
        say("Ctrl-C ends; every click is kept.")
        if browser and sys.stderr is not None and sys.stderr.isatty():  # a person is there
            _open(address, entrance)

    try:
        listen(label_app(parts, token, port), at, ready, grace=5)
    finally:
        entrance.unlink(missing_ok=True)
    say(
        f"{labelling.labelled} texts are labelled in {folder.path}. Go on with: pet label "
        f"{folder.path}; write them with: pet label {folder.path} --export labels.csv"
    )
    labelling.database.close()
    if session.learner.is_running:
        # It loads a model, which can last for ever; every click is on the disk already. The
        # interpreter's own end would tear the thread off in the midst of native code.
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(0)


def _open(address: str, entrance: Path) -> None:
    """Open an address in the browser by way of a file that only this account can read.

    On a command line, which the browser's is, everybody on this machine could read the token.
    """
    import webbrowser

    where = escape(address)
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>pet label</title>'
        f'<meta http-equiv="refresh" content="0; url={where}"><p><a href="{where}">Go on</a></p>\n'
    )
    try:
        entrance.unlink(missing_ok=True)  # its rights would stay
        with open(os.open(entrance, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(page)
    except OSError as error:
        say(f"The page is not opened ({error}); open the address above.")
        return
    webbrowser.open(entrance.resolve().as_uri())


def _account() -> str:
    """Return the name of the person's account."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        return "me"
