"""What admins change in their workspace's team, by a switch, a form or a command.

Whether somebody is an admin is asked of Slack at the moment of the change, never taken from what a screen
showed: who was demoted meanwhile changes nothing. It does not know how the list is stored or shown.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bot import team
from bot.registry import Registry, UnknownWorker
from bot.slack.calls import LONG, Patience
from bot.slack.incoming import Incoming
from bot.slack.people import People, PersonUnknown, refusal
from bot.team import Member

USAGE = (
    "Write `/delegate workers` to see the team, and `/delegate workers enable writer` or "
    "`/delegate workers disable writer #channel` to change it, one channel at a time."
)
NOT_ADMIN = "Only admins and owners of this workspace can do this. Nothing was changed."


class NotChanged(Exception):
    """Nothing was changed; the text says why, for the person."""


class Admin:
    def __init__(self, registry: Registry, people: People) -> None:
        self._registry, self._people = registry, people

    async def barred(self, workspace: str, person: str, patience: Patience = LONG) -> str:
        """Why this person may not change the team now, as a sentence; empty when they may. Raises
        `SlackTrouble`, and then nothing may be changed either."""
        try:
            who = await self._people.fresh(workspace, person, patience)
        except PersonUnknown as error:
            return str(error)
        return refusal(who, workspace) or ("" if who.admin else NOT_ADMIN)

    async def switch(self, incoming: Incoming) -> str:
        """What became of it, in a sentence. Once, though the event may come again."""
        choice, worker = incoming.text, incoming.value
        if choice not in ("on", "off") or not worker:
            return USAGE
        make = partial(team.enabled if choice == "on" else team.disabled, channel=incoming.about)
        try:
            return await self.change(incoming.workspace, incoming.by, worker, make, key=incoming.key)
        except NotChanged as error:
            return str(error)

    async def change(
        self,
        workspace: str,
        person: str,
        worker: str,
        make: Callable[[Member], Member],
        *,
        key: str = "",
        patience: Patience = LONG,
    ) -> str:
        """What is so now, in a sentence. Raises `NotChanged`, `SlackTrouble`, `StoreDown`."""
        if why := await self.barred(workspace, person, patience):
            raise NotChanged(why)
        try:
            member = await self._registry.change(workspace, worker, person, make, key=key)
        except UnknownWorker as error:
            raise NotChanged(str(error)) from error
        return f"{worker} is {team.described(member)}."
