"""The payloads of what people do with buttons, forms, shortcuts and commands.

[doc: reference/interaction-payloads]

Pure builders, except that each gives out a trigger id, and a response_url where Slack does.
"""

from __future__ import annotations

from playground import response_urls
from playground.errors import SlackError
from playground.state import Json
from playground.workspace import public
from playground.world import World


def _common(world: World, kind: str, person: Json) -> Json:
    team = world.workspace.team
    return {
        "type": kind,
        "user": {
            "id": person["id"],
            "username": person["name"],
            "name": person["name"],
            "team_id": team["id"],
        },
        "api_app_id": world.app_id,
        "token": world.verification,
        "team": {"id": team["id"], "domain": team["domain"]},
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": world.triggers.give(person["id"]),
    }


def _place(channel: Json) -> Json:
    return {"id": channel["id"], "name": "directmessage" if channel["is_im"] else channel["name"]}


def command(world: World, name: str, text: str, channel: Json, person: Json) -> Json:
    """All values are strings, as in the form Slack posts; there is no thread_ts [doc: slash-commands]."""
    team = world.workspace.team
    return {
        "token": world.verification,
        "team_id": team["id"],
        "team_domain": team["domain"],
        "channel_id": channel["id"],
        "channel_name": _place(channel)["name"],
        "user_id": person["id"],
        "user_name": person["name"],
        "command": name,
        "text": text,
        "api_app_id": world.app_id,
        "is_enterprise_install": "false",
        "response_url": response_urls.give(world, channel["id"], person["id"]),
        "trigger_id": world.triggers.give(person["id"]),
    }


def block_action(
    world: World, person: Json, *, block_id: str, action_id: str, chosen: Json, where: dict[str, str]
) -> Json:
    """A click in a message (`channel`, `ts`) or in a view (`view_id`)."""
    payload = _common(world, "block_actions", person)
    if where.get("view_id"):
        _, view = world.views.find(where["view_id"])
        blocks = view["blocks"]
        payload |= {"container": {"type": "view", "view_id": view["id"]}, "view": view}
    else:
        channel = world.workspace.channel(where["channel"])
        message, ephemeral = _clicked(world, channel, where["ts"])
        blocks = message.get("blocks", [])
        container = {"type": "message", "message_ts": message["ts"], "channel_id": channel["id"]}
        container["is_ephemeral"] = ephemeral
        if message.get("thread_ts"):
            container["thread_ts"] = message["thread_ts"]
        payload |= {"container": container, "channel": _place(channel), "message": message}
        payload["response_url"] = response_urls.give(world, channel["id"], person["id"], message)
    element, block_id = find_element(blocks, block_id, action_id)
    action: Json = {"action_id": element["action_id"], "block_id": block_id, "type": element["type"]}
    values = (chosen.pop("state", None) or {}).get("values") or {}
    if where.get("view_id"):
        payload["view"] = payload["view"] | {"state": {"values": values}}
    else:
        payload["state"] = {"values": values}
    for key in ("text", "value", "style"):
        if key in element and element["type"] == "button":
            action[key] = element[key]
    payload["actions"] = [{**action, **chosen, "action_ts": world.ids.ts()}]
    return payload


def _clicked(world: World, channel: Json, ts: str) -> tuple[Json, bool]:
    message = world.workspace.message(channel["id"], ts)
    if message is not None:
        return next(public([message], all_metadata=False)), False
    row = world.state.ephemerals.get(ts)
    if row is None:
        raise SlackError("message_not_found")
    return dict(row["message"]), True


def find_element(blocks: list[Json], block_id: str, action_id: str) -> tuple[Json, str]:
    """The element that was clicked, by its action_id or by the words on it, and its block's id."""
    for block in blocks:
        if block_id and block.get("block_id") != block_id:
            continue
        for element in _elements(block):
            words = element.get("text")
            label = words.get("text") if isinstance(words, dict) else None
            if element.get("action_id") and action_id in (element["action_id"], label):
                return element, str(block.get("block_id", ""))
    raise SlackError("not_found", detail=f"no element {action_id!r} to click")


def _elements(block: Json) -> list[Json]:
    found = [e for e in block.get("elements", []) if isinstance(e, dict)]
    found += [block[k] for k in ("accessory", "element") if isinstance(block.get(k), dict)]
    for card in block.get("actions", []) + block.get("blocks", []):
        found += _elements(card) if "blocks" in card or "elements" in card else [card]
    return found


def shortcut(world: World, callback_id: str, channel: Json, message: Json, person: Json) -> Json:
    payload = _common(world, "message_action", person)
    shown = next(public([message], all_metadata=False))
    payload |= {"callback_id": callback_id, "channel": _place(channel), "message": shown}
    payload |= {"message_ts": message["ts"], "action_ts": world.ids.ts()}
    payload["response_url"] = response_urls.give(world, channel["id"], person["id"], message)
    return payload


def submission(world: World, view: Json, person: Json) -> Json:
    return {**_common(world, "view_submission", person), "view": view, "response_urls": []}


def closed(world: World, view: Json, person: Json, cleared: bool) -> Json:
    payload = _common(world, "view_closed", person)
    payload.pop("trigger_id")
    return {**payload, "view": view, "is_cleared": cleared}
