"""A hand-written model, and a Task around it: what a worker is handed, without the process that hands it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workers import File, Task, WorkerError

SALES = "Region;Umsatz (EUR);Datum\nNord;1.234,56 €;21.11.2026\nSüd;12,50;01.02.2026\nNord;n/a;03.02.2026\n"


def query(sql: str, kind: str = "none", x: str = "", y: str = "", title: str = "") -> str:
    return json.dumps({"sql": sql, "chart": {"kind": kind, "x": x, "y": y, "title": title}})


@dataclass
class Desk:
    """What the worker said, asked and saved. A reply that is an exception is raised."""

    replies: list[str | Exception]
    prompts: list[str] = field(default_factory=list)
    schemas: list[Mapping[str, Any] | None] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    saved: dict[str, bytes] = field(default_factory=dict)

    async def ask(
        self,
        prompt: str,
        *,
        system: str = "",
        schema: Mapping[str, Any] | None = None,
        max_tokens: int = 1024,
    ) -> str:
        self.prompts.append(prompt)
        self.schemas.append(schema)
        if not self.replies:
            raise WorkerError("The model has no more budget.")
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def say(self, text: str) -> None:
        self.said.append(text)

    def save(self, name: str, data: bytes, mimetype: str) -> File:
        self.saved[name] = data
        return File(name=name, mimetype=mimetype, size=len(data))

    def task(self, request: str, files: Sequence[File] = (), deadline: float = 0.0) -> Task:
        return Task(request, request, self.ask, self.say, self.save, files=tuple(files), deadline=deadline)


def attach(folder: Path, name: str, data: bytes | str) -> File:
    """As the file store does: the bytes lie under a name of ours, whatever the person's name for them."""
    path = folder / f"stored-{len(list(folder.iterdir()))}"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return File(name=name, size=path.stat().st_size, path=str(path))
