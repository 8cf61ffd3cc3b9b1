"""A task that this process answers for: how far it is, and the deliveries of it that wait for their
acknowledgement. A broker that lost a connection delivers again what was not acknowledged, so there may be
more than one; only the newest can still be acknowledged, and which that is nobody says.

Not known here: workers, reports, which broker it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from workers import Result
from workers.kit.attempt import Attempt
from workers.kit.watching import Seen
from workers.kit.wire import TaskMessage

log = structlog.get_logger(__name__)
Ack = Callable[[], Awaitable[None]]  # raises where this delivery is not ours any more


async def nothing() -> None:
    """What an engine without acknowledgements does."""


@dataclass(slots=True, eq=False)
class Held:
    task: TaskMessage
    attempt: Attempt
    acks: list[Ack]
    seen: Seen
    body: asyncio.Task[Result] | None = None
    started: bool = False  # it has a place, and the bot may have heard so
    gone: bool = False  # nobody waits for it any more
    beating: bool = False
    granted: bool = False
    answered: asyncio.Event = field(default_factory=asyncio.Event)  # whether it may begin is known

    async def acknowledge(self) -> bool:
        """True: it was still ours, and nobody else is handed it. Each delivery is acknowledged once."""
        acks, self.acks = self.acks, []
        ours = False
        for ack in acks:
            try:
                await ack()
                ours = True
            except Exception as error:  # its connection is gone, and the broker hands it to the next
                log.info("a delivery went back to the broker", error=type(error).__name__)
        return ours

    async def again(self, ack: Ack) -> None:
        """It was delivered once more."""
        self.acks.append(ack)
        if self.started:
            await self.acknowledge()

    def drop(self) -> None:
        """Nobody waits for it any more."""
        self.gone = True
        self.answered.set()
        if self.body is not None:
            self.body.cancel()
