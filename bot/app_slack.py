"""The composition root, the side towards Slack: from an event that comes in to the orchestrator, and what
opens on somebody's screen. Nothing is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.orchestrator import Orchestrator
from bot.ports import Clock
from bot.registry import Registry
from bot.schedules import Schedules
from bot.settings import Settings
from bot.slack.admin import Admin
from bot.slack.asking import Asking
from bot.slack.bolt import build, whisper
from bot.slack.handlers import Handlers
from bot.slack.home import Home
from bot.slack.inbox import Inbox
from bot.slack.incoming import Incoming
from bot.slack.people import People
from bot.slack.scheduling import Scheduling
from bot.slack.screens import Screens
from bot.store import Store
from bot.watch import Watch
from workers import File, Sample
from workers.kit.crashpoints import Crash
from workers.kit.files import FileStore


@dataclass(frozen=True)
class SlackSide:
    inbox: Inbox
    bolt: AsyncApp


def slack_side(
    settings: Settings,
    client: AsyncWebClient,
    me: AuthorizeResult,
    *,
    store: Store,
    registry: Registry,
    people: People,
    orchestrator: Orchestrator,
    schedules: Schedules,
    files: FileStore,
    clock: Clock,
    crash: Crash,
    alone: bool,
    watch: Watch,
) -> SlackSide:
    home = Home(
        lambda workspace: client,
        people,
        registry,
        runs=store.runs,
        schedules=store.schedules,
        audit=store.audit,
        clock=clock,
        url=me.url or "",
    )

    async def whisper_there(incoming: Incoming, sentence: str) -> None:
        if incoming.source == "home":
            await home.publish(incoming.workspace, incoming.by, sentence)
        elif incoming.in_a_list:
            now = await home.listed(incoming.kind, incoming.workspace, incoming.by, sentence)
            await whisper(client, incoming, sentence, now)
        else:
            await whisper(client, incoming, sentence)

    admin = Admin(registry, people)
    scheduling = Scheduling(schedules, orchestrator, admin, store.runs, clock)
    handlers = Handlers(
        orchestrator,
        store.runs,
        people=people,
        admin=admin,
        asking=Asking(orchestrator, store.runs, scheduling, max_open=settings.open_per_person),
        scheduling=scheduling,
        whisper=whisper_there,
    )
    inbox = Inbox(
        store.inbox, store.runs.owners, handlers.handle, clock, crash, shared=not alone, watch=watch
    )
    bolt = build(client, me, inbox, store.runs, home)
    Screens(home, admin, registry, inbox, schedules.get, partial(_kept, files), clock).register(bolt)
    return SlackSide(inbox, bolt)


def _kept(files: FileStore, sample: Sample) -> tuple[File, ...]:
    return tuple(files.put(content.encode(), name) for name, content in sample.files)
