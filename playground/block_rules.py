"""Whether Slack would take these blocks: the limits of a whole message, a modal, a Home tab.

What one kind of block must look like is in `block_kinds`.
"""

from __future__ import annotations

from playground.block_check import Check
from playground.block_elements import words
from playground.block_kinds import block
from playground.errors import SlackError
from playground.state import Json

IN_MESSAGE, IN_VIEW = 50, 100  # [doc: reference/block-kit/blocks]
MARKDOWN = 12_000  # [doc: blocks/markdown-block] over all markdown blocks of one payload
# [seen: slackapi/bolt-js 2509, 2867] markdown alone fails above 13,297 characters; 11,341 characters in 45
# blocks failed, 9,597 in 50 passed. Text plus 50 a block fits all three; the true rule is not documented.
MESSAGE_TOTAL, EACH_BLOCK = 13_347, 50
MESSAGES_ONLY = frozenset({"markdown", "plan", "task_card", "table", "context_actions", "file"})


def check_message_blocks(blocks: object, refused: set[str]) -> None:
    """Raises `invalid_blocks`, or `msg_blocks_too_long`. `refused` are kinds this workspace does not take."""
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    problems: list[str] = []
    whole = Check({"blocks": blocks}, "", problems)
    _blocks(whole, IN_MESSAGE)
    for one in whole.items("blocks", 0, len(blocks)):
        if one.kind in refused:
            one.at("type").wrong(f"unsupported type: {one.kind}")
    if sum(b.get("type") == "table" for b in blocks if isinstance(b, dict)) > 1:
        whole.wrong("only_one_table_allowed")  # [memory]
    if problems:
        raise _refusal("invalid_blocks", problems)
    marked = sum(len(b["text"]) for b in blocks if b["type"] == "markdown")
    if marked > MARKDOWN or words(blocks) + EACH_BLOCK * len(blocks) > MESSAGE_TOTAL:
        raise SlackError("msg_blocks_too_long")


def check_view(view: Json, wanted: str) -> None:
    """Raises `invalid_arguments`, as views.* do [doc: reference/views]."""
    problems: list[str] = []
    check = Check(view, "/view", problems)
    if check.is_object():
        check.choice("type", (wanted,), required=True)
        if wanted == "modal":
            check.text("title", 24, plain=True, required=True)
            check.text("submit", 24, plain=True)
            check.text("close", 24, plain=True)
            has_input = any(
                isinstance(b, dict) and b.get("type") == "input" for b in view.get("blocks") or []
            )
            if has_input and not check.has("submit"):
                check.at("submit").wrong("a modal with an input block needs a submit button")
        for key, most in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
            check.string(key, most, least=0)
        _blocks(check, IN_VIEW)
        for one in check.items("blocks", 0, IN_VIEW):
            if one.kind in MESSAGES_ONLY:
                one.at("type").wrong(f"unsupported type: {one.kind}")
    if problems:
        raise _refusal("invalid_arguments", problems)


def _blocks(whole: Check, most: int) -> None:
    seen: set[str] = set()
    for one in whole.items("blocks", 0, most):
        block(one)
        block_id = one.json.get("block_id")
        if isinstance(block_id, str):
            if block_id in seen:
                one.at("block_id").wrong(f"`block_id` `{block_id}` already exists")
            seen.add(block_id)


def _refusal(code: str, problems: list[str]) -> SlackError:
    """[seen: brainxx.org] the problems come twice: in `errors`, and in `response_metadata.messages`."""
    unique = list(dict.fromkeys(problems))
    messages = [f"[ERROR] {problem}" for problem in unique]
    return SlackError(code, errors=unique, response_metadata={"messages": messages})
