"""One child process from its start to its end: give it its orders, warm it, notice when it is gone or deaf.

It does not decide what happens after that (`supervise.py`), nor what a model is: any program that reads one
line of JSON, prints `{"url": …}` and answers `/health` will do, which is how the tests have it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx

from workers.kit.local.errors import LocalModelError
from workers.kit.local.server import NAME, Orders

ROOT = Path(__file__).parents[3]
DEAF = 4  # looks in a row without an answer
WORTH_KEEPING = 64  # tokens that had to be read anew
Message = dict[str, Any]


class Child:
    def __init__(self, process: asyncio.subprocess.Process, orders: Orders) -> None:
        self._process, self._kept = process, orders.warm
        self._said = ""  # the end of its stderr, for the operator
        self._listener = asyncio.create_task(self._listen())
        self._http = httpx.AsyncClient(headers={"Authorization": f"Bearer {orders.key}"}, trust_env=False)
        self.url = ""
        self.port = 0

    @classmethod
    async def start(cls, command: Sequence[str], orders: Orders, timeout: float) -> Self:
        """Start it and wait until the model is loaded. Native code gets none of the bot's secrets: the key of
        its own server is all it is given, and its environment is empty but for the way to this package."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={"PYTHONPATH": str(ROOT)},
                start_new_session=True,  # Ctrl-C is for the bot; this one ends with its stdin
            )
        except OSError as error:
            raise LocalModelError(f"Its process could not be started ({error}).") from error
        child = cls(process, orders)
        try:
            await asyncio.wait_for(child._greet(orders), timeout)
        except BaseException as error:
            await child.stop()
            if isinstance(error, TimeoutError):
                raise LocalModelError(
                    f"Its process did not load the model within {timeout:.0f} s. "
                    "Close what else needs this machine, or set MODEL=… to a hosted model."
                ) from error
            raise
        return child

    async def _greet(self, orders: Orders) -> None:
        assert self._process.stdin and self._process.stdout
        line = b""
        with suppress(ConnectionError):  # it died at once: the line stays empty
            self._process.stdin.write(orders.model_dump_json().encode() + b"\n")
            await self._process.stdin.drain()
            line = await self._process.stdout.readline()
        try:
            self.url = str(json.loads(line)["url"])
            self.port = httpx.URL(self.url).port or 0
        except (ValueError, KeyError, TypeError) as error:
            raise LocalModelError(f"Its process did not come up: {await self._last_words()}") from error

    async def warm(self, messages: Sequence[Message], timeout: float, slot: int, restore: bool) -> str:
        """One call whose prompt stays in the server's cache. Slow or refused is no reason not to start.

        A thousand tokens take half a minute on one core, so what was read is kept on disk (19 MB for 671
        tokens) and taken back in milliseconds by the next start: 0.2 s instead of 43 were measured.
        Returns the name of that file."""
        body = {"model": NAME, "messages": list(messages), "max_tokens": 1, "temperature": 0, "id_slot": slot}
        kept = {"filename": hashlib.sha256(json.dumps(body).encode()).hexdigest()[:16] + ".kv"}
        way = f"{self.url}/slots/{slot}?action="
        try:
            if restore and self._kept and (self._kept / kept["filename"]).exists():
                await self._http.post(f"{way}restore", json=kept, timeout=10)  # a bad file is refused
            answer = await self._http.post(f"{self.url}/v1/chat/completions", json=body, timeout=timeout)
            if answer.is_success and answer.json().get("timings", {}).get("prompt_n", 0) > WORTH_KEEPING:
                await self._http.post(f"{way}save", json=kept, timeout=10)
        except httpx.TimeoutException:
            pass
        except httpx.TransportError as error:
            why = await self._last_words()
            raise LocalModelError(f"Its process ended while warming up: {why}") from error
        return kept["filename"]

    async def ended(self, look_every: float) -> str:
        """Return why, once it is gone or has not answered for a long time."""
        missed = 0
        while missed < DEAF:
            try:
                return await asyncio.wait_for(self._last_words(), look_every)
            except TimeoutError:
                missed = 0 if await self._hears(look_every) else missed + 1
        return "Its process did not answer any more and is ended."

    async def _hears(self, timeout: float) -> bool:
        try:
            return (await self._http.get(f"{self.url}/health", timeout=timeout)).is_success
        except httpx.HTTPError:
            return False

    async def _last_words(self) -> str:
        code = await self._process.wait()
        await asyncio.wait([self._listener], timeout=1)
        lines = self._said.strip().splitlines()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"{how}, {lines[-1].strip()!r}" if lines else how

    async def _listen(self) -> None:
        assert self._process.stderr
        while chunk := await self._process.stderr.read(4096):
            self._said = (self._said + chunk.decode(errors="replace"))[-2000:]

    async def stop(self) -> None:
        """Close its stdin, which ends it; after three seconds, kill."""
        with suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 3)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        finally:
            self._listener.cancel()
            await self._http.aclose()
