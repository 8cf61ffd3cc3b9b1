"""The inbox: every event once, under any of its names."""

from __future__ import annotations

import asyncio

from bot.store import Store
from tests.store.conftest import Now


async def test_an_event_is_kept_until_it_is_handled(store: Store, now: Now) -> None:
    first = await store.inbox.put("T1", ["event:1", "message:C1:100.1"], "first\x00 with NUL")
    second = await store.inbox.put("T1", ["event:2"], "second")
    assert first is not None
    assert second is not None
    assert await store.inbox.waiting() == [(first, "first with NUL"), (second, "second")]
    assert await store.inbox.waiting(older_than=5) == []
    now.at += 6
    assert len(await store.inbox.waiting(older_than=5)) == 2
    await store.inbox.done(first)
    await store.inbox.done(first)
    assert await store.inbox.waiting() == [(second, "second")]


async def test_an_event_is_new_once_under_any_of_its_names(store: Store) -> None:
    assert await store.inbox.put("T1", ["event:1", "message:C1:100.1"], "mention")
    assert await store.inbox.put("T1", ["event:2", "message:C1:100.1"], "its twin") is None
    assert await store.inbox.put("T1", ["event:1"], "delivered again") is None
    assert await store.inbox.put("T1", ["event:2"], "the twin again") is None
    assert await store.inbox.put("T2", ["event:1"], "another workspace")
    assert await store.inbox.put("T1", [], "without a name")
    assert await store.inbox.put("T1", [], "without a name")


async def test_of_deliveries_at_once_to_two_bots_one_is_new(store: Store, url: str, now: Now) -> None:
    """Slack delivers four times, the twins of a mention under two names, to two processes."""
    other = Store(url, now)
    names = [["message:C1:{n}", "event:a{n}"], ["event:b{n}", "message:C1:{n}"]]
    deliveries = [
        bot.inbox.put("T1", [name.format(n=n) for name in twin], f"{n}")
        for n in range(20)
        for twin in names
        for bot in (store, other)
        for _ in range(2)
    ]
    ids = await asyncio.gather(*deliveries)
    assert sum(id is not None for id in ids) == 20
    waiting = await store.inbox.waiting()
    assert sorted(body for _, body in waiting) == sorted(str(n) for n in range(20))
    assert {id for id, _ in waiting} == {id for id in ids if id is not None}
    await other.close()


async def test_what_is_done_is_forgotten_in_time_and_what_waits_is_not(store: Store, now: Now) -> None:
    done = await store.inbox.put("T1", ["event:1"], "done")
    waits = await store.inbox.put("T1", ["event:2"], "waits")
    assert done is not None
    await store.inbox.done(done)
    assert await store.inbox.forget_done(older_than=3_600) == 0
    now.at += 7_200
    assert await store.inbox.put("T1", ["event:3"], "new")
    assert await store.inbox.forget_done(older_than=3_600) == 3  # one event, two names
    assert (waits, "waits") in await store.inbox.waiting()
    assert await store.inbox.put("T1", ["event:3"], "new") is None
