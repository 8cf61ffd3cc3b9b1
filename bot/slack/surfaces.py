"""What is shown beside the thread: help, one's own requests, and the whole of a long result in a modal.

Pure functions to Block Kit, inside its limits (100 blocks a modal, 150 characters of header).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

from bot.recurrence import said
from bot.run import Run, RunStatus
from bot.slack.blocks import Json, context, mrkdwn, plain_text
from bot.slack.richtext import from_markdown, rich, section, text_element
from bot.slack.wording import bold, clean, cut, escape, line, shorten
from workers import Worker

EmojiOf = Callable[[str], str]  # a worker's name -> ":emoji:"

PAGE = 2_800
MOST_BLOCKS, MOST_JSON = 90, 180_000  # Slack refuses a view above 100 blocks, or about 250 KB

STATES: dict[RunStatus, str] = {
    "queued": ":white_small_square: on the list",
    "working": ":hourglass_flowing_sand: working",
    "done": ":white_check_mark: done",
    "partial": ":ballot_box_with_check: partly done",
    "failed": ":x: did not work",
    "stopped": ":black_square_for_stop: stopped",
    "lost": ":warning: thread lost",
}


def full_text_modal(title: str, text: str) -> Json:
    """All of a result. One so long that no modal takes it ends with a word about the rest."""
    blocks: list[Json] = []
    room, rest = MOST_JSON, clean(text).strip()
    while rest and len(blocks) < MOST_BLOCKS:
        page, _ = shorten(rest[: 2 * PAGE], PAGE)
        block = rich(from_markdown(page) or [section(text_element(page))])
        if (weight := len(json.dumps(block))) > room:
            break
        blocks.append(block)
        room -= weight
        rest = _reopened(page) + rest[len(page) :].lstrip("\n")
    if rest:
        blocks.append(context(f"There are {len(rest):,} more characters; ask in the thread for that part."))
    if not blocks:
        blocks.append(rich([section(text_element("There is nothing more to show."))]))
    heading = plain_text(line(title, 24, "Result"))
    return {"type": "modal", "title": heading, "close": plain_text("Close"), "blocks": blocks}


def _reopened(page: str) -> str:
    """A code block that goes on over the page's end is opened again on the next."""
    return "```\n" if sum(row.lstrip().startswith("```") for row in page.split("\n")) % 2 else ""


def help_blocks(team: Iterable[Worker] = ()) -> list[Json]:
    """How to ask, and who works here."""
    who = "\n".join(f"{w.emoji} *{escape(w.name)}*: {escape(cut(w.about, 150))}" for w in list(team)[:15])
    return [
        mrkdwn(
            "*Ask me for something, and I plan it, hand the pieces to workers and answer in the thread.*\n"
            "Mention me: `@delegate compare these two tables and write a summary`. Or type "
            "`/delegate` with your request in any channel. Attach files to a mention, and the workers can "
            "read them. In a direct message, just write."
        ),
        mrkdwn(
            "*In the thread*\n"
            "• Reply to go on, or to answer a worker's question.\n"
            "• Press *Stop*, or reply `stop`: what is finished stays."
        ),
        mrkdwn(
            "*Anywhere*\n"
            "• `/delegate schedule every Monday at 9 summarise #support` has it done by itself, once you "
            "confirmed it; `/delegate schedules` lists what you scheduled.\n"
            "• `/delegate status` shows your latest requests, `/delegate workers` the team.\n"
            "• `/delegate help` shows this."
        ),
        *([mrkdwn(f"*The team*\n{who}")] if who else []),
        context("What I write can be wrong: check what matters."),
    ]


def status_blocks(runs: Sequence[Run], slack_url: str = "") -> list[Json]:
    """`slack_url`: the workspace's own (`https://team.slack.com/`), for links to the threads."""
    if not runs:
        return [mrkdwn("You have not asked for anything lately. `/delegate help` shows how.")]
    rows = [request_row(run, slack_url) for run in runs[:20]]
    more = [context(f"And {len(runs) - 20} older ones.")] if len(runs) > 20 else []
    return [mrkdwn("*Your latest requests*"), *map(mrkdwn, rows), *more]


def request_row(run: Run, slack_url: str = "") -> str:
    """A request in two lines of mrkdwn: its title, as a link where we can make one, and how it stands."""
    done = sum(s.status == "done" for s in run.work)
    steps = f", {done} of {len(run.work)} steps" if run.work else ""
    title = escape(line(title_of(run), 120, "Your request"), 200)
    shown = bold(title)
    where = f" in <#{run.request.channel}>" if run.request.channel.isalnum() else ""
    request = run.request
    if slack_url and request.thread_ts and request.channel.isalnum():
        anchor = f"p{request.thread_ts.replace('.', '')}"
        link = f"<{slack_url.rstrip('/')}/archives/{request.channel}/{anchor}|{title}>"
        shown = link if shown == title else f"*{link}*"
    note = f"\n{escape(cut(run.note, 200), 300)}" if run.note and run.ended else ""
    clock = ":alarm_clock: " if request.schedule else ""  # it has its schedule's name
    return f"{clock}{shown}{where}\n{_state(run)}{steps}{note}"


def title_of(run: Run) -> str:
    """The plan's title; what it is about, where it became a schedule; else what was asked."""
    return run.title or (run.proposal.task if run.proposal else "") or run.request.text


def _state(run: Run) -> str:
    if run.proposal and run.status == "done":
        return ":calendar: schedule changed" if run.proposal.replaces else ":calendar: scheduled"
    if run.proposal and run.status == "stopped":
        return ":calendar: cancelled, nothing was scheduled"
    if not run.resting:
        return STATES[run.status]
    if run.proposal and not run.proposal.decided:
        return ":calendar: waits for your confirmation"
    until = min(s.due_at for s in run.steps if s.status == "waiting" and s.due_at)
    return f":alarm_clock: waits until {said(until, run.request.zone)}"
