"""Files by their content: a folder in which a file's name is the sha256 of its bytes.

The name a person gave a file is only ever shown, never used as a path; the same bytes are stored once. It
does not know where files come from or who may read them.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

from workers import File, WorkerError

LARGEST = 50 * 1024 * 1024


class FileStore:
    def __init__(self, folder: Path, largest: int = LARGEST) -> None:
        self._folder, self._largest = folder, largest

    def put(self, data: bytes, name: str, mimetype: str = "application/octet-stream") -> File:
        """Stores bytes; a crash leaves all of them or none. Raises `WorkerError` when there are too many."""
        if len(data) > self._largest:
            raise WorkerError(f"{plain_name(name)} is larger than {self._largest // 1024**2} MB.")
        id = hashlib.sha256(data).hexdigest()
        target = self._at(id)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as new:
                try:
                    new.write(data)
                    new.flush()
                    os.fsync(new.fileno())
                    Path(new.name).replace(target)
                except BaseException:
                    Path(new.name).unlink(missing_ok=True)
                    raise
        return File(name=plain_name(name), mimetype=mimetype, size=len(data), id=id, path=str(target))

    def path(self, file: File) -> Path:
        """Where its bytes are. Raises `WorkerError` when they are not here (any more)."""
        if not re.fullmatch(r"[0-9a-f]{64}", file.id):
            raise WorkerError(f"The file {plain_name(file.name)} was not fetched.")
        at = self._at(file.id)
        if not at.is_file():
            raise WorkerError(f"The file {plain_name(file.name)} is not stored any more.")
        return at

    def read(self, file: File) -> bytes:
        return self.path(file).read_bytes()

    def _at(self, id: str) -> Path:
        return self._folder / id[:2] / id


def plain_name(name: str) -> str:
    """A file name without a path, control characters, or more than 120 characters; the suffix stays."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    kept = "".join(c for c in last if unicodedata.category(c)[0] != "C").strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    if len(kept) > 120:
        kept = f"{stem[: 119 - len(suffix)]}{dot}{suffix}" if stem and len(suffix) < 20 else kept[:120]
    return kept or "file"
