"""The application: the paths of a service, and the order of what stands before them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Body, FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from pet.serving import schemas
from pet.serving.answers import explanation_json, prediction_json, tasks_json
from pet.serving.examples import describe
from pet.serving.explaining import Change
from pet.serving.faults import Json, answer_faults, refusals
from pet.serving.gate import Gate
from pet.serving.keys import Keys
from pet.serving.metrics import CONTENT_TYPE, Measured, Metrics
from pet.serving.page import STATIC_FILES, page, static_file
from pet.serving.queue import Ticket
from pet.serving.service import Service
from pet.version import __version__
from pet.web import OwnOrigin, SecurityHeaders

_ABOUT = (
    "Labels texts with a model of pet, explains the labels, and tries other patterns and words. "
    "Where the service has keys, send one as `Authorization: Bearer KEY`."
)
_PATHS = frozenset(
    {
        "/",
        "/predict",
        "/explain",
        "/tasks",
        "/healthz",
        "/metrics",
        "/admin/reload",
        "/openapi.json",
    }
)


def make_app(
    service: Service,
    keys: Keys | None = None,
    metrics: Metrics | None = None,
    hosts: Sequence[str] | None = None,
    origins: Sequence[str] = (),
) -> ASGIApp:
    """Make the ASGI application of a service, which is closed when the application's life ends.

    Parameters
    ----------
    service : Service
        What answers.
    keys : Keys, optional
        Who may use it; by default all who reach it.
    metrics : Metrics, optional
        The counters that the service was made with.
    hosts : sequence of str, optional
        Names that it may be called by; by default any.
    origins : sequence of str
        Hosts of a proxy before it, whose pages are its own; see `pet.web.OwnOrigin`.
    """
    keys, metrics = keys or Keys(), metrics or Metrics()
    metrics.watch(service)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(service.close)

    app = FastAPI(
        title="pet",
        description=_ABOUT,
        version=__version__,
        lifespan=life,
        docs_url=None,  # these pages load their scripts from another host
        redoc_url=None,
        default_response_class=Json,
    )
    _add_work(app, service, metrics)
    _add_rest(app, service, keys, metrics)
    describe(app, service)
    answer_faults(app)
    guarded: ASGIApp = Gate(app, service, keys)
    guarded = OwnOrigin(guarded, hosts, origins)
    guarded = SecurityHeaders(guarded)
    return Measured(guarded, metrics, _PATHS)


def _add_work(app: FastAPI, service: Service, metrics: Metrics) -> None:
    """Add the paths whose requests go through the queue."""

    @app.post(
        "/predict",
        response_model=None,
        responses={200: {"model": schemas.PredictAnswer}, **refusals(408, 413, 422, 429, 503, 504)},
    )
    async def predict(
        request: schemas.PredictRequest = Body(),  # noqa: B008
    ) -> Response:
        """Label texts."""
        served = service.served
        most = service.config.request_texts
        rows = service.rows(served, request.texts, request.task, most)
        ticket = service.predict(served, rows)
        predictions = await _results(service, ticket)
        for name, _ in rows:
            metrics.texts.labels(name).inc()
        answers = [
            prediction_json(name, prediction, request.threshold)
            for (name, _), prediction in zip(rows, predictions, strict=True)
        ]
        return Json({"model": served.name, "predictions": answers})

    @app.post(
        "/explain",
        response_model=None,
        responses={200: {"model": schemas.ExplainAnswer}, **refusals(408, 413, 422, 429, 503, 504)},
    )
    async def explain(
        request: schemas.ExplainRequest = Body(),  # noqa: B008
    ) -> Response:
        """Show why texts get their labels, also with other patterns or words."""
        served = service.served
        most = service.config.explained_texts
        rows = service.rows(served, request.texts, request.task, most)
        changes = {
            name: Change(change.pattern, change.words) for name, change in request.changes.items()
        }
        name = rows[0][0]
        explained = await _results(service, service.explain(served, rows, changes))
        metrics.texts.labels(name).inc(len(rows))
        task = served.tasks[name]
        answers = [explanation_json(task, name, one) for one in explained]
        return Json({"model": served.name, "explanations": answers})


def _add_rest(app: FastAPI, service: Service, keys: Keys, metrics: Metrics) -> None:
    """Add the paths that are answered at once."""

    @app.get("/tasks", response_model=None, responses={200: {"model": schemas.TasksAnswer}})
    async def tasks() -> Response:
        """List the tasks that are served, with their labels, patterns and words."""
        served = service.served
        return Json({"model": served.name, "tasks": tasks_json(served)})

    @app.get(
        "/healthz",
        response_model=None,
        responses={
            200: {"model": schemas.HealthAnswer},
            503: {"model": schemas.HealthAnswer, "description": "Nothing more is taken."},
        },
    )
    async def healthz() -> Response:
        """Tell whether requests are answered."""
        if service.queue.closed or not service.queue.alive:
            return Json({"status": "ending"}, 503)
        return Json({"status": "ok"})

    @app.get("/metrics", response_class=Response)
    async def counted() -> Response:
        """Return the counters, as Prometheus reads them."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    @app.post(
        "/admin/reload",
        response_model=None,
        responses={200: {"model": schemas.ReloadAnswer}, **refusals(403, 409)},
    )
    async def reload() -> Response:
        """Load the model anew; requests that were taken are answered by the one before."""
        if not keys:
            return Json({"detail": "A service without keys is reloaded by SIGHUP alone."}, 403)
        served = await run_in_threadpool(service.reload)
        return Json({"model": served.name, "tasks": list(served.tasks)})

    @app.get("/", include_in_schema=False)
    async def playground() -> HTMLResponse:
        return HTMLResponse(page(bool(keys)))

    for name in STATIC_FILES:
        app.add_api_route(f"/static/{name}", _file(name), include_in_schema=False)


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        content, kind = static_file(name)
        return Response(content, media_type=kind)

    return answer


async def _results(service: Service, ticket: Ticket) -> list[Any]:
    """Wait for a ticket's results, for as long as a request may take."""
    try:
        return await asyncio.wait_for(asyncio.wrap_future(ticket.future), service.config.timeout)
    except (TimeoutError, asyncio.CancelledError):
        service.queue.give_up(ticket)
        raise
