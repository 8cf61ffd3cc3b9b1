"""Who somebody is, from Slack, for the moment: never stored, cached for minutes only.

Fails closed: who cannot be looked up may not start anything, and who changes something is looked up anew. It
does not know what people may do beyond that; `refusal` is the one rule about who may ask at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from slack_sdk.web.async_client import AsyncWebClient

from bot.ports import Clock
from bot.slack.calls import LONG, Patience, Refused, read

NO_SCOPE = "I may not look up who you are: the app lacks the scope `users:read`. An admin can add it."
NOBODY = ("user_not_found", "user_not_visible", "users_not_found")
READ_SECONDS = 60.0  # how old a look-up may be


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    admin: bool = False
    guest: bool = False
    bot: bool = False
    deleted: bool = False
    team: str = ""
    zone: str = ""  # as IANA names it; empty where that is not known


class PersonUnknown(Exception):
    """Slack did not say who this is. The text is a sentence for the person. `gone`: there is nobody of that
    name; otherwise the trouble is ours (a scope, a token)."""

    def __init__(self, sentence: str, gone: bool = False) -> None:
        super().__init__(sentence)
        self.gone = gone


class People:
    def __init__(self, client_for: Callable[[str], AsyncWebClient], clock: Clock) -> None:
        self._client_for, self._clock = client_for, clock
        self._cached: dict[tuple[str, str], tuple[float, Person]] = {}

    async def get(self, workspace: str, id: str, patience: Patience = LONG) -> Person:
        """Raises `PersonUnknown`, and `SlackTrouble` when Slack is away for longer."""
        at, person = self._cached.get((workspace, id), (0.0, None))
        if person is None or self._clock() - at > READ_SECONDS:
            return await self.fresh(workspace, id, patience)
        return person

    async def fresh(self, workspace: str, id: str, patience: Patience = LONG) -> Person:
        """As Slack says now: whatever gives somebody the right to change something. Raises as `get`."""
        person = await self._look_up(workspace, id, patience)
        if len(self._cached) > 5_000:
            self._cached.clear()
        self._cached[workspace, id] = (self._clock(), person)
        return person

    async def _look_up(self, workspace: str, id: str, patience: Patience) -> Person:
        client = self._client_for(workspace)
        try:
            user = (await read(lambda: client.users_info(user=id), patience))["user"]
        except Refused as error:
            if error.code == "missing_scope":
                raise PersonUnknown(NO_SCOPE) from error
            sentence = f"Slack would not tell me who you are ({error.code})."
            raise PersonUnknown(sentence, gone=error.code in NOBODY) from error
        profile = user.get("profile") or {}
        grid = user.get("enterprise_user") or {}
        return Person(
            id=id,
            name=str(profile.get("display_name") or user.get("real_name") or user.get("name") or id),
            admin=any(
                bool(u.get(k)) for u in (user, grid) for k in ("is_admin", "is_owner", "is_primary_owner")
            ),
            guest=bool(
                user.get("is_restricted") or user.get("is_ultra_restricted") or user.get("is_stranger")
            ),
            bot=bool(user.get("is_bot")),
            deleted=bool(user.get("deleted")),
            team=str(user.get("team_id") or ""),
            zone=_known(str(user.get("tz") or "")),
        )


def _known(zone: str) -> str:
    """Slack's list of zones is not this machine's."""
    try:
        return ZoneInfo(zone).key if zone else ""
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return ""


def refusal(person: Person, workspace: str) -> str:
    """Why this person may not start work here, as a sentence; empty when they may."""
    if person.bot:
        return "I do not take requests from other bots."
    if person.deleted:
        return "This account was deactivated."
    if person.guest:
        return "Guests cannot start work here. Ask a member of the team to pass it on to me."
    if person.team != workspace:
        return "Only members of this workspace can start work here. Ask one of them to pass it on to me."
    return ""
