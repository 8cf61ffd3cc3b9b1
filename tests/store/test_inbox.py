"""The inbox: every event once, under any of its names."""

from __future__ import annotations

import asyncio

from bot.store import Store
from tests.store.conftest import Now


async def taken(store: Store, older_than: float = 0.0) -> list[tuple[int, str]]:
    return [(w.id, w.body) for w in await store.inbox.take(older_than)]


async def test_an_event_is_kept_until_it_is_handled(store: Store, now: Now) -> None:
    first = await store.inbox.put("T1", ["event:1", "message:C1:100.1"], "first\x00 with NUL")
    second = await store.inbox.put("T1", ["event:2"], "second")
    assert first is not None
    assert second is not None
    assert await taken(store) == [(first, "first with NUL"), (second, "second")]
    await store.inbox.done(first)
    await store.inbox.done(first)
    assert await taken(store) == [(second, "second")]


async def test_one_bot_at_a_time_has_an_event_in_hand(store: Store, url: str, now: Now) -> None:
    other = Store(url, now)
    for n in range(40):
        await store.inbox.put("T1", [f"event:{n}"], f"{n}")
    assert await taken(other, older_than=15) == [], "the one that stored them has them"
    now.at += 16
    shares = await asyncio.gather(*(taken(bot, older_than=15) for bot in (store, other) for _ in range(3)))
    assert sorted(int(body) for share in shares for _, body in share) == list(range(40))
    assert await taken(other, older_than=15) == []
    now.at += 10
    ids = [id for share in shares for id, _ in share]
    await store.inbox.hold(ids[:30])
    now.at += 10
    assert len(await taken(other, older_than=15)) == 10, (
        "of the others nobody said any more that they have it"
    )
    await other.close()


async def test_each_try_is_counted_but_for_those_that_are_given_back(store: Store, now: Now) -> None:
    id = await store.inbox.put("T1", ["event:1"], "it")
    assert id is not None
    assert [w.tries for w in await store.inbox.take()] == [2]
    assert [w.tries for w in await store.inbox.take()] == [3]
    await store.inbox.give_back(id)
    assert [w.tries for w in await store.inbox.take()] == [3]


async def test_what_waits_in_a_thread_is_found_by_it(store: Store) -> None:
    one = await store.inbox.put("T1", ["event:1"], "one", "C1/100.1")
    await store.inbox.put("T1", ["event:2"], "elsewhere", "C1/200.1")
    await store.inbox.put("T2", ["event:3"], "in another workspace", "C1/100.1")
    two = await store.inbox.put("T1", ["event:4"], "two", "C1/100.1")
    assert one is not None
    assert await store.inbox.at("T1", "C1/100.1") == [(one, "one"), (two, "two")]
    await store.inbox.done(one)
    assert await store.inbox.at("T1", "C1/100.1") == [(two, "two")]


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
    waiting = await taken(store)
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
    assert (waits, "waits") in await taken(store)
    assert await store.inbox.put("T1", ["event:3"], "new") is None
