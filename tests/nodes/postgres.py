"""A PostgreSQL cluster of a test's own: everything it has is in one folder, and it may crash at any moment.

It knows nothing of tables. The machine's own PostgreSQL is never touched. PostgreSQL refuses to run as root,
so there it runs as its own user.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg

from tests.nodes.rabbit import free_ports
from tests.services import missing

PROGRAMS = Path("/usr/lib/postgresql")
START_SECONDS = 60.0  # it takes one; a busy machine more
OWNER = "postgres"

# What a killed process wrote is with the system: only a power cut would need `fsync`.
CONFIG = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
shared_buffers = 64MB
max_connections = 60
"""


class PostgresNode:
    """`crash` is a SIGKILL of all its processes; `start` recovers what was committed."""

    def __init__(self, folder: Path) -> None:
        versions = sorted(PROGRAMS.glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
        if not versions:
            missing(f"No PostgreSQL to start a cluster of: nothing in {PROGRAMS}")
        self._programs = versions[-1].parent
        self._data, self._log = folder / "data", folder / "log"
        (self.port,) = free_ports(1)
        self.url = f"postgresql://delegate@127.0.0.1:{self.port}/postgres"
        self._as = {"user": OWNER, "group": OWNER, "extra_groups": []} if os.geteuid() == 0 else {}
        self._process: asyncio.subprocess.Process | None = None

    async def make(self) -> None:
        made = await self._run("initdb", "-D", self._data, "-U", "delegate", "-A", "trust", "--no-sync")
        assert await made.wait() == 0, self._log.read_text()
        with (self._data / "postgresql.conf").open("a") as config:
            config.write(CONFIG)

    async def start(self) -> None:
        """Returns when it takes connections."""
        assert self._process is None, "it runs already"
        self._process = await self._run("postgres", "-D", self._data, "-p", str(self.port))
        async with asyncio.timeout(START_SECONDS):
            while not await self._answers():
                assert self._process.returncode is None, self._log.read_text()[-2000:]
                await asyncio.sleep(0.1)

    async def _run(self, program: str, *arguments: str | Path) -> asyncio.subprocess.Process:
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                self._programs / program,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as,  # type: ignore[arg-type]
            )

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url, timeout=3)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True

    async def crash(self) -> None:
        """As a power cut: nothing is written any more, nobody is told."""
        if (process := self._process) is None:
            return
        self._process = None
        everyone = [process.pid, *_children(process.pid)]  # a backend begins a session of its own
        for pid in everyone:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.wait_for(process.wait(), 20)


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


@asynccontextmanager
async def postgres_node() -> AsyncIterator[PostgresNode]:
    """One that runs, and is gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # not pytest's: its user could not enter that
    if os.geteuid() == 0:
        shutil.chown(folder, OWNER, OWNER)
    node = PostgresNode(folder)
    try:
        await node.make()
        await node.start()
        yield node
    finally:
        await node.crash()
        shutil.rmtree(folder, ignore_errors=True)
