"""Keeps this process connected to RabbitMQ: whatever of a connection ends, all of it is made anew.

A broker that is away is tried for as long as the process lives, and said so once. What only an operator can
mend is raised at the start.

Not known here: what is sent or received.
"""

from __future__ import annotations

import asyncio

import structlog
from aio_pika.exceptions import (
    AuthenticationError,
    ChannelPreconditionFailed,
    ProbableAuthenticationError,
)
from aiormq.exceptions import ChannelAccessRefused, ConnectionNotAllowed
from taskiq.acks import AcknowledgeType
from taskiq.receiver import Receiver

from workers.kit.broker.down import BrokerRefused
from workers.kit.broker.rabbit import RabbitBroker

log = structlog.get_logger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between attempts to connect


class Link:
    """Keeps a broker connected, and its messages coming, until it is told to end."""

    def __init__(self, broker: RabbitBroker, *, tasks: int) -> None:
        self._broker, self._tasks = broker, tasks
        self.connected = asyncio.Event()
        self._receiving, self._ending = True, False
        self._finish = asyncio.Event()
        self._receiver: asyncio.Task[None] | None = None
        self._living: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when it is connected, or when the broker is away: then it goes on trying. Raises
        `BrokerRefused` where trying again is of no use."""
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._living = asyncio.create_task(self._live(first))
        await first

    async def finish(self) -> None:
        """Nothing more is taken. Sending goes on."""
        self._receiving = False
        self._finish.set()
        await self._received_all()

    async def stop(self) -> None:
        self._ending = True
        if self._living is not None:
            self._living.cancel()
            await asyncio.wait({self._living})
        self.connected.clear()
        self._finish.set()
        await self._broker.shutdown()
        await self._received_all()

    async def _live(self, first: asyncio.Future[None]) -> None:
        pause, said = FIRST_PAUSE, ""
        while True:
            try:
                await self._broker.startup()
            except Exception as error:
                sentence = _sentence(error)
                if not first.done() and isinstance(error, PERMANENT):
                    await self._broker.shutdown()
                    if sentence != said:  # once may be a broker that went away just then
                        said = sentence
                        await asyncio.sleep(pause)
                        continue
                    first.set_exception(BrokerRefused(sentence))
                    return
                if sentence != said:
                    log.warning("the broker is away; trying on", why=sentence)
                said = sentence
            else:
                log.info("connected to the broker")
                pause, said = FIRST_PAUSE, ""
                self._receive()
                self.connected.set()
                if not first.done():
                    first.set_result(None)
                await self._broker.broken.wait()
                self.connected.clear()
                log.warning("the connection to the broker is lost")
            if not first.done():
                first.set_result(None)
            await self._broker.shutdown()
            await self._received_all()
            if self._ending:  # told so while it closed things, which swallows a cancellation
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _receive(self) -> None:
        if not self._receiving:
            return
        self._finish = asyncio.Event()
        receiver = Receiver(
            self._broker,
            validate_params=False,
            max_async_tasks=self._tasks,
            run_startup=False,
            ack_type=AcknowledgeType.MANUAL,
            wait_tasks_timeout=0,  # they go on by themselves
        )
        self._receiver = asyncio.create_task(receiver.listen(self._finish))
        self._receiver.add_done_callback(self._ended)

    def _ended(self, receiver: asyncio.Task[None]) -> None:
        if not receiver.cancelled() and (error := receiver.exception()):
            log.error("receiving failed", error=type(error).__name__)
        if self._receiving:
            self._broker.broken.set()

    async def _received_all(self) -> None:
        if self._receiver is not None:
            _, late = await asyncio.wait({self._receiver}, timeout=2)
            for receiver in late:
                receiver.cancel()


PERMANENT = (
    AuthenticationError,
    ProbableAuthenticationError,
    ConnectionNotAllowed,
    ChannelAccessRefused,
    ChannelPreconditionFailed,
)


def _sentence(error: Exception) -> str:
    if isinstance(error, AuthenticationError | ProbableAuthenticationError):
        return "RabbitMQ refused the user or the password in BROKER_URL."
    if isinstance(error, ConnectionNotAllowed | ChannelAccessRefused):
        return f"RabbitMQ does not let this user in there: {error}"
    if isinstance(error, ChannelPreconditionFailed):
        return f"RabbitMQ has a queue of this name that was declared differently: {error}"
    return f"RabbitMQ does not answer ({type(error).__name__})."
