"""Whole conversations between people and an unmodified Bolt app."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from playground import Playground
from tests.playground.bench import Connect, bolt, modal

Body = dict[str, Any]


async def test_a_mention_is_answered_in_its_thread(slack: Playground, connect: Connect) -> None:
    """The mention arrives as both kinds of event, and the thread reads as it should."""
    app, seen = bolt(slack), []

    @app.event("app_mention")
    async def mentioned(event: Body, body: Body, say: Any) -> None:
        seen.append(event)
        assert body["authorizations"][0]["user_id"] == slack.workspace.bot["id"]
        assert body["event_context"] and body["api_app_id"] and event["client_msg_id"]
        await say(text=f"Hello <@{event['user']}>", thread_ts=event["ts"])

    @app.event("message")
    async def heard(event: Body) -> None:
        seen.append(event)

    await connect(app)
    ts = await slack.say("general", "@delegate hello", by="ben")
    await slack.until(lambda: len(slack.thread("general", ts)) == 2 and len(seen) == 2)
    assert slack.thread_text("general", ts) == "ben: @delegate hello\ndelegate: Hello @ben"
    assert sorted(e["type"] for e in seen) == ["app_mention", "message"]
    assert {e["ts"] for e in seen} == {ts}


async def test_edits_deletions_and_own_messages_are_events(slack: Playground, connect: Connect) -> None:
    """A person's edit and deletion arrive as subtypes; the app's own post echoes on the wire."""
    app, seen = bolt(slack), []

    @app.event({"type": "message", "subtype": "message_changed"})
    async def changed(event: Body) -> None:
        seen.append(("changed", event["message"]["text"], event["previous_message"]["text"]))

    @app.event({"type": "message", "subtype": "message_deleted"})
    async def deleted(event: Body) -> None:
        seen.append(("deleted", event["deleted_ts"], event["previous_message"]["text"]))

    @app.event("message")
    async def other() -> None: ...  # Bolt leaves what nobody listens to unacknowledged

    await connect(app)
    ts = await slack.say("general", "one", by="ada")
    slack.people.edit("general", ts, "two", "ada")
    await slack.until(lambda: len(seen) == 1)
    slack.people.delete("general", ts, "ada")
    await slack.until(lambda: len(seen) == 2)
    assert seen == [("changed", "two", "one"), ("deleted", ts, "two")]
    await app.client.chat_postMessage(channel="C0GENERAL", text="mine")
    await slack.until(lambda: slack.world.delivery.pending == 0)
    assert [d["type"] for d in slack.world.delivery.log] == ["message"] * 4


async def test_a_direct_message_is_a_message_of_type_im(slack: Playground, connect: Connect) -> None:
    app, seen = bolt(slack), []

    @app.event("message")
    async def heard(event: Body, say: Any) -> None:
        seen.append(event["channel_type"])
        await say("yes?")

    await connect(app)
    await slack.say("dm", "hello", by="chen")
    await slack.until(lambda: len(slack.messages("dm", by="chen")) == 2)
    assert seen == ["im"]


async def test_a_command_is_acknowledged_answered_and_answered_again(
    slack: Playground, connect: Connect
) -> None:
    """The ack's text is for the person alone; response_url can speak to the channel."""
    app = bolt(slack)

    @app.command("/delegate")
    async def command(ack: Any, respond: Any, body: Body) -> None:
        assert "thread_ts" not in body
        await ack(f"Working on {body['text']}")
        await respond("done", response_type="in_channel")

    await connect(app)
    await slack.command("/delegate", "it", channel="support", by="ben")
    await slack.until(lambda: slack.messages("support")[-1]["text"] == "done")
    assert [m["text"] for m in slack.ephemerals("ben")] == ["Working on it"]
    assert slack.ephemerals("ada") == []


async def test_a_command_names_people_as_the_app_wants_it(slack: Playground, connect: Connect) -> None:
    """Plain names, or escaped when the manifest says `should_escape`."""
    app, seen = bolt(slack), []

    @app.command("/delegate")
    async def command(ack: Any, body: Body) -> None:
        seen.append(body["text"])
        await ack()

    await connect(app)
    await slack.command("/delegate", "ask <@U0BEN> in #support & tell")
    slack.world.commands[0] = slack.world.commands[0] | {"should_escape": True}
    await slack.command("/delegate", "ask @ben in #support & tell")
    assert seen == ["ask @ben in #support & tell", "ask <@U0BEN|ben> in <#C0SUPPORT|support> &amp; tell"]


async def test_a_command_without_an_app_fails_as_slack_says(slack: Playground) -> None:
    slack.world.delivery._retries = type(slack.world.delivery._retries)(ack_timeout=0.05)
    await slack.command("/delegate", "it", by="ben")
    assert slack.ephemerals("ben")[0]["text"] == "/delegate failed with the error “dispatch_failed”"


