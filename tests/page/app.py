"""A Bolt app that answers a mention with all that the page must draw, and a modal, and a Home."""

from __future__ import annotations

import re
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

Json = dict[str, Any]
PENDING, RUNNING, DONE, FAILED = "pending", "in_progress", "complete", "error"


def words(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def rich(text: str) -> Json:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}


def button(action: str, text: str, **more: Any) -> Json:
    return {"type": "button", "action_id": action, "text": words(text), "value": action, **more}


def plan(*states: str) -> list[Json]:
    names = ("Research", "Draft", "Refine", "Answer")
    tasks: list[Json] = [
        {
            "type": "task_card",
            "task_id": name.lower(),
            "title": name,
            "status": state,
            "details": rich(f"About {name}"),
        }
        for name, state in zip(names, states, strict=True)
    ]
    controls = [button("change", "Change the plan"), button("approve", "Approve", style="primary")]
    return [
        {"type": "plan", "title": "Draft, then refine", "tasks": tasks},
        {"type": "actions", "block_id": "controls", "elements": controls},
    ]


HOSTILE = (
    "# Result\n**bold** [bad](javascript:alert(1)) [good](https://example.org/a)\n"
    "<img src=x onerror=alert(1)> ![p](https://evil.example/p.png)\n\n| A | B |\n|--|--:|\n| 1 | 2 |\n"
)


def form() -> Json:
    name = {"type": "plain_text_input", "action_id": "value"}
    options = [{"text": words(t), "value": t.lower()} for t in ("Low", "High")]
    effort = {"type": "static_select", "action_id": "value", "options": options}
    return {
        "type": "modal",
        "callback_id": "form",
        "title": words("Change the plan"),
        "submit": words("Save"),
        "blocks": [
            {"type": "input", "block_id": "name", "label": words("Name"), "element": name},
            {"type": "section", "text": words("Where it runs"), "accessory": button("more", "Details")},
            {"type": "input", "block_id": "effort", "label": words("Effort"), "element": effort},
        ],
    }


def make(client: AsyncWebClient, secret: str, seen: list[tuple[str, Any]]) -> AsyncApp:
    app = AsyncApp(client=client, signing_secret=secret, raise_error_for_unhandled_request=False)

    @app.event("app_mention")
    async def mentioned(event: Json, client: AsyncWebClient) -> None:
        seen.append(("mention", event))
        here = {"channel": event["channel"], "thread_ts": event.get("thread_ts") or event["ts"]}
        post = await client.chat_postMessage(text="Plan", blocks=plan(RUNNING, *[PENDING] * 3), **here)
        await client.chat_postMessage(text="Found *three*", username="Researcher", icon_emoji=":mag:", **here)
        blocks = plan(DONE, FAILED, RUNNING, PENDING)
        await client.chat_update(channel=here["channel"], ts=post["ts"], text="Plan", blocks=blocks)
        await client.chat_postMessage(text="Result", blocks=[{"type": "markdown", "text": HOSTILE}], **here)

    @app.event("app_home_opened")
    async def home(event: Json, client: AsyncWebClient) -> None:
        blocks = [{"type": "header", "text": words("Your workers")}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    @app.action("change")
    async def change(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=form())

    @app.shortcut("delegate_message")
    async def shortcut(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        seen.append(("shortcut", body))
        await client.views_open(trigger_id=body["trigger_id"], view=form())

    @app.action("more")
    async def more(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        blocks = [{"type": "section", "text": words("On this machine")}]
        view = {"type": "modal", "title": words("Details"), "blocks": blocks}
        await client.views_push(trigger_id=body["trigger_id"], view=view)

    @app.action(re.compile(".*"))
    async def clicked(ack: Any, action: Json) -> None:
        await ack()
        seen.append(("action", action))

    @app.view("form")
    async def submitted(ack: Any, view: Json) -> None:
        values = view["state"]["values"]
        seen.append(("form", values))
        taken = values["name"]["value"]["value"] == "taken"
        if taken:
            await ack(response_action="errors", errors={"name": "That name is taken."})
        else:
            await ack()

    @app.command("/delegate")
    async def command(respond: Any, ack: Any, command: Json) -> None:
        await ack()
        await respond(f"Working on: {command['text']}")

    return app
