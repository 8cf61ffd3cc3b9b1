"""Socket Mode, Slack's end: tickets, `hello`, envelopes to one connection each, acknowledgements, goodbyes.

[doc: apis/events-api/using-socket-mode] at most 10 connections; the URL of apps.connections.open works once.
It knows nothing of what is in an envelope.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from aiohttp import WSMsgType, web

from playground.delivery import Parcel
from playground.errors import NotAcked
from playground.ids import Ids
from playground.state import Json

MOST_CONNECTIONS = 10
PING_EVERY = 20.0


class Connection:
    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self.ws, self.transport = ws, transport
        self.deaf = False
        self.pongs = True
        self.leaving = False
        self.waiting: dict[str, asyncio.Future[Json]] = {}


class Sockets:
    def __init__(self, ids: Ids, app_id: str) -> None:
        self._ids = ids
        self._app_id = app_id
        self._tickets: set[str] = set()
        self._next = 0
        self._someone = asyncio.Event()
        self.connections: list[Connection] = []
        self.on_change: Callable[[bool], None] = lambda connected: None

    def ticket(self) -> str:
        ticket = self._ids.uuid()
        self._tickets.add(ticket)
        return ticket

    @property
    def connected(self) -> bool:
        return bool(self.connections)

    async def ready(self) -> None:
        await self._someone.wait()

    async def send(self, parcel: Parcel, timeout: float) -> Json:
        connection = self._choose()
        envelope = {
            "envelope_id": parcel.envelope_id,
            "type": parcel.kind,
            "payload": parcel.payload,
            # Only what can be answered says so [doc]: events can't, commands and interactions can.
            "accepts_response_payload": parcel.kind != "events_api",
        }
        if parcel.kind == "events_api":
            envelope |= {"retry_attempt": parcel.attempt, "retry_reason": parcel.reason}
        ack: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        connection.waiting[parcel.envelope_id] = ack
        try:
            if not connection.deaf:
                await connection.ws.send_json(envelope)
            return await asyncio.wait_for(ack, timeout)
        except TimeoutError:
            raise NotAcked("timeout") from None
        except ConnectionError:
            raise NotAcked("connection_failed") from None
        finally:
            connection.waiting.pop(parcel.envelope_id, None)

    def _choose(self) -> Connection:
        """Round robin: "any of them may get a payload". Slack does not know which of them is deaf."""
        open_ones = [c for c in self.connections if not c.leaving] or self.connections
        if not open_ones:
            raise NotAcked("connection_failed")
        self._next += 1
        return open_ones[self._next % len(open_ones)]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403, text="this ticket was never given out, or has been used")
        self._tickets.discard(ticket)
        # Pings are answered by hand, so that a deaf socket can leave them unanswered.
        ws = web.WebSocketResponse(autoping=False, max_msg_size=4 * 1024 * 1024)
        await ws.prepare(request)
        if len(self.connections) >= MOST_CONNECTIONS:
            await ws.send_json({"type": "disconnect", "reason": "too_many_websockets", "debug_info": {}})
            await ws.close()
            return ws
        connection = Connection(ws, request.transport)
        self.connections.append(connection)
        pinger = asyncio.get_running_loop().create_task(self._ping(connection))
        try:
            await ws.send_json(self._hello())
            self._someone.set()
            self.on_change(True)
            await self._listen(connection)
        finally:
            pinger.cancel()
            self._gone(connection)
        return ws

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "connection_info": {"app_id": self._app_id},
            "debug_info": {"host": "playground", "build_number": 1, "approximate_connection_time": 18060},
        }

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.ws:
            if message.type == WSMsgType.PING and connection.pongs:
                await connection.ws.pong(message.data)
            elif message.type == WSMsgType.TEXT and not connection.deaf:
                self._acked(connection, message.data)

    def _acked(self, connection: Connection, text: str) -> None:
        try:
            answer = json.loads(text)
        except ValueError:
            return
        ack = connection.waiting.get(answer.get("envelope_id", "")) if isinstance(answer, dict) else None
        if ack is not None and not ack.done():
            payload = answer.get("payload")
            ack.set_result(payload if isinstance(payload, dict) else {})

    async def _ping(self, connection: Connection) -> None:
        while True:
            await asyncio.sleep(PING_EVERY)
            if connection.pongs:
                await connection.ws.ping()

    def _gone(self, connection: Connection) -> None:
        self.connections.remove(connection)
        for ack in connection.waiting.values():
            if not ack.done():
                ack.set_exception(NotAcked("connection_failed"))
        if not self.connections:
            self._someone.clear()
            self.on_change(False)

    # -- what a test, or Slack, does to connections

    def deafen(self, how_many: int = MOST_CONNECTIONS, *, pongs: bool = False) -> None:
        """The oldest connections stay open and carry nothing. With `pongs` they even look healthy: pings are
        answered, and no event ever comes [seen: often reported]."""
        for connection in self.connections[:how_many]:
            connection.deaf, connection.pongs = True, pongs

    async def disconnect(self, reason: str = "refresh_requested", grace: float = 0.0) -> None:
        """`warning` announces; the others end the connection [doc: using-socket-mode#disconnect]."""
        for connection in list(self.connections):
            message = {"type": "disconnect", "reason": reason, "debug_info": {"host": "playground"}}
            connection.leaving = reason != "warning"
            await connection.ws.send_json(message)
            if connection.leaving:
                await asyncio.sleep(grace)
                await connection.ws.close()

    def cut(self) -> None:
        """Every connection breaks with no goodbye, as when a network goes away."""
        for connection in list(self.connections):
            if connection.transport is not None:
                connection.transport.abort()

    async def close(self) -> None:
        for connection in list(self.connections):
            await connection.ws.close()
