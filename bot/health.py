"""Whether this bot can take work, part by part: the database, Slack's sockets, and that it is not about to
end. Each part says in a sentence why not; whoever asks gets an answer within seconds.

The broker is told of and decides nothing: without it events are taken and wait, and where it is away it is
away for every bot. A balancer that left them all out would have Slack's events refused, and in the end lost.

Not known here: HTTP, and what a balancer makes of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bot.ports import StoreDown

SECONDS = 3.0
SILENT_SECONDS = 60.0  # without a sign from any socket

Age = Callable[[], float | None]


class Health:
    def __init__(
        self, ping: Callable[[], Awaitable[None]], connected: Callable[[], bool] | None = None
    ) -> None:
        """`ping` raises `StoreDown` where the database does not answer. `connected`: whether the broker is;
        None where all is in one process."""
        self._ping, self._connected = ping, connected
        self.ending = False
        self.socket_age: Age | None = None  # in Socket Mode

    def end(self) -> None:
        self.ending = True

    def age(self) -> float | None:
        """Seconds since Slack's sockets last gave a sign; None where there are none."""
        return self.socket_age() if self.socket_age else None

    async def readiness(self) -> dict[str, Any]:
        """As `/readyz` says it: `ok`, why not in sentences, and each part."""
        needed = {"database": await self._database()}
        if self.socket_age:
            needed["sockets"] = _sockets(self.socket_age())
        needed["staying"] = "It was told to end." if self.ending else ""
        parts = needed | self._broker()
        why = " ".join(sentence for sentence in parts.values() if sentence)
        said = {name: sentence or "ready" for name, sentence in parts.items()}
        return {"ok": not any(needed.values()), "says": why or "Ready to take work.", "parts": said}

    def _broker(self) -> dict[str, str]:
        if self._connected is None:
            return {}
        away = "RabbitMQ cannot be reached: what comes in waits. Look at BROKER_URL."
        return {"broker": "" if self._connected() else away}

    async def _database(self) -> str:
        try:
            async with asyncio.timeout(SECONDS):
                await self._ping()
        except StoreDown as error:
            return str(error)
        except TimeoutError:
            return f"The database does not answer within {SECONDS:.0f} seconds."
        return ""


def _sockets(age: float | None) -> str:
    if age is None:
        return "No socket to Slack is open."
    if age > SILENT_SECONDS:
        return f"Slack's sockets have been silent for {age:.0f} seconds."
    return ""
