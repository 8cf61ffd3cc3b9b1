"""Puts a World together from a few options, and its paths on a server.

The composition root of this package: nothing else here builds a World.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from playground import (
    api_assistant,
    api_chat,
    api_conversations,
    api_files,
    api_people,
    api_streams,
    api_views,
    oauth,
    response_urls,
    seed,
)
from playground.calls import Calls
from playground.controls import Trouble
from playground.delivery import Delivery, Retries
from playground.events import Events
from playground.http_api import Api
from playground.ids import Clock, Ids
from playground.limits import Limits
from playground.manifest import Manifest
from playground.page_api import PageApi
from playground.server import Server
from playground.sockets import Sockets
from playground.state import State
from playground.triggers import Triggers
from playground.views import Views
from playground.webhook import Webhook
from playground.workspace import Workspace
from playground.world import World

# Importing a module registers its methods.
LOADED = (api_assistant, api_chat, api_conversations, api_files, api_people, api_streams, api_views, oauth)


@dataclass(frozen=True)
class Options:
    data: Path | None = None  # where to keep the workspace; None forgets it
    request_url: str | None = None  # HTTP mode; None is Socket Mode
    manifest: Manifest = field(default_factory=Manifest)
    limits: bool = True
    retries: Retries = field(default_factory=Retries)
    now: Clock = time.time
    rng: random.Random | None = None


def build(options: Options) -> tuple[World, Trouble]:
    ids = Ids(options.now, options.rng)
    state = State(options.data)
    seed.plant(state, ids, options.manifest.scopes)
    workspace = Workspace(state, ids)
    sockets = Sockets(ids, seed.APP_ID)
    webhook = None
    if options.request_url:
        webhook = Webhook(options.request_url, seed.SIGNING_SECRET, options.now, seed.VERIFICATION_TOKEN)
    faults = Trouble(options.now)
    delivery = Delivery(state, ids, faults, options.retries, webhook or sockets)
    events = Events(
        workspace,
        ids,
        app_id=seed.APP_ID,
        verification=seed.VERIFICATION_TOKEN,
        offer=delivery.offer,
        subscriptions=options.manifest.subscriptions,
    )
    workspace.listeners.append(events.heard)
    faults.world = World(
        state=state,
        ids=ids,
        workspace=workspace,
        faults=faults,
        limits=Limits(options.now, options.limits),
        calls=Calls(),
        sockets=sockets,
        delivery=delivery,
        events=events,
        triggers=Triggers(ids, workspace.team_id),
        views=Views(state, ids, workspace.team_id, seed.APP_ID, seed.BOT_ID),
        app_id=seed.APP_ID,
        bot_id=seed.BOT_ID,
        verification=seed.VERIFICATION_TOKEN,
        webhook=webhook,
        commands=list(options.manifest.commands),
        shortcuts=list(options.manifest.shortcuts),
    )
    workspace.listeners.append(api_assistant.status_clearer(faults.world))
    return faults.world, faults


def add_routes(server: Server, world: World, faults: Trouble, api: Api, page: PageApi) -> None:
    router = server.app.router
    router.add_route("*", "/api/{method}", api.serve)
    router.add_get("/link/", world.sockets.serve)
    router.add_post("/playground/faults", faults.serve)
    router.add_get("/oauth/v2/authorize", oauth.authorize_page(world))
    router.add_post("/response/{team}/{key}", response_urls.route(world))
    files = api_files.FileRoutes(world)
    router.add_route("*", "/upload/v1/{id}", files.upload)
    router.add_get("/files-pri/{team}-{id}/download/{name}", files.download)
    router.add_get("/files-pri/{team}-{id}/{name}", files.download)
    router.add_get("/files/{id}/{name}", files.shown)
    page.add_to(server.app)
