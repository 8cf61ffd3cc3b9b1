"""One call of Slack's Web API, and what is known after it: done, refused, limited, not sent, or unclear.

The client comes with no retry handlers of its own (they would post twice when a reply is lost), and the time
limit is ours (with a shared session the SDK ignores its own). Nothing is retried here.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.ports import Away

SECONDS = 10.0
NO_RETRY_AFTER = 30.0


class SlackTrouble(Away):
    """A call that brought nothing. For the log; no person sees it."""


class Refused(SlackTrouble):
    """Slack says no: certainly nothing was done."""

    def __init__(self, code: str, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        answer = answer or {}
        details = (answer.get("response_metadata") or {}).get("messages") or answer.get("errors") or []
        self.details = " ".join(map(str, details))
        self.needed = str(answer.get("needed") or "")


class Limited(SlackTrouble):
    """429: certainly nothing was done; ask this method again in so many seconds."""

    def __init__(self, seconds: float, method: str) -> None:
        super().__init__(f"{method} is limited for {seconds:g} s")
        self.seconds, self.method = seconds, method


class NotSent(SlackTrouble):
    """There was no connection: certainly nothing was done."""


class Unclear(SlackTrouble):
    """Sent, and no answer that says whether it was done. It may even be done later."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long somebody waits for an answer: so many tries of so many seconds."""

    tries: int = 5
    seconds: float = SECONDS


LONG, ONCE = Patience(), Patience(tries=1)
SHORT = Patience(tries=1, seconds=1.2)  # for what has to answer Slack within 3 s


async def read(
    make: Callable[[], Awaitable[AsyncSlackResponse]], patience: Patience = LONG
) -> Mapping[str, Any]:
    """A call that changes nothing, tried again while its trouble may pass. Raises as `call`."""
    for n in range(patience.tries):
        try:
            return await call(make(), patience.seconds)
        except Refused:
            raise
        except SlackTrouble as trouble:
            if n == patience.tries - 1:
                raise
            await asyncio.sleep(min(trouble.seconds, 60.0) if isinstance(trouble, Limited) else 2.0**n / 2)
    raise AssertionError("unreachable")


# "It's possible some aspect of the operation succeeded before the error was raised" [doc]
UNCLEAR = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})


async def call(method: Awaitable[AsyncSlackResponse], seconds: float = SECONDS) -> Mapping[str, Any]:
    """What Slack answered. Raises one of the four above, nothing else."""
    try:
        async with asyncio.timeout(seconds):
            response = await method
    except SlackApiError as error:
        raise trouble_in(error) from error
    except aiohttp.ClientConnectorError as error:
        raise NotSent(str(error)) from error
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise Unclear(f"{type(error).__name__}: {error}") from error
    return response.data if isinstance(response.data, dict) else {}


def trouble_in(error: SlackApiError) -> SlackTrouble:
    """What Slack said, as one of the four above."""
    response: Any = error.response
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
    data = getattr(response, "data", None)
    answer: Mapping[str, Any] = data if isinstance(data, dict) else {}
    code = str(answer.get("error") or "")
    if status == 429 or code in ("ratelimited", "rate_limited"):
        method = str(getattr(response, "api_url", "")).rpartition("/")[2]
        return Limited(_retry_after(getattr(response, "headers", None) or {}), method)
    if status >= 500 or not code or code in UNCLEAR:
        return Unclear(code or f"status {status}")
    return Refused(code, answer)


def _retry_after(headers: Mapping[str, Any]) -> float:
    lowered = {str(k).lower(): v for k, v in headers.items()}
    try:
        seconds = float(lowered.get("retry-after", NO_RETRY_AFTER))
    except (TypeError, ValueError):
        return NO_RETRY_AFTER
    return min(max(seconds, 0.5), 900.0) if math.isfinite(seconds) else NO_RETRY_AFTER
