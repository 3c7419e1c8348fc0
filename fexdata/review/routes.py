"""The page's routes: each takes apart a request, makes one call to the desk, and answers.

No part of a request becomes a path: page files are looked up in a table made at start, faces in
the manifest, queues and pictures in closed lists.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from fexdata.review import requests, show
from fexdata.review.desk import Desk
from fexdata.review.events import Kind
from fexdata.review.keys import Keys, key_words
from fexdata.review.leases import SECONDS
from fexdata.review.refused import Refused
from fexdata.review.safety import log_refusal
from fexdata.review.stats import statistics
from fexdata.review.words import REASONS, VERDICTS

PAGE = Path(__file__).parent / "page"

FaceId = Annotated[str, InPath(pattern=r"^[0-9a-f]{32}$")]
PictureKind = Literal["crop", "depth", "normal", "mask", "overlay", "heat", "photograph"]
Version = Annotated[str, Query(pattern=r"^[0-9A-Za-z]{0,64}$")]

FOREVER = {"cache-control": "private, max-age=3600, immutable"}
NEVER = {"cache-control": "no-store"}


def make_app(desk: Desk, keys: Keys) -> FastAPI:
    """The page's application, without its guard (`fexdata.review.safety.Guard`)."""
    app = FastAPI(title="fexdata review", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.include_router(_page())
    app.include_router(_reading(desk, keys))
    app.include_router(_pictures(desk))
    app.include_router(_deciding(desk))
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unknown)
    return app


def _page() -> APIRouter:
    router = APIRouter()
    files = {path.relative_to(PAGE).as_posix(): path for path in sorted(PAGE.rglob("*")) if path.is_file()}

    def answer(name: str) -> Response:
        if name not in files:
            raise Refused(404, "unknown", "the page has no such file")
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(files[name].read_bytes(), media_type=kind, headers={"cache-control": "no-cache"})

    @router.get("/")
    def index() -> Response:
        return answer("index.html")

    @router.get("/page/{name:path}")
    def file(name: str) -> Response:
        return answer(name)

    return router


def _reading(desk: Desk, keys: Keys) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.get("/session")
    def session(request: Request) -> Response:
        return _json(session_words(desk, keys, _reviewer(request)))

    @router.get("/queues")
    def queues(request: Request) -> Response:
        return _json(desk.overview(_reviewer(request)))

    @router.post("/next")
    def following(request: Request, body: requests.Next) -> Response:
        return _json(desk.next(_reviewer(request), body))

    @router.post("/hold")
    def hold(request: Request, body: requests.Hold) -> Response:
        return _json(desk.hold(_reviewer(request), body.tab, body.ids))

    @router.get("/items/{face}")
    def item(request: Request, face: FaceId) -> Response:
        return _json(desk.item(_reviewer(request), face))

    @router.get("/orphans")
    def orphans(request: Request) -> Response:
        return _json({"orphans": desk.orphans(_reviewer(request))})

    @router.get("/stats")
    def stats(request: Request, wanted: Annotated[float, Query(gt=0, lt=1)] = 0.9) -> Response:
        with desk.lock:
            desk.state.refresh()
            return _json(statistics(desk.catalog, desk.orders, desk.state, wanted=wanted))

    return router


def _pictures(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/api/items/{face}")

    @router.get("/picture/{kind}")
    def picture(
        request: Request,
        face: FaceId,
        kind: PictureKind,
        size: Literal["96", "160", "256", "512", "1024"] | None = None,
        v: Version = "",
    ) -> Response:
        found = show.picture(
            desk, desk.sight.shown(_reviewer(request), face), kind, None if size is None else int(size)
        )
        return Response(found.data, media_type=found.media_type, headers=FOREVER)

    @router.get("/mesh")
    def mesh(request: Request, face: FaceId, v: Version = "") -> Response:
        data = show.mesh_file(desk, desk.sight.shown(_reviewer(request), face))
        return Response(data, media_type="application/octet-stream", headers=FOREVER)

    return router


def _deciding(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.post("/decide")
    def decide(request: Request, body: requests.Decide) -> Response:
        return _json(desk.decide(_reviewer(request), body))

    def turn(kind: Kind) -> Callable[[Request, requests.Turn], Response]:
        return lambda request, body: _json(desk.turn(_reviewer(request), body.uid, kind))

    @router.post("/undo")
    def undo(request: Request, body: requests.Turn) -> Response:
        return turn("undo")(request, body)

    @router.post("/redo")
    def redo(request: Request, body: requests.Turn) -> Response:
        return turn("redo")(request, body)

    @router.post("/orphans/{face}")
    def orphan(request: Request, face: FaceId, body: requests.Orphan) -> Response:
        return _json(desk.settle(_reviewer(request), face, body))

    return router


def session_words(desk: Desk, keys: Keys, reviewer: str) -> dict[str, Any]:
    """What the page asks for first."""
    from fexdata.corpora.base import EXPRESSIONS

    return {
        "dataset": {
            "name": desk.catalog.dataset.name,
            "rows": len(desk.catalog),
            "crop_size": show.crop_size(desk),
            "build": desk.catalog.build,
        },
        "reviewer": reviewer,
        "reviewers": list(desk.reviewers),
        "double": desk.double,
        "seed": desk.seed,
        "lease_seconds": SECONDS,
        "verdicts": [{"name": name, "words": words} for name, words in VERDICTS.items()],
        "reasons": [
            {"name": name, "words": words, "number": number}
            for number, (name, words) in enumerate(REASONS.items(), start=1)
        ],
        "expressions": list(EXPRESSIONS),
        "keys": keys,
        "key_words": key_words(),
        **desk.overview(reviewer),
    }


def _reviewer(request: Request) -> str:
    return str(request.state.reviewer)


def _json(value: Any) -> Response:
    return JSONResponse(value, headers=NEVER)


def _error(request: Request, status: int, code: str, sentence: str) -> Response:
    log_refusal(request.scope, status, sentence)
    return JSONResponse({"error": sentence, "code": code}, status, headers=NEVER)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return _error(request, error.status, error.code, error.sentence)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    sentence = f"{where}: {first['msg']}" if where else str(first["msg"])
    return _error(request, 422, "invalid", sentence[:300].encode("ascii", "backslashreplace").decode())


def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(request, error.status_code, "unknown", str(error.detail))
