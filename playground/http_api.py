"""`/api/<method>`: reads the arguments however they come, checks token, limits and faults, runs the method.

[src: slack_sdk/web/async_base_client.py] the SDK sends JSON, forms or multipart, and GET parameters; lists
and objects inside a form are JSON strings. It knows no method by name, except to find its channel.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import math
import time

from aiohttp import web

from playground.errors import RateLimited, SlackError
from playground.faults import ApiFault
from playground.methods import METHODS, Call, Method
from playground.state import Json
from playground.world import World

log = logging.getLogger("playground.api")

JSON_ARGUMENTS = frozenset(
    ["blocks", "attachments", "view", "metadata", "files", "chunks", "prompts", "loading_messages", "unfurls"]
)


async def arguments(request: web.Request) -> Json:
    """Query, form, JSON and multipart, merged."""
    args: Json = dict(request.query)
    if request.headers.get("authorization", "").startswith("Basic "):
        decoded = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        args["client_id"], _, args["client_secret"] = decoded.partition(":")
    kind = request.content_type
    if request.method == "POST":
        if kind == "application/json":
            body = await request.text()
            try:
                given = json.loads(body) if body else {}
            except ValueError:
                raise SlackError("invalid_json") from None
            if not isinstance(given, dict):
                raise SlackError("json_not_object")
            args |= given
        elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
            form = await request.post()
            args |= {k: v for k, v in form.items() if isinstance(v, str)}
    for name in JSON_ARGUMENTS & args.keys():
        args[name] = _decoded(name, args[name])
    return args


def _decoded(name: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    if not value:
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        code = {"blocks": "invalid_blocks_format", "metadata": "invalid_metadata_format"}
        raise SlackError(code.get(name, "invalid_arguments")) from None


def _token(request: web.Request, args: Json) -> str:
    header = request.headers.get("authorization", "")
    given = args.pop("token", "")
    return header.removeprefix("Bearer ").strip() if header.startswith("Bearer ") else str(given)


class Api:
    def __init__(self, world: World) -> None:
        self._world = world
        self._late: set[asyncio.Task[None]] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        began = time.perf_counter()
        status, drop = 200, False
        headers: dict[str, str] = {}
        args: Json = {}
        fault: ApiFault | None = None
        try:
            args = await arguments(request)
            secret = _token(request, args)
            method = METHODS.get(name)
            if method is None:
                raise SlackError("unknown_method", req_method=name)
            call = Call(self._world, args, self._who(method, secret))
            # [doc: authentication/tokens#scopes] every answer names the scopes of its token.
            headers["X-OAuth-Scopes"] = ",".join(call.token["scopes"])
            fault = self._world.faults.on_call(name)
            if fault is not None and fault.what == "slow":
                await asyncio.sleep(fault.seconds)
            answer = self._run(method, call, fault)
            drop = fault is not None and fault.what in ("drop_reply", "commit_late")
            if fault is not None and fault.what == "fail":
                status = fault.status
        except SlackError as error:
            answer = {"ok": False, "error": error.code, **error.extra}
        except RateLimited as limited:
            # Whole seconds, rounded up [doc: rate-limits].
            status, headers["Retry-After"] = 429, str(max(1, math.ceil(limited.retry_after)))
            answer = {"ok": False, "error": "ratelimited"}
        except Exception:
            # A hole in the playground itself: said aloud, and answered as Slack answers its own.
            log.exception("%s broke", name)
            status, answer = 500, {"ok": False, "error": "internal_error"}
        self._log(name, args, answer if not drop else {**answer, "error": "(reply lost)"}, status, began)
        if drop:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        return web.json_response(answer, status=status, headers=headers)

    def _who(self, method: Method, secret: str) -> Json:
        """[doc: methods#errors] not_authed without a token, invalid_auth with one that is no good."""
        if method.token == "none":  # noqa: S105  (a kind, not a secret)
            return {"kind": "none", "user": "", "scopes": []}
        if not secret:
            raise SlackError("not_authed")
        row = self._world.state.tokens.get(secret)
        if row is None:
            raise SlackError("invalid_auth")
        if row.get("revoked"):
            raise SlackError(row["revoked"])
        if row["kind"] != method.token and method.name != "auth.test":
            raise SlackError("not_allowed_token_type")
        return row

    def _run(self, method: Method, call: Call, fault: ApiFault | None) -> Json:
        if fault is not None and fault.what == "ratelimit":
            raise RateLimited(self._world.faults.left(fault))
        if fault is not None and fault.what == "refuse":
            raise SlackError(fault.error)
        if fault is not None and fault.what == "fail":
            return {"ok": False, "error": "internal_error"}
        self._world.limits.check(method.name, method.tier, call.text("channel"))
        call.scoped(*method.scopes)
        if fault is not None and fault.what == "commit_late":
            self._commit_late(method, call, fault.seconds)
            return {"ok": False}
        return {"ok": True, **method.run(call)}

    def _commit_late(self, method: Method, call: Call, seconds: float) -> None:
        async def later() -> None:
            await asyncio.sleep(seconds)
            answer: Json
            try:
                answer = {"ok": True, **method.run(call)}
            except SlackError as error:
                answer = {"ok": False, "error": error.code}
            self._log(f"{method.name} (late)", call.args, answer, 200, time.perf_counter())

        task = asyncio.get_running_loop().create_task(later())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _log(self, name: str, args: Json, answer: Json, status: int, began: float) -> None:
        ms = (time.perf_counter() - began) * 1000
        self._world.calls.add(name, args, answer, status=status, ms=ms, at=self._world.ids.now())

    async def close(self) -> None:
        for task in list(self._late):
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
