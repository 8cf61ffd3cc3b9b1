"""The Web API refuses what Slack refuses, with Slack's words."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest
import time_machine
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground import Playground
from playground.manifest import Manifest, read
from tests.playground.bench import client, modal

C = "C0GENERAL"
BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Go"}}


async def refused(call: Awaitable[Any]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_tokens_are_checked(slack: Playground) -> None:
    assert await refused(client(slack, "xoxb-wrong").auth_test()) == "invalid_auth"
    assert await refused(client(slack, slack.app_token).chat_postMessage(channel=C, text="x")) == (
        "not_allowed_token_type"
    )
    assert (
        await refused(client(slack).apps_connections_open(app_token=slack.bot_token))
        == "not_allowed_token_type"
    )
    async with aiohttp.ClientSession() as session, session.post(slack.url + "auth.test") as response:
        assert await response.json() == {"ok": False, "error": "not_authed"}
    assert await refused(client(slack).api_call("chat.shout")) == "unknown_method"


async def test_arguments_come_in_any_form(slack: Playground) -> None:
    """Query, form, JSON and multipart are one; lists inside a form are JSON strings."""
    blocks = [{"type": "divider"}]
    auth = {"authorization": f"Bearer {slack.bot_token}"}
    url = slack.url + "chat.postMessage"
    form = {"channel": C, "text": "x", "blocks": json.dumps(blocks)}
    multipart = aiohttp.FormData(form, default_to_multipart=True)
    async with aiohttp.ClientSession(headers=auth) as session:
        for sent in (
            {"params": form},
            {"data": form},
            {"data": multipart},
            {"json": {**form, "blocks": blocks}},
        ):
            async with session.post(url, **sent) as response:
                answer = await response.json()
                assert answer["ok"] and answer["message"]["blocks"][0]["type"] == "divider"
        async with session.get(slack.url + "users.info", params={"user": "U0ADA"}) as response:
            assert (await response.json())["user"]["tz"] == "Europe/Berlin"
        async with session.post(url, data={"token": slack.bot_token, **form, "blocks": "[{"}) as response:
            assert (await response.json())["error"] == "invalid_blocks_format"


async def test_a_missing_scope_is_named() -> None:
    async with Playground(manifest=Manifest(scopes="users:read")) as slack:
        with pytest.raises(SlackApiError) as caught:
            await client(slack).chat_postMessage(channel=C, text="x")
    assert caught.value.response["needed"] == "chat:write"
    assert caught.value.response["provided"] == "users:read"


async def test_a_manifest_says_what_the_app_may_and_hears(tmp_path: Any) -> None:
    path = tmp_path / "app.yaml"
    path.write_text(
        "features:\n  slash_commands: [{command: /go, description: Goes}]\n"
        "  shortcuts: [{name: This, type: message, callback_id: this}]\n"
        "oauth_config: {scopes: {bot: ['chat:write']}}\n"
        "settings: {event_subscriptions: {bot_events: [app_mention]}}\n"
    )
    manifest = read(path)
    assert (manifest.scopes, manifest.subscriptions) == ("chat:write", frozenset({"app_mention"}))
    assert manifest.commands[0]["command"] == "/go" and manifest.shortcuts[0]["callback_id"] == "this"
    async with Playground(manifest=path) as slack:
        await slack.say("general", "@delegate hello")
        assert [d["event"]["type"] for d in (r["payload"] for r in slack.world.state.deliveries)] == [
            "app_mention"
        ]


async def test_where_a_post_may_go(slack: Playground, web: AsyncWebClient) -> None:
    assert await refused(web.chat_postMessage(channel="C0NOWHERE", text="x")) == "channel_not_found"
    assert await refused(web.api_call("chat.postMessage", json={"channel": C})) == "no_text"
    assert await refused(web.chat_postMessage(channel=C, text="x" * 40_001)) == "msg_too_long"
    assert await refused(web.chat_postMessage(channel=C, text="x", thread_ts="1.2")) == "thread_not_found"
    slack.faults.archive("general")
    assert await refused(web.chat_postMessage(channel=C, text="x")) == "is_archived"
    slack.world.state.tokens.rows[slack.bot_token]["scopes"].remove("chat:write.public")
    assert await refused(web.chat_postMessage(channel="C0RANDOM", text="x")) == "not_in_channel"
    assert await refused(web.conversations_history(channel="C0RANDOM")) == "not_in_channel"
    dm = await web.conversations_open(users="U0BEN")
    assert (await web.chat_postMessage(channel="U0BEN", text="x"))["channel"] == dm["channel"]["id"]


async def test_only_own_messages_are_changed(slack: Playground, web: AsyncWebClient) -> None:
    theirs = await slack.say("general", "mine", by="ben")
    assert await refused(web.chat_update(channel=C, ts=theirs, text="x")) == "cant_update_message"
    assert await refused(web.chat_delete(channel=C, ts=theirs)) == "cant_delete_message"
    assert await refused(web.chat_update(channel=C, ts="1.2", text="x")) == "message_not_found"
    own = (await web.chat_postMessage(channel=C, text="a"))["ts"]
    assert await refused(web.chat_update(channel=C, ts=own, text="x" * 4001)) == "msg_too_long"
    await web.chat_update(channel=C, ts=own, text="b")
    (message,) = (await web.conversations_history(channel=C, limit=1))["messages"]
    assert message["text"] == "b" and message["edited"]["user"] == slack.workspace.bot["id"]


async def test_metadata_comes_back_when_asked_for(slack: Playground, web: AsyncWebClient) -> None:
    """[doc] without include_all_metadata only the event_type does."""
    metadata = {"event_type": "delegate", "event_payload": {"key": "k1"}}
    root = await slack.say("general", "root")
    await web.chat_postMessage(channel=C, thread_ts=root, text="x", metadata=metadata)
    plain = await web.conversations_replies(channel=C, ts=root)
    assert plain["messages"][1]["metadata"] == {"event_type": "delegate"}
    full = await web.conversations_replies(channel=C, ts=root, include_all_metadata=True)
    assert full["messages"][1]["metadata"] == metadata
    for bad, error in (({"event_type": "x"}, "invalid_metadata_schema"), ("[", "invalid_metadata_format")):
        assert await refused(
            web.api_call("chat.postMessage", json={"channel": C, "text": "x", "metadata": bad})
        ) == (error)


async def test_pages_of_history_and_replies(slack: Playground, web: AsyncWebClient) -> None:
    """Newest first in a channel, oldest first in a thread, the root always there."""
    first = await web.conversations_history(channel="C0SUPPORT", limit=4)
    rest = await web.conversations_history(
        channel="C0SUPPORT", limit=10, cursor=first["response_metadata"]["next_cursor"]
    )
    stamps = [m["ts"] for m in first["messages"] + rest["messages"]]
    assert len(stamps) == 9 and stamps == sorted(stamps, reverse=True)
    root = await slack.say("general", "root")
    replies = [await slack.say("general", str(n), thread=root) for n in range(3)]
    later = await web.conversations_replies(channel=C, ts=root, oldest=replies[0])
    assert [m["text"] for m in later["messages"]] == ["root", "1", "2"]
    assert later["messages"][0]["reply_count"] == 3
    assert await refused(web.conversations_replies(channel=C, ts="1.2")) == "thread_not_found"


async def test_a_trigger_works_once_and_for_three_seconds(slack: Playground, web: AsyncWebClient) -> None:
    with time_machine.travel("2026-11-21T12:00:00Z", tick=False) as clock:
        late, used = slack.world.triggers.give("U0ADA"), slack.world.triggers.give("U0ADA")
        await web.views_open(trigger_id=used, view=modal())
        assert await refused(web.views_open(trigger_id=used, view=modal())) == "exchanged_trigger_id"
        clock.shift(3.1)
        assert await refused(web.views_open(trigger_id=late, view=modal())) == "expired_trigger_id"
    assert await refused(web.views_open(trigger_id="1.2.3", view=modal())) == "invalid_trigger_id"
    trigger = slack.world.triggers.give("U0ADA")
    assert await refused(web.views_open(trigger_id=trigger, view={"type": "modal", "blocks": []})) == (
        "invalid_arguments"
    )


async def test_a_response_url_works_five_times_for_half_an_hour(slack: Playground) -> None:
    from playground import response_urls

    async with aiohttp.ClientSession() as session:
        url = response_urls.give(slack.world, C, "U0BEN")
        answers = []
        for _ in range(6):
            async with session.post(url, json={"text": "x"}) as response:
                answers.append((response.status, await response.text()))
        assert answers == [(200, "ok")] * 5 + [(404, "used_url")]
        with time_machine.travel("2026-11-21T12:00:00Z", tick=False) as clock:
            url = response_urls.give(slack.world, C, "U0BEN")
            clock.shift(1801)
            async with session.post(url, json={"text": "x"}) as response:
                assert await response.text() == "expired_url"
    assert len(slack.ephemerals("ben")) == 5


async def test_a_channel_takes_a_burst_and_then_one_post_a_second(
    slack: Playground, web: AsyncWebClient
) -> None:
    with time_machine.travel("2026-11-21T12:00:00Z", tick=False) as clock:
        for _ in range(10):
            await web.chat_postMessage(channel=C, text="x")
        with pytest.raises(SlackApiError) as caught:
            await web.chat_postMessage(channel=C, text="x")
        assert caught.value.response.status_code == 429
        assert caught.value.response.headers["Retry-After"] == "1"
        await web.chat_postMessage(channel="C0SUPPORT", text="another channel")
        clock.shift(1)
        await web.chat_postMessage(channel=C, text="x")
    slack.world.limits.enabled = False
    for _ in range(30):
        await web.chat_postMessage(channel=C, text="x")


async def test_a_name_needs_its_scope_and_is_ignored_without(slack: Playground, web: AsyncWebClient) -> None:
    named = await web.chat_postMessage(channel=C, text="x", username="analyst", icon_emoji=":bar_chart:")
    assert named["message"]["username"] == "analyst" and named["message"]["subtype"] == "bot_message"
    slack.world.state.tokens.rows[slack.bot_token]["scopes"].remove("chat:write.customize")
    ignored = await web.chat_postMessage(channel=C, text="x", username="analyst")
    assert "username" not in ignored["message"]
    assert "chat:write" in ignored.headers["X-OAuth-Scopes"].split(",")
    assert "chat:write.customize" not in ignored.headers["X-OAuth-Scopes"].split(",")


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")  # the SDK uses it
async def test_installing_gives_a_token_that_works(slack: Playground) -> None:
    query = {
        "client_id": "playground.client",
        "redirect_uri": "http://127.0.0.1:1/back",
        "scope": "chat:write",
    }
    async with (
        aiohttp.ClientSession() as session,
        session.get(slack.base_url + "/oauth/v2/authorize", params=query | {"state": "s"}) as response,
    ):
        page = await response.text()
    code = page.split("code=")[1].split("&")[0]
    exchange = {"client_id": "playground.client", "client_secret": "playground-client-secret", "code": code}
    answer = await client(slack).oauth_v2_access(**exchange, redirect_uri=query["redirect_uri"])
    assert (await client(slack, answer["access_token"]).auth_test())["team_id"] == answer["team"]["id"]
    again = client(slack).oauth_v2_access(**exchange, redirect_uri=query["redirect_uri"])
    assert await refused(again) == "invalid_code"
