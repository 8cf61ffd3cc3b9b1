"""Slack's side of a load: what is said in some workspaces, signed and sent at its time whatever became of the
event before it, so that a bot that is slow once is not asked less. An answer's delay counts from the moment
that the event was due.

A mention comes as Slack sends it: as `app_mention`, and as its twin `message`. The rest is what people say to
each other. It does not know what becomes of a mention.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bench.slack_stub import BOT_USER
from bot.slack.gate import PATH, signature

SECRET = "bench-secret"
PEOPLE = 25  # of each workspace
MOMENT = 8  # messages outside of threads; some two seconds
LOST = 0  # the status of an event that got no answer

# Shares of all events. Who starts a run: 5 %. Chatter in threads: 77 %, of which 12 % in threads of ours.
MIX = {
    "mention": 0.05,  # starts a run
    "twin": 0.05,  # the same mention, as `message`
    "thread": 0.65,  # a reply in a thread of other people
    "ours": 0.11,  # a reply in a thread with a run of ours, by somebody who asked for nothing
    "quick": 0.01,  # somebody answers their own message of a moment ago, one of the next kind
    "channel": 0.08,  # outside of threads
    "edit": 0.03,
    "bot": 0.02,  # another app's message
}


@dataclass(frozen=True, slots=True)
class Sent:
    kind: str
    status: int
    seconds: float  # from when it was due to the answer


@dataclass(slots=True)
class People:
    """What is said, one event after the other. The same seed says the same."""

    workspaces: int
    text: str = "chain-1"
    random: random.Random = field(default_factory=lambda: random.Random(7))
    number: Iterator[int] = field(default_factory=itertools.count)
    threads: list[tuple[str, str, str]] = field(default_factory=list)  # with runs: workspace, person, ts
    roots: list[tuple[str, str, str]] = field(default_factory=list)  # of people, newest last

    def mention(self, twin: bool = True) -> list[tuple[str, dict[str, Any]]]:
        """One mention; with its twin the events are two."""
        workspace, person = self._somebody()
        ts = self._ts()
        said = {"user": person, "text": f"<@{BOT_USER}> {self.text} no. {ts}", "ts": ts}
        self.threads.append((workspace, person, ts))
        both = [("mention", _event(workspace, type="app_mention", **said))]
        if twin:
            more = {"type": "message", "channel_type": "channel", "client_msg_id": ts}
            both.append(("twin", _event(workspace, **more, **said)))
        return both

    def mixed(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        """So many events in the shares of `MIX`, those of one mention one after the other."""
        kinds = [kind for kind, share in MIX.items() for _ in range(round(share * count)) if kind != "twin"]
        self.random.shuffle(kinds)
        return [e for kind in kinds for e in (self.mention() if kind == "mention" else [self._chatter(kind)])]

    def _chatter(self, kind: str) -> tuple[str, dict[str, Any]]:
        workspace, person = self._somebody()
        ts = self._ts()
        said: dict[str, Any] = {"type": "message", "user": person, "text": "I think so too.", "ts": ts}
        other = f"U99{workspace}"
        match kind:
            case "thread":
                said |= {"thread_ts": f"{time.time() - 600:.0f}.000100", "parent_user_id": other}
            case "ours" if self.threads:
                workspace, root_by, root = self.random.choice(self.threads)
                said |= {"user": f"U98{workspace}", "thread_ts": root, "parent_user_id": root_by}
            case "quick" if self.roots:
                workspace, person, root = self.roots[-MOMENT:][0]
                said |= {"user": person, "thread_ts": root, "parent_user_id": person}
            case "channel":
                self.roots.append((workspace, person, ts))
            case "edit":
                said = {"type": "message", "subtype": "message_changed", "ts": ts, "message": said}
            case "bot":
                said |= {"subtype": "bot_message", "bot_id": "B0OTHER"}
        return kind, _event(workspace, channel_type="channel", **said)

    def _somebody(self) -> tuple[str, str]:
        workspace = f"TBENCH{self.random.randrange(self.workspaces)}"
        return workspace, f"U{self.random.randrange(PEOPLE):02d}{workspace}"

    def _ts(self) -> str:
        return f"{time.time():.0f}.{next(self.number):06d}"


def _event(workspace: str, **event: Any) -> dict[str, Any]:
    event = {"channel": f"C01{workspace}", "team": workspace, "event_ts": event["ts"], **event}
    name = f"Ev{workspace}{event['ts']}{event['type']}{event.get('client_msg_id', '')}"
    return {
        "type": "event_callback",
        "token": "unused",
        "api_app_id": "A0BENCH",
        "team_id": workspace,
        "event_id": name,
        "event_time": int(time.time()),
        "event": event,
    }


async def send(
    http: aiohttp.ClientSession, bot: str, events: Sequence[tuple[str, Mapping[str, Any]]], seconds: float
) -> list[Sent]:
    """Evenly over this time. Returns when the last is answered, or given up."""
    loop = asyncio.get_running_loop()
    began, sending = loop.time(), []
    for n, (kind, body) in enumerate(events):
        due = began + seconds * n / len(events)
        if (wait := due - loop.time()) > 0:
            await asyncio.sleep(wait)
        sending.append(asyncio.create_task(_send(http, bot, kind, json.dumps(body).encode(), due)))
    return list(await asyncio.gather(*sending))


async def _send(http: aiohttp.ClientSession, bot: str, kind: str, body: bytes, due: float) -> Sent:
    now = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": now,
        "X-Slack-Signature": signature(SECRET, now, body),
    }
    try:
        async with http.post(f"{bot}{PATH}", data=body, headers=headers) as answer:
            await answer.read()
            status = answer.status
    except (aiohttp.ClientError, TimeoutError):
        status = LOST
    return Sent(kind, status, asyncio.get_running_loop().time() - due)


def acks(sent: Sequence[Sent]) -> dict[str, Any]:
    """How soon events were answered, all of them and by kind."""
    by_kind = {kind: [s.seconds for s in sent if s.kind == kind] for kind in MIX}
    return {
        "events": len(sent),
        "statuses": dict(Counter(str(s.status) for s in sent)),
        **spread([s.seconds for s in sent]),
        "by_kind": {kind: spread(seconds) for kind, seconds in by_kind.items() if seconds},
    }


def spread(seconds: Sequence[float]) -> dict[str, float]:
    rising = sorted(seconds)

    def at(share: float) -> float:
        return rising[min(int(share * len(rising)), len(rising) - 1)] if rising else float("nan")

    return {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "worst": at(1.0)}
