"""Trigger ids: what a person's click entitles the app to, for three seconds, once.

[doc: interactivity/handling-user-interaction#trigger-ids] they expire after 3 s and can be exchanged once:
`expired_trigger_id`, `exchanged_trigger_id`, `invalid_trigger_id` are the errors of views.open [doc].
"""

from __future__ import annotations

from playground.errors import SlackError
from playground.ids import Ids

LIFETIME = 3.0
KEPT = 10_000


class Triggers:
    def __init__(self, ids: Ids, team_id: str, lifetime: float = LIFETIME) -> None:
        self._ids = ids
        self._team_id = team_id
        self.lifetime = lifetime
        self._given: dict[str, tuple[str, float]] = {}
        self._used: set[str] = set()

    def give(self, user_id: str) -> str:
        trigger = self._ids.trigger(self._team_id)
        if len(self._given) > KEPT:  # old ones are expired, and unknown instead
            self._used.discard(next(iter(self._given)))
            self._given.pop(next(iter(self._given)))
        self._given[trigger] = (user_id, self._ids.now())
        return trigger

    def use(self, trigger: str) -> str:
        """The person who clicked."""
        if trigger not in self._given:
            raise SlackError("invalid_trigger_id")
        if trigger in self._used:
            raise SlackError("exchanged_trigger_id")
        user_id, at = self._given[trigger]
        if self._ids.now() - at > self.lifetime:
            raise SlackError("expired_trigger_id")
        self._used.add(trigger)
        return user_id
