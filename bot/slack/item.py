"""One message of a run as something to post: where, under which key, and the digest of what is seen.

Pure. Knows no Block Kit and no Slack call.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from bot.messages import Message, Reply
from bot.run import Run

EVENT_TYPE = "delegate_post"


@dataclass(frozen=True, slots=True)
class Item:
    """One message to post or to update."""

    workspace: str
    run_id: str
    key: str
    message: Message
    digest: str
    version: int
    channel: str
    thread_ts: str = ""
    since: float = 0.0  # nothing of this run is older
    final: bool = False

    @property
    def mark(self) -> str:
        """Its name in the metadata. Everybody in the workspace may read that, so it says no more."""
        name = f"{self.workspace}\n{self.run_id}\n{self.key}"
        return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32]

    @property
    def metadata(self) -> dict[str, Any]:
        return {"event_type": EVENT_TYPE, "event_payload": {"key": self.mark}}


def item_of(run: Run, key: str, message: Message, thread_ts: str) -> Item:
    return Item(
        workspace=run.workspace,
        run_id=run.id,
        key=key,
        message=message,
        digest=digest(message),
        version=run.version,
        channel=channel_of(run, key),
        thread_ts="" if key in ("root", "notice") else thread_ts,
        since=run.created_at,
        final=key == "answer" or (isinstance(message, Reply) and bool(message.to)),
    )


def digest(message: Message) -> str:
    """Of what is seen: what later steps are handed, or where a file's bytes lie, changes nothing here."""
    if isinstance(message, Reply):
        files = tuple(f.model_copy(update={"path": "", "url": ""}) for f in message.result.files)
        message = replace(message, result=message.result.model_copy(update={"data": None, "files": files}))
    return hashlib.sha256(repr(message).encode("utf-8", "replace")).hexdigest()[:32]


def channel_of(run: Run, key: str) -> str:
    return run.request.by if key == "notice" else run.request.channel
