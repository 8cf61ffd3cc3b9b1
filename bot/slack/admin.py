"""What admins change in their workspace's team, by a switch, a form or a command.

Whether somebody is an admin is asked of Slack at the moment of the change, never taken from what a screen
showed: who was demoted meanwhile changes nothing. It does not know how the list is stored or shown.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bot import team
from bot.registry import Registry, UnknownWorker
from bot.slack.people import People, PersonUnknown, refusal
from bot.team import Member

USAGE = (
    "Write `/delegate workers` to see the team, and `/delegate workers enable writer` or "
    "`/delegate workers disable writer #channel` to change it."
)
NOT_ADMIN = "Only admins and owners of this workspace can do this. Nothing was changed."


class NotChanged(Exception):
    """Nothing was changed; the text says why, for the person."""


class Admin:
    def __init__(self, registry: Registry, people: People) -> None:
        self._registry, self._people = registry, people

    async def barred(self, workspace: str, person: str, tries: int = 5) -> str:
        """Why this person may not change the team now, as a sentence; empty when they may. Raises
        `SlackTrouble`, and then nothing may be changed either."""
        try:
            who = await self._people.fresh(workspace, person, tries)
        except PersonUnknown as error:
            return str(error)
        return refusal(who, workspace) or ("" if who.admin else NOT_ADMIN)

    async def switch(self, workspace: str, person: str, worker: str, choice: str, channel: str = "") -> str:
        """`choice`: on or off; with `channel` only there. What became of it, in a sentence."""
        if choice not in ("on", "off") or not worker:
            return USAGE
        make = team.enabled if choice == "on" else team.disabled
        try:
            return await self.change(workspace, person, worker, partial(make, channel=channel))
        except NotChanged as error:
            return str(error)

    async def change(
        self, workspace: str, person: str, worker: str, make: Callable[[Member], Member], tries: int = 5
    ) -> str:
        """What is so now, in a sentence. Raises `NotChanged`, `SlackTrouble`, `StoreDown`."""
        if why := await self.barred(workspace, person, tries):
            raise NotChanged(why)
        try:
            member = await self._registry.change(workspace, worker, person, make)
        except UnknownWorker as error:
            raise NotChanged(str(error)) from error
        return f"{worker} is {team.described(member)}."
