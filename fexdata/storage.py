"""Files, wherever they are: a local path or any URL that fsspec knows.

The promise: a file written by `write_atomic` is either absent or complete, whenever the process
or the machine dies. Locally that is a temporary file, fsync, `os.replace` and fsync of the
folder; on object storage it is one PUT (or the completion of a multipart upload), never a move.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TextIO

from fexdata.errors import Code, FexdataError, RowError

TEMPORARY = ".tmp-"
"""Prefix of files that are not complete yet; `fexdata gc` removes those left by a dead build."""


def is_remote(path: str) -> bool:
    return "://" in path


def join(base: str, *parts: str) -> str:
    return "/".join((base.rstrip("/") or "/", *parts)) if is_remote(base) else os.path.join(base, *parts)


def filesystem(url: str) -> tuple[Any, str]:
    """The fsspec filesystem of a URL and the path inside it."""
    import fsspec

    fs, path = fsspec.core.url_to_fs(url, use_listings_cache=False, skip_instance_cache=False)
    return fs, path


@dataclass(frozen=True, slots=True)
class Entry:
    """One listed file or folder: where it is, its path below the listed folder (raw bytes, `/`),
    and what tells whether it changed. `size` is -1 for a dangling link."""

    location: str
    key: bytes
    size: int
    mtime_ns: int
    is_folder: bool = False


def listing(root: str) -> Iterator[Entry]:
    """Everything below `root`, files and folders, in a stable order.

    Dangling links are listed (size -1): a photograph that is named but not there is still a row.
    Links to folders are followed, but never in a circle. Raises `FexdataError` for a folder that
    cannot be listed: leaving it out in silence would lose rows.
    """
    if is_remote(root):
        yield from _listing_remote(root)
    else:
        yield from _listing_local(root, b"")


def _listing_local(root: str, prefix: bytes, above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Entry]:
    folder = os.path.join(root, os.fsdecode(prefix)) if prefix else root
    try:
        own = os.stat(folder)
        with os.scandir(folder) as it:
            entries = sorted(it, key=lambda e: os.fsencode(e.name))
    except OSError as error:
        raise FexdataError(f"{folder}: cannot be listed: {error.strerror}") from None
    above |= {(own.st_dev, own.st_ino)}
    for entry in entries:
        key = prefix + (b"/" if prefix else b"") + os.fsencode(entry.name)
        try:
            info = entry.stat()
        except OSError as error:
            if entry.is_dir(follow_symlinks=False):
                raise FexdataError(f"{entry.path}: cannot be listed: {error.strerror}") from None
            yield Entry(entry.path, key, -1, 0)
            continue
        if not stat.S_ISDIR(info.st_mode):
            yield Entry(entry.path, key, info.st_size, info.st_mtime_ns)
            continue
        yield Entry(entry.path, key, 0, 0, is_folder=True)
        if (info.st_dev, info.st_ino) not in above:  # a link to a folder above would never end
            yield from _listing_local(root, key, above)


def _listing_remote(root: str) -> Iterator[Entry]:
    fs, path = filesystem(root)
    protocol = root.split("://", 1)[0]
    base = path.rstrip("/")
    try:
        found = sorted(fs.find(base, detail=True).items())
    except Exception as error:  # every protocol has its own: no credentials, no bucket, no route
        raise FexdataError(f"{root}: cannot be listed: {' '.join(str(error).split())}") from None
    for name, info in found:
        key = name[len(base) :].lstrip("/").encode()
        changed = str(info.get("ETag") or info.get("LastModified") or info.get("mtime") or "")
        stamp = int.from_bytes(hashlib.blake2b(changed.encode(), digest_size=8).digest(), "big") >> 1
        yield Entry(f"{protocol}://{name}", key, int(info.get("size") or 0), stamp)


def read_photograph(location: str, *, max_bytes: int = 512 << 20) -> bytes:
    """The bytes of a photograph. Raises `RowError` with the code that says why not."""
    try:
        if is_remote(location):
            return read_bytes(location)
        with open(location, "rb", opener=_open_without_waiting) as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise RowError(Code.NOT_A_FILE, "is not a regular file")
            if info.st_size > max_bytes:
                raise RowError(Code.TOO_LARGE, f"file of {info.st_size >> 20} MB; the limit is {max_bytes >> 20} MB")
            return file.read()
    except IsADirectoryError:
        raise RowError(Code.NOT_A_FILE, "is a directory") from None
    except FileNotFoundError:
        what = "is a link to a file that does not exist" if os.path.islink(location) else "does not exist"
        raise RowError(Code.MISSING, what) from None
    except OSError as error:
        raise RowError(Code.UNREADABLE, str(error.strerror or error)) from None


def _open_without_waiting(path: str, flags: int) -> int:
    # A named pipe would otherwise block the worker for ever.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_bytes(path: str) -> bytes:
    if is_remote(path):
        fs, inner = filesystem(path)
        data: bytes = fs.cat_file(inner)
        return data
    with open(path, "rb") as file:
        return file.read()


def exists(path: str) -> bool:
    if is_remote(path):
        fs, inner = filesystem(path)
        return bool(fs.exists(inner))
    return os.path.exists(path)


def stamp(path: str) -> tuple[int, str]:
    """Size of a file, and what tells whether it was written anew. Raises `OSError` when it is not there."""
    if is_remote(path):
        fs, inner = filesystem(path)
        info = fs.info(inner)
        return int(info.get("size") or 0), str(info.get("ETag") or info.get("LastModified") or info.get("mtime") or "")
    found = os.stat(path)
    return found.st_size, str(found.st_mtime_ns)


def what_is_at(path: str) -> Literal["folder", "file", "nothing"]:
    """On object storage a folder is any path with something below it."""
    if is_remote(path):
        fs, inner = filesystem(path)
        return "folder" if fs.isdir(inner) else "file" if fs.isfile(inner) else "nothing"
    return "folder" if os.path.isdir(path) else "file" if os.path.exists(path) else "nothing"


def open_lines(path: str) -> TextIO:
    """A text file for reading line by line, as the csv module wants it: UTF-8 with or without a
    byte-order mark, other bytes surrogate-escaped."""
    if is_remote(path):
        fs, inner = filesystem(path)
        return io.TextIOWrapper(fs.open(inner, "rb"), "utf-8-sig", "surrogateescape", newline="")
    return open(path, encoding="utf-8-sig", errors="surrogateescape", newline="")


def names(folder: str) -> set[str]:
    """The names of the files directly in a folder; empty when the folder does not exist."""
    if is_remote(folder):
        fs, inner = filesystem(folder)
        try:
            return {name.rsplit("/", 1)[-1] for name in fs.ls(inner, detail=False, refresh=True)}
        except FileNotFoundError:
            return set()
    try:
        return set(os.listdir(folder))
    except FileNotFoundError:
        return set()


def remove(path: str) -> None:
    if is_remote(path):
        fs, inner = filesystem(path)
        fs.rm_file(inner)
    else:
        os.unlink(path)


def write_atomic(path: str, data: bytes | memoryview) -> None:
    """Writes a whole file; see the module's promise."""
    if is_remote(path):
        fs, inner = filesystem(path)
        fs.pipe_file(inner, bytes(data))
        return
    with AtomicFile(path) as file:
        file.write(data)


class AtomicFile:
    """A local or remote file that appears under its name only when closed without an error.

    >>> with AtomicFile("data/manifest.parquet") as file:
    ...     file.write(b"...")
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> Any:
        if is_remote(self.path):
            fs, inner = filesystem(self.path)
            # fsspec uploads parts and completes the upload on close; until then nothing is visible.
            self._file = fs.open(inner, "wb", autocommit=True)
        else:
            folder, name = os.path.split(os.path.abspath(self.path))
            os.makedirs(folder, exist_ok=True)
            self._temporary = os.path.join(folder, f"{TEMPORARY}{uuid.uuid4().hex[:12]}-{name}")
            self._file = open(self._temporary, "wb")  # closed in __exit__
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if is_remote(self.path):
            if kind is not None:
                self._file.discard()  # aborts the upload
            else:
                self._file.close()
            return
        if kind is not None:
            self._file.close()
            os.unlink(self._temporary)
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._temporary, self.path)
        _fsync_folder(os.path.dirname(os.path.abspath(self.path)))


def _fsync_folder(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
