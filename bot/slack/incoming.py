"""What Slack sends, read into what somebody wants of us: pure functions from a payload to an `Incoming`.

Only what is addressed to us becomes one; all else in a channel is nobody's business and is not stored.
Both twins of a mention (`app_mention` and `message`) are read from the text alone, so either may come
first, or alone. `keys` name what must not be taken twice. It does not know the database: whether a plain
reply stands in a thread of ours is for the inbox to ask.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from workers import Contract, File

CHAT_SUBTYPES = (None, "file_share", "thread_broadcast")  # the rest are edits, joins, bots, …
STOP_WORDS = ("stop", "stop.", "stop!", "cancel")
SHORTCUT, COMMAND = "delegate_message", "/delegate"
STORED_ACTIONS = ("stop", "feedback", "answer", "worker", "schedule", "proposal")  # `<action>:<choice>` too
INLINE_CHOICES = ("edit", "try")  # these open something on the person's screen

IncomingKind = Literal["ask", "reply", "stop", "answer", "feedback", "worker", "schedule", "proposal"]


class Incoming(Contract):
    """Addressed to us, in our words. `reply`: a message without a mention, meant for us only if its author
    started a run in that thread. `value`: what a button holds; its `text` is which option it is.
    `source`: where it came from; “home” has no channel."""

    kind: IncomingKind
    workspace: str
    channel: str
    by: str
    keys: tuple[str, ...]
    source: str = "mention"
    ts: str = ""
    thread_ts: str = ""
    root_by: str = ""  # who wrote the thread's first message, where Slack says so
    text: str = ""
    value: str = ""
    files: tuple[File, ...] = ()
    about: str = ""
    worker: str = ""  # these four as in `bot.run.Request`
    scheduling: str = ""
    target: str = ""
    zone: str = ""
    at: float = 0.0  # when it came, by our clock
    response_url: str = ""  # reaches the person where the bot is no member; not into a thread

    @property
    def place(self) -> str:
        """One person in one thread: what is said there is taken in its order."""
        return f"{self.workspace}/{self.by}/{self.channel}/{self.thread_ts}"

    @property
    def thread(self) -> str:
        """Where it stands, by which other bots find it; empty outside of threads."""
        return f"{self.channel}/{self.thread_ts}" if self.thread_ts else ""

    @property
    def in_a_list(self) -> bool:
        """A button of `/delegate schedules` or `/delegate workers`, which only this person sees."""
        pressed = self.source == "button" and bool(self.response_url)
        return pressed and self.kind in ("schedule", "worker")

    @property
    def key(self) -> str:
        return self.keys[-1]


def read_event(body: Mapping[str, Any], bot_user: str) -> Incoming | None:
    """`app_mention` or `message`: an ask, a stop, or a plain reply in a thread; None if not for us."""
    event = body.get("event") or {}
    if event.get("type") not in ("app_mention", "message") or event.get("subtype") not in CHAT_SUBTYPES:
        return None
    by, channel, ts, raw = (str(event.get(k) or "") for k in ("user", "channel", "ts", "text"))
    if not by or not channel or not ts or event.get("bot_id") or by == bot_user:
        return None
    dm = event.get("channel_type") == "im"
    mentioned = f"<@{bot_user}>" in raw or f"<@{bot_user}|" in raw
    thread_ts = str(event.get("thread_ts") or "")
    text = plain(raw, bot_user)
    kind: IncomingKind
    if dm or mentioned:
        kind, source = "ask", "dm" if dm else "mention"
    elif thread_ts and thread_ts != ts and not addresses_somebody(raw):
        kind, source = "reply", "reply"
    else:
        return None
    return Incoming(
        kind=kind,
        workspace=str(body.get("team_id") or event.get("team") or ""),
        channel=channel,
        by=by,
        keys=(f"event:{body.get('event_id')}", f"message:{channel}:{ts}"),
        source=source,
        ts=ts,
        thread_ts=thread_ts or ts,
        root_by=str(event.get("parent_user_id") or ""),
        text=text,
        files=read_files(event),
        about=about(raw),
    )


def read_command(body: Mapping[str, Any]) -> Incoming:
    """`/delegate <task>`, `… schedule <words>`, `… workers enable|disable <name> [#channel]`. It has no
    thread: its root is posted by us."""
    raw = str(body.get("text") or "")
    asked = Incoming(
        kind="ask",
        workspace=str(body.get("team_id") or ""),
        channel=str(body.get("channel_id") or ""),
        by=str(body.get("user_id") or ""),
        keys=(f"trigger:{body.get('trigger_id')}",),
        source="command",
        text=plain(raw, ""),
        about=about(raw),
        response_url=str(body.get("response_url") or ""),
    )
    word, _, rest = asked.text.partition(" ")
    match word.lower():
        case "schedule":
            return asked.model_copy(update={"scheduling": "new", "text": rest.strip()})
        case "workers":
            choice, _, name = _SWITCH.sub("", raw).strip().partition(" ")
            name = re.sub(r"<#[^>]*>", "", name).strip().lower()
            on = {"enable": "on", "disable": "off"}.get(choice.lower(), "") if raw.count("<#") < 2 else ""
            return asked.model_copy(update={"kind": "worker", "text": on, "value": name})
    return asked


_SWITCH = re.compile(r"^\s*workers\b", re.IGNORECASE)


def read_shortcut(body: Mapping[str, Any]) -> Incoming:
    """The message shortcut: the message is the request, and its thread is where the work goes."""
    message = body.get("message") or {}
    raw, ts = str(message.get("text") or ""), str(message.get("ts") or "")
    return Incoming(
        kind="ask",
        workspace=str((body.get("team") or {}).get("id") or ""),
        channel=str((body.get("channel") or {}).get("id") or ""),
        by=str((body.get("user") or {}).get("id") or ""),
        keys=(f"trigger:{body.get('trigger_id')}",),
        source="shortcut",
        ts=ts,
        thread_ts=str(message.get("thread_ts") or ts),
        text=plain(raw, ""),
        files=read_files(message),
        about=about(raw),
        response_url=str(body.get("response_url") or ""),
    )


def read_action(body: Mapping[str, Any]) -> Incoming | None:
    """A button of ours whose effect is stored; None for those that are answered on the spot."""
    action = (body.get("actions") or [{}])[0]
    kind, _, choice = str(action.get("action_id") or "").partition(":")
    if kind not in STORED_ACTIONS or choice in INLINE_CHOICES:
        return None
    container = body.get("container") or {}
    return Incoming(
        kind=kind,
        workspace=str((body.get("team") or {}).get("id") or ""),
        channel=str((body.get("channel") or container).get("id") or container.get("channel_id") or ""),
        by=str((body.get("user") or {}).get("id") or ""),
        keys=(f"trigger:{body.get('trigger_id')}",),
        source="home" if container.get("type") == "view" else "button",
        response_url=list_url(body),
        ts=str(container.get("message_ts") or ""),
        thread_ts=str(container.get("thread_ts") or ""),
        value=str(action.get("value") or ""),
        text=choice,
    )


def list_url(body: Mapping[str, Any]) -> str:
    """Where a message that only this person sees can be redrawn; empty for a button that stands elsewhere."""
    container = body.get("container") or {}
    return str(body.get("response_url") or "") if container.get("is_ephemeral") else ""


def read_files(message: Mapping[str, Any]) -> tuple[File, ...]:
    return tuple(
        File(
            name=str(f.get("name") or "file"),
            mimetype=str(f.get("mimetype") or "application/octet-stream"),
            size=int(f.get("size") or 0),
            slack_id=str(f.get("id") or ""),
            url=str(f.get("url_private_download") or f.get("url_private") or ""),
        )
        for f in message.get("files") or []
        if isinstance(f, Mapping)
    )


_ENTITY = re.compile(r"<([@#!]?)([^>|]*)(?:\|([^>]*))?>")


def plain(raw: str, bot_user: str) -> str:
    """The words a person sees: our own mention gone (nobody else's), links and channels readable, Slack's
    three escapes undone, control characters dropped."""

    def readable(match: re.Match[str]) -> str:
        sigil, target, label = match.group(1), match.group(2), match.group(3)
        if sigil == "@" and target == bot_user:
            return " "
        if sigil:
            return f"{'' if sigil == '!' else sigil}{label or target}"
        return f"{label} ({target})" if label and label not in target else target

    text = _ENTITY.sub(readable, raw)
    for escaped, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(escaped, character)
    text = "".join(c for c in text if c in "\n\t" or ord(c) >= 32)
    return re.sub(r" +", " ", text).strip()


def addresses_somebody(raw: str) -> bool:
    """Begins with a person's mention: the reply is meant for them."""
    return re.match(r"\s*<@[UW][A-Z0-9]+", raw) is not None


def about(raw: str) -> str:
    """The first channel that is named in the text, by id."""
    found = re.search(r"<#([CG][A-Z0-9]+)", raw)
    return found.group(1) if found else ""
