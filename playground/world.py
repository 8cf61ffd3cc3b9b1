"""Everything one playground consists of: put together in `slack.py`, handed to whoever answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from playground.calls import Calls
from playground.delivery import Delivery
from playground.events import Events
from playground.faults import Faults
from playground.ids import Ids
from playground.limits import Limits
from playground.sockets import Sockets
from playground.state import Json, State
from playground.triggers import Triggers
from playground.views import Views
from playground.webhook import Webhook
from playground.workspace import Workspace


@dataclass
class World:
    state: State
    ids: Ids
    workspace: Workspace
    faults: Faults
    limits: Limits
    calls: Calls
    sockets: Sockets
    delivery: Delivery
    events: Events
    triggers: Triggers
    views: Views
    app_id: str
    bot_id: str
    verification: str
    webhook: Webhook | None = None
    commands: list[Json] = field(default_factory=list)
    shortcuts: list[Json] = field(default_factory=list)
    codes: dict[str, Json] = field(default_factory=dict)  # of the authorize page, unused as yet
    base_url: str = ""  # known once the port is

    @property
    def app_connected(self) -> bool:
        return self.webhook is not None or self.sockets.connected
