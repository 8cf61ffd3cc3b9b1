"""The Home tab: one's requests and schedules, the team, and for admins what changed lately.

A pure function to one view, inside its 100 blocks by construction: each part has its share, and says where
the rest is. It does not know where any of this is stored, nor who may see what: it is handed that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.ports import Entry, Schedule
from bot.recurrence import said
from bot.registry import Seat
from bot.run import Run
from bot.slack.blocks import Json, asked_first, button, context, mrkdwn, pack, stop_button, tag
from bot.slack.listing import fitted, header, named
from bot.slack.schedule_view import schedules_blocks
from bot.slack.surfaces import help_blocks, request_row, title_of
from bot.slack.team_view import team_blocks
from bot.slack.wording import bold, cut, escape, line

# Blocks of each part, without its header and its line about the rest: 12 + 24 + 36, and some 20 besides.
MOST_REQUESTS, MOST_SCHEDULES, MOST_TEAM, MOST_CHANGES = 12, 24, 36, 8

DIVIDER: Json = {"type": "divider"}
NOTHING_ASKED = (
    "No requests yet. Write to me in *Messages*, or mention me in a channel: "
    "`@delegate summarise this thread in three points`"
)


@dataclass(frozen=True, slots=True)
class HomeData:
    """What one person may see. `zone` is theirs; `url` the workspace's own, for links to threads."""

    person: str
    admin: bool
    now: float
    zone: str
    runs: Sequence[Run]
    schedules: Sequence[Schedule]
    seats: Sequence[Seat]
    log: Sequence[Entry]
    models: Sequence[str]
    url: str
    notice: str = ""  # of what was just done, or could not be


def home(data: HomeData) -> Json:
    parts = [
        _requests(data),
        schedules_blocks(
            data.schedules,
            data.person,
            data.admin,
            data.now,
            most=MOST_SCHEDULES,
            more="`/delegate schedules`",
        ),
        team_blocks(
            data.seats,
            data.admin,
            zone=data.zone,
            models=data.models,
            most=MOST_TEAM,
            more="`/delegate workers`",
        ),
        *([_changes(data)] if data.admin else []),
        [header("How to ask"), *help_blocks()],
    ]
    blocks = [block for part in parts for block in [DIVIDER, *part]]
    notice = [notice_block(data.notice)] if data.notice.strip() else []
    return {"type": "home", "blocks": [*notice, *blocks[1:]]}


def notice_block(text: str) -> Json:
    return mrkdwn(f":information_source: {escape(cut(text, 1_000), 2_000)}")


def _requests(data: HomeData) -> list[Json]:
    """Those that are open first: they are what somebody comes to look after."""
    runs = sorted(data.runs, key=lambda run: run.ended)
    if not runs:
        return [header("Your requests"), mrkdwn(NOTHING_ASKED)]
    blocks, left_out = fitted(runs, lambda run: [_request(run, data.url)], MOST_REQUESTS)
    if left_out:
        blocks.append(context(f"… and {left_out} more: `/delegate status`"))
    return [header("Your requests"), *blocks]


def _request(run: Run, url: str) -> Json:
    row = mrkdwn(request_row(run, url))
    if run.ended:
        return row
    title = line(title_of(run), 60, "your request")
    if run.proposal:
        sure = asked_first("Cancel this?", "Then nothing is scheduled or changed.", "Cancel it", "Keep it")
        spoken = {"accessibility_label": line(f"Cancel {title}", 75)}
        return row | {"accessory": button("stop", "Cancel", pack(run.id), confirm=sure, **spoken)}
    return row | {"accessory": stop_button(run.id, accessibility_label=line(f"Stop {title}", 75))}


def _changes(data: HomeData) -> list[Json]:
    if not data.log:
        return [header("Latest changes"), mrkdwn("Nobody has changed the team or a schedule yet.")]
    lines = [_change(entry, data.zone) for entry in data.log[:MOST_CHANGES]]
    return [header("Latest changes"), mrkdwn("\n".join(lines))]


def _change(entry: Entry, zone: str) -> str:
    """At most some 350 characters, so that all of them fit one section."""
    subject = bold(escape(line(entry.subject, 50), 60))
    before, after = _difference(entry)
    told = [named(line(words, 110), 120) for words in (before, after) if words]
    return f"{said(entry.at, zone)} · {tag(entry.by)} · {subject}: {' → '.join(told) or '–'}"


def _difference(entry: Entry) -> tuple[str, str]:
    """Before and after. What a worker was is told in full, it is short; of a schedule what is different."""
    before, after = entry.before, entry.after
    if entry.what != "schedule":
        return before or "nothing", after or "nothing"
    if not before:
        return "", "new: " + after.replace(f", for <@{entry.by}>", "").removesuffix(", active")
    old, new = before.split(", "), after.split(", ")
    if len(new) == 1:  # it is gone, or something was done with it
        return "", after
    while len(old) > 1 and len(new) > 1 and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while len(old) > 1 and len(new) > 1 and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return ", ".join(old), ", ".join(new)
