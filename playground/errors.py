"""What the Web API answers when it refuses. The code is what slack-sdk raises; nothing here knows HTTP."""

from __future__ import annotations

from typing import Any


class SlackError(Exception):
    """`{"ok": false, "error": code, ...}` with HTTP 200, as Slack answers nearly every refusal."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra


class RateLimited(Exception):
    """HTTP 429 with `Retry-After`, the one refusal that is not a 200 [doc: apis/web-api/rate-limits]."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"retry after {retry_after} s")
        self.retry_after = retry_after


class NotAcked(Exception):
    """The app did not acknowledge a payload; `reason` is what `x-slack-retry-reason` will say."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refused(Exception):
    """What Slack's own client says to a person who tries something that is not possible."""
