"""RabbitMQ: taskiq's broker for it with what this house asks of it, and the link that keeps it connected.

- Plain connections, and one rule for all that may break: whatever ends (a connection, a channel, a consumer
  whose queue was deleted) ends the whole link, and everything is connected and declared anew. The library's
  own recovery has a state for each part, and what it holds of an old channel can't be acknowledged any more.
- A message is published when the broker has confirmed that it is in a queue: one that no queue takes comes
  back and is an error. While there is no link sending fails at once; whoever sends knows what is to be done.
- Two connections in each process: a broker that holds up those who publish must not hold up acknowledgements.
- A task is acknowledged by whoever runs it, when it begins; what is prefetched waits for a place here and
  can't be taken by an idle process, so that is kept small.

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
    AuthenticationError,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    ProbableAuthenticationError,
)
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelAccessRefused, ConnectionNotAllowed
from taskiq import AckableMessage, BrokerMessage
from taskiq.acks import AcknowledgeType
from taskiq.receiver import Receiver
from taskiq_aio_pika import AioPikaBroker, Exchange

from workers.kit.down import BrokerRefused, TransportDown
from workers.kit.events import CONTENT_TYPE
from workers.kit.topology import Topology

log = structlog.get_logger(__name__)
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 2.0
SEND_SECONDS = 5.0  # for the broker to confirm
HEARTBEAT = 20  # seconds; a peer that is silent for two of them is gone
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between attempts to connect
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
        mandatory: bool = True,
    ) -> None:
        """Returns when it is in a queue. Raises `TransportDown`."""
        channel = self.write_channel
        if channel is None or channel.is_closed:
            raise TransportDown("There is no connection to the broker.")
        message = Message(
            body,
            content_type=CONTENT_TYPE,
            delivery_mode=DeliveryMode.PERSISTENT,
            message_id=id or None,
            expiration=expires,
            headers=headers or {},
        )
        try:
            async with asyncio.timeout(SEND_SECONDS):
                target = await channel.get_exchange(exchange, ensure=False) if exchange else None
                answer = await (target or channel.default_exchange).publish(
                    message, queue, mandatory=mandatory
                )
        except (*CONNECTION_EXCEPTIONS, TimeoutError) as error:
            raise TransportDown(f"The broker did not take it ({type(error).__name__}).") from error
        if isinstance(answer, DeliveredMessage):
            raise TransportDown(f"The broker has no queue {queue}.")

    async def waiting(self, queue: str) -> int:
        """How many messages wait there. Raises `TransportDown`; a queue that is not there has none."""
        if self.write_conn is None or self.broken.is_set():
            raise TransportDown("There is no connection to the broker.")
        try:
            async with asyncio.timeout(SEND_SECONDS), self.write_conn.channel() as channel:
                declared = await (await channel.get_underlay_channel()).queue_declare(queue, passive=True)
                return declared.message_count or 0
        except ChannelNotFoundEntity:
            return 0
        except (*CONNECTION_EXCEPTIONS, TimeoutError) as error:
            raise TransportDown(f"The broker did not answer ({type(error).__name__}).") from error

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


async def _close(part: Any) -> None:
    """Whatever state it is in. What the library raises or cancels in here stays in here."""
    closing = asyncio.ensure_future(part.close())
    _, late = await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
    if late:
        closing.cancel()
    elif not closing.cancelled() and (error := closing.exception()):
        log.debug("closing failed", error=type(error).__name__)


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
