"""`python -m bot dead-letters`: what RabbitMQ or a bot set aside, for an operator to look at, to send once
more, or to drop.

It says when, from which queue and why, and of what: type, worker, run, step, attempt. Never what is in it:
a task quotes what people wrote. Looking takes all messages and lets them go again, in their order; whoever
looks at the same time sees those that are left. What is sent once more is confirmed in its queue before it is
taken out here, so that a crash in between repeats it and loses nothing; repeats are refused by their attempt.

Not known here: leases, runs, why a message failed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue, HeadersType
from aio_pika.exceptions import AMQPError, ChannelClosed, DeliveryError

from bot.ports import CannotStart
from workers.kit.broker.topology import Topology

SECONDS = 10.0
MOST = 10_000  # looked at
ID = 10  # characters
WHYS = {
    "delivery_limit": "handed out too often: processes were lost with it in hand",
    "rejected": "refused by whoever took it",
    "expired": "nobody took it in time",
    "maxlen": "its queue was full",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that was set aside. What it does not say is empty."""

    id: str
    when: str
    queue: str  # where it was taken from
    why: str
    type: str
    worker: str
    about: str  # run/step/attempt
    size: int

    def line(self) -> str:
        to = f" for {self.worker}" if self.worker else ""
        about = f", {self.about}" if self.about else ""
        what = f"{self.type or 'unreadable'}{to}{about}, {self.size} bytes"
        return (
            f"{self.id}  {self.when or 'some time ago'}  {self.queue or 'unknown queue'}  {what}: {self.why}"
        )


class DeadLetters:
    def __init__(self, queue: AbstractQueue, channel: aio_pika.abc.AbstractChannel) -> None:
        self._queue, self._channel = queue, channel

    async def requeue(self, ids: Collection[str] = ()) -> tuple[list[Letter], list[str]]:
        """Back into the queues they came from; no ids: all. Returns what went, and sentences about what
        could not and stays."""
        went, stayed = [], []
        for message, letter in await self._chosen(ids):
            if not letter.queue:
                stayed.append(f"{letter.id} does not say from which queue it came.")
                continue
            try:
                await self._channel.default_exchange.publish(_again(message), letter.queue, mandatory=True)
            except DeliveryError:
                stayed.append(f"{letter.id}: there is no queue {letter.queue} any more.")
                continue
            await message.ack()
            went.append(letter)
        return went, stayed

    async def drop(self, ids: Collection[str] = ()) -> list[Letter]:
        """For good; no ids: all."""
        chosen = await self._chosen(ids)
        for message, _ in chosen:
            await message.ack()
        return [letter for _, letter in chosen]

    async def read(self) -> list[Letter]:
        """Oldest first."""
        return [letter for _, letter in await self._chosen(())]

    async def _chosen(self, ids: Collection[str]) -> Sequence[tuple[AbstractIncomingMessage, Letter]]:
        """Taken and not acknowledged: what stays so goes back in its place when the channel is closed."""
        found: list[tuple[AbstractIncomingMessage, Letter]] = []
        for _ in range(MOST):
            message = await self._queue.get(fail=False, timeout=SECONDS)
            if message is None:
                break
            found.append((message, letter(message.body, message.headers, message.message_id or "")))
        return [(message, there) for message, there in found if not ids or there.id in ids]


@dataclass(frozen=True, slots=True)
class Said:
    lines: Sequence[str]
    fine: bool = True


async def asked(letters: DeadLetters, requeue: Collection[str], drop: Collection[str]) -> Said:
    """What an operator asked for, done, and what is said of it. “all” names all."""
    if not (requeue or drop):
        found = await letters.read()
        again = "--requeue ID sends one again, --drop ID throws it away; “all” is every one."
        lines = [letter.line() for letter in found]
        return Said([*lines, again] if lines else ["Nothing was set aside."])
    wanted = set(requeue or drop)
    ids = () if "all" in wanted else wanted
    done, stayed = await letters.requeue(ids) if requeue else (await letters.drop(ids), [])
    verb = "Sent again" if requeue else "Dropped"
    there = {letter.id for letter in done} | {sentence[:ID] for sentence in stayed}
    missing = [f"{id} is not among what was set aside." for id in sorted(set(ids) - there)]
    return Said([f"{verb}: {len(done)}.", *stayed, *missing], fine=not (stayed or missing))


@asynccontextmanager
async def dead_letters(url: str, prefix: str = "") -> AsyncIterator[DeadLetters]:
    """Raises `CannotStart`."""
    if not url:
        raise CannotStart("There is no broker (BROKER_URL is not set), so nothing is set aside in one.")
    name = Topology(prefix).dead
    try:
        connection = await aio_pika.connect(url, timeout=SECONDS)
    except (AMQPError, OSError, TimeoutError, ValueError) as error:
        raise CannotStart(f"RabbitMQ cannot be used ({type(error).__name__}). Look at BROKER_URL.") from error
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        try:
            queue = await channel.get_queue(name, ensure=True)
        except ChannelClosed as error:
            raise CannotStart(
                f"There is no queue {name} in this broker: no bot has run with it yet."
            ) from error
        yield DeadLetters(queue, channel)


def letter(body: bytes, headers: HeadersType, message_id: str) -> Letter:
    """What may be said of a message. Its text is not among that."""
    event = _parsed(body)
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    deaths = headers.get("x-death")
    death: Mapping[str, Any] = deaths[-1] if isinstance(deaths, list) and deaths else {}  # type: ignore[assignment]
    reason = _text(headers.get("x-first-death-reason") or death.get("reason"))
    about = "/".join(_text(data[name]) for name in ("run", "step", "attempt") if name in data)
    return Letter(
        id=hashlib.sha256(message_id.encode() + body).hexdigest()[:ID],
        when=_when(death.get("time")) or _text(event.get("time"))[:19],
        queue=_text(headers.get("queue") or headers.get("x-first-death-queue") or death.get("queue")),
        why=_text(headers.get("why")) or WHYS.get(reason, reason) or "it does not say why",
        type=_text(event.get("type")),
        worker=_text(data.get("worker")),
        about=about,
        size=len(body),
    )


def _again(message: AbstractIncomingMessage) -> aio_pika.Message:
    """As it was before it was set aside; what could expire still can."""
    deaths = message.headers.get("x-death")
    first: Any = deaths[-1] if isinstance(deaths, list) and deaths else {}
    expires = _text(first.get("original-expiration")) if isinstance(first, dict) else ""
    return aio_pika.Message(
        message.body,
        content_type=message.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=message.message_id,
        expiration=int(expires) / 1000 if expires.isdecimal() else None,
    )


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _text(value: object) -> str:
    """Somebody else may have written it: short, and nothing that moves a terminal's cursor."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str | int):
        return ""
    return "".join(c if c.isprintable() else "?" for c in str(value))[:120]


def _when(value: object) -> str:
    return value.astimezone(UTC).isoformat()[:19] if isinstance(value, datetime) else ""
