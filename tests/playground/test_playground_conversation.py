"""Whole conversations between people and an unmodified Bolt app."""

from __future__ import annotations

from typing import Any

from playground import Playground

from slack_bench import Connect, bolt


async def test_a_mention_is_answered_in_its_thread(slack: Playground, connect: Connect) -> None:
    """The mention arrives as both kinds of event, and the thread reads as it should."""
    app, seen = bolt(slack), []

    @app.event("app_mention")
    async def mentioned(event: dict[str, Any], say: Any) -> None:
        seen.append("app_mention")
        await say(text=f"Hello <@{event['user']}>", thread_ts=event["ts"])

    @app.event("message")
    async def heard(event: dict[str, Any]) -> None:
        seen.append("message")

    await connect(app)
    ts = await slack.say("general", "@delegate hello", by="ben")
    await slack.until(lambda: len(slack.thread("general", ts)) == 2 and len(seen) == 2)
    assert slack.thread_text("general", ts) == "ben: @delegate hello\ndelegate: Hello @ben"
    assert sorted(seen) == ["app_mention", "message"]
