"""Places with workers: `window` steps of one worker are out at once, over all workspaces; the rest stands in
line. This is who gets a free place, and how many are before whom.

The order: people before schedules; of these the workspace that has the fewest places with this worker, and of
several the one whose turn it was longest ago, so that a thousand requests of one do not hold up the first of
another; then who asked first. A scheduled step
that has waited for `AGED` seconds counts as a person's, so that nobody waits for ever.

Counting and giving happen under one lock (`alone`) until the commit, so no two bots give one place twice and
the window is never exceeded; a place that comes back needs no lock. Who has locked runs may wait for this
lock (`bot/store/saving.py`). Who has this lock waits for no run: runs that somebody is writing just now are
passed over (SKIP LOCKED), and looked at again soon.

Not known here: what a step does, who sends it to its worker, what a person is shown.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from sqlalchemy import Connection, TextClause, bindparam, func, select, text, tuple_, update

from bot.store.sql import alone, insert
from bot.tables import RUN, STEP, TURN
from workers.kit.wire import Address

LINE = "places with workers"  # the lock's name
AGED = 600.0
SPARE = 2  # more are looked at than there is room for, since the runs of some may be locked
ANY = 1_000_000_000  # as a window: also the lines of workers who are busy
TOLD = 200  # of those who wait for long, at once
TELL_SECONDS = 20.0  # Slack takes no faster updates of many messages

# In the words of the partial indexes, or the databases would not use these.
ORDERED = """
WITH held AS (
    SELECT worker, workspace, count(*) AS places FROM step WHERE lease_until IS NOT NULL
    GROUP BY worker, workspace
),
taken AS (SELECT worker, sum(places) AS places FROM held GROUP BY worker),
waiting AS (
    SELECT workspace, run_id, id, attempt, worker, asked_at, position, line_since, ahead, told_at,
           CASE WHEN priority = 0 OR line_since <= :aged THEN 0 ELSE 1 END AS later
    FROM step WHERE in_line AND worker NOT IN (SELECT worker FROM taken WHERE places >= :window)
),
ranks AS (
    SELECT *, row_number() OVER (
        PARTITION BY worker, workspace ORDER BY later, asked_at, run_id, position
    ) AS rank
    FROM waiting
),
ordered AS (
    SELECT ranks.*, :window - coalesce(taken.places, 0) AS room, row_number() OVER (
        PARTITION BY ranks.worker ORDER BY
            later, rank + coalesce(held.places, 0), coalesce(turn.number, 0),
            asked_at, ranks.workspace, run_id, position
    ) AS place
    FROM ranks
    LEFT JOIN taken ON taken.worker = ranks.worker
    LEFT JOIN held ON held.worker = ranks.worker AND held.workspace = ranks.workspace
    LEFT JOIN turn ON turn.worker = ranks.worker AND turn.workspace = ranks.workspace
    WHERE rank <= :window - coalesce(taken.places, 0) + :spare
)
"""
NEXT = text(
    ORDERED
    + """
SELECT ordered.workspace, run_id, ordered.id, attempt, run.version, ordered.worker, room
FROM ordered JOIN run ON run.workspace = ordered.workspace AND run.id = run_id
WHERE place <= room + :spare ORDER BY place
"""
)
# A change is worth a message where it is one of the next ten, or by a fifth at least.
LONG = text(
    ORDERED
    + """
SELECT workspace, run_id, id, attempt, place - 1 FROM ordered
WHERE line_since <= :since AND told_at <= :told
  AND (ahead IS NULL OR ahead <> place - 1 AND (place <= 10 OR abs(ahead - place + 1) * 5 >= ahead))
