"""The store: `runs`, `messages`, `inbox`, `team`, `schedules` and `audit` over one database and one writer.

The database is the truth. Everything that changes goes through the writer's transactions
(`bot/store/writer.py`); a row's meaning is in `bot/tables.py`, a run's in `bot/run.py`. It hands out no
rows, connections or statements, and knows nothing of Slack, queues or models.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from bot.database import Database, open_database
from bot.ports import Clock
from bot.store.audit import Audit
from bot.store.counts import Counts, counts
from bot.store.inbox import Inbox
from bot.store.messages import Messages
from bot.store.runs import Runs
from bot.store.schedules import Schedules
from bot.store.team import Teams
from bot.store.writer import Writer
from bot.tables import AUDIT, FIRE, INBOX, MESSAGE, RATING, RUN, SCHEDULE, SEEN, STEP, TEAM, TURN

__all__ = ["Audit", "Counts", "Inbox", "Messages", "Runs", "Schedules", "Store", "Teams"]


class Store:
    def __init__(
        self,
        database: Database | str,
        clock: Clock,
        *,
        lease_seconds: float = 60.0,
        dispatch_seconds: float | None = None,
        window: int = 64,
        cached_runs: int = 512,
        show_seconds: float = 0.0,
    ) -> None:
        """`dispatch_seconds`: the lease of a task before it has begun; None: as `lease_seconds`. `window`:
        tasks of one worker that are with workers at once, over all workspaces. `show_seconds`: who changed a
        run has its thread to itself for so long, before others help to show it."""
        self.database = open_database(database) if isinstance(database, str) else database
        self._writer = Writer(self.database)
        self.runs = Runs(
            self.database,
            self._writer,
            clock,
            lease_seconds=lease_seconds,
            dispatch_seconds=lease_seconds if dispatch_seconds is None else dispatch_seconds,
            window=window,
            show_seconds=show_seconds,
            cached=cached_runs,
        )
        self.messages = Messages(self.database, self._writer, clock)
        self.inbox = Inbox(self.database, self._writer, clock)
        self.team = Teams(self.database, clock)
        self.schedules = Schedules(self.database, clock)
        self.audit = Audit(self.database)

    async def ping(self) -> None:
        """Raises unless the database answers and has our tables, and the writer is alive."""
        self._writer.check()
        await self.database.read(lambda c: c.execute(select(RUN.c.id).limit(1)).all())

    async def counts(self) -> Counts:
        return await self.database.read(counts)

    async def forget_workspace(self, workspace: str) -> None:
        """Deletes all of a workspace's rows. Whoever still works on one of its runs gets `Conflict`."""
        tables = (RUN, STEP, TURN, MESSAGE, RATING, INBOX, SEEN, TEAM, AUDIT, SCHEDULE, FIRE)

        def forget(connection: Connection) -> None:
            for table in tables:
                connection.execute(delete(table).where(table.c.workspace == workspace))

        await self.database.write(forget)
        self.runs.forget_cached(workspace)

    async def close(self) -> None:
        """Commits what waits to be, then lets go of the database."""
        await self._writer.close()
        await self.database.close()
