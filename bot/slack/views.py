"""How each message of a run looks in Slack: pure functions from `bot.render`'s messages to Block Kit.

Limits are kept by construction: 50 blocks, about 12,000 characters in all, 3,000 a section, ~256 for a
task's texts, 75 a button. What people or models wrote goes through `richtext` or `wording`, which know no
mentions. It does not know what was shown before; what a workspace takes, it is told by `Look`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.messages import AnswerMessage, Ask, Card, Message, Notice, PlanMessage, Reply, Root, ScheduleCard
from bot.run import ANSWER
from bot.slack.blocks import Json, attached, button, context, feedback, mrkdwn, pack, stop_button, tag
from bot.slack.richtext import from_markdown, mention, quote, rich, section, text_element, words
from bot.slack.schedule_view import schedule_card
from bot.slack.surfaces import EmojiOf, full_text_modal, help_blocks, status_blocks
from bot.slack.wording import cut, escape, line, shorten, size

__all__ = ["FULL", "Look", "Post", "blocks_for", "full_text_modal", "help_blocks", "status_blocks"]

MOST_OPTIONS = 20
MARKS = {"pending": ":white_small_square:", "in_progress": ":hourglass_flowing_sand:"} | {
    "complete": ":white_check_mark:",
    "error": ":x:",
}
ROOTS = {  # before and after the person
    "command": ("", " asked:"),
    "wish": ("", " wants this scheduled:"),
    "edit": ("", " changes a schedule:"),
    "try": ("", " tries {worker}:"),
    "schedule": ("\u23f0 For ", ", as scheduled:"),
}
SPOKEN = {"pending": "waiting", "in_progress": "working", "complete": "done", "error": "not done"}


@dataclass(frozen=True, slots=True)
class Post:
    """`text` is what notifications and screen readers get; never empty."""

    text: str
    blocks: list[Json]
    username: str = ""
    icon_emoji: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What a workspace takes. Everything, until it refused something."""

    native: bool = True  # plan, table and feedback blocks; else sections and text
    names: bool = True  # posts under a worker's name (chat:write.customize)
    pictures: bool = True  # image blocks of uploaded files
    blocks: bool = True  # any at all; else text alone
    room: int = 2_500  # characters of a result in the thread


FULL = Look()


def blocks_for(
    key: str, message: Message, run_id: str, emoji_of: EmojiOf, look: Look = FULL, *, fallback: bool = False
) -> Post:
    """One message as a post. `fallback`: without the plan block, for a Slack that refuses it."""
    if fallback:
        look = replace(look, native=False)
    post = _post(message, run_id, emoji_of, look)
    return post if look.blocks else Post(post.text, [], post.username, post.icon_emoji)


def _post(message: Message, run_id: str, emoji_of: EmojiOf, look: Look) -> Post:
    match message:
        case Root():
            return _root(message)
        case PlanMessage():
            return _plan(message, run_id, look)
        case ScheduleCard():
            return Post(*schedule_card(message, run_id))
        case Reply():
            return _reply(message, run_id, emoji_of, look)
        case AnswerMessage():
            return _answer(message, run_id, look)
        case Ask():
            return _ask(message, run_id, emoji_of, look)
        case Notice():
            text = shorten(message.text, 2_500)[0] or "I had to stop working on your request."
            return Post(escape(text), [rich(from_markdown(text) or [_said(text)])])


def _said(*parts: str | Json) -> Json:
    return section(*(text_element(p) if isinstance(p, str) else p for p in parts))


def _spoken(*parts: str, most: int = 2_900) -> str:
    return escape("\n".join(part for part in parts if part), most)


def _root(message: Root) -> Post:
    asked = shorten(message.text, 2_500)[0] or "–"
    before, after = ROOTS.get(message.source, ROOTS["command"])
    after = after.format(worker=line(message.worker, 60))
    text = f"{before}{tag(message.by)}{after} {escape(asked, 2_800)}"
    head: list[str | Json] = [*([before] if before else []), mention(message.by), after]
    if message.source == "schedule":  # short: it comes again and again
        return Post(text, [rich([_said(*head, f" {line(asked, 300)}")])])
    return Post(text, [rich([_said(*head), quote(asked)])])


def _plan(message: PlanMessage, run_id: str, look: Look) -> Post:
    title, said = line(message.title, 120, "Your request"), cut(message.line, 500) or "On it."
    before, *after = said.split("{person}")
    pieces: list[str | Json] = [before] if before else []
    for piece in after:
        pieces += [mention(message.person), *([piece] if piece else [])]
    blocks: list[Json] = [rich([_said(*pieces)])]
    if message.cards and look.native:
        tasks = [_card(f"step-{n}", card) for n, card in enumerate(message.cards[:50], 1)]
        blocks.append({"type": "plan", "title": title, "tasks": tasks})
    elif message.cards:
        blocks += _cards_as_sections(title, message.cards)
    if message.stop:
        blocks.append({"type": "actions", "elements": [stop_button(run_id)]})
    steps = [
        f"{SPOKEN[c.status]}: {line(c.title, 60)} – {line(c.worker, 30)}, {line(c.line, 60)}"
        for c in message.cards
    ]
    who = tag(message.person)
    spoken = escape(f"{title}: ", 200) + "".join(
        escape(p, 600) if p != "{person}" else who for p in _cut_at(said)
    )
    return Post(f"{spoken}\n{_spoken(*steps, most=2_000)}".strip(), blocks)