async def test_a_button_opens_a_form_and_the_form_is_checked(slack: Playground, connect: Connect) -> None:
    """Click, modal, a refused and an accepted submission, and the message changed by response_url."""
    app, seen = bolt(slack), []

    @app.action("settings")
    async def clicked(ack: Any, body: Body, client: AsyncWebClient, respond: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal())
        await respond(text="opened", replace_original=True)

    @app.view("settings_form")
    async def submitted(ack: Any, view: Body) -> None:
        value = view["state"]["values"]["name"]["value"]["value"]
        seen.append(value)
        if value == "bad":
            await ack(response_action="errors", errors={"name": "Not that"})
        else:
            await ack()

    await connect(app)
    button = {"type": "button", "action_id": "settings", "text": {"type": "plain_text", "text": "Settings"}}
    posted = await app.client.chat_postMessage(
        channel="C0GENERAL", text="x", blocks=[{"type": "actions", "elements": [button]}]
    )
    await slack.click("general", posted["ts"], "Settings", by="ada")
    view = await slack.until(lambda: slack.view("ada"))
    assert await slack.submit(view["id"], {"name": {"value": {"value": "bad"}}}) == {"name": "Not that"}
    assert slack.view("ada")
    assert await slack.submit(view["id"], {"name": {"value": {"value": "good"}}}) == {}
    assert slack.view("ada") is None
    assert seen == ["bad", "good"]
    await slack.until(lambda: slack.messages("general")[-1]["text"] == "opened")


async def test_a_form_that_is_closed_is_an_event_when_asked_for(slack: Playground, connect: Connect) -> None:
    app, seen = bolt(slack), []

    @app.view_closed("settings_form")
    async def closed(ack: Any, body: Body) -> None:
        await ack()
        seen.append(body["is_cleared"])

    await connect(app)
    trigger = slack.world.triggers.give("U0ADA")
    opened = await app.client.views_open(trigger_id=trigger, view=modal() | {"notify_on_close": True})
    await slack.close_view(opened["view"]["id"])
    assert seen == [False]
    assert slack.view() is None


async def test_a_message_shortcut_brings_the_message(slack: Playground, connect: Connect) -> None:
    app, seen = bolt(slack), []

    @app.shortcut("delegate_this")
    async def shortcut(ack: Any, body: Body) -> None:
        await ack()
        seen.append((body["type"], body["message"]["text"]))

    await connect(app)
    ts = await slack.say("general", "please", by="ben")
    await slack.shortcut("delegate_this", "general", ts, by="ada")
    await slack.until(lambda: seen)
    assert seen == [("message_action", "please")]


async def test_opening_home_publishes_it(slack: Playground, connect: Connect) -> None:
    app = bolt(slack)

    @app.event("app_home_opened")
    async def opened(event: Body, client: AsyncWebClient) -> None:
        assert event["tab"] == "home"
        await client.views_publish(
            user_id=event["user"], view={"type": "home", "blocks": [{"type": "divider"}]}
        )

    await connect(app)
    assert slack.open_home("ada") is None
    view = await slack.until(lambda: slack.home("ada"))
    assert view["blocks"][0]["type"] == "divider" and slack.home("ben") is None


async def test_files_go_up_and_come_down(slack: Playground, web: AsyncWebClient) -> None:
    """The SDK's own upload; what a person attached can be fetched, with the token only."""
    ts = await slack.say(
        "general", "a table", files=[slack.upload("sales.csv", b"a,b\n1,2\n", by="ben")], by="ben"
    )
    (file,) = slack.thread("general", ts)[0]["files"]
    done = await web.files_upload_v2(channel="C0GENERAL", thread_ts=ts, filename="chart.png", content=b"png")
    assert done["files"][0]["title"] == "chart.png" or done["files"][0]["name"] == "chart.png"
    assert slack.thread_text("general", ts).endswith("delegate:  [file: chart.png]")
    assert (await slack.fetch(file["url_private_download"], slack.bot_token)) == ("text/csv", b"a,b\n1,2\n")
    kind, page = await slack.fetch(file["url_private_download"], "")
    assert kind == "text/html" and b"Sign in" in page


async def test_a_stream_grows_and_stops(slack: Playground, web: AsyncWebClient) -> None:
    """The SDK's stream, text and tasks; afterwards the message is like any other."""
    ts = await slack.say("dm", "tell me", by="ada")
    stream = await web.chat_stream(
        channel=slack.place("dm"), thread_ts=ts, task_display_mode="plan", buffer_size=1
    )
    await stream.append(markdown_text="One ")
    await stream.append(chunks=[{"type": "task_update", "id": "t", "title": "Look", "status": "in_progress"}])
    await stream.append(chunks=[{"type": "task_update", "id": "t", "title": "Look", "status": "complete"}])
    await stream.stop(markdown_text="two")
    assert slack.thread_text("dm", ts) == "ada: tell me\ndelegate: One \n[]\n  ✓ Look\ntwo"
    assert "stream" not in slack.thread("dm", ts)[-1]


async def test_status_and_session_and_the_native_stop(slack: Playground, connect: Connect) -> None:
    app, seen = bolt(slack), []

    @app.event("agent_session_stopped")
    async def stopped(event: Body) -> None:
        seen.append(event["thread_ts"])

    await connect(app)
    ts = await slack.say("general", "@delegate go")
    await app.client.assistant_threads_setStatus(channel_id="C0GENERAL", thread_ts=ts, status="thinks")
    assert slack.status("general", ts)["text"] == "thinks"
    await app.client.chat_postMessage(channel="C0GENERAL", thread_ts=ts, text="so")
    assert slack.status("general", ts)["text"] == ""
    await app.client.agents_sessions_setStatus(channel_id="C0GENERAL", thread_ts=ts, status="processing")
    slack.people.stop_session("general", ts, "ada")
    await slack.until(lambda: seen)
    assert seen == [ts] and slack.status("general", ts)["agent_status"] == "processing"
