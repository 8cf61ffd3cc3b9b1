"""A process that is started again whenever it ends, as a platform does it. It does not know what it runs."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAUSE = 0.2  # seconds until it is started again; longer when it ended by itself, at a database that is away


class Supervised:
    def __init__(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        self.exits: list[int] = []
        self._arguments, self._environment = arguments, environment
        self._process: asyncio.subprocess.Process | None = None
        self._wanted, self._parked = asyncio.Event(), asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._began_at = 0  # in its log

    @property
    def pid(self) -> int:
        """0 while it is down."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process is not None and alive else 0

    @property
    def ready(self) -> bool:
        """It has said so since it was started."""
        return self.pid != 0 and b"] ready " in self.log.read_bytes()[self._began_at :]

    def start(self) -> None:
        """It runs from now on, again and again."""
        self._wanted.set()
        self._keeper = self._keeper or asyncio.create_task(self._keep(), name=self.name)

    async def hold(self) -> None:
        """Killed, and not started before `start`."""
        self._wanted.clear()
        self.signal(signal.SIGKILL)
        if self._keeper is not None:
            await self._parked.wait()

    def signal(self, what: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if self.pid:
                os.kill(self.pid, what)

    async def close(self) -> None:
        await self.hold()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})

    async def _keep(self) -> None:
        while True:
            if not self._wanted.is_set():
                self._parked.set()
                await self._wanted.wait()
                self._parked.clear()
            with self.log.open("ab") as log:
                self._began_at = log.tell()
                command = (sys.executable, "-m", *self._arguments)
                self._process = await asyncio.create_subprocess_exec(
                    *command, cwd=ROOT, env=dict(self._environment), stdout=log, stderr=log
                )
            if not self._wanted.is_set():
                self.signal(signal.SIGKILL)
            code = await self._process.wait()
            self.exits.append(code)
            await asyncio.sleep(PAUSE if code < 0 else 5 * PAUSE)
