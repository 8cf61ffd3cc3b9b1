"""`python -m bot serve` as a process of its own, to be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.conversations.world import World

SETTLE = 1.5


class Bot:
    """`python -m bot serve` as a process of its own."""

    def __init__(self, world: World, database: str = "") -> None:
        self._world, self._database = world, database
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, crash_at: str = "") -> None:
        world = self._world
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "DATA_DIR": str(world.data / "bot"),
            "DATABASE_URL": self._database,
            "MODEL": "hosted_vllm/stub",
            "MODEL_API_BASE": world.stub.url,
            "MODEL_API_KEY": "stub-key",
            "SLACK_BOT_TOKEN": world.slack.bot_token,
            "SLACK_APP_TOKEN": world.slack.app_token,
            "SLACK_API_URL": world.slack.url,
            "PORT": "0",
            "SWEEP_SECONDS": "0.2",
            "SETTLE_SECONDS": str(SETTLE),
            "SLACK_PACED": "false",
            "CRASH_AT": crash_at,
        }
        root = Path(__file__).parents[2]
        log = (world.data / "bot.log").open("ab")
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "serve", cwd=root, env=environment, stdout=log, stderr=log
        )
        log.close()

    async def died(self, or_else: Callable[[], bool]) -> None:
        """Until it was killed; a second time it may instead be through, with the point behind it."""
        assert self._process
        for _ in range(600):
            if self._process.returncode is not None or or_else():
                break
            await asyncio.sleep(0.05)
        code = self._process.returncode
        assert code == -signal.SIGKILL or or_else(), f"it should have been killed, and ended with {code}"

    async def kill(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
