"""Metrics of a service, in the form that Prometheus reads; no text and no key is in them."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pet.serving.service import Service

__all__ = ["CONTENT_TYPE", "Measured", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
log = logging.getLogger(__name__)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counters of one service, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "pet_requests", "Requests by path and status.", ["path", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "pet_request_seconds", "Seconds until a request was answered, by path.", ["path"],
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self.texts = Counter(
            "pet_texts", "Texts that were predicted or explained, by task.", ["task"],
            registry=self.registry,
        )  # fmt: skip
        self.batch_texts = Histogram(
            "pet_batch_texts", "Texts of a batch.", buckets=_TEXTS, registry=self.registry
        )
        self.model_seconds = Histogram(
            "pet_model_seconds", "Seconds that the model took for a batch.", buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self.reloads = Counter(
            "pet_reloads", "Reloads by outcome.", ["outcome"], registry=self.registry
        )
        self._waiting = Gauge("pet_queue_texts", "Texts that wait.", registry=self.registry)
        self._bound = Gauge("pet_queue_texts_max", "Texts that may wait.", registry=self.registry)
        self._loaded = Gauge(
            "pet_model_loaded_timestamp_seconds", "When the model was loaded.",
            registry=self.registry,
        )  # fmt: skip

    def on_batch(self, texts: int, seconds: float) -> None:
        """Count a batch."""
        self.batch_texts.observe(texts)
        self.model_seconds.observe(seconds)

    def on_reload(self, succeeded: bool) -> None:
        """Count a reload."""
        self.reloads.labels("done" if succeeded else "failed").inc()

    def watch(self, service: Service) -> None:
        """Take the gauges' values from a service."""
        self._waiting.set_function(lambda: service.queue.waiting)
        self._bound.set(service.queue.bound)
        self._loaded.set_function(lambda: service.served.loaded)

    def text(self) -> bytes:
        """Return all of them as Prometheus reads them."""
        return generate_latest(self.registry)


class Measured:
    """ASGI middleware that counts every request.

    Parameters
    ----------
    app : ASGI application
        Application to wrap.
    metrics : Metrics
        Where they are counted.
    paths : collection of str
        Paths that are counted by name; all others are "other", so that nobody can make more.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str]) -> None:
        self.app = app
        self.metrics = metrics
        self.paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            path = scope["path"] if scope["path"] in self.paths else "other"
            seconds = time.perf_counter() - started
            self.metrics.requests.labels(path, str(status)).inc()
            self.metrics.seconds.labels(path).observe(seconds)
            if path != "other":
                log.info("%s %s %d %.1f ms", scope["method"], path, status, 1000 * seconds)
