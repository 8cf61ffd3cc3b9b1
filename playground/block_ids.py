"""Slack gives each block an id, and each interactive element an action_id, where the app gave none."""

from __future__ import annotations

from playground.ids import Ids
from playground.state import Json


def identified(ids: Ids, blocks: list[Json]) -> list[Json]:
    """New blocks; what was given stays as it was [doc: reference/block-kit]."""
    return [_block(ids, block) for block in blocks]


def _block(ids: Ids, block: Json) -> Json:
    named = {**block, "block_id": block.get("block_id") or ids.new("", 5)}
    if block["type"] in ("actions", "context_actions"):
        named["elements"] = [_element(ids, e) for e in block["elements"]]
    for part in ("accessory", "element"):
        if isinstance(block.get(part), dict):
            named[part] = _element(ids, block[part])
    return named


def _element(ids: Ids, element: Json) -> Json:
    if element.get("type") == "image" or element.get("action_id"):
        return element
    return {**element, "action_id": ids.new("", 5)}
