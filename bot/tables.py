"""The rows. Step rows own status, attempt, lease and result; a `Run` is put together from them
(`bot/store/rows.py`), and there is no second copy of it anywhere.

The workspace is in every key. Times are seconds since the epoch. No native enums, since changing one needs
a migration that locks, and no JSON types: JSON is text here, the same on SQLite and PostgreSQL.

Not known here: what a row means (`bot/run.py`), who writes it (`bot/store/`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)
from sqlmodel import Field, SQLModel

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def storable(words: str) -> str:
    """What every database takes: PostgreSQL refuses NUL, and no encoding has lone surrogates."""
    words = words.replace("\x00", "")
    return words if words.isascii() else words.encode("utf-8", "replace").decode("utf-8")


class Words(TypeDecorator[str]):
    """Text of any length. The one place where what people and models write is made storable."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value if value is None else storable(value)


ROWID = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up in a column of exactly INTEGER


class Base(SQLModel):
    metadata = MetaData(naming_convention=NAMES)


def words(*, key: bool = False, default: str | None = "", null: bool = False) -> Any:
    """A column of text; an empty one says "none" unless `null`."""
    value: Any = {} if key else {"default": None if null else default}
    return Field(sa_type=Words, primary_key=key, nullable=null, **value)


def seconds(*, null: bool = False) -> Any:
    return Field(sa_type=Float, nullable=null, default=None if null else 0.0)


class RunRow(Base, table=True):
    __tablename__ = "run"
    __table_args__ = (
        Index("ix_run_thread", "workspace", "channel", "thread_ts", "created_at"),
        Index("ix_run_recent", "workspace", "by", "created_at"),
        # The sweeper asks the last three every few seconds, of a table that only grows.
        *(
            Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))
            for name, columns, where in (
                ("ix_run_schedule", ("workspace", "schedule", "created_at"), "schedule != ''"),
                ("ix_run_open", ("workspace", "by"), "status IN ('queued', 'working')"),
                ("ix_run_wake", ("wake_at",), "wake_at IS NOT NULL"),
                ("ix_run_unshown", ("show_after",), "shown_version < version"),
            )
        ),
    )

    workspace: str = words(key=True)
    id: str = words(key=True)
    by: str = words()
    channel: str = words()
    source: str = words()
    thread_ts: str = words()
    text: str = words()
    about: str = words()
    zone: str = words()
    worker: str = words()
    scheduling: str = words()
    target: str = words()
    schedule: str = words()
    remark: str = words()
    files: str = words(default="[]")  # JSON
    context: str = words(default="[]")  # JSON
    status: str = words()
    title: str = words()
    answer: str = words()
    note: str = words()
    stopped_by: str = words()
    proposal: str | None = words(null=True)  # JSON
    notice: str = words()
    resting: bool = False
    created_at: float = seconds()
    ended_at: float | None = seconds(null=True)
    version: int = 0
    shown_version: int = 0  # what the thread shows
    show_after: float = seconds()  # no other bot shows anything before: who changed it does, or nobody can
    wake_at: float | None = seconds(null=True)


class StepRow(Base, table=True):
    __tablename__ = "step"
    __table_args__ = tuple(
        Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))
        for name, columns, where in (
            ("ix_step_lease", ("worker", "workspace", "lease_until"), "lease_until IS NOT NULL"),
            ("ix_step_line", ("worker", "workspace", "asked_at"), "in_line"),
            ("ix_step_ended", ("workspace", "finished_at"), "kind = 'work' AND finished_at > 0"),
        )
    )

    workspace: str = words(key=True)
    run_id: str = words(key=True)
    id: str = words(key=True)
    position: int = 0
    title: str = words()
    worker: str = words()
    instruction: str = words()
    needs: str = words(default="[]")  # JSON
    not_before: float = seconds()
    delay: float = seconds()
    due_at: float = seconds()
    kind: str = words()
    status: str = words()
    attempt: int = 0
    priority: int = 0  # 0: a person waits; 1: a schedule's
    asked_at: float = seconds()  # its run's `created_at`
    in_line: bool = False
    line_since: float = seconds()  # when this attempt got in line
    ahead: int | None = Field(default=None, sa_type=Integer)
    told_at: float = seconds()  # when a person was last told how many are ahead
    started: bool = False
    holder: str = words()
    losses: int = 0
    external: bool = False
    said: str = words()
    result: str | None = words(null=True)  # JSON
    error: str = words()
    repair: str = words()
    question: str | None = words(null=True)  # JSON
    answers: str = words(default="[]")  # JSON
    calls: int = Field(default=0, sa_type=BigInteger)
    tokens_in: int = Field(default=0, sa_type=BigInteger)
    tokens_out: int = Field(default=0, sa_type=BigInteger)
    cost: float = seconds()  # US dollars
    finished_at: float = seconds()
    lease_until: float | None = seconds(null=True)  # only while the step is out, and not in line


