"""Gate: only the browser that was given the address with the token gets in."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_LARGEST = 2**20
# A page of its own, and no redirect: after one, a browser that came from another site's link would
# hold back the cookie.
_ENTER = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>pet label</title>'
    '<meta http-equiv="refresh" content="0; url=/"><p><a href="/">Go on to the labels</a></p>'
)
_REFUSED = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>pet label</title>'
    "<p>Open the address that <code>pet label</code> printed, with the token in it.</p>"
)


class Gate:
    """ASGI middleware that asks for a token, once in the address and then as a cookie.

    The cookie is not sent with requests that other sites start (SameSite=Strict), and no script
    can read it (HttpOnly).

    Parameters
    ----------
    app : ASGI application
        Application to guard.
    token : str
        The secret.
    port : int
        The port, which is part of the cookie's name: cookies do not tell ports apart.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self.app, self._token, self._name = app, token, f"pet-label-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, give the cookie, or refuse."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if self._has_token(headers.get(b"cookie", "")):
            length = headers.get(b"content-length", "0")
            if b"transfer-encoding" in headers or not length.isdecimal() or int(length) > _LARGEST:
                await _answer(send, 413, "<!doctype html><title>Too long</title>")
                return
            await self.app(scope, receive, send)
            return
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if scope["path"] == "/" and self._is_token(query.get("token", [""])[0]):
            cookie = f"{self._name}={self._token}; Path=/; HttpOnly; SameSite=Strict"
            await _answer(send, 200, _ENTER, (b"set-cookie", cookie.encode()))
            return
        await _answer(send, 403, _REFUSED)

    def _has_token(self, cookies: str) -> bool:
        """Tell whether the cookie is there; others may be of any form, and of any local server."""
        for cookie in cookies.split(";"):
            name, _, value = cookie.strip().partition("=")
            if name == self._name and self._is_token(value):
                return True
        return False

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())


async def _answer(send: Send, status: int, page: str, *headers: tuple[bytes, bytes]) -> None:
    kind = (b"content-type", b"text/html; charset=utf-8")
    start = {"type": "http.response.start", "status": status, "headers": [kind, *headers]}
    await send(start)
    await send({"type": "http.response.body", "body": page.encode()})
