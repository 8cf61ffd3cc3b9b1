"""Slack's Web API as far as a load needs it: answers at once, and remembers who was told what.

    python -m bench.slack_stub --delay 0.08      # says its address on stdout

The playground shows people a workspace; this shows nobody anything, knows any number of workspaces and
costs next to nothing. A person's id says which workspace they are of (`U07TBENCH3`), so nobody is a stranger.
A post that names a person is their answer. `GET /told` says what was seen so far. It sends no events.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import uvloop
from aiohttp import web

BOT_USER, BOT_ID, BOT_TOKEN = "U0BENCHBOT", "B0BENCHBOT", "xoxb-bench"
FIRST = "TBENCH0"
PERSON = re.compile(r"<@(U\d+T\w+)>")
Json = dict[str, Any]


def workspace_of(person: str) -> str:
    """`U07TBENCH3` is of the workspace `TBENCH3`."""
    return "T" + person.partition("T")[2]


class SlackStub:
    def __init__(self, delay: float = 0.0) -> None:
        self._delay = delay  # seconds before any answer
        self._calls: Counter[str] = Counter()
        self._roots: dict[tuple[str, str], list[Json]] = {}
        self._answers: Counter[tuple[str, str]] = Counter()  # by channel and thread
        self._ts: Iterator[int] = itertools.count(1)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_get("/told", self._told)
        app.router.add_route("*", "/api/{method}", self._call)
        return app

    async def _told(self, _: web.Request) -> web.Response:
        answers = Counter(self._answers.values())
        return web.json_response(
            {
                "calls": dict(self._calls),
                "answered": len(self._answers),
                "answered_twice": sum(count for times, count in answers.items() if times > 1),
            }
        )

    async def _call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        self._calls[method] += 1
        if request.content_type == "application/json":
            given: Mapping[str, Any] = await request.json()
        else:
            given = {**request.query, **await request.post()}
        if self._delay:
            await asyncio.sleep(self._delay)
        return web.json_response({"ok": True, **self._answer(method, given)})

    def _answer(self, method: str, given: Mapping[str, Any]) -> Json:
        match method:
            case "auth.test":
                me = {"user": "delegate", "user_id": BOT_USER, "bot_id": BOT_ID}
                return {**me, "team": "Bench", "team_id": FIRST, "url": "https://bench.slack.test/"}
            case "users.info":
                return {"user": _person(str(given["user"]))}
            case "chat.postMessage":
                return self._post(given)
            case "chat.update":
                return {"channel": given["channel"], "ts": given["ts"], "text": given.get("text", "")}
            case "conversations.replies" | "conversations.history":
                there = self._roots.get((str(given["channel"]), str(given.get("ts", ""))), [])
                return {"messages": there, "has_more": False}
            case "conversations.info":
                return {"channel": {"id": given["channel"], "is_channel": True, "is_private": False}}
            case "conversations.members":
                return {"members": []}
        return {}

    def _post(self, given: Mapping[str, Any]) -> Json:
        channel, thread = str(given["channel"]), str(given.get("thread_ts") or "")
        ts = f"{int(time.time())}.{next(self._ts):06d}"
        metadata = given.get("metadata") or {}
        metadata = json.loads(metadata) if isinstance(metadata, str) else metadata
        self._roots.setdefault((channel, thread or ts), []).append({"ts": ts, "metadata": metadata})
        if PERSON.search(str(given.get("text") or "") + str(given.get("blocks") or "")):
            self._answers[channel, thread or ts] += 1
        message = {"ts": ts, "username": given.get("username", ""), "bot_id": BOT_ID}
        return {"channel": channel, "ts": ts, "message": message}


def _person(id: str) -> Json:
    profile = {"display_name": id.lower()}
    return {"id": id, "name": id.lower(), "team_id": workspace_of(id), "tz": "Etc/UTC", "profile": profile}


async def serve(delay: float) -> None:
    runner = web.AppRunner(SlackStub(delay).app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    chosen = options.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(chosen.delay))


if __name__ == "__main__":
    main()
