"""Which workers there are, and which of them are on the team of a workspace.

The planner sees only who is enabled in its channel, and the orchestrator refuses anybody else when a task
goes out. The list is read anew each time, so that a switch counts from the very next look, in every bot. A
worker that is not there any more is simply not enabled: its open steps say so. It knows workers by their
contract; how one is reached is the transport's business, who may switch it is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bot import team
from bot.ports import StoreDown, TeamStore, Used
from bot.remote import Remote
from bot.team import Member
from workers import Worker


class UnknownWorker(Exception):
    """There is no such worker here: a sentence for whoever named it, with the names that are near."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A worker as admins see it, on the team or not."""

    worker: Worker
    member: Member
    place: str  # where it runs, and what brought it
    used: Used | None  # None: not lately


@dataclass(frozen=True, slots=True)
class Team:
    """The team of one workspace at one moment. Read one for each decision, and keep none."""

    workers: Mapping[str, Worker]
    members: Mapping[str, Member]
    models: tuple[str, ...] = ()

    def here(self, channel: str) -> dict[str, Worker]:
        """Who is enabled in this channel, by name."""
        return {n: w for n, w in self.workers.items() if team.is_in(self.member(n), channel)}

    @property
    def on(self) -> dict[str, Worker]:
        """Who is enabled in any channel."""
        return {n: w for n, w in self.workers.items() if team.is_on(self.member(n))}

    def member(self, worker: str) -> Member:
        """Who is in no list is off."""
        return self.members.get(worker) or Member(worker=worker, on=False)

    def model(self, worker: str) -> str:
        """The model an admin chose, while the operator still allows it; empty: the bot's own."""
        chosen = self.member(worker).model
        return chosen if chosen in self.models else ""


class Registry:
    def __init__(
        self,
        workers: Mapping[str, Worker],
        store: TeamStore | None = None,
        *,
        models: Sequence[str] = (),
        home: str = "in the bot's process",
    ) -> None:
        """`models`: those that admins may choose from. `home`: where our own workers run, for admins. Without
        a store every team is the default one."""
        self._workers = dict(sorted(workers.items()))
        self._defaults = team.defaults(self._workers)
        self._store, self._home = store, home
        self.models = tuple(models)

    @property
    def default(self) -> Team:
        """The team of a workspace in which nobody changed anything."""
        return Team(self._workers, self._defaults, self.models)

    async def team(self, workspace: str) -> Team:
        members = await self._store.members(workspace) if self._store else None
        return self.default if members is None else Team(self._workers, members, self.models)

    async def seats(self, workspace: str, since: float) -> list[Seat]:
        """All workers there are, by name, with what they did since then (seconds since the epoch)."""
        now = await self.team(workspace)
        used = await self._store.use(workspace, since) if self._store else {}
        return [Seat(w, now.member(n), self._place(w), used.get(n)) for n, w in self._workers.items()]

    async def change(
        self, workspace: str, worker: str, by: str, make: Callable[[Member], Member], *, key: str = ""
    ) -> Member:
        """Changes one worker's place on the team, and logs it; once under each `key`. Raises `UnknownWorker`,
        `StoreDown`."""
        if worker not in self._workers:
            raise UnknownWorker(self._unknown(worker))
        if self._store is None:
            raise StoreDown("There is no database here, so the team cannot be changed.")
        return await self._store.change(workspace, worker, by, make, self._defaults, key=key)

    def worker(self, name: str) -> Worker | None:
        return self._workers.get(name)

    def emoji(self, worker: str) -> str:
        known = self._workers.get(worker)
        return known.emoji if known else ":gear:"

    def _place(self, worker: Worker) -> str:
        if isinstance(worker, Remote):
            return worker.place
        return f"{self._home}, from the package {worker.package}" if worker.package else self._home

    def _unknown(self, name: str) -> str:
        near = get_close_matches(name.lower(), self._workers, n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(self._workers)}."
        return f"There is no worker named “{name}”. {hint}"
