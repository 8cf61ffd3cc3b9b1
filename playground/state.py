"""What the workspace remembers, in memory and, when given a folder, written through to SQLite.

Rows are Slack-shaped JSON objects under (kind, key). A killed playground comes back with what it had:
each `put` is its own commit. It knows nothing of what the rows mean.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class Shelf:
    """The file behind the tables. `synchronous=OFF` survives a killed process, which is all we promise."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._db: sqlite3.Connection | None = None
        if folder is not None:
            (folder / "files").mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(folder / "playground.sqlite3", isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS entity"
                " (kind TEXT, key TEXT, json TEXT NOT NULL, PRIMARY KEY (kind, key))"
            )

    def load(self, kind: str) -> Iterator[tuple[str, Json]]:
        if self._db is not None:
            # rowid order is the order of first writing, which keeps deliveries in their order
            for key, text in self._db.execute(
                "SELECT key, json FROM entity WHERE kind=? ORDER BY rowid", (kind,)
            ):
                yield key, json.loads(text)

    def put(self, kind: str, key: str, row: Json) -> None:
        if self._db is not None:
            self._db.execute(
                "INSERT INTO entity VALUES (?, ?, ?)"
                " ON CONFLICT (kind, key) DO UPDATE SET json=excluded.json",
                (kind, key, json.dumps(row)),
            )

    def drop(self, kind: str, key: str) -> None:
        if self._db is not None:
            self._db.execute("DELETE FROM entity WHERE kind=? AND key=?", (kind, key))

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


class Table:
    """One kind of rows. Change a row, then `put` it: nothing else is written."""

    def __init__(self, kind: str, shelf: Shelf) -> None:
        self._kind = kind
        self._shelf = shelf
        self.rows: dict[str, Json] = dict(shelf.load(kind))

    def put(self, key: str, row: Json) -> Json:
        self.rows[key] = row
        self._shelf.put(self._kind, key, row)
        return row

    def get(self, key: str) -> Json | None:
        return self.rows.get(key)

    def drop(self, key: str) -> Json | None:
        self._shelf.drop(self._kind, key)
        return self.rows.pop(key, None)

    def __iter__(self) -> Iterator[Json]:
        return iter(list(self.rows.values()))

    def __len__(self) -> int:
        return len(self.rows)


class State:
    """All tables of one workspace, and the bytes of its files."""

    def __init__(self, folder: Path | None = None) -> None:
        self.shelf = Shelf(folder)
        self.team = Table("team", self.shelf)
        self.users = Table("user", self.shelf)
        self.channels = Table("channel", self.shelf)
        self.messages = Table("message", self.shelf)
        self.ephemerals = Table("ephemeral", self.shelf)
        self.files = Table("file", self.shelf)
        self.tokens = Table("token", self.shelf)
        self.homes = Table("home", self.shelf)
        self.deliveries = Table("delivery", self.shelf)
        self.sessions = Table("session", self.shelf)
        self.response_urls = Table("response_url", self.shelf)
        self._blobs: dict[str, bytes] = {}

    def keep_blob(self, file_id: str, content: bytes) -> None:
        if self.shelf.folder is None:
            self._blobs[file_id] = content
        else:
            (self.shelf.folder / "files" / file_id).write_bytes(content)

    def blob(self, file_id: str) -> bytes | None:
        if self.shelf.folder is None:
            return self._blobs.get(file_id)
        path = self.shelf.folder / "files" / file_id
        return path.read_bytes() if path.exists() else None

    def close(self) -> None:
        self.shelf.close()
