"""The forms that open on a person's screen, and what happens when they are sent in.

These have 3 s to answer, so they are Bolt listeners and no inbox: an admin's right is asked of Slack once,
with little patience, and where the answer does not come nothing is changed and the form says so. What starts
work is put into the inbox, like any other request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot import recurrence
from bot.planner import channels_named
from bot.ports import Clock, Schedule, StoreDown
from bot.registry import Registry, Seat
from bot.slack.admin import Admin, NotChanged
from bot.slack.blocks import Json
from bot.slack.bolt import whisper
from bot.slack.calls import SHORT, SlackTrouble, call
from bot.slack.home import Home
from bot.slack.inbox import Inbox
from bot.slack.incoming import Incoming, list_url
from bot.slack.schedule_view import EDIT, read_schedule_modal, schedule_modal
from bot.slack.scheduling import CHANGED
from bot.slack.team_view import EDIT as SETTINGS
from bot.slack.team_view import (
    TRY,
    read_try_modal,
    read_worker_modal,
    said_modal,
    try_modal,
    worker_modal,
)
from workers import File, Sample

Ack = Callable[..., Awaitable[Any]]
Keep = Callable[[Sample], tuple[File, ...]]
FindSchedule = Callable[[str, str], Awaitable[Schedule | None]]
AWAY = "Slack did not confirm in time who you are, so nothing was changed. Try once more."
GONE = "This is not there any more. Open the Home tab anew."
CARD_SENT = "I send you a direct message with what I understood. Confirm it there; till then nothing changes."
RENAMED = "To name another channel, ask anew in a message: there I can see which one you mean."


@dataclass(frozen=True, slots=True)
class Screens:
    """`keep` stores a sample's files, `schedule` finds one by workspace and id."""

    home: Home
    admin: Admin
    registry: Registry
    inbox: Inbox
    schedule: FindSchedule
    keep: Keep
    clock: Clock

    def register(self, app: AsyncApp) -> None:
        app.action("worker:edit")(self._open_settings)
        app.action("worker:try")(self._open_trial)
        app.action("schedule:edit")(self._open_schedule)
        app.view(SETTINGS)(self._save_settings)
        app.view(TRY)(self._try)
        app.view(EDIT)(self._edit_schedule)

    async def _open_settings(self, ack: Ack, body: Json, client: AsyncWebClient) -> None:
        """The form brings back where it was opened: the list that a command brought is to show the change."""
        seat = await self._seat(body)
        view = worker_modal(seat, self.registry.models) if seat else None
        if view and (url := list_url(body)):
            view["private_metadata"] += f" {url}"
        await _open(ack, body, client, view)

    async def _open_trial(self, ack: Ack, body: Json, client: AsyncWebClient) -> None:
        seat = await self._seat(body)
        await _open(ack, body, client, try_modal(seat) if seat else None)

    async def _open_schedule(self, ack: Ack, body: Json, client: AsyncWebClient) -> None:
        schedule = await self.schedule(_workspace(body), _value(body))
        view = schedule_modal(schedule) if schedule else None
        if schedule and schedule.by != _person(body) and (why := await self._barred(body)):
            view = said_modal("Not yours", why)
        await _open(ack, body, client, view)

    async def _barred(self, body: Json) -> str:
        try:
            return await self.admin.barred(_workspace(body), _person(body), SHORT)
        except SlackTrouble:
            return AWAY

    async def _seat(self, body: Json) -> Seat | None:
        seats = await self.registry.seats(_workspace(body), self.clock())
        return next((seat for seat in seats if seat.worker.name == _value(body)), None)

    async def _save_settings(self, ack: Ack, body: Json, client: AsyncWebClient) -> None:
        make = read_worker_modal(_values(body))
        name, _, url = body["view"]["private_metadata"].partition(" ")
        if isinstance(make, Mapping):
            await ack(response_action="errors", errors=make)
            return
        try:
            said = await self.admin.change(_workspace(body), _person(body), name, make, patience=SHORT)
        except (NotChanged, SlackTrouble, StoreDown) as error:
            sentence = AWAY if isinstance(error, SlackTrouble) else str(error)
            await ack(response_action="update", view=said_modal("Not changed", sentence))
            return
        await ack()
        if url:
            now = await self.home.listed("worker", _workspace(body), _person(body), said)
            await whisper(client, self._incoming(body, source="button", response_url=url), said, now)
        else:
            await self.home.publish(_workspace(body), _person(body), said)

    async def _try(self, ack: Ack, body: Json, client: AsyncWebClient) -> None:
        text, name = read_try_modal(_values(body)), body["view"]["private_metadata"]
        if not text:
            await ack(response_action="errors", errors={"text": "Say what it should do."})
            return
        if why := await self._barred(body):
            await ack(response_action="update", view=said_modal("Not begun", why))
            return
        worker = self.registry.worker(name)
        files = self.keep(worker.sample) if worker and worker.sample else ()
        incoming = self._incoming(body, source="try", text=text, worker=name, files=files)
        await self._take(ack, client, incoming, "Its reply comes to you as a direct message, in a moment.")

    async def _edit_schedule(self, ack: Ack, body: Json, client: AsyncWebClient) -> None:
        read = read_schedule_modal(_values(body))
        id, _, revision = body["view"]["private_metadata"].partition("/")
        schedule = await self.schedule(_workspace(body), id)
        if schedule is None or schedule.revision != revision:
            await ack(response_action="update", view=said_modal("Not changed", CHANGED))
            return
        errors = read if isinstance(read, Mapping) else self._wrong(read, schedule)
        if isinstance(read, Mapping) or errors:
            await ack(response_action="errors", errors=errors)
            return
        task, when, channel = read
        incoming = self._incoming(
            body,
            source="edit",
            text=f"{when} {task}",
            scheduling=f"{id}/{revision}",
            about=schedule.about,
            target=channel or schedule.channel,
            zone=schedule.zone,
        )
        await self._take(ack, client, incoming, CARD_SENT)

    def _wrong(self, read: tuple[str, str, str], schedule: Schedule) -> dict[str, str]:
        task, when, _ = read
        if channels_named(task) != channels_named(schedule.text):
            return {"task": RENAMED}
        try:
            recurrence.typed(f"{when} {task}", schedule.zone, self.clock())
        except recurrence.Unusable as error:
            return {"when": str(error)}
        return {}

    def _incoming(self, body: Json, **more: Any) -> Incoming:
        """`channel` follows: it is their conversation with us."""
        key = f"trigger:{body.get('trigger_id')}"
        return Incoming(
            kind="ask", workspace=_workspace(body), channel="", by=_person(body), keys=(key,), **more
        )

    async def _take(self, ack: Ack, client: AsyncWebClient, incoming: Incoming, said: str) -> None:
        """Into the inbox, with one's direct messages for its thread."""
        try:
            there = await call(client.conversations_open(users=incoming.by), seconds=SHORT.seconds)
            await self.inbox.take(incoming.model_copy(update={"channel": there["channel"]["id"]}))
        except (SlackTrouble, StoreDown) as error:
            sentence = AWAY if isinstance(error, SlackTrouble) else str(error)
            await ack(response_action="update", view=said_modal("Not begun", sentence))
        else:
            await ack(response_action="update", view=said_modal("On its way", said))


async def _open(ack: Ack, body: Json, client: AsyncWebClient, view: Json | None) -> None:
    await ack()
    await client.views_open(trigger_id=body["trigger_id"], view=view or said_modal("Not there", GONE))


def _workspace(body: Json) -> str:
    return str(body["team"]["id"])


def _person(body: Json) -> str:
    return str(body["user"]["id"])


def _value(body: Json) -> str:
    return str(body["actions"][0].get("value") or "")


def _values(body: Json) -> Mapping[str, Any]:
    values: Mapping[str, Any] = body["view"]["state"]["values"]
    return values
