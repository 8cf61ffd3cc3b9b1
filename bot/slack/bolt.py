"""Bolt, put together: authorization without a call per event, the inbox in front, and the few listeners
that must answer within 3 s because they open something on a person's screen.

Everything else was taken by the inbox (`bot/slack/inbox.py`) before a listener could see it. The token is
passed in: with SLACK_CLIENT_ID in the environment Bolt would silently switch to OAuth and drop it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import aiohttp
import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.messages import AnswerMessage, Reply
from bot.ports import CannotStart
from bot.render import render
from bot.run import Run
from bot.slack import views
from bot.slack.blocks import Json, ref
from bot.slack.home import Home
from bot.slack.inbox import Inbox
from bot.slack.incoming import COMMAND, Incoming

log = structlog.get_logger(__name__)


class Reads(Protocol):
    async def load(self, workspace: str, run_id: str, *, fresh: bool = False) -> Run | None: ...
    async def recent_runs(self, workspace: str, by: str, limit: int) -> Sequence[Run]: ...


async def who_am_i(client: AsyncWebClient) -> AuthorizeResult:
    """One `auth.test`, so that no event needs one. Raises `CannotStart`."""
    try:
        async with asyncio.timeout(15):
            answer = await client.auth_test()
    except SlackApiError as error:
        reason = error.response.get("error")
        raise CannotStart(
            f"Slack refuses SLACK_BOT_TOKEN ({reason}). Copy it again from “Install App”."
        ) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        why = str(error) or "no answer"
        raise CannotStart(f"Slack cannot be reached at {client.base_url}: {why}.") from error
    return AuthorizeResult.from_auth_test_response(auth_test_response=answer, bot_token=client.token)


async def whisper(
    client: AsyncWebClient, incoming: Incoming, sentence: str, instead: Sequence[Json] = ()
) -> None:
    """To one person, where they are; `instead` of the message whose button it was, where it is given. Best
    effort: a sentence that is lost costs nobody anything."""
    thread_ts = incoming.thread_ts if incoming.thread_ts != incoming.ts else None
    try:
        async with asyncio.timeout(10):
            if incoming.response_url:  # works where the bot is not a member too
                answer = AsyncWebhookClient(incoming.response_url, session=client.session)
                await answer.send(
                    text=sentence,
                    blocks=list(instead) or None,
                    response_type="ephemeral",
                    replace_original=bool(instead),
                )
            else:
                await client.chat_postEphemeral(
                    channel=incoming.channel, user=incoming.by, text=sentence, thread_ts=thread_ts
                )
    except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
        log.info("a sentence to one person was not shown", error=type(error).__name__)


def build(client: AsyncWebClient, me: AuthorizeResult, inbox: Inbox, reads: Reads, home: Home) -> AsyncApp:
    async def authorize(**_: Any) -> AuthorizeResult:
        return me

    app = AsyncApp(
        logger=logging.getLogger("bot.bolt"),  # Bolt sets the level of loggers that it makes itself
        client=client,
        authorize=authorize,
        signing_secret="unused",  # noqa: S106  (Bolt wants one; the gate holds the real one)
        request_verification_enabled=False,  # bot/slack/gate.py did it, over the raw bytes
        ssl_check_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    app.middleware(inbox.middleware)
    register(app, reads, home, me.url or "")
    return app


def register(app: AsyncApp, reads: Reads, home: Home, url: str) -> None:
    """The listeners that answer on the spot."""

    @app.command(COMMAND)
    async def command(ack: Callable[..., Awaitable[Any]], body: dict[str, Any]) -> None:
        workspace, person = body["team_id"], body["user_id"]
        match str(body.get("text") or "").strip().lower():
            case "status":
                runs = await reads.recent_runs(workspace, person, 10)
                await ack(text="Your requests", blocks=views.status_blocks(runs, url))
            case "workers":
                await ack(text="The team", blocks=await home.team(workspace, person))
            case "schedules":
                await ack(text="Your schedules", blocks=await home.schedules(workspace, person))
            case _:
                await ack(text="How to ask", blocks=views.help_blocks())

    @app.event("app_home_opened")
    async def opened(event: dict[str, Any], body: dict[str, Any]) -> None:
        if event.get("tab") == "home":  # it comes for the messages tab too
            await home.publish(body["team_id"], event["user"])

    @app.action("show_all")
    async def show_all(
        ack: Callable[..., Awaitable[Any]], body: dict[str, Any], client: AsyncWebClient
    ) -> None:
        await ack()
        run_id, _, step = str(body["actions"][0].get("value") or "").partition("/")
        run = await reads.load(body["team"]["id"], run_id, fresh=True)  # another bot may have shown it
        if run is None or run.request.channel != body["channel"]["id"]:
            return
        shown = render(run)
        reply = next((m for m in shown.values() if isinstance(m, Reply) and ref(m.step) == step), None)
        answer = shown.get("answer")
        if reply:
            title, text = reply.title, reply.result.text
        elif isinstance(answer, AnswerMessage):
            title, text = run.title or "Answer", answer.text
        else:
            return
        await client.views_open(trigger_id=body["trigger_id"], view=views.full_text_modal(title, text))
