"""What a person may see of their workspace, gathered: for the Home tab, and for the lists of `/delegate`.

Everybody sees their own requests and schedules and who is on the team; admins see the rest too. Being an
admin is looked up at most a minute ago here, since nothing is changed by looking. How it looks is
`home_view.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.ports import AuditStore, Clock, Schedule
from bot.registry import Registry, Seat
from bot.run import Run
from bot.slack.blocks import Json
from bot.slack.calls import SHORT, Refused, SlackTrouble, call
from bot.slack.home_view import HomeData, home, notice_block
from bot.slack.people import People, PersonUnknown
from bot.slack.schedule_view import schedules_blocks
from bot.slack.team_view import team_blocks
from bot.team import is_on

log = structlog.get_logger(__name__)

RUNS, CHANGES = 12, 8
LATELY_SECONDS = 30 * 86_400.0  # of what workers did


class Runs(Protocol):
    async def load(self, workspace: str, run_id: str, *, fresh: bool = False) -> Run | None: ...
    async def open_of(self, workspace: str, person: str) -> set[str]: ...
    async def recent_runs(self, workspace: str, by: str, limit: int) -> Sequence[Run]: ...


class Schedules(Protocol):
    async def of(self, workspace: str, by: str | None = None) -> Sequence[Schedule]: ...


class Home:
    """`url`: the workspace's own (`https://team.slack.com/`), for links to threads."""

    def __init__(
        self,
        client_for: Callable[[str], AsyncWebClient],
        people: People,
        registry: Registry,
        *,
        runs: Runs,
        schedules: Schedules,
        audit: AuditStore,
        clock: Clock,
        url: str = "",
    ) -> None:
        self._client_for, self._people, self._registry = client_for, people, registry
        self._runs, self._schedules, self._audit = runs, schedules, audit
        self._clock, self._url = clock, url

    async def publish(self, workspace: str, person: str, notice: str = "") -> None:
        """`notice`: what was just done or could not be, in a sentence. Best effort: it is drawn anew each
        time it is opened."""
        admin, zone = await self._who(workspace, person)
        data = HomeData(
            person=person,
            admin=admin,
            now=self._clock(),
            zone=zone,
            runs=await self._requests(workspace, person),
            schedules=await self._schedules.of(workspace, None if admin else person),
            seats=await self._seats(workspace, admin),
            log=await self._audit.recent(workspace, CHANGES) if admin else (),
            models=self._registry.models,
            url=self._url,
            notice=notice,
        )
        try:
            await call(self._client_for(workspace).views_publish(user_id=person, view=home(data)))
        except Refused as error:
            log.error("a Home tab was refused", code=error.code, details=error.details)
        except SlackTrouble as error:
            log.info("a Home tab was not shown", error=str(error))

    async def team(self, workspace: str, person: str) -> list[Json]:
        """For `/delegate workers`."""
        admin, zone = await self._who(workspace, person)
        return team_blocks(await self._seats(workspace, admin), admin, zone=zone)

    async def schedules(self, workspace: str, person: str) -> list[Json]:
        """For `/delegate schedules`."""
        admin, _ = await self._who(workspace, person)
        mine = await self._schedules.of(workspace, None if admin else person)
        return schedules_blocks(mine, person, admin, self._clock())

    async def listed(self, kind: str, workspace: str, person: str, notice: str) -> list[Json]:
        """The list that a button of it was pressed in, as it is now, below what came of that."""
        now = self.schedules if kind == "schedule" else self.team
        return [notice_block(notice), *await now(workspace, person)]

    async def _requests(self, workspace: str, person: str) -> list[Run]:
        """What is open, however old (one may wait for weeks), then the latest of the rest."""
        recent = list(await self._runs.recent_runs(workspace, person, RUNS))
        older = await self._runs.open_of(workspace, person) - {run.id for run in recent}
        found = [await self._runs.load(workspace, id, fresh=True) for id in sorted(older)]
        return [run for run in found if run] + recent

    async def _seats(self, workspace: str, admin: bool) -> list[Seat]:
        seats = await self._registry.seats(workspace, self._clock() - LATELY_SECONDS)
        return seats if admin else [seat for seat in seats if is_on(seat.member)]

    async def _who(self, workspace: str, person: str) -> tuple[bool, str]:
        """Whether they are an admin, and their time zone. Who cannot be looked up sees what members see."""
        try:
            who = await self._people.get(workspace, person, SHORT)
        except (PersonUnknown, SlackTrouble):
            return False, ""
        return who.admin and not who.guest, who.zone
