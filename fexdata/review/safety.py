"""Who may ask what: everything that a request must be before any route sees it.

The page is open to whoever has one of the addresses that `fexdata review` printed. The token in it
becomes a cookie; a page of another origin can neither read nor send it, and a name that merely
points to this machine (DNS rebinding) is refused by `Host`. What is refused is logged, and changes
nothing.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs

LOG: Final = logging.getLogger("fexdata.review")

MAX_BODY: Final = 128 << 10
"""Bytes. Five hundred decisions take about 60 KB."""

LOCAL_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")

HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}

DOOR: Final = (
    "<!doctype html><title>fexdata review</title><p>This page needs the address that <code>fexdata review</code> "
    "printed, with its token. Open that address once; afterwards this one works too.</p>"
)


class Guard:
    """ASGI middleware: token, `Host`, `Origin`, size of the body.

    tokens: token -> reviewer. host: what the server is bound to; names other than this machine's own
    are accepted only if it is bound to them, or to all addresses. The reviewer's name goes on as
    `scope["state"]["reviewer"]`.
    """

    def __init__(self, app: Any, tokens: Mapping[str, str], host: str) -> None:
        self._app, self._tokens, self._host = app, dict(tokens), host

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._outside(scope, headers)
        reviewer = None if refusal else self._reviewer(scope, headers)
        if refusal is None and reviewer is None:
            refusal = (401, "token", "the token is missing or wrong; open the address that fexdata review printed")
        if refusal is not None:
            await self._refuse(scope, send, *refusal, door=scope["path"] == "/")
            return
        if scope["path"] == "/" and self._asked(scope) in self._tokens:
            await self._admit(scope, send, self._asked(scope), headers)
            return
        body, whole = await _body(receive)
        if not whole:
            await self._refuse(scope, send, 413, "too_large", f"the request is larger than {MAX_BODY >> 10} KB")
            return
        scope.setdefault("state", {})["reviewer"] = reviewer
        await self._app(scope, _replay(body, receive), _with_headers(send))

    def _outside(self, scope: Any, headers: Mapping[str, str]) -> tuple[int, str, str] | None:
        """Why a request does not come from our own page, if it does not."""
        host = headers.get("host", "")
        name = host if host.endswith("]") else host.rsplit(":", 1)[0]
        if name not in LOCAL_NAMES and self._host not in ("0.0.0.0", "::", name, name.strip("[]")):
            return 403, "origin", "this name is not the server's"
        origin = headers.get("origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return 403, "origin", "the request comes from another page"
        if scope["method"] not in ("GET", "HEAD"):
            if origin is None:
                return 403, "origin", "a request that changes something needs an Origin"
            if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
                return 422, "invalid", "the body must be application/json"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            return 413, "too_large", f"the request is larger than {MAX_BODY >> 10} KB"
        return None

    def _reviewer(self, scope: Any, headers: Mapping[str, str]) -> str | None:
        """Whose token the request carries: in its address, its cookie or its Authorization."""
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        given = [self._asked(scope), self._cookie(headers), bearer if kind.lower() == "bearer" else ""]
        for token, reviewer in self._tokens.items():
            # All are compared, in constant time, so that time tells nothing.
            if any([hmac.compare_digest(token.encode(), one.encode("utf-8", "replace")) for one in given if one]):
                return reviewer
        return None

    def _cookie(self, headers: Mapping[str, str]) -> str:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(cookie_name(headers.get("host", "")))
        except CookieError:
            return ""
        return "" if found is None else found.value

    @staticmethod
    def _asked(scope: Any) -> str:
        if scope["path"] != "/":  # only there: addresses of pictures end up in histories
            return ""
        return parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]

    @staticmethod
    async def _admit(scope: Any, send: Any, token: str, headers: Mapping[str, str]) -> None:
        """Puts the token into a cookie, and takes it out of the address."""
        name = cookie_name(headers.get("host", ""))
        cookie = f"{name}={token}; Path=/; HttpOnly; SameSite=Strict"
        extra = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"cache-control", b"no-store")]
        await _answer(send, 303, b"", extra)

    @staticmethod
    async def _refuse(scope: Any, send: Any, status: int, code: str, sentence: str, *, door: bool = False) -> None:
        log_refusal(scope, status, sentence)
        if door:
            await _answer(send, status, DOOR.encode(), [(b"content-type", b"text/html; charset=utf-8")])
            return
        data = json.dumps({"error": sentence, "code": code}).encode()
        await _answer(send, status, data, [(b"content-type", b"application/json"), (b"connection", b"close")])


def cookie_name(host: str) -> str:
    """Cookies do not tell ports apart, so the port is in the name: two datasets can be reviewed at once."""
    port = host.rsplit(":", 1)[-1]
    return f"fexdata_review_{port if port.isdigit() else '80'}"


def log_refusal(scope: Any, status: int, why: str) -> None:
    """One line; what came from outside is printed escaped, and cut."""
    client = (scope.get("client") or ("?",))[0]
    LOG.warning("refused %d %s %s from %s: %s", status, scope["method"], ascii(scope["path"][:200]), client, why)


async def _answer(send: Any, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length, *own]})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Any) -> tuple[bytes, bool]:
    """The whole body, and whether it kept to the limit (it need not say its length beforehand)."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"", True
        size += len(message.get("body", b""))
        if size > MAX_BODY:
            return b"", False
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts), True


def _replay(body: bytes, receive: Any) -> Any:
    sent = False

    async def again() -> Any:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_headers(send: Any) -> Any:
    async def wrapped(message: Any) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *((n.encode(), v.encode()) for n, v in HEADERS.items())]
        await send(message)

    return wrapped
