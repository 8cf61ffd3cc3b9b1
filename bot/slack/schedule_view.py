"""Schedules as people see them: the card that asks whether one was understood, the list of them, the form
that changes one.

Pure functions to Block Kit, and from what was filled in back to words. It does not know who may change a
schedule, nor how words become a rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.messages import ScheduleCard
from bot.planner import MOST_TASK
from bot.ports import Schedule
from bot.recurrence import said, words
from bot.slack.blocks import Json, asked_first, button, context, mrkdwn, pack, plain_text, tag
from bot.slack.listing import (
    IN_MESSAGE,
    action,
    channel_tag,
    field,
    filled,
    fitted,
    header,
    is_channel,
    modal,
)
from bot.slack.richtext import mention, quote, rich, section, text_element
from bot.slack.wording import bold, cut, escape, line, shorten

Errors = dict[str, str]  # by block id: a sentence that stands beside its field

EDIT = "schedule_edit"  # callback id
MOST_WHEN = 200
NONE_YET = "No schedules yet. Try: `/delegate schedule every Monday at 9 summarise #support`"


def schedule_card(card: ScheduleCard, run_id: str) -> tuple[str, list[Json]]:
    """The text for notifications, and the blocks: with buttons until it is decided."""
    head, spoken_head = _head(card)
    task = shorten(card.task, 2_500)[0] or "–"
    when, zone = line(card.when, 300), line(card.zone, 60, "UTC")
    blocks: list[Json] = [rich([section(*head), quote(task)])]
    where = channel_tag(card.channel)
    about = f"\nabout {channel_tag(card.about)}" if card.about and card.about != card.channel else ""
    blocks.append(
        {
            "type": "section",
            "fields": [
                {"type": "mrkdwn", "text": f"*When*\n{escape(when, 500)}\n{escape(zone, 100)}"},
                {"type": "mrkdwn", "text": f"*Where*\n{where}{about}"},
            ],
        }
    )
    spoken = [spoken_head, escape(task, 1_500), f"{escape(f'{when}, {zone}', 600)}, in {where}."]
    if card.decided != "no" and (dates := [line(d, 60) for d in card.dates[:5]]):
        which = "next" if _is_open(card) else "first"  # later on, “next” would be wrong
        title = "The date" if len(dates) == 1 else f"The {which} {len(dates)} dates"
        rows = {"type": "rich_text_list", "style": "bullet"}
        items = [section(text_element(date)) for date in dates]
        blocks.append(rich([section(text_element(title, "bold")), {**rows, "elements": items}]))
        spoken.append(escape(f"{title}: {', '.join(dates)}.", 500))
    if _is_open(card):
        yes = "Confirm the change" if card.replaces else "Confirm"
        buttons = [
            button("proposal:yes", yes, pack(run_id), style="primary"),
            button("proposal:no", "Cancel", pack(run_id)),
        ]
        blocks.append({"type": "actions", "elements": buttons})
    if note := _note(card):
        blocks.append(context(note))
        spoken.append(note)
    return "\n".join(spoken), blocks


def _is_open(card: ScheduleCard) -> bool:
    return not card.decided and card.status in ("queued", "working")


def _head(card: ScheduleCard) -> tuple[list[Json], str]:
    """What became of it, in a line, and the same for those who hear it."""
    by: list[Json] = [mention(card.by)] if card.by else []
    spoken_by = f" by {tag(card.by)}" if card.by else ""
    if _is_open(card):
        understood = (
            "This is the change as I understood it:" if card.replaces else "This is what I understood:"
        )
        return [mention(card.person), text_element(f" {understood}")], f"{tag(card.person)} {understood}"
    did = _outcome(card)
    joined = [text_element(" by "), *by] if by else []
    return [text_element(did, "bold"), *joined, text_element(":")], f"{did}{spoken_by}:"


def _outcome(card: ScheduleCard) -> str:
    if card.decided == "yes" and card.status not in ("failed", "stopped", "lost"):
        return "Changed" if card.replaces else "Scheduled"
    if card.decided != "yes" and card.by:
        return "Cancelled"
    return "Not changed" if card.replaces else "Not scheduled"


def _note(card: ScheduleCard) -> str:
    note = escape(cut(card.note, 500), 900)
    if _is_open(card):
        waits = "Nothing changes" if card.replaces else "Nothing is scheduled"
        return " ".join(filter(None, [note, f"{waits} until you confirm. Reply here to change it."]))
    if card.decided == "yes" and not note:
        return (
            "`/delegate schedules` and my Home tab list your schedules; there you pause, edit or delete them."
        )
    return note


def schedules_blocks(
    schedules: Sequence[Schedule],
    person: str,
    admin: bool,
    now: float,
    *,
    most: int = IN_MESSAGE,
    more: str = "those that come later.",
) -> list[Json]:
    """One's own, then for an admin everybody's. At most `most` blocks and three: the first of them have room,
    and stand in the order they were made, so that no other button comes under the pointer that presses one.

    `more`: where those are that found no room."""
    mine = [s for s in schedules if s.by == person]
    ranked = [*mine, *(s for s in schedules if admin and s.by != person)]

    def entry(schedule: Schedule, before: Schedule | None) -> list[Json]:
        first = schedule.by != person and (before is None or before.by == person)
        return [*([header("Other people's schedules")] if first else []), *_schedule(schedule, person, now)]

    def entries(some: Sequence[Schedule]) -> list[list[Json]]:
        return list(map(entry, some, [None, *some]))

    _, left_out = fitted(entries(ranked[:most]), lambda blocks: blocks, most)
    left_out += max(0, len(ranked) - most)
    shown = ranked[: len(ranked) - left_out]
    shown.sort(key=lambda s: (s.by != person, s.created_at, s.id))
    blocks = [block for entry in entries(shown) for block in entry]
    if left_out:
        blocks.append(context(f"… and {left_out} more: {more}"))
    return [header("Your schedules"), *([] if mine else [mrkdwn(NONE_YET)]), *blocks]


def _schedule(schedule: Schedule, person: str, now: float) -> list[Json]:
    task = line(schedule.text, 150, "A schedule")
    whose = f" · for {tag(schedule.by)}" if schedule.by != person else ""
    when = f"{escape(words(schedule.rule), 300)} ({escape(line(schedule.zone, 60, 'UTC'), 100)})"
    where = channel_tag(schedule.channel)
    text = f"{bold(escape(task, 220))}\n{when} · {where}{whose}\n{_stands(schedule, now)}"
    return [mrkdwn(text), {"type": "actions", "elements": _buttons(schedule, task)}]


def _stands(schedule: Schedule, now: float) -> str:
    note = escape(cut(schedule.note, 300), 500)
    match schedule.status:
        case "paused":
            return f":double_vertical_bar: Paused. {note}".strip()
        case "ended":
            return f":checkered_flag: Its date has passed. {note}".strip()
    if schedule.next_at is None or schedule.next_at <= now:
        soon = ":alarm_clock: Due now."
    else:
        soon = f":alarm_clock: Next: {said(schedule.next_at, schedule.zone)}"
    return f"{soon}\n{note}" if note else soon


def _buttons(schedule: Schedule, task: str) -> list[Json]:
    def one(what: str, text: str, **more: Any) -> Json:
        return action(f"schedule:{what}", text, schedule.id, task, **more)

    gone = f"“{line(task, 150)}” will not run again. What it made so far stays in its threads."
    delete = asked_first("Delete this schedule?", gone, "Delete", "Keep it")
    switch = {"active": [one("pause", "Pause")], "paused": [one("resume", "Resume")], "ended": []}
    return [
        *switch[schedule.status],
        one("run", "Run now"),
        one("edit", "Edit"),
        one("delete", "Delete", confirm=delete),
    ]


def schedule_modal(schedule: Schedule) -> Json:
    """What it does, when and where. What comes of it is read anew, and confirmed in a card."""
    task: Json = {"type": "plain_text_input", "multiline": True, "max_length": MOST_TASK}
    if text := cut(schedule.text, MOST_TASK).strip():
        task["initial_value"] = text
    when: Json = {"type": "plain_text_input", "max_length": MOST_WHEN}
    if rule := line(schedule.rule, MOST_WHEN, ""):
        when["initial_value"] = rule
    now = f"Now: {words(schedule.rule)} ({line(schedule.zone, 60, 'UTC')})."
    hint = f"{now} Write words (every Monday at 9), a cron (0 9 * * 1) or a date (2026-12-01 15:00)."
    blocks = [
        field("task", "What should be done?", task),
        field("when", "When?", when, cut(hint, 1_000)),
        _channel(schedule.channel),
        context(
            "Next I show you how I understood it; it stays as it is until you confirm that. "
            "From then on the schedule is yours: it may do what you may."
        ),
    ]
    return modal(EDIT, "Edit the schedule", "Next", f"{schedule.id}/{schedule.revision}", blocks)


def _channel(channel: str) -> Json:
    picker: Json = {
        "type": "conversations_select",
        "placeholder": plain_text("Choose a channel"),
        "filter": {"include": ["public", "private"], "exclude_bot_users": True},
    }
    if is_channel(channel) and not channel.startswith("D"):
        picker["initial_conversation"] = channel
        return field("channel", "Where?", picker)
    hint = "Empty: where it goes now, in direct messages with me."
    return field("channel", "Where?", picker, hint, optional=True)


def read_schedule_modal(values: Mapping[str, Any]) -> tuple[str, str, str] | Errors:
    """(task, when, channel), or what is wrong. An empty channel: where it goes now."""
    task, when = (str(filled(values, name) or "").strip() for name in ("task", "when"))
    channel = str(filled(values, "channel") or "")
    errors: Errors = {}
    if not any(c.isalnum() for c in task):
        errors["task"] = "Say what should be done, for example: summarise #support"
    if not when:
        errors["when"] = "Say when, for example: every Monday at 9"
    if channel and not is_channel(channel):
        errors["channel"] = "Choose a channel of this workspace."
    return errors or (task, when, channel)
