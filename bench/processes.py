"""Children: started, read, weighed in /proc, and ended by their own id."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[1]
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Child:
    """`async with Child("stub", [...], folder)`: what it writes to stderr goes to `<folder>/<name>.log`."""

    name: str
    arguments: list[str]
    folder: Path
    environment: Mapping[str, str] | None = None
    process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env={**_clean(), **(self.environment or {})},
                limit=1 << 20,
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self, seconds: float = 20.0) -> None:
        process = self.running
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.communicate(), seconds)
            except TimeoutError:
                process.kill()
                await process.wait()

    @property
    def running(self) -> asyncio.subprocess.Process:
        assert self.process
        return self.process

    def signal(self, number: signal.Signals) -> None:
        self.running.send_signal(number)

    async def line(self, seconds: float = 60.0) -> str:
        """The next line of its stdout. Raises `RuntimeError` when it has ended."""
        assert self.running.stdout
        text = await asyncio.wait_for(self.running.stdout.readline(), seconds)
        if not text:
            raise RuntimeError(f"{self.name} has ended; see its log:\n{self.log()[-2000:]}")
        return text.decode()

    def log(self) -> str:
        return (self.folder / f"{self.name}.log").read_text()

    @property
    def cpu(self) -> float:
        """Seconds of CPU of all its threads so far."""
        return _cpu(Path(f"/proc/{self.running.pid}/stat"))

    @property
    def loop_cpu(self) -> float:
        """Of its main thread, where the event loop is."""
        pid = self.running.pid
        return _cpu(Path(f"/proc/{pid}/task/{pid}/stat"))

    @property
    def rss(self) -> int:
        """Bytes of memory in use."""
        return self._memory("VmRSS")

    @property
    def rss_peak(self) -> int:
        """The most it has had in use."""
        return self._memory("VmHWM")

    def _memory(self, what: str) -> int:
        for row in Path(f"/proc/{self.running.pid}/status").read_text().splitlines():
            if row.startswith(f"{what}:"):
                return int(row.split()[1]) * 1024
        raise RuntimeError(f"{self.name} has ended")


def _cpu(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _clean() -> dict[str, str]:
    """The environment without anybody's own settings of the bot."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE")
    return {name: os.environ[name] for name in kept if name in os.environ}