ORDER BY place LIMIT :most
"""
)
# Not “is there one”: what PostgreSQL knows of the table may be old, and then it would look at every row.
ANYBODY = text("SELECT min(worker) FROM step WHERE in_line")

HERE = (
    STEP.c.workspace == bindparam("the_workspace"),
    STEP.c.run_id == bindparam("the_run_id"),
    STEP.c.id == bindparam("the_id"),
)
ADMIT = update(STEP).where(*HERE).values(in_line=False, ahead=None, lease_until=bindparam("until"))
JOIN = update(STEP).where(*HERE).values(line_since=bindparam("since"))
TELL = update(STEP).where(*HERE).values(told_at=bindparam("now"))
# A bot of the version before, beside this one during an upgrade, ends steps and knows of no line.
LEAVE = update(STEP).where(text("step.in_line"), STEP.c.status != "out").values(in_line=False)
RAISE = (
    update(RUN)
    .where(RUN.c.workspace == bindparam("the_workspace"), RUN.c.id == bindparam("the_run_id"))
    .values(version=RUN.c.version + 1)
)


class Next(NamedTuple):
    """Whose turn it is. `room`: how many places its worker has left."""

    at: Address
    version: int  # of its run
    worker: str
    room: int


@dataclass(frozen=True, slots=True)
class Given:
    """Who got places, with the version that their run has by that; and whether somebody still waits."""

    to: tuple[tuple[Address, int], ...]
    crowded: bool


def room(connection: Connection, workers: Collection[str], window: int) -> dict[str, int]:
    """How many steps each of these workers can take now; those for whom somebody stands in line are left out,
    since whoever is in line comes first."""
    names = sorted(workers)
    rows = connection.execute(_counts(len(names)), {f"worker{n}": name for n, name in enumerate(names)})
    return {names[n]: window - held for n, held, waits in rows if waits is None}


@cache
def _counts(workers: int) -> TextClause:
    one = """SELECT {n}, (SELECT count(*) FROM step WHERE lease_until IS NOT NULL AND worker = :worker{n}),
        (SELECT min(workspace) FROM step WHERE in_line AND worker = :worker{n})"""
    return text(" UNION ALL ".join(one.format(n=n) for n in range(workers)))


def crowded(connection: Connection) -> bool:
    return connection.execute(ANYBODY).scalar_one() is not None


def give(connection: Connection, window: int, now: float, until: float) -> Given:
    """Free places to those whose turn it is. Their runs get a new version, so that nobody who remembers them
    in line builds on that."""
    alone(connection, LINE)
    connection.execute(LEAVE)
    rows = connection.execute(NEXT, {"aged": now - AGED, "window": window, "spare": SPARE}).all()
    first = [
        Next(Address(workspace=w, run=r, step=s, attempt=a), version, worker, room)
        for w, r, s, a, version, worker, room in rows
    ]
    left = {one.worker: one.room for one in first}
    chosen: list[Next] = []
    for one in _free(connection, first):
        if left[one.worker] > 0:
            left[one.worker] -= 1
            chosen.append(one)
    if chosen:
        _write(connection, chosen, until)
    return Given(tuple((one.at, one.version + 1) for one in chosen), crowded(connection))


def _write(connection: Connection, chosen: Sequence[Next], until: float) -> None:
    runs = sorted({(one.at.workspace, one.at.run) for one in chosen})
    connection.execute(RAISE, [{"the_workspace": w, "the_run_id": r} for w, r in runs])
    steps = sorted((one.at for one in chosen), key=_key)
    connection.execute(ADMIT, [_where(at) | {"until": until} for at in steps])
    number = connection.execute(select(func.coalesce(func.max(TURN.c.number), 0))).scalar_one()
    turns = {(one.at.workspace, one.worker): number + n for n, one in enumerate(chosen, 1)}
    took = insert(connection, TURN)
    took = took.on_conflict_do_update(
        index_elements=["workspace", "worker"], set_={"number": took.excluded.number}
    )
    rows = [{"workspace": w, "worker": k, "number": n} for (w, k), n in sorted(turns.items())]
    connection.execute(took, rows)


def _free(connection: Connection, first: Sequence[Next]) -> Sequence[Next]:
    """Which of these nobody else is writing; their runs are locked from now on. On SQLite all is."""
    if connection.dialect.name == "sqlite" or not first:
        return first
    runs = {(one.at.workspace, one.at.run) for one in first}
    lock = (
        select(RUN.c.workspace, RUN.c.id, RUN.c.version)
        .where(tuple_(RUN.c.workspace, RUN.c.id).in_(runs))
        .order_by(RUN.c.workspace, RUN.c.id)
        .with_for_update(skip_locked=True)
    )
    versions = {(w, r): version for w, r, version in connection.execute(lock)}
    if not versions:
        return []
    here = tuple_(STEP.c.workspace, STEP.c.run_id).in_(list(versions))
    waits = text("step.in_line"), STEP.c.status == "out"
    query = select(STEP.c.workspace, STEP.c.run_id, STEP.c.id).where(*waits, here)
    still = {(w, r, s): versions[w, r] for w, r, s in connection.execute(query)}
    return [one._replace(version=still[_key(one.at)]) for one in first if _key(one.at) in still]


def waiting_long(connection: Connection, now: float, seconds: float) -> list[tuple[Address, int]]:
    """Whom to tell how many are before them. Whoever asks this is the one who tells."""
    alone(connection, LINE)
    times = {"aged": now - AGED, "since": now - seconds, "told": now - TELL_SECONDS}
    rows = connection.execute(LONG, times | {"window": ANY, "spare": SPARE, "most": TOLD}).all()
    found = [(Address(workspace=w, run=r, step=s, attempt=a), ahead) for w, r, s, a, ahead in rows]
    if found:
        told = sorted((a for a, _ in found), key=_key)
        connection.execute(TELL, [_where(a) | {"now": now} for a in told])
    return found


def _key(address: Address) -> tuple[str, str, str]:
    return address.workspace, address.run, address.step


def _where(address: Address) -> dict[str, object]:
    return {"the_workspace": address.workspace, "the_run_id": address.run, "the_id": address.step}
