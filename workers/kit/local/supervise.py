"""Keeps the local model at hand: fetches its file, starts its process, starts it again when it dies.

Nothing here makes the bot wait. `start()` returns at once; `state` always has a sentence that a person may be
shown; who needs the model awaits `ready(timeout)`. A call that is under way when the child dies gets a
connection error, which the kit's own retries answer, and a new child is there within seconds.

It does not know what is asked of the model (warm-up messages are handed in), the environment, or Slack.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

from workers.kit.local.child import Child, Message
from workers.kit.local.errors import LocalModelError
from workers.kit.local.fetch import fetch
from workers.kit.local.progress import Progress, quiet, size
from workers.kit.local.server import NAME, Orders

log = logging.getLogger(__name__)

STARTING = "The local model is starting; the first time that takes a minute or two."
COMMAND = (sys.executable, "-m", "workers.kit.local")
Phase = Literal["fetching", "starting", "ready", "down"]


@dataclass(frozen=True, slots=True)
class State:
    """`sentence` may be shown in a thread; `why`, where something failed, is for the operator."""

    phase: Phase
    sentence: str
    why: str = ""


class Fetch(Protocol):
    """`fetch.fetch`, with whatever the composition root has bound to it (pip's arguments, another file)."""

    def __call__(self, cache: Path, *, given: Path | None, progress: Progress, stopped: Any) -> Path: ...


class LocalModel:
    """One model, one child process at a time. Read `url` for every call: a new child may have a new port."""

    def __init__(
        self,
        cache: Path,
        *,
        given: Path | None = None,
        warm_up: Sequence[Sequence[Message]] = (),
        progress: Progress = quiet,
        threads: int | None = None,
        get: Fetch = fetch,
        command: Sequence[str] = COMMAND,
        load_timeout: float = 180.0,
        warm_timeout: float = 240.0,
        look_every: float = 15.0,
        first_pause: float = 0.5,
        longest_pause: float = 60.0,
    ) -> None:
        self.name = f"hosted_vllm/{NAME}"  # litellm's cheapest road to an OpenAI-style server
        self.key = secrets.token_urlsafe(24)
        self.url = ""  # http://127.0.0.1:port/v1 once it was ready
        self.state = State("down", "The local model has not been started yet.")
        self._cache, self._given, self._get, self._progress = cache, given, get, progress
        self._warm_up = [list(messages) for messages in warm_up]
        self._threads = threads or max(_cores() - 1, 1)  # one core is the bot's
        self._command = tuple(command)
        self._load_timeout, self._warm_timeout, self._look_every = load_timeout, warm_timeout, look_every
        self._first_pause, self._longest_pause = first_pause, longest_pause
        self._port, self._sound = 0, True
        self._is_ready = asyncio.Event()
        self._stopping = threading.Event()  # read by the thread that fetches
        self._life: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin in the background, and return at once."""
        if self._life is None:
            self.state = State("starting", STARTING)
            self._life = asyncio.create_task(self._live(), name="local model")

    async def ready(self, timeout: float = 0.0) -> bool:
        """Wait until it can be called. False after `timeout` seconds: then `state.sentence` says why."""
        if not self._is_ready.is_set() and timeout > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_ready.wait(), timeout)
        return self._is_ready.is_set()

    async def stop(self) -> None:
        """End the child and whatever is being fetched; what was fetched is kept."""
        self._stopping.set()
        life, self._life = self._life, None
        if life is not None:
            life.cancel()
            with suppress(asyncio.CancelledError):
                await life
        self._is_ready.clear()
        self.state = State("down", "The local model has been stopped.")

    async def _live(self) -> None:
        pause = self._first_pause
        while True:
            try:
                path = await self._file()
                why = await self._serve(path)
                pause = self._first_pause  # it was ready for a while
                sentence = "The local model stopped and is being started again; try again in a moment."
            except LocalModelError as error:
                why = str(error)
                sentence = (
                    "The local model is not available; the bot's log says why. It is tried again by itself."
                )
            except Exception as error:  # a bug here must show, and must not end the supervision
                log.exception("The local model's supervision failed; it goes on.")
                why, sentence = repr(error), "The local model is not available; the bot's log says why."
            self._is_ready.clear()
            if why != self.state.why:
                log.error("Local model: %s", why)
            self.state = State("down", sentence, why)
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._longest_pause)

    async def _file(self) -> Path:
        def progress(done: int, total: int, what: str) -> None:
            how_far = f" ({size(done)} of {size(total)})" if total else ""
            sentence = f"{what}{how_far}. It is ready some seconds after that."
            self.state = State("fetching", sentence, self.state.why)
            self._progress(done, total, what)

        look = partial(self._get, self._cache, given=self._given, progress=progress)
        return await asyncio.to_thread(look, stopped=self._stopping.is_set)

    async def _serve(self, path: Path) -> str:
        """Run one child until it ends; returns why. Raises where it never became ready."""
        self.state = State("starting", STARTING, self.state.why)
        warm = self._cache / "warm"
        warm.mkdir(parents=True, exist_ok=True)
        orders = Orders(path=path, key=self.key, threads=self._threads, port=self._port, warm=warm)
        sound = self._sound  # the kept prompts, or this port, may be what the last child died of
        self._port, self._sound = 0, False
        child = await Child.start(self._command, orders, self._load_timeout)
        try:
            kept = set()
            for number, messages in enumerate(self._warm_up or [[{"role": "user", "content": "Hello"}]]):
                slot = number % orders.slots
                kept.add(await child.warm(messages, self._warm_timeout, slot, restore=sound))
            for old in warm.glob("*.kv"):  # a week, because a bench or a second bot has its own
                if old.name not in kept and old.stat().st_mtime < time.time() - 7 * 86_400:
                    old.unlink(missing_ok=True)
            self._port, self.url, self._sound = child.port, f"{child.url}/v1", True
            self.state = State("ready", "The local model is ready.")
            self._is_ready.set()
            log.info("The local model is ready with %d thread(s).", self._threads)
            return await child.ended(self._look_every)
        finally:
            self._is_ready.clear()
            await child.stop()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # a container may be given fewer than the machine has
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
