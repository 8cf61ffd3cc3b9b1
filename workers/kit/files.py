"""Files by their content: a folder in which a file's name is the sha256 of its bytes.

The name a person gave a file is only ever shown, never used as a path; the same bytes are stored once, and
a crash leaves all of them or none. It does not know where files come from or who may read them.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
import unicodedata
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from workers import File, WorkerError

LARGEST = 50 * 1024 * 1024


class TooLarge(WorkerError):
    """More bytes than a file may have here."""


class FileStore:
    def __init__(self, folder: Path, largest: int = LARGEST) -> None:
        self._folder, self._largest = folder, largest

    def put(self, data: bytes, name: str, mimetype: str = "application/octet-stream") -> File:
        """Stores bytes. Raises `TooLarge`."""
        self._check(len(data), name)
        id = hashlib.sha256(data).hexdigest()
        target = self._at(id)
        if not target.exists():
            with _new(target) as new:
                new.write(data)
                _keep(new, target)
        return File(name=plain_name(name), mimetype=mimetype, size=len(data), id=id, path=str(target))

    async def receive(self, file: File, pieces: AsyncIterable[bytes]) -> None:
        """Stores what comes in pieces, if it is what the file's id says. Raises `TooLarge`, `WorkerError`."""
        target, size, found = self._at(file.id), 0, hashlib.sha256()
        with _new(target) as new:
            async for piece in pieces:
                self._check(size := size + len(piece), file.name)
                found.update(piece)
                new.write(piece)
            if found.hexdigest() != file.id:
                raise WorkerError(f"The file {plain_name(file.name)} did not arrive as it was sent.")
            await asyncio.to_thread(_keep, new, target)

    def has(self, file: File) -> bool:
        return is_id(file.id) and self._at(file.id).is_file()

    def path(self, file: File) -> Path:
        """Where its bytes are. Raises `WorkerError` when they are not here (any more)."""
        if not is_id(file.id):
            raise WorkerError(f"The file {plain_name(file.name)} was not fetched.")
        at = self._at(file.id)
        if not at.is_file():
            raise WorkerError(f"The file {plain_name(file.name)} is not stored any more.")
        return at

    def read(self, file: File) -> bytes:
        return self.path(file).read_bytes()

    def _at(self, id: str) -> Path:
        return self._folder / id[:2] / id

    def _check(self, size: int, name: str) -> None:
        if size > self._largest:
            raise TooLarge(f"{plain_name(name)} is larger than {self._largest // 1024**2} MB.")


def is_id(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None


@contextmanager
def _new(target: Path) -> Iterator[IO[bytes]]:
    """A file beside the target, which is gone afterwards unless it was kept."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as new:
        try:
            yield new
        finally:
            Path(new.name).unlink(missing_ok=True)


def _keep(new: IO[bytes], target: Path) -> None:
    new.flush()
    os.fsync(new.fileno())
    Path(new.name).replace(target)


def plain_name(name: str) -> str:
    """A file name without a path, control characters, or more than 120 characters; the suffix stays."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    kept = "".join(c for c in last if unicodedata.category(c)[0] != "C").strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    if len(kept) > 120:
        kept = f"{stem[: 119 - len(suffix)]}{dot}{suffix}" if stem and len(suffix) < 20 else kept[:120]
    return kept or "file"
