"""Listening: a server from its socket to its end in order."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import FrameType
from typing import Any

from pet.errors import UsageError


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address; port 0 is any that is free.

    Raises
    ------
    UsageError
        When the port is taken, or the address is not this machine's.
    """
    try:
        if not 0 <= port < 2**16:  # getaddrinfo would take the rest of a division
            raise OverflowError("ports are numbers from 0 to 65535")
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        taken = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":  # elsewhere the option lets two servers share a port
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(address)
            taken.listen(2048)
        except BaseException:
            taken.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"Cannot listen at {host}, port {port}: {reason}.",
            "Choose another with `--port`; `--port 0` takes any that is free.",
        ) from error
    return taken


def listen(
    app: Any,
    at: socket.socket,
    ready: Callable[[], None],
    reload: Callable[[], None] | None = None,
    grace: float = 30.0,
    **options: Any,
) -> None:
    """Serve an application until SIGTERM or Ctrl-C; what was accepted is answered first.

    Parameters
    ----------
    app : ASGI application
        Application to serve; its lifespan encloses the serving.
    at : socket
        From `bound`; closed at the end.
    ready : callable
        Called once when requests can be answered.
    reload : callable, optional
        Called in the main thread at SIGHUP, unless the terminal of the server was closed, which
        sends that signal too and ends the server. Without it SIGHUP ends the server. Where SIGHUP
        is ignored at the start, as by ``nohup``, it never ends the server.
    grace : float
        Seconds that requests have to be answered after a signal; a second Ctrl-C ends at once.
    **options
        Of `uvicorn.Config`.
    """
    import uvicorn

    class Server(uvicorn.Server):
        """A server that ends with its `run`, where uvicorn would raise the signal once more."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Take the signals while it serves."""
            terminal, ignored = _has_terminal(), _ignores_hang_up()

            def hang_up(number: int, frame: FrameType | None) -> None:
                nonlocal terminal
                closed = terminal and not _has_terminal()
                terminal = terminal and not closed
                if not ignored and (closed or reload is None):
                    self.handle_exit(signal.SIGTERM, frame)
                elif not closed and reload is not None:
                    reload()

            handlers: dict[int, Any] = {
                signal.SIGINT: self.handle_exit,
                signal.SIGTERM: self.handle_exit,
            }
            if hasattr(signal, "SIGHUP"):
                handlers[signal.SIGHUP] = hang_up
            before = {number: signal.signal(number, take) for number, take in handlers.items()}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            """Start, and say so."""
            await super().startup(sockets)
            if self.started:
                ready()

    config = uvicorn.Config(
        app,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=round(grace),
        **options,
    )
    with closing(at):
        asyncio.run(Server(config).serve([at]))


def _ignores_hang_up() -> bool:
    """Tell whether this process was told to outlive its terminal, as ``nohup`` tells."""
    return hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def _has_terminal() -> bool:
    """Tell whether this process has a terminal; one that was closed can no longer be opened."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | getattr(os, "O_NOCTTY", 0)))
    except OSError:
        return False
    return True