def _cut_at(said: str) -> list[str]:
    return [part for part in re.split(r"(\{person\})", said) if part]


def _card(task_id: str, card: Card) -> Json:
    worker, said = line(card.worker, 40), line(card.line, 190)
    task: Json = {"type": "task_card", "task_id": task_id, "title": line(card.title, 120)}
    task["status"] = card.status
    if card.status == "error":
        return task | {"details": rich([_said(worker)]), "output": rich([_said(said)])}
    return task | {"details": rich([_said(worker if card.status == "complete" else f"{worker} · {said}")])}


def _cards_as_sections(title: str, cards: Sequence[Card]) -> list[Json]:
    lines = [
        f"{MARKS[c.status]} *{escape(line(c.title, 100), 150)}* – {escape(line(c.worker, 40), 60)}: "
        f"{escape(line(c.line, 190), 240)}"
        for c in cards[:50]
    ]
    groups = ["\n".join(lines[at : at + 5]) for at in range(0, len(lines), 5)]
    return [mrkdwn(f"*{escape(title, 200)}*"), *(mrkdwn(group) for group in groups)]


def _body(text: str, run_id: str, part: str, room: int) -> tuple[str, list[Json]]:
    """A model's text, its plain words, and the way to all of it when it had to be shortened."""
    short, was_cut = shorten(text, room)
    elements = from_markdown(short)
    blocks = [rich(elements)] if elements else []
    if was_cut:
        blocks.append({"type": "actions", "elements": [button("show_all", "Show all", pack(run_id, part))]})
    return words(elements), blocks


def _reply(message: Reply, run_id: str, emoji_of: EmojiOf, look: Look) -> Post:
    worker, title, result = line(message.worker, 60), line(message.title, 150), message.result
    head: list[str | Json] = [mention(message.to), " "] if message.to else []
    if not look.names:
        head.append(text_element(f"{worker} · "))
    head.append(text_element(title, "bold"))
    said, body = _body(result.text, run_id, message.step, look.room)
    blocks = [rich([_said(*head)]), *body, *attached(result, look.pictures, look.native)]
    if not body and len(blocks) == 1:
        blocks.append(rich([_said("It came back with nothing to show.")]))
    if message.to and look.native:
        blocks.append(feedback(run_id))
    who = f"{tag(message.to)} " if message.to else ""
    text = who + _spoken(f"{worker}: {title}", said or "See the thread.", most=2_800)
    return Post(text, blocks, worker if look.names else "", emoji_of(message.worker) if look.names else "")


def _answer(message: AnswerMessage, run_id: str, look: Look) -> Post:
    said, body = _body(message.text, run_id, ANSWER, look.room)
    if not body:
        said = "This has ended."
        body = [rich([_said(said)])]
    first = body[0]["elements"][0]
    if first["type"] == "rich_text_section":
        first["elements"][:0] = [mention(message.to), text_element(" ")]
    else:
        body.insert(0, rich([_said(mention(message.to))]))
    thumbs = [feedback(run_id)] if message.status in ("done", "partial") and look.native else []
    return Post(f"{tag(message.to)} {_spoken(said, most=2_800)}", [*body, *thumbs])


def _ask(message: Ask, run_id: str, emoji_of: EmojiOf, look: Look) -> Post:
    worker = line(message.worker, 60)
    asked = shorten(message.text, 2_000)[0] or "?"
    head: list[str | Json] = [
        mention(message.to),
        f" {'I have' if look.names else f'{worker} has'} a question:",
    ]
    blocks = [rich([_said(*head)]), rich(from_markdown(asked) or [_said(asked)])]
    spoken = [f"{worker} has a question:", asked]
    if message.answer or message.by:
        answer = line(message.answer, 500)
        by: list[str | Json] = ["Answered by ", mention(message.by), ": "] if message.by else []
        blocks.append(rich([_said(*by, text_element(answer, "bold"))]))
        spoken.append(f"Answered: {answer}")
    elif message.open:
        blocks += _options(message, run_id)
        spoken += [line(option, 75) for option in message.options[:MOST_OPTIONS]]
    else:
        blocks.append(context("This question is closed."))
        spoken.append("This question is closed.")
    text = f"{tag(message.to)} {_spoken(*spoken, most=2_800)}"
    return Post(text, blocks, worker if look.names else "", emoji_of(message.worker) if look.names else "")


def _options(message: Ask, run_id: str) -> list[Json]:
    value = pack(run_id, message.step, message.number)
    options = message.options[:MOST_OPTIONS]
    buttons = [button(f"answer:{n}", option, value) for n, option in enumerate(options)]
    long = [f"{n}. {cut(o, 300)}" for n, o in enumerate(options, 1) if size(line(o, 4_000)) > 75]
    blocks = [rich([_said(cut("\n".join(long), 3_000))])] if long else []
    if buttons:
        blocks.append({"type": "actions", "elements": buttons})
    if message.strict:
        return blocks
    hint = "Choose one, or reply in this thread in your own words." if buttons else "Reply in this thread."
    return [*blocks, context(hint)]
