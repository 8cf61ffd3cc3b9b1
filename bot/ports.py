"""The few things the core needs of the world, as Protocols. The adapters are brought together in
`bot/app.py` alone; tests hand in fakes written by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from bot.run import Run
from bot.team import Member
from workers import File, Line
from workers.kit.wire import Address, TaskMessage


class CannotStart(Exception):
    """What an operator must mend before the bot can run, as a sentence on the terminal, without a stack."""


class Conflict(Exception):
    """Somebody else changed this run first: load it again and decide again. Shown to nobody."""


class StoreDown(Exception):
    """The database did not take it. Nothing was changed; what waits for it must not be acknowledged."""


class Away(Exception):
    """Slack does not answer now. What waits for it is tried again later; no person sees this."""


class Unsure(Away):
    """Slack refuses to say, for a reason that lies with the bot: its token, a scope. A sentence for whoever
    waits for it now; what nobody waits for is tried again later."""


class Clock(Protocol):
    def __call__(self) -> float:
        """Seconds since the epoch."""
        ...


class RunStore(Protocol):
    """Runs, in whole. The database is the truth; what is cached is thrown away when a commit fails."""

    @property
    def crowded(self) -> bool:
        """Whether somebody stands in line for a place with a worker, as far as is known here."""
        ...

    async def load(self, workspace: str, run_id: str, *, fresh: bool = False) -> Run | None:
        """`fresh`: past the cache, where a change that another bot made must not be missing."""
        ...

    async def save(self, before: Run | None, after: Run) -> Run:
        """Commits the difference (in one transaction with other runs' that wait) and returns the run with
        its new version. Steps in line whose workers have room, with nobody before them, are out with a fresh
        lease in the same transaction; the others stay in line for `admit`. Raises `Conflict` when `before` is
        not the newest any more (or, with None, when the run exists), and `StoreDown`."""
        ...

    async def renew(self, address: Address, seconds: float | None = None) -> None:
        """Renews the lease of a current attempt, by another time than usual for one that will not say that
        it is alive; anything else is ignored."""
        ...

    async def admit(self) -> Sequence[Address]:
        """Gives the places that are free to those whose turn it is; they are out with a fresh lease when this
        returns, and their runs have a new version."""
        ...

    async def waiting_long(self, seconds: float) -> Sequence[tuple[Address, int]]:
        """Who has stood in line for so long, and how many are before them: those who should hear of it now,
        each told to one caller."""
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


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that was not handled yet. `tries`: how often a bot took it in hand, this time too."""

    id: int
    body: str
    tries: int


class InboxStore(Protocol):
    """Events that were acknowledged to Slack, or are about to be. One bot at a time has an event in hand:
    who stored it, or who took it up after that one had not said for a while that it is still at it."""

    async def put(self, workspace: str, keys: Sequence[str], body: str, place: str = "") -> int | None:
        """Commits the event unless one of its keys was seen before; its id if it is new. `place`: the thread
        that it belongs to. `StoreDown`."""
        ...

    async def take(self, older_than: float = 0.0) -> Sequence[Waiting]:
        """What nobody has in hand, oldest first; the caller has it from now on. `older_than`, in seconds: who
        said more lately that it has an event still does."""
        ...

    async def hold(self, ids: Sequence[int]) -> None:
        """The caller still has these in hand."""
        ...

    async def give_back(self, id: int) -> None:
        """It could not be handled now, and that was not its fault: this try does not count."""
        ...

    async def at(self, workspace: str, place: str) -> Sequence[tuple[int, str]]:
        """(id, body) of what waits to be handled, or is being handled, in one thread, oldest first."""
        ...

    async def done(self, id: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit log. `before` and `after` are sentences."""

    workspace: str
    at: float
    by: str
    what: str  # worker | schedule
    subject: str  # the worker's name; the schedule's task
    before: str
    after: str


class AuditStore(Protocol):
    async def recent(self, workspace: str, limit: int) -> Sequence[Entry]:
        """Newest first. Without a workspace: of all."""
        ...


@dataclass(frozen=True, slots=True)
class Used:
    """What became of a worker's steps lately (`TeamStore.use`)."""

    last_at: float  # seconds since the epoch
    done: int
    failed: int


class TeamStore(Protocol):
    async def members(self, workspace: str) -> Mapping[str, Member] | None:
        """The workspace's own list, by worker. None: nobody changed anything yet."""
        ...

    async def change(
        self,
        workspace: str,
        worker: str,
        by: str,
        make: Callable[[Member], Member],
        defaults: Mapping[str, Member],
        *,
        key: str = "",
    ) -> Member:
        """Changes one member, and logs it, in one transaction. The first change makes `defaults` the list.
        Nothing is logged where nothing changes. What came under this `key` before changes nothing."""
        ...

    async def use(self, workspace: str, since: float) -> Mapping[str, Used]:
        """By worker, of steps that ended after `since`."""
        ...


ScheduleStatus = Literal["active", "paused", "ended"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Makes requests. `ended`: it had one date, and that has passed."""

    id: str
    workspace: str
    by: str  # who answers for it: their authority counts at each fire
    channel: str
    text: str
    rule: str  # `bot/recurrence`
    zone: str
    status: ScheduleStatus = "active"
    about: str = ""
    next_at: float | None = None  # while it is active
    next_slot: str = ""
    counted_from: float = 0.0  # failures before this count no more
    note: str = ""  # why it was paused, or left a slot out; a sentence
    revision: str = ""  # the run in which it was confirmed as it is
    created_at: float = 0.0

    @property
    def name(self) -> str:
        """What it does, short enough for a sentence."""
        text = " ".join(self.text.split())
        return text if len(text) <= 80 else text[:79] + "…"


BY_HAND = "now "  # so begins a slot that no rule made but a person


@dataclass(frozen=True, slots=True)
class Fire:
    """A slot that came. `missed`: how many earlier ones are left out for it."""

    workspace: str
    schedule_id: str
    slot: str
    at: float  # when it was due
    missed: int = 0
    claimed_at: float = 0.0


class ScheduleStore(Protocol):
    async def get(self, workspace: str, id: str) -> Schedule | None: ...

    async def of(self, workspace: str, by: str | None = None) -> Sequence[Schedule]:
        """One person's, or all of the workspace's; active ones first, soonest first."""
        ...

    async def put(self, schedule: Schedule, by: str, most: int, *, revises: str = "") -> Schedule | None:
        """A new one, or the new form of one that is there, and its line in the log. The same `revision` a
        second time changes nothing. Over `most` active ones of its owner it is stored paused, with a note."""
        ...

    async def change(
        self,
        workspace: str,
        id: str,
        by: str,
        make: Callable[[Schedule], Schedule | None],
        *,
        key: str = "",
        most: int = 0,
    ) -> Schedule | None:
        """Changes it in one transaction, logged when `by` is somebody; `make` may answer None to delete it.
        None: it is not there (any more). What came under this `key` before changes nothing. `most`: it stays
        as it is when it would be one more active one of its owner than that."""
        ...

    async def due(self) -> Sequence[Schedule]:
        """Active ones whose `next_at` has come."""
        ...

    async def claim(self, schedule: Schedule, fire: Fire, after: Schedule) -> bool:
        """The slot is taken and `after`'s next one set, in one transaction: True for exactly one caller, and
        never twice for one slot."""
        ...

    async def ask(self, fire: Fire, by: str) -> bool:
        """A slot that no rule made but a person, and its line in the log. False while the schedule's last run
        is on. The same a second time: True, and nothing is written."""
        ...

    async def open_fires(self) -> Sequence[Fire]:
        """Slots that were claimed and came to nothing yet, and whose time to try (again) has come."""
        ...

    async def fired(self, fire: Fire) -> None:
        """It came to a run, or to a decision against one."""
        ...

    async def postpone(self, fire: Fire, until: float) -> None: ...

    async def latest_runs(self, schedule: Schedule, limit: int) -> Sequence[Run]:
        """Its runs since `counted_from`, newest first."""
        ...

    async def forget(self, older_than: float) -> int:
        """Deletes slots that were done with so many seconds ago."""
        ...


class Authority(Protocol):
    async def refusal(self, workspace: str, person: str, channel: str) -> str:
        """Why this person may not have work done in this channel now, as a sentence for them; empty when they
        may. Asks Slack anew each time. Raises `Away`, `Unsure`."""
        ...
