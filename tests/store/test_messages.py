"""Messages: claimed by one, posted once, never overwritten by an older view."""

from __future__ import annotations

import asyncio

from bot.ports import Shown
from bot.store import Store
from tests.store.conftest import Now

KEYS = ["plan", "step:a", "step:b"]


async def test_of_two_bots_exactly_one_may_post(store: Store, url: str, now: Now) -> None:
    other = Store(url, now)
    claims = [
        s.messages.claim("T1", "r1", key, "C1") for key in KEYS for s in (store, other) for _ in range(5)
    ]
    assert sum(await asyncio.gather(*claims)) == len(KEYS)
    shown = await other.messages.shown("T1", "r1")
    assert set(shown) == set(KEYS)
    assert shown["plan"] == Shown("plan", "C1", sending_since=now.at)
    await other.close()


async def test_what_was_released_can_be_claimed_again_and_what_was_posted_cannot(store: Store) -> None:
    assert await store.messages.claim("T1", "r1", "plan", "C1")
    assert not await store.messages.claim("T1", "r1", "plan", "C1")
    await store.messages.release("T1", "r1", "plan")
    assert await store.messages.claim("T1", "r1", "plan", "D1")
    await store.messages.posted("T1", "r1", Shown("plan", "D1", "100.5", "digest", 2))
    await store.messages.release("T1", "r1", "plan")
    assert not await store.messages.claim("T1", "r1", "plan", "D1")
    assert await store.messages.claim("T2", "r1", "plan", "D1")  # the workspace is part of the key
    assert (await store.messages.shown("T1", "r1"))["plan"] == Shown("plan", "D1", "100.5", "digest", 2)


async def test_an_older_view_never_wins(store: Store) -> None:
    assert await store.messages.claim("T1", "r1", "plan", "C1")
    await store.messages.posted("T1", "r1", Shown("plan", "C1", "100.5", "third", 3))
    await store.messages.posted("T1", "r1", Shown("plan", "C1", "100.5", "second", 2))
    assert (await store.messages.shown("T1", "r1"))["plan"].digest == "third"
    await store.messages.posted("T1", "r1", Shown("plan", "C1", "100.5", "fourth", 4))
    assert (await store.messages.shown("T1", "r1"))["plan"].digest == "fourth"


async def test_a_post_of_unknown_fate_is_taken_over_by_one(store: Store, url: str, now: Now) -> None:
    other = Store(url, now)
    assert await store.messages.claim("T1", "r1", "plan", "C1")
    then, now.at = now.at, now.at + 60
    bots = [store, other] * 3
    takeovers = await asyncio.gather(*(s.messages.reclaim("T1", "r1", "plan", then) for s in bots))
    assert sum(takeovers) == 1
    assert (await store.messages.shown("T1", "r1"))["plan"].sending_since == now.at
    await store.messages.posted("T1", "r1", Shown("plan", "C1", "100.5", "digest", 1))
    assert not await store.messages.reclaim("T1", "r1", "plan", now.at)
    await other.close()
