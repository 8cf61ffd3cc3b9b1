"""`python -m bot serve` as a process of its own, beside others on one database."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

from tests.conversations.world import World

ROOT = Path(__file__).parents[2]
SETTLE = 5.0  # longer than a busy machine takes for a post


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Bot:
    """`http`: Slack's events come to its port; else over sockets. It keeps its port when it starts anew."""

    def __init__(self, name: str, world: World, database: str, *, http: bool) -> None:
        self.name, self.port, self.log = name, free_port(), world.data / f"{name}.log"
        self._process: asyncio.subprocess.Process | None = None
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONFAULTHANDLER": "1",
            "HOME": os.environ.get("HOME", "/"),
            "DATA_DIR": str(world.data / "bot"),
            "DATABASE_URL": database,
            "MODEL": "hosted_vllm/stub",
            "MODEL_API_BASE": world.stub.url,
            "MODEL_API_KEY": "stub-key",
            "SLACK_BOT_TOKEN": world.slack.bot_token,
            "SLACK_API_URL": world.slack.url,
            "PORT": str(self.port),
            "LEASE_SECONDS": "3",
            "SWEEP_SECONDS": "0.3",
            "SETTLE_SECONDS": str(SETTLE),
            "SLACK_PACED": "false",
            "OPEN_PER_PERSON": "100000",
        }
        secret = ("SLACK_SIGNING_SECRET", world.slack.signing_secret)
        name, value = secret if http else ("SLACK_APP_TOKEN", world.slack.app_token)
        self._environment[name] = value

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "serve"),
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code; it has 10 s, as platforms have it. Where that is not enough, its log says where it
        stands."""
        if self._process is None or self._process.returncode is not None:
            return 0
        self._process.send_signal(how)
        try:
            async with asyncio.timeout(10):
                return await self._process.wait()
        except TimeoutError:
            self._process.send_signal(signal.SIGABRT)
            await self._process.wait()
            raise

    async def kill(self) -> None:
        await self.end(signal.SIGKILL)
