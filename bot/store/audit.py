"""The audit log: who changed what, when, and how it was before.

A line is written in the transaction of the change itself, so there is never one without the other. Lines
are never changed. Not known here: what a change means; its words come with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields

from sqlalchemy import Connection, select

from bot.database import Database
from bot.ports import Entry
from bot.tables import AUDIT

COLUMNS = [AUDIT.c[field.name] for field in fields(Entry)]


class Audit:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def recent(self, workspace: str, limit: int) -> Sequence[Entry]:
        """Newest first. Without a workspace: of all."""
        query = select(*COLUMNS).order_by(AUDIT.c.at.desc(), AUDIT.c.id.desc()).limit(limit)
        if workspace:
            query = query.where(AUDIT.c.workspace == workspace)
        rows = await self._database.read(lambda c: c.execute(query).all())
        return [Entry(*row) for row in rows]


def record(connection: Connection, entry: Entry) -> None:
    """Part of the caller's transaction: the line stands if the change does."""
    connection.execute(AUDIT.insert(), asdict(entry))
