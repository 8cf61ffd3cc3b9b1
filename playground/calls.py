"""A log of every API call, for the inspector and for tests. Tokens never get into it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from playground.state import Json

KEPT = 5_000
_SECRET = ("token", "client_secret", "code")


class Calls:
    def __init__(self) -> None:
        self._log: deque[Json] = deque(maxlen=KEPT)
        self._count = 0
        self.on_call: Callable[[Json], None] = lambda call: None

    def add(self, method: str, args: Json, response: Json, *, status: int, ms: float, at: float) -> None:
        self._count += 1
        call = {
            "n": self._count,
            "method": method,
            "args": {k: v for k, v in args.items() if k not in _SECRET},
            "response": {k: _kept(k, v) for k, v in response.items()},
            "ok": bool(response.get("ok")),
            "error": response.get("error"),
            "status": status,
            "ms": round(ms, 2),
            "at": at,
        }
        self._log.append(call)
        self.on_call(call)

    def of(self, method: str | None = None) -> list[Json]:
        return [c for c in self._log if method is None or c["method"] == method]

    def after(self, n: int) -> list[Json]:
        return [c for c in self._log if c["n"] > n]

    def clear(self) -> None:
        self._log.clear()


def _kept(key: str, value: object) -> object:
    """A value as it is now: messages change later, and tokens are nobody's business."""
    if "token" in key:
        return "…"
    return dict(value) if isinstance(value, dict) else value
