"""The application: addresses of the page and what its script asks for."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pet.errors import PetError
from pet.labelling.bulk import Bulks
from pet.labelling.exporting import write_export
from pet.labelling.full_training import FullTraining
from pet.labelling.gate import Gate
from pet.labelling.schema import Database
from pet.labelling.session import Session, Shown
from pet.version import __version__
from pet.web import STATIC, OwnOrigin, SecurityHeaders, environment

try:
    from fastapi import FastAPI, Query, Request
    from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
    from pydantic import BaseModel, Field, StringConstraints
except ImportError as error:
    raise PetError(
        "The labelling page needs fastapi.", "Install it with: pip install 'pet-fewshot[serve]'"
    ) from error

if TYPE_CHECKING:
    from starlette.types import ASGIApp

HOSTS = ("127.0.0.1", "localhost", "::1")
_HERE = Path(__file__).parent
_STATIC = {
    "base.css": (STATIC / "base.css", "text/css"),
    "label.css": (_HERE / "static" / "label.css", "text/css"),
    "label.js": (_HERE / "static" / "label.js", "text/javascript"),
    "parts.js": (_HERE / "static" / "parts.js", "text/javascript"),
}
_FORMATS = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
# The report has its style and its diagrams in one file, and no scripts.
_REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
_REPORT_POLICY += "form-action 'none'; frame-ancestors 'none'"

Tab = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{8,64}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
# SQLite's integers.
Number = Annotated[int, Field(ge=0, lt=2**63)]


class Seat(BaseModel):
    """Who asks, and from which tab."""

    tab: Tab
    annotator: Name


class Answer(Seat):
    """Answer about a text; without a label the text is passed over."""

    text: Number
    label: str | None = None
    sure: bool = True
    seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None


class Opened(Seat):
    """A text that somebody looked for."""

    text: Number


class Wanted(BaseModel):
    """The sure guesses that are asked for."""

    threshold: Annotated[float, Field(ge=0.5, le=1)]
    label: str | None = None


class Accepted(Seat):
    """A checked sample, and the offer it is of."""

    offer: str
    checked: dict[Number, str]


@dataclass(frozen=True)
class Parts:
    """Parts of the application."""

    database: Database
    session: Session
    bulks: Bulks
    training: FullTraining
    annotator: str


def label_app(parts: Parts, token: str, port: int) -> ASGIApp:
    """Return the application, guarded: own hosts, own origin, the token, strict headers."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        parts.session.learner.start()
        yield
        parts.training.stop()
        parts.session.learner.stop()

    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    _add_page(app, parts)
    _add_labelling(app, parts)
    _add_bulk(app, parts)
    _add_training(app, parts)

    @app.exception_handler(PetError)
    def refused(_: Request, error: PetError) -> JSONResponse:
        return JSONResponse({"detail": error.message}, status_code=409)

    return SecurityHeaders(OwnOrigin(Gate(app, token, port), HOSTS))


def _add_page(app: FastAPI, parts: Parts) -> None:
    template = environment(_HERE / "templates").get_template("label.html")
    task = parts.session.task

    @app.get("/")
    def page() -> HTMLResponse:
        return HTMLResponse(
            template.render(
                labels=task.labels,
                name=task.name,
                description=task.description,
                annotator=parts.annotator,
                version=__version__,
            )
        )

    @app.get("/favicon.ico")
    def icon() -> Response:
        return Response(status_code=204)

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in _STATIC:
            return Response(status_code=404)
        file, kind = _STATIC[name]
        return FileResponse(file, media_type=kind)


def _add_labelling(app: FastAPI, parts: Parts) -> None:
    session = parts.session

    def told(seat: Seat, shown: Shown | None) -> dict[str, Any]:
        return {"text": _told(shown), "status": session.status(seat.annotator)}

    @app.post("/api/next")
    def next_text(seat: Seat) -> dict[str, Any]:
        return told(seat, session.next(seat.tab, seat.annotator))

    @app.post("/api/answer")
    def answer(given: Answer) -> dict[str, Any]:
        was = session.answer(
            given.text, given.tab, given.annotator, given.label, given.sure, given.seconds
        )
        before = None
        if was is not None and given.label is not None:  # a skipped text may be asked once more
            before = {"guess": was.guess, "probability": was.probability}
        return {"was": before, **told(given, session.next(given.tab, given.annotator))}

    @app.post("/api/undo")
    def undo(seat: Seat) -> dict[str, Any]:
        shown = session.undo(seat.tab, seat.annotator)
        return told(seat, shown or session.next(seat.tab, seat.annotator))

    @app.post("/api/open")
    def opened(given: Opened) -> dict[str, Any]:
        return told(given, session.open(given.text, given.tab, given.annotator))

    @app.post("/api/status")
    def status(seat: Seat) -> dict[str, Any]:
        return told(seat, session.current(seat.tab))

    @app.get("/api/search")
    def search(words: Annotated[str, Query(max_length=200)]) -> dict[str, Any]:
        return {"found": session.search(words)}


def _add_bulk(app: FastAPI, parts: Parts) -> None:
    @app.post("/api/bulk")
    def offer(wanted: Wanted) -> dict[str, Any]:
        made = parts.bulks.offer(wanted.threshold, wanted.label)
        return {
            "offer": made.name,
            "count": len(made.guesses),
            "at_most": made.at_most,
            "sample": [
                {
                    "id": text.number,
                    "fields": dict(text.fields),
                    "guess": made.guesses[text.number][0],
                    "probability": made.guesses[text.number][1],
                }
                for text in made.sample
            ],
        }

    @app.post("/api/accept")
    def accept(given: Accepted) -> dict[str, Any]:
        count, accuracy = parts.bulks.accept(given.offer, given.checked, given.tab, given.annotator)
        return {
            "accepted": count,
            "sample": asdict(accuracy),
            "status": parts.session.status(given.annotator),
        }


def _add_training(app: FastAPI, parts: Parts) -> None:
    @app.post("/api/train")
    def train() -> dict[str, Any]:
        parts.training.start()
        return parts.training.state()

    @app.post("/api/train/stop")
    def stop() -> dict[str, Any]:
        parts.training.stop()
        return parts.training.state()

    @app.get("/api/train")
    def state() -> dict[str, Any]:
        return parts.training.state()

    @app.get("/report/{name}")
    def report(name: str) -> Response:
        page = parts.training.report(name)
        if page is None:
            return Response(status_code=404)
        headers = {"content-security-policy": _REPORT_POLICY}
        return FileResponse(page, media_type="text/html", headers=headers)

    @app.get("/export.{ending}")
    def export(
        ending: Literal["csv", "jsonl"], each: bool = False, for_spreadsheets: bool = False
    ) -> Response:
        stream, name = io.StringIO(newline=""), f"labels.{ending}"
        write_export(stream, name, parts.database, parts.session.task, each, for_spreadsheets)
        return Response(
            stream.getvalue().encode("utf-8", "backslashreplace"),
            media_type=_FORMATS[ending],
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )


def _told(shown: Shown | None) -> dict[str, Any] | None:
    """Return a text as JSON values; a guess that could sway people is held back."""
    if shown is None:
        return None
    guess = None
    if shown.guess is not None and not shown.hides_guess:
        guess = {"label": shown.guess, "probability": shown.probability}
    return {
        "id": shown.text.number,
        "fields": dict(shown.text.fields),
        "drawn": shown.drawn,
        "hidden": shown.hides_guess,
        "guess": guess,
    }