class TurnRow(Base, table=True):
    """Whose turn it was, where workspaces wait for places with a worker: the one with the lowest number is
    the one that has waited longest for another."""

    __tablename__ = "turn"

    workspace: str = words(key=True)
    worker: str = words(key=True)
    number: int = Field(default=0, sa_type=BigInteger)


class MessageRow(Base, table=True):
    """What Slack was last shown under one key of a run's thread."""

    __tablename__ = "message"
    __table_args__ = (Index("ix_message_place", "workspace", "channel", "ts"),)

    workspace: str = words(key=True)
    run_id: str = words(key=True)
    key: str = words(key=True)
    channel: str = words()
    ts: str = words()
    digest: str = words()
    version: int = 0
    sending_since: float | None = seconds(null=True)


class InboxRow(Base, table=True):
    __tablename__ = "inbox"
    __table_args__ = tuple(
        Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))
        for name, columns, where in (
            ("ix_inbox_waiting", ("id",), "done_at IS NULL"),
            ("ix_inbox_place", ("workspace", "place"), "done_at IS NULL"),
        )
    )

    id: int | None = Field(default=None, sa_column=Column(ROWID, primary_key=True))
    workspace: str = words()
    place: str = words()  # the thread it belongs to, so that a reply to it is known as one
    body: str = words()
    tries: int = 1  # how often a bot took it in hand
    held_at: float = seconds()  # when the bot that has it said so last
    received_at: float = seconds()
    done_at: float | None = seconds(null=True)


class SeenRow(Base, table=True):
    """Names of events that came before, so that what Slack delivers four times happens once."""

    __tablename__ = "seen"
    __table_args__ = (Index("ix_seen_at", "at"),)

    workspace: str = words(key=True)
    key: str = words(key=True)
    at: float = seconds()


class RatingRow(Base, table=True):
    """What a person thought of an answer; the last word counts."""

    __tablename__ = "rating"

    workspace: str = words(key=True)
    run_id: str = words(key=True)
    by: str = words(key=True)
    value: str = words()
    at: float = seconds()


class TeamRow(Base, table=True):
    """The list of a workspace's workers, once an admin changed anything. No row: the built-in ones."""

    __tablename__ = "team"

    workspace: str = words(key=True)
    members: str = words(default="[]")  # JSON


class AuditRow(Base, table=True):
    """Who changed what, for good: written in the transaction of the change itself."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_at", "workspace", "at"),)

    id: int | None = Field(default=None, sa_column=Column(ROWID, primary_key=True))
    workspace: str = words()
    at: float = seconds()
    by: str = words()
    what: str = words()
    subject: str = words()
    before: str = words()
    after: str = words()


class ScheduleRow(Base, table=True):
    __tablename__ = "schedule"
    __table_args__ = (
        Index("ix_schedule_by", "workspace", "by"),
        Index(
            "ix_schedule_due",
            "next_at",
            sqlite_where=text("next_at IS NOT NULL"),
            postgresql_where=text("next_at IS NOT NULL"),
        ),
    )

    workspace: str = words(key=True)
    id: str = words(key=True)
    by: str = words()
    channel: str = words()
    text: str = words()
    about: str = words()
    rule: str = words()
    zone: str = words()
    status: str = words()
    next_at: float | None = seconds(null=True)  # only while it is active
    next_slot: str = words()
    counted_from: float = seconds()
    note: str = words()
    revision: str = words()
    created_at: float = seconds()


class FireRow(Base, table=True):
    """A slot of a schedule that came. Its key is what makes one run per slot."""

    __tablename__ = "fire"
    __table_args__ = tuple(
        Index("ix_fire_open", "retry_at", sqlite_where=text(where), postgresql_where=text(where))
        for where in ("done_at IS NULL",)
    )

    workspace: str = words(key=True)
    schedule_id: str = words(key=True)
    slot: str = words(key=True)
    at: float = seconds()
    missed: int = 0
    claimed_at: float = seconds()
    retry_at: float = seconds()
    done_at: float | None = seconds(null=True)


METADATA = Base.metadata
RUN: Table = METADATA.tables["run"]
STEP: Table = METADATA.tables["step"]
TURN: Table = METADATA.tables["turn"]
MESSAGE: Table = METADATA.tables["message"]
INBOX: Table = METADATA.tables["inbox"]
SEEN: Table = METADATA.tables["seen"]
RATING: Table = METADATA.tables["rating"]
TEAM: Table = METADATA.tables["team"]
AUDIT: Table = METADATA.tables["audit"]
SCHEDULE: Table = METADATA.tables["schedule"]
FIRE: Table = METADATA.tables["fire"]
