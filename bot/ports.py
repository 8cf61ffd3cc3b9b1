"""The few things the core needs of the world, as Protocols. The adapters are brought together in
`bot/app.py` alone; tests hand in fakes written by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.run import Run
from workers import File, Line
from workers.kit.wire import Address, TaskMessage


class CannotStart(Exception):
    """What an operator must mend before the bot can run, as a sentence on the terminal, without a stack."""


class Conflict(Exception):
    """Somebody else changed this run first: load it again and decide again. Shown to nobody."""


class StoreDown(Exception):
    """The database did not take it. Nothing was changed; what waits for it must not be acknowledged."""


class Clock(Protocol):
    def __call__(self) -> float:
        """Seconds since the epoch."""
        ...


class RunStore(Protocol):
    """Runs, in whole. The database is the truth; what is cached is thrown away when a commit fails."""

    async def load(self, workspace: str, run_id: str, *, fresh: bool = False) -> Run | None:
        """`fresh`: past the cache, where a change that another bot made must not be missing."""
        ...

    async def save(self, before: Run | None, after: Run) -> Run:
        """Commits the difference (in one transaction with other runs' that wait) and returns the run with
        its new version. Every attempt that went out gets a fresh lease in the same transaction. Raises
        `Conflict` when `before` is not the newest any more (or, with None, when the run exists), and
        `StoreDown`."""
        ...

    async def renew(self, address: Address) -> None:
        """Renews the lease of a current attempt; anything else is ignored."""
        ...

    async def lost_leases(self) -> Sequence[Address]:
        """Attempts that are out and whose lease has run out."""
        ...

    async def due(self) -> Sequence[tuple[str, str]]:
        """(workspace, run id) of runs with something to look at: a wake that has come, a queued run whose
        thread is free, a thread that does not show the newest version yet."""
        ...

    async def thread_runs(self, workspace: str, channel: str, thread_ts: str) -> Sequence[Run]:
        """The runs of one thread, oldest first."""
        ...


class Transport(Protocol):
    """Carries tasks to workers; their reports come back through the function it was built with. At least
    once, in any order: the fence in `decide` is what makes that safe."""

    async def send(self, task: TaskMessage) -> None: ...

    async def cancel(self, workspace: str, run_id: str) -> None:
        """Tells workers that nobody waits for this run. Best effort: correctness never depends on it."""
        ...


class ThreadView(Protocol):
    """Makes a thread match its run, in the background; never delays a step."""

    def show(self, run: Run) -> None: ...


class Materials(Protocol):
    """What a task may read that lies outside the run."""

    async def fetch(self, workspace: str, file: File) -> File:
        """The file with its content id and path. Raises `WorkerError` with a sentence for the thread."""
        ...

    async def channel(self, workspace: str, channel: str, person: str) -> Sequence[Line]:
        """Recent messages of a channel, if this person may read it. Raises `WorkerError`."""
        ...

    async def thread(self, workspace: str, channel: str, thread_ts: str) -> Sequence[Line]:
        """What people said in a thread. Raises `WorkerError`."""
        ...


@dataclass(frozen=True, slots=True)
class Shown:
    """What Slack was last shown under one key. `sending_since` without `ts`: a post whose fate is unknown."""

    key: str
    channel: str = ""
    ts: str = ""
    digest: str = ""
    version: int = 0
    sending_since: float | None = None


class MessageStore(Protocol):
    """The thread's side of the truth: which message was posted where."""

    async def shown(self, workspace: str, run_id: str) -> dict[str, Shown]: ...

    async def claim(self, workspace: str, run_id: str, key: str, channel: str) -> bool:
        """Claims the right to post this key: True for exactly one caller, until `release`d or `posted`."""
        ...

    async def reclaim(self, workspace: str, run_id: str, key: str, since: float) -> bool:
        """Takes over a claim made at `since` (`Shown.sending_since`) that never got a `ts`, and dates it
        anew: True for exactly one caller, who now finds out whether Slack has the post."""
        ...

    async def release(self, workspace: str, run_id: str, key: str) -> None:
        """Slack certainly did not take it (refused, 429): free to be claimed again."""
        ...

    async def posted(self, workspace: str, run_id: str, shown: Shown) -> None:
        """Records `ts`, digest and version after a post or an update; an older version never wins."""
        ...

    async def all_shown(self, workspace: str, run_id: str, version: int) -> None:
        """The thread matches this version of the run."""
        ...

    async def postpone(self, workspace: str, run_id: str, until: float) -> None:
        """The thread can't be made to match now: `RunStore.due` leaves this run's thread alone until then."""
        ...


class InboxStore(Protocol):
    """Events that were acknowledged to Slack, or are about to be."""

    async def put(self, workspace: str, keys: Sequence[str], body: str) -> int | None:
        """Commits the event unless one of its keys was seen before; its id if it is new. `StoreDown`."""
        ...

    async def waiting(self, older_than: float = 0.0) -> Sequence[tuple[int, str]]:
        """(id, body) of what was not handled yet, oldest first. `older_than`, in seconds: a younger one is
        in the hands of whoever stored it."""
        ...

    async def done(self, id: int) -> None: ...
