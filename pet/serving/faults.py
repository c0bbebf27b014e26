"""Faults as answers: each kind of error with its status, one sentence, and nothing repeated."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from pet.errors import OutOfMemoryError, PetError, RunError, is_out_of_memory
from pet.serving import schemas
from pet.serving.gate import busy
from pet.serving.queue import QueueClosed, QueueFull
from pet.serving.service import ReloadUnderWay, TooLarge

log = logging.getLogger(__name__)

_MOST_FAULTS = 5
_LONGEST = 2000
# What pydantic calls the two forms of a text.
_CHOICES = ("str", "dict[str,str]")
_REASONS = {
    403: "Not allowed here.",
    408: "The request did not arrive in time.",
    409: "A reload is under way, or failed; the model before goes on.",
    413: "Too many bytes, texts or characters.",
    422: "Something in the request is impossible; the detail says what.",
    429: "Too many texts are waiting; come back after the seconds in Retry-After.",
    503: "The service is ending, or memory ran out.",
    504: "The request was not answered in time.",
}


class Json(Response):
    """A JSON answer in ASCII, so that there is no text that it cannot hold."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the bytes of a value."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return these statuses as OpenAPI describes answers."""
    return {
        status: {"model": schemas.Refusal, "description": _REASONS[status]} for status in statuses
    }


def answer_faults(app: FastAPI) -> None:
    """Make an application answer every error with its status and one message."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        told = list(dict.fromkeys(map(_fault, error.errors())))
        more = len(told) - _MOST_FAULTS
        told = told[:_MOST_FAULTS]
        return _told(422, "; ".join(told) + (f"; and {more} more" if more > 0 else ""))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return _told(error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(PetError)
    async def impossible(request: Request, error: PetError) -> Response:
        if isinstance(error, ReloadUnderWay) or request.url.path == "/admin/reload":
            return _told(409, error.message)
        if isinstance(error, OutOfMemoryError):
            return _told(503, "Memory ran out; send fewer or shorter texts.", {"retry-after": "5"})
        if isinstance(error, RunError):  # of the model, not of the request
            log.error("%s", error)
            return _told(500, error.message)
        return _told(413 if isinstance(error, TooLarge) else 422, error.message)

    @app.exception_handler(QueueFull)
    async def full(request: Request, error: QueueFull) -> Response:
        return _told(*busy(error.retry_after))

    @app.exception_handler(QueueClosed)
    async def closed(request: Request, error: QueueClosed) -> Response:
        return _told(503, "The service is ending.", {"retry-after": "5"})

    @app.exception_handler(TimeoutError)
    async def late(request: Request, error: TimeoutError) -> Response:
        return _told(504, "The request was not answered in time.")

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        if is_out_of_memory(error):
            return _told(503, "Memory ran out; send fewer or shorter texts.", {"retry-after": "5"})
        return _told(500, "This is a bug of pet; its log says more.")


def _told(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    return Json({"detail": detail[:_LONGEST]}, status, headers)


def _fault(fault: Mapping[str, Any]) -> str:
    """Return the place and the reason of a fault in a request; names that it made up are cut."""
    parts = list(fault["loc"])[1:]
    if fault["type"] == "json_invalid":
        reason, place = fault.get("ctx", {}).get("error", ""), ".".join(map(str, parts))
        return f"The body is not JSON: {reason}, character {place}."
    if len(parts) >= 3 and parts[0] == "texts" and parts[2] in _CHOICES:
        parts, reason = parts[:2], "expected a text, or an object of texts by field"
    else:
        reason = str(fault["msg"])
    return f"{'.'.join(str(part)[:40] for part in parts)[:200] or 'body'}: {reason}"
