"""A model server for tests and benches: OpenAI's wire format over real HTTP, with answers that are scripted.

A fake at the network's edge. Whoever asks it goes through all of the client's code, and it can be slow, full,
broken or silent on demand. Left alone it behaves like a plain bot's model: a planning call (its schema has
"steps") gets a plan, `chain-3` and `fanout-8` in the request get plans of that shape, all else an echo.

    async with StubModel() as stub:
        stub.plan({"title": "Post", "steps": [...]})        # the next planning call
        stub.on("blog", plan={...})                         # every planning call about a blog
        stub.reply("A draft.", match="Draft it")            # the next call that says so
        stub.fault(429, times=2, retry_after=0.1)           # 400…599, or a name out of FAULTS

    python -m tests.stub_model --port 8099 --delay 0.2

It does not know Slack, the bot, or litellm.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from aiohttp import web

Fault = Literal["garbage", "half", "truncated", "hang", "refuse", "empty", "drop", "prose"]
FAULTS: tuple[Fault, ...] = ("garbage", "half", "truncated", "hang", "refuse", "empty", "drop", "prose")
Plan = Mapping[str, Any]


@dataclass(slots=True)
class Seen:
    """One request that came in."""

    body: dict[str, Any]
    key: str  # what the client sent as its bearer
    at: float
    ended: float = 0.0
    aborted: bool = False  # the client hung up before the answer

    @property
    def schema(self) -> dict[str, Any] | None:
        form = self.body.get("response_format") or {}
        schema = (form.get("json_schema") or {}).get("schema")
        return schema if isinstance(schema, dict) else None

    @property
    def planning(self) -> bool:
        form = json.dumps(self.schema or {})
        return '"steps"' in form or '"schedule"' in form

    @property
    def text(self) -> str:
        """All that was said, the system's part too."""
        return "\n".join(str(m.get("content", "")) for m in self.body.get("messages", ()))

    @property
    def request(self) -> str:
        """What follows “Request:” in the last message that has it; else the user's messages."""
        said = [str(m.get("content", "")) for m in self.body.get("messages", ()) if m.get("role") == "user"]
        for text in reversed(said):
            _, found, request = text.rpartition("Request: ")
            if found:
                return request.partition("\n\n")[0].strip()
        return "\n".join(said)

    @property
    def workers(self) -> list[str]:
        """The names a plan may use, as the planner's schema lists them."""
        found = re.search(r'"worker": \{[^{}]*"enum": (\[[^\]]*\])', json.dumps(self.schema or {}))
        return list(json.loads(found.group(1))) if found else ["writer"]


Match = str | Callable[[Seen], bool] | None
Answer = str | Mapping[str, Any] | Callable[[Seen], "str | Mapping[str, Any]"]


@dataclass(slots=True)
class Rule:
    match: Match
    answer: Answer | None = None
    fault: int | Fault | None = None
    planning: bool | None = None  # only planning calls, only others, or any
    left: int | None = 1  # None: for ever
    retry_after: float | None = None

    def takes(self, seen: Seen) -> bool:
        if self.left == 0 or (self.planning is not None and self.planning != seen.planning):
            return False
        if self.match is None:
            return True
        if callable(self.match):
            return self.match(seen)
        where = seen.request if seen.planning else seen.text
        return self.match.lower() in where.lower()


def chain(n: int, workers: list[str]) -> dict[str, Any]:
    """A plan of n steps, each needing the one before."""
    steps = [_step(i, workers, f"Part {i} of {n}.", [f"s{i - 1}"] if i > 1 else []) for i in range(1, n + 1)]
    return {"title": f"A chain of {n}", "steps": steps}


def fanout(n: int, workers: list[str]) -> dict[str, Any]:
    """n steps at once and one that joins them."""
    steps = [_step(i, workers, f"Piece {i} of {n}.", []) for i in range(1, n + 1)]
    steps.append(_step(n + 1, workers, "Join the pieces.", [f"s{i}" for i in range(1, n + 1)]))
    return {"title": f"A fan of {n}", "steps": steps}


def _step(i: int, workers: list[str], instruction: str, needs: list[str]) -> dict[str, Any]:
    return {
        "id": f"s{i}",
        "title": f"Step {i}",
        "worker": workers[(i - 1) % len(workers)],
        "instruction": instruction,
        "needs": needs,
    }


