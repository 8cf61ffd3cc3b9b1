"""`python -m workers` where the folder `workers` is and nothing else, with a clerk that a package brought,
and a bot's end of the transport in the test."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from workers.kit.transport import TaskTransport
from workers.kit.wire import Report, Started

ROOT = Path(__file__).parents[2]
WITHIN = 45.0  # seconds; a start takes 3, on a busy machine many more


class BotEnd:
    """Hears reports, and lets begin what may."""

    def __init__(self, url: str, prefix: str) -> None:
        self.reports: list[Report] = []
        self.refused: set[str] = set()  # steps that may not begin
        self._came = asyncio.Condition()
        self.transport = TaskTransport(url, prefix=prefix, workers=("clerk",))
        self.transport.deliver(self._take)

    async def _take(self, report: Report) -> bool:
        async with self._came:
            self.reports.append(report)
            self._came.notify_all()
        return not (isinstance(report, Started) and report.step in self.refused)

    async def hears(self, step: str, kind: str) -> Any:
        def found() -> Report | None:
            return next((r for r in self.reports if (r.step, r.kind) == (step, kind)), None)

        async with asyncio.timeout(WITHIN), self._came:
            await self._came.wait_for(found)
        return found()

    def kinds(self, step: str) -> list[str]:
        return [r.kind for r in self.reports if r.step == step and r.kind != "beat"]


@asynccontextmanager
async def bot_end(url: str, prefix: str) -> AsyncIterator[BotEnd]:
    bot = BotEnd(url, prefix)
    await bot.transport.start()
    yield bot
    await bot.transport.stop(1)


class Process:
    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder, self.errors = folder, folder / "log"
        self._settings = {name.upper(): str(value) for name, value in settings.items()}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *arguments: str) -> None:
        self._pack()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "PYTHONPATH": str(self.folder / "packages"),
            "MODEL": "hosted_vllm/stub",
            "LEASE_SECONDS": "2",
        }
        with self.errors.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "workers", *arguments),
                cwd=self.folder / "here",
                env=environment | self._settings,
                stdout=log,
                stderr=log,
            )

    def _pack(self) -> None:
        shutil.copytree(ROOT / "workers", self.folder / "here" / "workers")
        info = self.folder / "packages" / "delegate_clerk-1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: delegate-clerk\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[delegate.workers]\nclerk = clerk\n")
        shutil.copy(Path(__file__).parent / "clerk.py", info.parent / "clerk.py")

    def log(self) -> str:
        return re.sub(r"\x1b\[[0-9;]*m", "", self.errors.read_text())

    def signal(self, what: signal.Signals = signal.SIGTERM) -> None:
        assert self._process
        self._process.send_signal(what)

    @property
    def over(self) -> bool:
        return self._process is not None and self._process.returncode is not None

    async def ended(self) -> int:
        assert self._process
        return await asyncio.wait_for(self._process.wait(), WITHIN)

    async def port(self) -> int:
        found: list[str] = await self.until(lambda: re.findall(r"port=(\d+)", self.log()))
        return int(found[-1])

    async def until(self, there: Callable[[], Any]) -> Any:
        """What it says, once it says something. A process tells only through files."""
        async with asyncio.timeout(WITHIN):
            while not (found := there()):
                assert not self.over, self.log()
                await asyncio.sleep(0.02)
        return found

    async def ready(self) -> None:
        await self.until(lambda: " ready " in self.log())

    async def get(self, path: str) -> tuple[int, str]:
        where = f"http://127.0.0.1:{await self.port()}{path}"
        async with aiohttp.ClientSession() as session, session.get(where) as response:
            return response.status, await response.text()

    async def close(self) -> None:
        if self._process is not None and not self.over:
            self._process.kill()
            await self._process.wait()
