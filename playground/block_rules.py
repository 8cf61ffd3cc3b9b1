"""Stub; the rules follow."""

from __future__ import annotations

from playground.errors import SlackError
from playground.state import Json


def check_message_blocks(blocks: object, refused: set[str]) -> None:
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")


def check_view(view: Json, wanted: str) -> None:
    if view.get("type") != wanted:
        raise SlackError("invalid_arguments")