def usual(seen: Seen) -> str | Mapping[str, Any]:
    """What it says when no rule of a test applies."""
    request = seen.request
    if seen.planning:
        workers = [w for w in seen.workers if w == "writer"] or seen.workers[:1]
        if shape := re.search(r"\b(chain|fanout)-(\d+)\b", request):
            make = chain if shape.group(1) == "chain" else fanout
            return make(int(shape.group(2)), workers)
        step = _step(1, workers, request[:400], [])
        return {"title": request[:60] or "Untitled", "steps": [step | {"title": request[:60] or "Do it"}]}
    echo = f"Here it is: {' '.join(request.split())[:300]}"
    return echo if seen.schema is None else dict.fromkeys(seen.schema.get("properties", {}), echo)


@dataclass
class StubModel:
    port: int = 0
    delay: float = 0.0  # seconds before any answer
    requests: list[Seen] = field(default_factory=list)
    most_at_once: int = 0
    _rules: list[Rule] = field(default_factory=list)
    _standing: list[Rule] = field(default_factory=list)
    _runner: web.AppRunner | None = None
    _open: int = 0

    @property
    def url(self) -> str:
        """The `api_base` for an OpenAI client."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def count(self) -> int:
        return len(self.requests)

    def reply(self, answer: Answer, match: Match = None, times: int | None = 1) -> None:
        """Answers the next call (or the next `times`) that matches: text in it, or a function of `Seen`."""
        self._rules.append(Rule(match, answer, left=times))

    def plan(self, plan: Plan, match: Match = None) -> None:
        """The answer to the next planning call."""
        self._rules.append(Rule(match, plan, planning=True))

    def on(self, match: Match, *, plan: Answer | None = None, reply: Answer | None = None) -> None:
        """From now on: what is said about this, to a planning call and to any other."""
        if plan is not None:
            self._standing.append(Rule(match, plan, planning=True, left=None))
        if reply is not None:
            self._standing.append(Rule(match, reply, planning=False, left=None))

    def fault(
        self,
        kind: int | Fault,
        times: int | None = 1,
        match: Match = None,
        *,
        retry_after: float | None = None,
        planning: bool | None = None,
    ) -> None:
        """The next `times` calls fail: a status, or
        garbage (200, not JSON) · half (200, JSON cut off) · truncated (finish_reason length) · hang ·
        refuse (content policy) · empty (no text) · drop (connection closed) · prose (text, not JSON)."""
        self._rules.append(Rule(match, fault=kind, left=times, retry_after=retry_after, planning=planning))

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "stub", "object": "model"}]})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        seen = Seen(await request.json(), key, time.monotonic())
        self.requests.append(seen)
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        rule = next((r for r in (*self._rules, *self._standing) if r.takes(seen)), None)
        if rule is not None and rule.left is not None:
            rule.left -= 1
        try:
            if self.delay:
                await asyncio.sleep(self.delay)
            return await self._answer(request, seen, rule)
        except asyncio.CancelledError:
            seen.aborted = True
            raise
        finally:
            self._open -= 1
            seen.ended = time.monotonic()

    async def _answer(self, request: web.Request, seen: Seen, rule: Rule | None) -> web.StreamResponse:
        fault = rule.fault if rule else None
        if isinstance(fault, int):
            headers = {"Retry-After": str(rule.retry_after)} if rule and rule.retry_after is not None else {}
            body = {"error": {"message": f"scripted {fault}", "type": "scripted", "code": fault}}
            return web.json_response(body, status=fault, headers=headers)
        match fault:
            case "hang":
                await asyncio.sleep(3600)
            case "drop":
                if request.transport is not None:
                    request.transport.close()
            case "garbage":
                return web.Response(text="<html>Bad gateway</html>", content_type="text/html")
            case "half":
                return web.Response(
                    text=json.dumps(_completion(seen, "half of it"))[:60], content_type="application/json"
                )
            case "truncated":
                return web.json_response(_completion(seen, '{"title": "It goes on and', "length"))
            case "refuse":
                return web.json_response(_completion(seen, "", "content_filter"))
            case "empty":
                return web.json_response(_completion(seen, ""))
            case "prose":
                return web.json_response(_completion(seen, "Sure! I would first write it, then refine it."))
        said = rule.answer if rule and rule.answer is not None else usual
        said = said(seen) if callable(said) else said
        text = said if isinstance(said, str) else json.dumps(said)
        return web.json_response(_completion(seen, text))


def _completion(seen: Seen, text: str, finish: str = "stop") -> dict[str, Any]:
    words, prompt = len(text.split()), len(seen.text.split())
    return {
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": seen.body.get("model", "stub"),
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": words,
            "total_tokens": prompt + words,
        },
    }


async def serve(port: int, delay: float) -> None:
    async with StubModel(port=port, delay=delay) as stub:
        print(stub.url, flush=True)  # noqa: T201  (whoever started it reads the port here)
        await asyncio.Event().wait()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    chosen = options.parse_args()
    asyncio.run(serve(chosen.port, chosen.delay))


if __name__ == "__main__":
    main()
