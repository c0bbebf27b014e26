"""The gate: what is refused before a request is read, or while it is: keys, room, bytes, time."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from pet.serving.keys import Keys, key_of
from pet.serving.service import Service

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What everybody may see: the page (without a model's words in it), its look, and whether it runs.
_OPEN = frozenset({"/", "/healthz"})
_OPEN_BELOW = "/static/"
_QUEUED = frozenset({"/predict", "/explain"})


class Gate:
    """ASGI middleware that lets a request in, whole and within its limits, or answers it at once.

    A refusal is cheap, so that more requests than can be answered do not slow those that are: a
    full queue is told (429) before the body is read, a missing key (401) too. A body that is larger
    than a request may be (413), or does not arrive in time (408), ends the connection.

    Parameters
    ----------
    app : ASGI application
        Application to wrap.
    service : Service
        Its queue and limits.
    keys : Keys
        Who may use it.
    """

    def __init__(self, app: ASGIApp, service: Service, keys: Keys) -> None:
        self.app = app
        self.service = service
        self.keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self._refusal(scope, headers)
        if refused is not None:
            await refuse(send, *refused)
            return
        try:
            body = await asyncio.wait_for(
                _body(receive, self.service.config.request_bytes), self.service.config.timeout
            )
        except TimeoutError:
            await refuse(send, 408, "The request did not arrive in time.", {"connection": "close"})
            return
        if body is None:  # the client has gone
            return
        if len(body) > self.service.config.request_bytes:
            await refuse(send, 413, self._too_large(), {"connection": "close"})
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        await self.app(scope, replay, send)

    def _refusal(
        self, scope: Scope, headers: dict[bytes, str]
    ) -> tuple[int, str, dict[str, str]] | None:
        path, queue = scope["path"], self.service.queue
        is_open = path in _OPEN or path.startswith(_OPEN_BELOW)
        given = key_of(headers.get(b"authorization"), headers.get(b"x-api-key"))
        if self.keys and not is_open and not self.keys.opens(given):
            what = "A key is needed" if given is None else "This key opens nothing here"
            return 401, f"{what}: send Authorization: Bearer KEY.", {"www-authenticate": "Bearer"}
        if path in _QUEUED and scope["method"] == "POST":
            if queue.closed:
                return 503, "The service is ending.", {"retry-after": "5", "connection": "close"}
            if queue.full:
                return busy(queue.retry_after)
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or int(length[:20]) > self.service.config.request_bytes:
            return 413, self._too_large(), {"connection": "close"}
        return None

    def _too_large(self) -> str:
        return f"A request may have {self.service.config.request_bytes:,} bytes."


def busy(retry_after: int) -> tuple[int, str, dict[str, str]]:
    """Return the status, the reason and the headers of a refusal for want of room."""
    return 429, "Too many texts are waiting; come back later.", {"retry-after": str(retry_after)}


async def refuse(send: Send, status: int, detail: str, headers: dict[str, str]) -> None:
    """Send a refusal."""
    body = json.dumps({"detail": detail}).encode()
    every = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    start = {
        "type": "http.response.start",
        "status": status,
        "headers": [(name.encode(), value.encode()) for name, value in every.items()],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive, most: int) -> bytes | None:
    """Read a body until its end, or until it is too large; None if the client has gone."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > most or not message.get("more_body", False):
            return b"".join(parts)
