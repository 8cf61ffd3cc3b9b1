"""Which message was posted where: the thread's side of the truth, kept so that two bots post each once.

Not known here: Slack, what a message says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, or_, select, update

from bot.database import Database
from bot.ports import Clock, Shown
from bot.store.sql import insert
from bot.store.writer import Kind, Writer
from bot.tables import MESSAGE, RUN


@dataclass(frozen=True, slots=True)
class _Claim:
    workspace: str
    run_id: str
    key: str
    channel: str
    now: float
    since: float | None = None  # the claim it takes over

    @property
    def row(self) -> tuple[str, str, str]:
        return self.workspace, self.run_id, self.key


@dataclass(frozen=True, slots=True)
class _Posted:
    workspace: str
    run_id: str
    shown: Shown

    @property
    def row(self) -> tuple[str, str, str]:
        return self.workspace, self.run_id, self.shown.key


@dataclass(frozen=True, slots=True)
class _Seen:
    """The thread shows this version, or can show nothing before `after`."""

    workspace: str
    run_id: str
    version: int = 0
    after: float = 0.0

    @property
    def row(self) -> tuple[str, str]:
        return self.workspace, self.run_id


class Messages:
    def __init__(self, database: Database, writer: Writer, clock: Clock) -> None:
        self._database, self._writer, self._clock = database, writer, clock

    async def shown(self, workspace: str, run_id: str) -> dict[str, Shown]:
        query = select(MESSAGE).where(MESSAGE.c.workspace == workspace, MESSAGE.c.run_id == run_id)
        rows = await self._database.read(lambda c: c.execute(query).mappings().all())
        return {
            row["key"]: Shown(
                row["key"], row["channel"], row["ts"], row["digest"], row["version"], row["sending_since"]
            )
            for row in rows
        }

    async def claim(self, workspace: str, run_id: str, key: str, channel: str) -> bool:
        return await self._writer.do(CLAIMS, _Claim(workspace, run_id, key, channel, self._clock()))

    async def reclaim(self, workspace: str, run_id: str, key: str, since: float) -> bool:
        """Takes over a claim from `since` whose fate is known to be: not posted. True for exactly one
        caller, where `release` and `claim` would let two through."""
        return await self._writer.do(RECLAIMS, _Claim(workspace, run_id, key, "", self._clock(), since))

    async def release(self, workspace: str, run_id: str, key: str) -> None:
        await self._writer.do(RELEASES, _Claim(workspace, run_id, key, "", 0.0))

    async def posted(self, workspace: str, run_id: str, shown: Shown) -> None:
        await self._writer.do(POSTS, _Posted(workspace, run_id, shown))

    async def all_shown(self, workspace: str, run_id: str, version: int) -> None:
        await self._writer.do(SHOWN, _Seen(workspace, run_id, version=version))

    async def postpone(self, workspace: str, run_id: str, until: float) -> None:
        """The thread can show nothing before this time (a rate limit): it is not due for that sooner."""
        await self._writer.do(POSTPONED, _Seen(workspace, run_id, after=until))


def _claim(connection: Connection, batch: Sequence[_Claim]) -> list[bool]:
    """A claim is a row with `sending_since` and no `ts`. Who sets it, is named by `RETURNING`."""
    new = insert(connection, MESSAGE)
    claim = new.on_conflict_do_update(
        index_elements=["workspace", "run_id", "key"],
        set_={"sending_since": new.excluded.sending_since, "channel": new.excluded.channel},
        where=and_(MESSAGE.c.sending_since.is_(None), MESSAGE.c.ts == ""),
    ).returning(MESSAGE.c.workspace, MESSAGE.c.run_id, MESSAGE.c.key)
    rows = [
        {**_names(c.row), "channel": c.channel, "ts": "", "digest": "", "version": 0, "sending_since": c.now}
        for c in sorted(batch, key=lambda c: c.row)
    ]
    won = {tuple(row) for row in connection.execute(claim, rows)}
    return [c.row in won for c in batch]


def _reclaim(connection: Connection, batch: Sequence[_Claim]) -> list[bool]:
    return [
        connection.execute(
            update(MESSAGE)
            .where(
                MESSAGE.c.workspace == c.workspace,
                MESSAGE.c.run_id == c.run_id,
                MESSAGE.c.key == c.key,
                MESSAGE.c.ts == "",
                MESSAGE.c.sending_since == c.since,
            )
            .values(sending_since=c.now)
        ).rowcount
        == 1
        for c in batch
    ]


def _release(connection: Connection, batch: Sequence[_Claim]) -> list[None]:
    connection.execute(RELEASE, [_names(c.row, "the_") for c in sorted(batch, key=lambda c: c.row)])
    return [None] * len(batch)


def _post(connection: Connection, batch: Sequence[_Posted]) -> list[None]:
    new = insert(connection, MESSAGE)
    columns = ("channel", "ts", "digest", "version", "sending_since")
    post = new.on_conflict_do_update(
        index_elements=["workspace", "run_id", "key"],
        set_={name: new.excluded[name] for name in columns},
        where=or_(MESSAGE.c.ts == "", MESSAGE.c.version <= new.excluded.version),
    )
    rows = [
        {
            **_names(p.row),
            "channel": p.shown.channel,
            "ts": p.shown.ts,
            "digest": p.shown.digest,
            "version": p.shown.version,
            "sending_since": None,
        }
        for p in sorted(batch, key=lambda p: p.row)
    ]
    connection.execute(post, rows)
    return [None] * len(batch)


def _show(connection: Connection, batch: Sequence[_Seen]) -> list[None]:
    rows = [
        {"the_workspace": s.workspace, "the_id": s.run_id, "new": s.version}
        for s in sorted(batch, key=lambda s: s.row)
    ]
    connection.execute(SHOW, rows)
    return [None] * len(batch)


def _postpone(connection: Connection, batch: Sequence[_Seen]) -> list[None]:
    rows = [
        {"the_workspace": s.workspace, "the_id": s.run_id, "new": s.after}
        for s in sorted(batch, key=lambda s: s.row)
    ]
    connection.execute(POSTPONE, rows)
    return [None] * len(batch)


def _names(row: tuple[str, str, str], prefix: str = "") -> dict[str, object]:
    return {f"{prefix}{name}": value for name, value in zip(("workspace", "run_id", "key"), row, strict=True)}


RELEASE = (
    update(MESSAGE)
    .where(
        MESSAGE.c.workspace == bindparam("the_workspace"),
        MESSAGE.c.run_id == bindparam("the_run_id"),
        MESSAGE.c.key == bindparam("the_key"),
        MESSAGE.c.ts == "",
    )
    .values(sending_since=None)
)
_THE_RUN = and_(RUN.c.workspace == bindparam("the_workspace"), RUN.c.id == bindparam("the_id"))
SHOW = (
    update(RUN).where(_THE_RUN, RUN.c.shown_version < bindparam("new")).values(shown_version=bindparam("new"))
)
POSTPONE = (
    update(RUN).where(_THE_RUN, RUN.c.show_after < bindparam("new")).values(show_after=bindparam("new"))
)

CLAIMS = Kind(30, _claim, lambda c: ("message", *c.row))
RECLAIMS = Kind(31, _reclaim, lambda c: ("message", *c.row))
RELEASES = Kind(32, _release, lambda c: ("message", *c.row))
POSTS = Kind(33, _post, lambda p: ("message", *p.row))
SHOWN = Kind(11, _show, lambda s: ("shown", *s.row))
POSTPONED = Kind(12, _postpone, lambda s: ("postponed", *s.row))
