"""The team as people see it: who works here, and for admins what can be changed about that.

Pure functions to Block Kit, and from what was filled in back to a change of a `Member`. It does not know who
may change anything, nor how a change is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast, get_args

from bot.recurrence import said
from bot.registry import Seat
from bot.slack.blocks import Json, context, mrkdwn, plain_text
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
    option,
)
from bot.slack.wording import cut, escape, line, shorten
from bot.team import Member, Reach, is_on
from workers import Worker

Make = Callable[[Member], Member]
Errors = dict[str, str]  # by block id: a sentence that stands beside its field

EDIT, TRY = "worker_edit", "worker_try"  # callback ids
OWN_MODEL = "~own"  # no model is named so
MOST_MODELS = 99  # a menu has 100 options, one of them the bot's own model
MOST_CHANNELS = 100
REACHES: dict[Reach, tuple[str, str]] = {
    "everywhere": ("In every channel", "And in direct messages"),
    "except": ("Everywhere except in these channels", ""),
    "only": ("Only in these channels", "Not in direct messages either"),
}


def team_blocks(
    seats: Sequence[Seat],
    admin: bool,
    *,
    zone: str = "",
    models: Sequence[str] | None = None,
    most: int = IN_MESSAGE,
    more: str = "",
) -> list[Json]:
    """Who works here; for admins everybody there is, with buttons. At most `most` blocks and three.

    `models`: those that the operator allows, where known. `more`: where those are that found no room."""
    shown = [seat for seat in seats if admin or is_on(seat.member)]
    if not shown:
        return [header("The team"), mrkdwn(_nobody(admin))]
    blocks, left_out = fitted(shown, lambda s: _seat(s, zone, models) if admin else [_line(s)], most)
    if left_out:
        names = ", ".join(line(s.worker.name, 40) for s in shown[-left_out:])
        blocks.append(context(f"… and {left_out} more: {more or escape(names, 1_500)}"))
    if not any(is_on(seat.member) for seat in shown):
        blocks.append(context("Nobody is switched on, so every request gets the answer that nobody is here."))
    return [header("The team"), *blocks]


def _nobody(admin: bool) -> str:
    if admin:
        return "No worker is installed. The README says how to write one."
    return "Nobody is on the team now. An admin of this workspace can switch workers on in my Home tab."


def _name(worker: Worker) -> str:
    return f"{escape(line(worker.emoji, 40), 60)} *{escape(line(worker.name, 60), 90)}*"


def _line(seat: Seat) -> Json:
    where = _where(seat.member)
    limits = "" if where == "everywhere" else f"\n{where[0].upper()}{where[1:]}."
    return mrkdwn(f"{_name(seat.worker)}\n{escape(cut(seat.worker.about, 300), 500)}{limits}")


def _seat(seat: Seat, zone: str, models: Sequence[str] | None) -> list[Json]:
    name, on = seat.worker.name, is_on(seat.member)
    where = _where(seat.member)
    kept = "" if where == "everywhere" else f"; when on, {where}"
    stands = f":white_check_mark: on, {where}" if on else f":white_circle: off{kept}"
    details = " · ".join([*_facts(seat, models), _use(seat, zone)])
    text = f"{_name(seat.worker)} – {stands}\n{escape(cut(seat.worker.about, 300), 500)}"
    buttons = [
        action("worker:off", "Switch off", name, name)
        if on
        else action("worker:on", "Switch on", name, name, style="primary"),
        action("worker:edit", "Settings", name, f"of {name}"),
    ]
    if on:
        buttons.append(action("worker:try", "Try it", name, f"with {name}"))
    return [mrkdwn(text), context(details), {"type": "actions", "elements": buttons}]


def _facts(seat: Seat, models: Sequence[str] | None) -> list[str]:
    place = escape(line(seat.place, 120, "in an unknown place"), 200)
    facts = [f"Runs {place}"]
    if seat.member.model:
        gone = models is not None and seat.member.model not in models
        instead = " (not offered any more: it works with the bot's own)" if gone else ""
        facts.append(f"model {escape(line(seat.member.model, 80), 120)}{instead}")
    return facts


def _use(seat: Seat, zone: str) -> str:
    used = seat.used
    if used is None:
        return "not used in the last 30 days"
    counts = f"{used.done} done, {used.failed} failed"
    return f"last used {said(used.last_at, zone)} · in the last 30 days {counts}"


def _where(member: Member) -> str:
    tags = [channel_tag(c) for c in member.channels[:10]]
    channels = ", ".join(tags) + (
        f" and {len(member.channels) - 10} more" if len(member.channels) > 10 else ""
    )
    if member.reach == "only":
        return f"only in {channels}" if tags else "in no channel"
    return f"everywhere except in {channels}" if member.reach == "except" and tags else "everywhere"


def worker_modal(seat: Seat, models: Sequence[str]) -> Json:
    """What an admin may change about a worker. `models`: those that the operator allows."""
    member, name = seat.member, seat.worker.name
    states = [option("On", "on"), option("Off", "off", "It gets no work any more; what runs now goes on")]
    reaches = [option(*REACHES[reach][:1], reach, REACHES[reach][1]) for reach in get_args(Reach)]
    picker: Json = {
        "type": "multi_conversations_select",
        "placeholder": plain_text("Choose channels"),
        "filter": {"include": ["public", "private"], "exclude_bot_users": True},
        "max_selected_items": MOST_CHANNELS,
    }
    if chosen := [c for c in member.channels if is_channel(c)][:MOST_CHANNELS]:
        picker["initial_conversations"] = chosen
    start = [r for r in reaches if r["value"] == member.reach]
    blocks = [
        mrkdwn(f"{_name(seat.worker)}\n{escape(cut(seat.worker.about, 300), 500)}"),
        field("on", "Is it on the team?", _radio(states, states[0] if is_on(member) else states[1])),
        field("reach", "Where does it work?", _radio(reaches, start[0])),
        field("channels", "Channels", picker, "For the second and third choice above.", optional=True),
        *_model(member, models),
    ]
    return modal(EDIT, f"Settings of {name}", "Save", name, blocks)


def _radio(options: list[Json], initial: Json) -> Json:
    return {"type": "radio_buttons", "options": options, "initial_option": initial}


def _model(member: Member, models: Sequence[str]) -> list[Json]:
    named = [m for m in dict.fromkeys(models) if m and len(m) <= 150][:MOST_MODELS]
    gone = member.model and member.model not in named
    left = f" It was {line(member.model, 80)}, which is not offered any more." if gone else ""
    if not named:
        said = f"It works with the bot's own model; the operator offers no other (`MODELS`).{escape(left)}"
        return [context(said)]
    options = [option("The bot's own", OWN_MODEL), *(option(m, m) for m in named)]
    initial = next((o for o in options if o["value"] == member.model), options[0])
    menu: Json = {"type": "static_select", "options": options, "initial_option": initial}
    return [field("model", "Which model does it work with?", menu, left.strip())]


def read_worker_modal(values: Mapping[str, Any]) -> Make | Errors:
    """The change that was filled in, or what is wrong with it. What the form did not ask stays as it is."""
    reach = filled(values, "reach")
    if reach not in get_args(Reach):
        return {"reach": "Choose where it works."}
    channels = tuple(sorted({c for c in filled(values, "channels") or () if is_channel(c)}))
    if reach != "everywhere" and not channels:
        return {"channels": "Choose at least one channel, or “In every channel” above."}
    change: dict[str, Any] = {"on": filled(values, "on") == "on", "reach": cast("Reach", reach)}
    change["channels"] = channels if reach != "everywhere" else ()
    if model := filled(values, "model"):
        change["model"] = "" if model == OWN_MODEL else str(model)[:150]
    return lambda member: member.model_copy(update=change)


def try_modal(seat: Seat) -> Json:
    """A request for this worker alone, with its own sample to begin with."""
    sample, name = seat.worker.sample, seat.worker.name
    box: Json = {"type": "plain_text_input", "multiline": True, "max_length": 3_000}
    if text := shorten(sample.text, 2_900)[0] if sample else "":
        box["initial_value"] = text
    files = ", ".join(line(name, 60) for name, _ in sample.files[:5]) if sample else ""
    hint = "Only this worker gets it, without a plan. Its reply comes to you as a direct message."
    blocks = [
        mrkdwn(f"{_name(seat.worker)}\n{escape(cut(seat.worker.about, 300), 500)}"),
        field("text", "What should it do?", box, hint),
        *([context(f":paperclip: It is given {escape(files, 500)}.")] if files else []),
    ]
    return modal(TRY, f"Try {name}", "Try it", name, blocks)


def read_try_modal(values: Mapping[str, Any]) -> str:
    """What it should do; empty when only blanks were typed."""
    return str(filled(values, "text") or "").strip()


def said_modal(title: str, sentence: str) -> Json:
    """A sentence that needs no answer, where a form was before or would have been."""
    text = mrkdwn(escape(sentence, 2_900) or "Done.")
    heading = plain_text(line(title, 24, "delegate"))
    return {"type": "modal", "title": heading, "close": plain_text("Close"), "blocks": [text]}
