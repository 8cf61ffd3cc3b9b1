"""What the clerk of these tests does; its text is put where a worker service finds it as a package's."""

import asyncio
import sys
from pathlib import Path

from workers import Task, worker

NOT_HERE = ("bot", "slack_bolt", "slack_sdk", "sqlalchemy", "sqlmodel", "asyncpg", "aiosqlite", "alembic")


@worker()
async def clerk(task: Task) -> str:
    """Does what the instruction says: two words, and a file's path where it needs one."""
    what, _, where = task.instruction.partition(" ")
    if what == "imports":
        return f"imported: {[name for name in NOT_HERE if name in sys.modules]}"
    if what == "asks":
        return await task.ask("Are you there?")
    there = Path(where)
    await asyncio.to_thread(there.with_suffix(".began").touch)
    while not there.exists():  # noqa: ASYNC110, ASYNC240  (a file has no event)
        await asyncio.sleep(0.01)
    return "done"
