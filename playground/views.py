"""Modals that are open on people's screens (a stack for each), and Home tabs. Knows nothing of who asks.

[doc: surfaces/modals] at most three views in a stack; `hash` guards against updating what has changed.
"""

from __future__ import annotations

from collections.abc import Callable

from playground.block_ids import identified
from playground.block_rules import check_view
from playground.errors import SlackError
from playground.ids import Ids
from playground.state import Json, State

DEEPEST = 3


class Views:
    def __init__(self, state: State, ids: Ids, team_id: str, app_id: str, bot_id: str) -> None:
        self._state = state
        self._ids = ids
        self._fixed = {
            "team_id": team_id,
            "app_id": app_id,
            "bot_id": bot_id,
            "app_installed_team_id": team_id,
        }
        self.stacks: dict[str, list[Json]] = {}
        self.on_change: Callable[[str, str, Json], None] = lambda user_id, trigger, view: None

    def open(self, user_id: str, given: Json) -> Json:
        view = self._make(given, "modal")
        view["root_view_id"] = view["id"]
        self.stacks[user_id] = [view]
        self.on_change(user_id, "open", view)
        return view

    def push(self, user_id: str, given: Json) -> Json:
        stack = self.stacks.get(user_id) or []
        if not stack:
            raise SlackError("invalid_trigger_id")
        if len(stack) >= DEEPEST:
            raise SlackError("push_limit_reached")
        view = self._make(given, "modal")
        view |= {"root_view_id": stack[0]["id"], "previous_view_id": stack[-1]["id"]}
        stack.append(view)
        self.on_change(user_id, "push", view)
        return view

    def update(self, view_id: str, given: Json, known_hash: str | None = None) -> Json:
        user_id, old = self.find(view_id)
        if known_hash and known_hash != old["hash"]:
            raise SlackError("hash_conflict")
        view = self._make(given, old["type"]) | {"id": view_id, "root_view_id": old["root_view_id"]}
        view["previous_view_id"] = old["previous_view_id"]
        stack = self.stacks[user_id]
        stack[stack.index(old)] = view
        self.on_change(user_id, "update", view)
        return view

    def publish(self, user_id: str, given: Json, known_hash: str | None = None) -> Json:
        old = self._state.homes.get(user_id)
        if known_hash and old and known_hash != old["hash"]:
            raise SlackError("hash_conflict")
        view = self._make(given, "home")
        if old:
            view["id"] = old["id"]
        view["root_view_id"] = view["id"]
        self._state.homes.put(user_id, view)
        self.on_change(user_id, "home", view)
        return view

    def find(self, view_id: str = "", external_id: str = "") -> tuple[str, Json]:
        """Who has it open, and the view."""
        for user_id, stack in self.stacks.items():
            for view in stack:
                if view["id"] == view_id or (external_id and view["external_id"] == external_id):
                    return user_id, view
        for user_id, view in self._state.homes.rows.items():
            if view["id"] == view_id:
                return user_id, view
        raise SlackError("not_found")

    def close(self, user_id: str, view_id: str, all_of_them: bool = False) -> Json | None:
        """Takes the top view away (or all); the one that is seen now, if any."""
        stack = self.stacks.get(user_id, [])
        if all_of_them:
            stack.clear()
        else:
            stack[:] = [v for v in stack if v["id"] != view_id]
        self.on_change(user_id, "closed", {"id": view_id})
        if stack:
            self.on_change(user_id, "update", stack[-1])
        return stack[-1] if stack else None

    def _make(self, given: Json, wanted: str) -> Json:
        check_view(given, wanted)
        view = {**given, "blocks": identified(self._ids, given["blocks"])}
        blank: Json = {
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "state": {"values": {}},
            "title": None,
            "submit": None,
            "close": None,
            "clear_on_close": False,
            "notify_on_close": False,
        }
        ids = {"id": self._ids.new("V"), "hash": f"{self._ids.now():.6f}.{self._ids.new('', 8)}"}
        return {**blank, **view, **self._fixed, **ids, "previous_view_id": None}
