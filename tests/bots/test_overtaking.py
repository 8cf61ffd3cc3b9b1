"""What one bot does with a reply whose mention another bot may be committing just now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slack_bolt import BoltResponse
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.slack.inbox import Inbox
from bot.slack.incoming import Incoming


class EmptyStore:
    """An `InboxStore` in which nothing waits, and that counts who looks."""

    def __init__(self) -> None:
        self.looks = 0

    async def at(self, workspace: str, place: str) -> Sequence[tuple[int, str]]:
        self.looks += 1
        return []

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nothing is stored here, but {name} was asked for")


async def nobody(*_: str) -> set[str]:
    return set()


async def handle(_: Incoming) -> None:
    raise AssertionError("there is nothing to handle")


async def heard(inbox: Inbox, **event: str) -> None:
    body = {
        "type": "event_callback",
        "team_id": "T1",
        "event_id": f"E{event['ts']}",
        "event": {"type": "message", "user": "UADA", "channel": "C1", "channel_type": "channel"} | event,
    }
    request = AsyncBoltRequest(body=body, mode="socket_mode")
    request.context["bot_user_id"] = "UBOT"

    async def next() -> BoltResponse:
        raise AssertionError("it is no listener's business")

    assert (await inbox.middleware(request, next)).status == 200


async def test_who_adds_to_what_they_said_to_others_is_not_held_up() -> None:
    store = EmptyStore()
    inbox = Inbox(store, nobody, handle, lambda: 0.0)
    await heard(inbox, text="Lunch?", ts="100.000001")
    assert store.looks == 0
    await heard(inbox, text="At one", ts="101.0", thread_ts="100.000001", parent_user_id="UADA")
    assert store.looks == 1, "the beginning of this thread was seen here, and was nobody's request"


async def test_who_adds_to_what_this_bot_never_saw_is_waited_for() -> None:
    store = EmptyStore()
    inbox = Inbox(store, nobody, handle, lambda: 0.0)
    await heard(inbox, text="At one", ts="101.0", thread_ts="100.000001", parent_user_id="UADA")
    assert store.looks > 5, "it may be a mention that another bot commits just now"
