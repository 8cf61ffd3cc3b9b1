"""What the database says, asked beside the bots: what is still open, and what came of a thread's run."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Connection, text

from bot.database import open_database
from bot.ports import StoreDown

OPEN = {
    "events not handled": "SELECT count(*) FROM inbox WHERE done_at IS NULL",
    "runs that go on": "SELECT count(*) FROM run WHERE status IN ('queued', 'working')",
    "threads that show an older state": "SELECT count(*) FROM run WHERE shown_version < version",
    # A lock on an update outlives whoever held it, until somebody has an update again: nothing waits for it.
    "messages of unknown fate": "SELECT count(*) FROM message"
    " WHERE sending_since IS NOT NULL AND key NOT LIKE 'update:%'",
    "leases": "SELECT count(*) FROM step WHERE lease_until IS NOT NULL",
    "steps in line": "SELECT count(*) FROM step WHERE in_line",
    "slots that came to nothing yet": "SELECT count(*) FROM fire WHERE done_at IS NULL",
    "schedules that are due": "SELECT count(*) FROM schedule WHERE next_at <= :now",
}


@dataclass(frozen=True, slots=True)
class StepFound:
    id: str
    status: str
    attempt: int
    losses: int
    result: str  # as JSON; empty: none


@dataclass(frozen=True, slots=True)
class RunFound:
    id: str
    status: str
    channel: str
    thread_ts: str
    text: str
    steps: tuple[StepFound, ...]

    def step(self, id: str) -> StepFound:
        return next(step for step in self.steps if step.id == id)


class Truth:
    def __init__(self, url: str) -> None:
        self.url = url
        self._database = open_database(url)

    async def rest(self) -> str:
        """What is still open; empty: nothing."""

        def look(connection: Connection) -> list[str]:
            counts = {
                what: connection.execute(
                    text(query), {"now": time.time()} if ":now" in query else {}
                ).scalar()
                for what, query in OPEN.items()
            }
            return [f"{count} {what}" for what, count in counts.items() if count]

        try:
            return ", ".join(await self._database.read(look))
        except StoreDown as error:
            return f"no database ({error})"

    async def runs(self, thread_ts: str = "") -> list[RunFound]:
        """Of one thread, or all; oldest first."""
        of_thread = " WHERE thread_ts = :ts" if thread_ts else ""
        run = text(f"SELECT id, status, channel, thread_ts, text FROM run{of_thread} ORDER BY created_at")
        steps = text(
            "SELECT id, status, attempt, losses, result FROM step WHERE run_id = :run ORDER BY position"
        )

        def look(connection: Connection) -> list[RunFound]:
            rows = connection.execute(run, {"ts": thread_ts} if thread_ts else {}).all()
            found = []
            for row in rows:
                there = connection.execute(steps, {"run": row.id})
                its_steps = tuple(
                    StepFound(s.id, s.status, s.attempt, s.losses, s.result or "") for s in there
                )
                found.append(RunFound(row.id, row.status, row.channel, row.thread_ts, row.text, its_steps))
            return found

        return await self._database.read(look)

    async def ended_and_asking(self) -> tuple[set[str], set[str]]:
        """Threads whose run has ended, and those in which a person is asked. Empty while there is no
        database to ask."""
        ended = text("SELECT thread_ts FROM run WHERE status NOT IN ('queued', 'working')")
        asking = text(
            "SELECT run.thread_ts FROM run JOIN step ON step.run_id = run.id WHERE step.status = 'asking'"
        )

        def look(connection: Connection) -> tuple[set[str], set[str]]:
            return set(connection.execute(ended).scalars()), set(connection.execute(asking).scalars())

        try:
            return await self._database.read(look)
        except StoreDown:
            return set(), set()

    async def close(self) -> None:
        await self._database.close()
