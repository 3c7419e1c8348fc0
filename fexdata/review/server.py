"""The server: one process, one dataset, bound to this machine unless told otherwise."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fexdata.errors import FexdataError
from fexdata.review.desk import Desk
from fexdata.review.keys import load_keys
from fexdata.review.safety import Guard
from fexdata.storage import is_remote

MAX_NAME = 40

PORTS = range(20_000, 30_000)
"""Where datasets have their usual port: below those that systems hand out by themselves."""


def guarded_app(desk: Desk, tokens: dict[str, str], host: str = "127.0.0.1") -> Any:
    """The ASGI application. tokens: token -> reviewer. Raises `FexdataError` for a bad keys file."""
    from fexdata.review.routes import make_app

    return Guard(make_app(desk, load_keys(desk.catalog.dataset.path)), tokens, host)


def reviewer_tokens(dataset: str, reviewers: Sequence[str]) -> dict[str, str]:
    """token -> reviewer. Tokens are kept in a file that only the user can read, so that a page that is
    still open goes on after the server was started anew; on object storage they are new every time.

    Raises `FexdataError` for a name that is empty, long or not plain.
    """
    for name in reviewers:
        if not (0 < len(name) <= MAX_NAME and name.isprintable() and not set(name) & set(',"/\\')) or name == "rules":
            raise FexdataError(
                f"--reviewer {name!r}: expected a name of up to {MAX_NAME} letters, without , / or quotes"
            )
    path = None if is_remote(dataset) else Path(dataset) / "review" / ".tokens.json"
    kept = _read_tokens(path) if path is not None else {}
    wanted = {name: kept.get(name) or secrets.token_urlsafe(24) for name in reviewers}
    if path is not None and kept | wanted != kept:
        _write_private(path, json.dumps(kept | wanted, indent=1))
    return {token: name for name, token in wanted.items()}


def serve(
    desk: Desk,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    browser: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Serves until interrupted. `say` gets one line per reviewer, with his address. Port 0 takes the
    dataset's usual one, or any where that is taken: a browser keeps what it could not send by
    address. Raises `FexdataError` when the port is taken."""
    import uvicorn

    tokens = reviewer_tokens(desk.catalog.dataset.path, desk.reviewers)
    app = guarded_app(desk, tokens, host)
    listening = _bound(host, port) if port else _usual(host, desk.catalog.dataset.path)
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    shown = f"[{shown}]" if ":" in shown else shown
    addresses = {name: f"http://{shown}:{listening.getsockname()[1]}/?token={token}" for token, name in tokens.items()}
    for name, address in addresses.items():
        say(f"{name}: {address}")
    threading.Thread(target=desk.prepare, name="fexdata-review-prepare", daemon=True).start()
    if browser:
        # A browser that is slow to start must not hold up the server.
        threading.Timer(0.5, webbrowser.open, [next(iter(addresses.values()))]).start()
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", server_header=False)
    uvicorn.Server(config).run(sockets=[listening])


def _usual(host: str, dataset: str) -> socket.socket:
    name = hashlib.blake2b(os.path.abspath(dataset).encode(), digest_size=8).digest()
    try:
        return _bound(host, PORTS[int.from_bytes(name, "big") % len(PORTS)])
    except FexdataError:
        return _bound(host, 0)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named: asyncio sends small answers at once only on sockets that say TCP.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)  # before anybody is told the address
    except OSError as error:
        listening.close()
        raise FexdataError(f"{host}:{port}: {error.strerror}; choose another --port") from None
    return listening


def _read_tokens(path: Path) -> dict[str, str]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(token) for name, token in data.items()} if isinstance(data, dict) else {}


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)
