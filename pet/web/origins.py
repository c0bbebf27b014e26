"""Requests that pages of other sites make in a person's browser, which are refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pet.errors import UsageError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

# What a page of another site can make a browser send without being read, it can send these with.
_READING = ("GET", "HEAD", "OPTIONS")
_NAMED = re.compile(r"(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")


def name_of(host: str) -> str:
    """Return the name in a ``Host`` header, without the port and an IPv6 address's brackets.

    What is no host has the name "".
    """
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def checked_host(given: str) -> str:
    """Return a host, such as ``pet.example.com`` or ``box:8443``, as browsers write it.

    Raises
    ------
    UsageError
        When it is none, such as a whole address.
    """
    host = given.lower()
    if not _NAMED.fullmatch(host):
        raise UsageError(
            f"Expected the name of a host, such as pet.example.com, found {given[:200]!r}.",
            "Write it without `https://` and path; with a port if its address has one.",
        )
    return host


class OwnOrigin:
    """ASGI middleware that refuses what pages of other sites send, with status 403 or 421.

    A name that is not one of the hosts is refused whatever the method (421): by a name of its own
    that leads to this machine a foreign page could read what is answered (DNS rebinding). A
    request that may change something is refused if the browser says that another site's page
    makes it (403). Programs send neither header, and are let through.

    Parameters
    ----------
    app : ASGI application
        Application to wrap.
    hosts : iterable of str, optional
        Names that the server may be called by, without ports; by default any.
    origins : iterable of str
        Hosts whose pages are the server's own too, with ports where their addresses have one: of a
        proxy before it, which may ask under another name than it was asked itself.

    Examples
    --------
    >>> from pet.web.origins import OwnOrigin
    >>> guarded = OwnOrigin(app=None, hosts=["127.0.0.1", "localhost"])
    >>> guarded.refusal("GET", "evil.example", None, None)
    (421, 'This server is not called evil.example.')
    >>> guarded.refusal("POST", "localhost:80", "http://evil.example", None)
    (403, 'Requests of pages of other sites are refused.')
    >>> guarded.refusal("POST", "localhost:80", "http://localhost:80", None) is None
    True
    """

    def __init__(
        self, app: ASGIApp, hosts: Iterable[str] | None = None, origins: Iterable[str] = ()
    ) -> None:
        self.app = app
        self.hosts = None if hosts is None else frozenset(host.lower() for host in hosts)
        self.origins = frozenset(host.lower() for host in origins)

    def refusal(
        self, method: str, host: str, origin: str | None, site: str | None
    ) -> tuple[int, str] | None:
        """Return the status and the reason of a refusal, None for a request that is let through.

        Parameters
        ----------
        method : str
            Method of the request.
        host, origin, site : str or None
            Its headers ``Host``, ``Origin`` and ``Sec-Fetch-Site``.
        """
        if self.hosts is not None and name_of(host) not in self.hosts:
            return 421, f"This server is not called {name_of(host)[:100]}."
        if method in _READING:
            return None
        asked_by = None if origin is None else origin.partition("://")[2].lower()
        own = asked_by in (None, host.lower()) or asked_by in self.origins
        if not own or site in ("cross-site", "same-site"):
            return 403, "Requests of pages of other sites are refused."
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "http":
            headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
            refused = self.refusal(
                scope["method"],
                headers.get(b"host", ""),
                headers.get(b"origin"),
                headers.get(b"sec-fetch-site"),
            )
            if refused is not None:
                status, reason = refused
                body = json.dumps({"detail": reason}).encode()
                kind = (b"content-type", b"application/json")
                await send({"type": "http.response.start", "status": status, "headers": [kind]})
                await send({"type": "http.response.body", "body": body})
                return
        await self.app(scope, receive, send)
