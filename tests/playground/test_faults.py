"""Trouble happens when it is asked for, and looks to the app as it does with Slack."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
import time_machine
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from playground import Playground
from tests.playground.bench import Connect, bolt

C = "C0GENERAL"


async def failing(call: Any) -> Any:
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


def texts(slack: Playground) -> list[str]:
    return [m["text"] for m in slack.messages("general")]


async def test_429_for_a_while(slack: Playground, web: AsyncWebClient) -> None:
    with time_machine.travel("2026-11-21T12:00:00Z", tick=False) as clock:
        slack.faults.ratelimit(120, "chat.postMessage")
        response = await failing(web.chat_postMessage(channel=C, text="x"))
        assert (response.status_code, response.headers["Retry-After"]) == (429, "120")
        await web.auth_test()
        clock.shift(121)
        await web.chat_postMessage(channel=C, text="x")
    assert texts(slack) == ["x"]


async def test_5xx_for_some_calls(slack: Playground, web: AsyncWebClient) -> None:
    slack.faults.fail(2, "chat.postMessage", status=503)
    for _ in range(2):
        assert (await failing(web.chat_postMessage(channel=C, text="x"))).status_code == 503
    await web.chat_postMessage(channel=C, text="y")
    assert texts(slack) == ["y"]


async def test_done_but_the_reply_is_lost(slack: Playground, web: AsyncWebClient) -> None:
    slack.faults.drop_reply()
    with pytest.raises(aiohttp.ClientError):
        await web.chat_postMessage(channel=C, text="once")
    assert texts(slack) == ["once"]
    assert slack.calls("chat.postMessage")[0]["error"] == "(reply lost)"


async def test_a_client_that_retries_posts_twice(slack: Playground, web: AsyncWebClient) -> None:
    """The reason why the project posts without retry handlers, seen."""
    web.retry_handlers = [AsyncConnectionErrorRetryHandler()]
    slack.faults.drop_reply()
    await web.chat_postMessage(channel=C, text="twice")
    assert texts(slack) == ["twice", "twice"]


async def test_done_a_while_after_the_connection_went(slack: Playground, web: AsyncWebClient) -> None:
    slack.faults.commit_late(0.15)
    with pytest.raises(aiohttp.ClientError):
        await web.chat_postMessage(channel=C, text="late")
    assert texts(slack) == []
    await slack.until(lambda: texts(slack) == ["late"])


async def test_an_event_four_times_at_once(slack: Playground, connect: Connect) -> None:
    app, seen = collecting(slack)
    await connect(app)
    slack.faults.repeat_event(4)
    await slack.say("support", "hello")
    await slack.until(lambda: len(seen) == 4)
    assert len({body["event_id"] for body in seen}) == 1


async def test_two_events_out_of_order(slack: Playground, connect: Connect) -> None:
    app, seen = collecting(slack)
    await connect(app)
    slack.faults.swap_events()
    await slack.say("support", "one")
    await slack.say("support", "two")
    await slack.until(lambda: len(seen) == 2)
    assert [body["event"]["text"] for body in seen] == ["two", "one"]


async def test_only_the_retry_arrives(slack: Playground, connect: Connect) -> None:
    app, seen = collecting(slack)
    await connect(app)
    slack.faults.lose_first_delivery()
    await slack.say("support", "hello")
    await slack.until(lambda: seen)
    assert [d["attempt"] for d in slack.world.delivery.log] == [1]


async def test_a_token_can_be_revoked(slack: Playground, web: AsyncWebClient) -> None:
    slack.faults.revoke_token()
    assert (await failing(web.auth_test()))["error"] == "token_revoked"
    slack.faults.restore_token()
    await web.auth_test()
    slack.faults.uninstall()
    assert (await failing(web.auth_test()))["error"] == "account_inactive"
    slack.faults.deactivate("chen")
    assert slack.workspace.user("chen")["deleted"] is True


async def test_the_workspace_changes(slack: Playground, web: AsyncWebClient) -> None:
    slack.faults.demote("ada")
    assert (await web.users_info(user="U0ADA"))["user"]["is_admin"] is False
    slack.faults.remove_bot("support")
    assert (await failing(web.conversations_history(channel="C0SUPPORT")))["error"] == "not_in_channel"
    slack.faults.refuse_blocks("plan")
    plan = {"type": "plan", "title": "P", "tasks": []}
    assert (await failing(web.chat_postMessage(channel=C, text="x", blocks=[plan])))[
        "error"
    ] == "invalid_blocks"
    slack.faults.clear()
    await web.chat_postMessage(channel=C, text="x", blocks=[plan])


async def test_faults_can_be_set_over_http(slack: Playground, web: AsyncWebClient) -> None:
    """For a bot and a test in different processes."""
    async with aiohttp.ClientSession() as session:

        async def fault(**body: Any) -> tuple[int, dict[str, Any]]:
            async with session.post(slack.base_url + "/playground/faults", json=body) as response:
                return response.status, await response.json()

        assert await fault(fault="fail", times=1, method="auth.test") == (200, {"ok": True})
        assert (await failing(web.auth_test())).status_code == 500
        assert await fault(fault="refuse_blocks", types=["plan"]) == (200, {"ok": True})
        assert slack.faults.refused_blocks == {"plan"}
        assert await fault(fault="disconnect", reason="refresh_requested") == (200, {"ok": True})
        assert (await fault(fault="__init__"))[0] == 400
        assert (await fault(fault="fail", colour="red"))[0] == 400


def collecting(slack: Playground) -> tuple[Any, list[dict[str, Any]]]:
    """An app that keeps the body of every message event."""
    app, seen = bolt(slack), []

    @app.event("message")
    async def heard(body: dict[str, Any]) -> None:
        seen.append(body)

    return app, seen
