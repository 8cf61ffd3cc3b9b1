"""RabbitMQ: taskiq's broker for it, with what this house asks of it.

- Plain connections, and one rule for all that may break: whatever ends (a connection, a channel, a consumer
  whose queue was deleted) ends the whole link, and everything is connected and declared anew. The library's
  own recovery has a state for each part, and what it holds of an old channel can't be acknowledged any more.
- A message is published when the broker has confirmed that it is in a queue: one that no queue takes comes
  back and is an error. While there is no link sending fails at once; whoever sends knows what is to be done.
- Two connections in each process: a broker that holds up those who publish must not hold up acknowledgements.

Not known here: what tasks and reports mean, when to try again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Any

import structlog
from aio_pika import Connection, DeliveryMode, ExchangeType, Message
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    ChannelNotFoundEntity,
)
from aiormq.abc import DeliveredMessage
from taskiq import AckableMessage, BrokerMessage
from taskiq_aio_pika import AioPikaBroker, Exchange

from workers.kit.broker.down import TransportDown
from workers.kit.broker.topology import Topology
from workers.kit.events import CONTENT_TYPE

log = structlog.get_logger(__name__)
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 2.0
SEND_SECONDS = 5.0  # for the broker to confirm
HEARTBEAT = 20  # seconds; a peer that is silent for two of them is gone
QUEUE, EXPIRES = "queue_name", "expires"  # labels: where a message goes, seconds until it is of no use

OnControl = Callable[[bytes], Awaitable[None]]


class RabbitBroker(AioPikaBroker):
    """`declares` and `listens` are whole names of queues; `on_control` is handed what comes to this process
    alone, through a queue whose name changes with each connection (the old one may linger)."""

    def __init__(
        self,
        url: str,
        topology: Topology,
        *,
        who: str,
        declares: Iterable[str],
        listens: Iterable[str] = (),
        prefetch: int = 1,
        on_control: OnControl | None = None,
    ) -> None:
        super().__init__(
            url,
            qos=prefetch,
            exchange=Exchange(name=topology.exchange, type=ExchangeType.DIRECT),
            connection_class=Connection,
            timeout=CONNECT_SECONDS,
            heartbeat=HEARTBEAT,
            client_properties={"connection_name": who},
        )
        self.is_worker_process = True  # it has a connection to read from
        self.control = ""  # the name of its control queue, once it is connected
        self._topology, self._who, self._on_control = topology, who, on_control
        self.listens = tuple(dict.fromkeys(listens))
        self._declares = tuple(dict.fromkeys((*declares, *self.listens)))
        self._connected = 0
        self.broken = asyncio.Event()

    async def startup(self) -> None:
        self.broken.clear()
        await super().startup()
        for part in (self.write_conn, self.write_channel, self.read_conn, self.read_channel):
            assert part is not None
            part.close_callbacks.add(self._on_end)
        if self._on_control is not None:
            await self._listen_to_control(self._on_control)

    async def _declare_exchanges(self) -> None:
        assert self.write_channel is not None
        await self._topology.declare_exchanges(self.write_channel)

    async def _declare_queues(self, channel: Any) -> list[tuple[AbstractQueue, dict[str, Any]]]:
        return [(queue, {}) for queue in await self._topology.declare_queues(channel, self._declares)]

    async def _listen_to_control(self, on_control: OnControl) -> None:
        assert self.read_conn is not None
        self._connected += 1
        channel = await self.read_conn.channel(publisher_confirms=False)
        channel.close_callbacks.add(self._on_end)
        name = self._topology.control(f"{self._who}.{self._connected}")
        queue = await self._topology.declare_control(channel, name)

        async def received(message: AbstractIncomingMessage) -> None:
            await on_control(message.body)

        await queue.consume(received, no_ack=True)
        self.control = name

    def _on_end(self, *_: object) -> None:
        self.broken.set()

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        """What comes to its queues, until anything breaks."""
        channel = self.read_channel
        assert channel is not None
        arrived: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()

        def end(*_: object) -> None:
            arrived.put_nowait(None)

        channel.close_callbacks.add(end)
        (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(end)
        await channel.set_qos(prefetch_count=self._qos)  # for each consumer: quorum queues know no other
        for name in self.listens:
            queue = await channel.get_queue(name, ensure=False)
            await queue.consume(arrived.put)
        while (message := await arrived.get()) is not None:
            yield AckableMessage(data=message.body, ack=message.ack)

    async def kick(self, message: BrokerMessage) -> None:
        labels = message.labels
        await self.publish(
            message.message,
            labels[QUEUE],
            exchange=self._topology.exchange,
            id=message.task_id,
            expires=labels.get(EXPIRES),
        )

    async def publish(
        self,
        body: bytes,
        queue: str,
        *,
        exchange: str = "",
        id: str = "",
        expires: float | None = None,
        headers: dict[str, Any] | None = None,
    ) -> None:
        """Returns when it is in a queue. Raises `TransportDown`.

        A queue of ours that somebody deleted is made again with the next connection, not at once: RabbitMQ
        would not tell those who listened to it that it was gone."""
        message = _message(body, id=id, expires=expires, headers=headers)
        if not await self._published(message, queue, exchange):
            if queue in (*self._declares, self._topology.dead):
                self.broken.set()
            raise TransportDown(f"The broker has no queue {queue}.")

    async def tell(self, body: bytes, queue: str = "", *, exchange: str = "", id: str = "") -> None:
        """Returns when the broker has it, whether anybody listens or not. Raises `TransportDown`."""
        await self._published(_message(body, id=id), queue, exchange, mandatory=False)

    async def _published(
        self, message: Message, queue: str, exchange: str, *, mandatory: bool = True
    ) -> bool:
        channel = self.write_channel
        if channel is None or channel.is_closed:
            raise TransportDown("There is no connection to the broker.")
        try:
            async with asyncio.timeout(SEND_SECONDS):
                target = await channel.get_exchange(exchange, ensure=False) if exchange else None
                answer = await (target or channel.default_exchange).publish(
                    message, queue, mandatory=mandatory
                )
        except (*CONNECTION_EXCEPTIONS, TimeoutError) as error:
            raise TransportDown(f"The broker did not take it ({type(error).__name__}).") from error
        return not isinstance(answer, DeliveredMessage)  # else it came back: no queue takes it

    async def waiting(self, queues: Iterable[str]) -> dict[str, int]:
        """How many messages wait in each. Raises `TransportDown`; a queue that is not there has none."""
        found = dict.fromkeys(queues, 0)
        left = list(found)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                while left:  # asking for one that is not there ends the channel
                    await self._ask(found, left)
        except (*CONNECTION_EXCEPTIONS, TimeoutError) as error:
            raise TransportDown(f"The broker did not answer ({type(error).__name__}).") from error
        return found

    async def _ask(self, found: dict[str, int], left: list[str]) -> None:
        if self.write_conn is None or self.broken.is_set():
            raise TransportDown("There is no connection to the broker.")
        async with self.write_conn.channel(publisher_confirms=False) as channel:
            asked = await channel.get_underlay_channel()
            while left:
                try:
                    declared = await asked.queue_declare(queue := left.pop(), passive=True)
                except ChannelNotFoundEntity:
                    return
                found[queue] = declared.message_count or 0

    async def stop_listening(self) -> None:
        """What is not acknowledged goes back to the broker."""
        if self.read_channel is not None:
            self.read_channel.close_callbacks.discard(self._on_end)  # nothing is broken
            await _close(self.read_channel)

    async def shutdown(self) -> None:
        parts, self.control = (self.write_channel, self.read_channel, self.write_conn, self.read_conn), ""
        self.write_channel = self.read_channel = self.write_conn = self.read_conn = None
        for part in parts:
            if part is not None:
                await _close(part)
        await super().shutdown()


def _message(
    body: bytes, *, id: str = "", expires: float | None = None, headers: dict[str, Any] | None = None
) -> Message:
    return Message(
        body,
        content_type=CONTENT_TYPE,
        delivery_mode=DeliveryMode.PERSISTENT,
        message_id=id or None,
        expiration=expires,
        headers=headers or {},
    )


async def _close(part: Any) -> None:
    """Whatever state it is in. What the library raises or cancels in here stays in here."""
    closing = asyncio.ensure_future(part.close())
    _, late = await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
    if late:
        closing.cancel()
    elif not closing.cancelled() and (error := closing.exception()):
        log.debug("closing failed", error=type(error).__name__)
