"""An app manifest (`app.yaml`), read for what Slack enforces by it: scopes, events, commands, shortcuts.

So an app that forgot a scope or a subscription finds out here, not after it is installed.
[doc: reference/app-manifest]
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground import seed
from playground.events import SUBSCRIPTIONS
from playground.state import Json

COMMANDS: tuple[Json, ...] = (
    {
        "command": "/delegate",
        "description": "Plan a request and hand it to workers",
        "usage_hint": "[request]",
    },
)


@dataclass(frozen=True)
class Manifest:
    """What an app may do; the defaults are for when there is no manifest."""

    scopes: str = seed.SCOPES
    subscriptions: frozenset[str] = SUBSCRIPTIONS
    commands: tuple[Json, ...] = COMMANDS
    shortcuts: tuple[Json, ...] = ()


def read(path: Path) -> Manifest:
    """YAML or JSON. What the file leaves out, the app does not have."""
    text = path.read_text()
    given = json.loads(text) if path.suffix == ".json" else _yaml(text)
    features, settings = given.get("features") or {}, given.get("settings") or {}
    scopes = ((given.get("oauth_config") or {}).get("scopes") or {}).get("bot") or []
    events = (settings.get("event_subscriptions") or {}).get("bot_events") or []
    commands = [
        {k: str(c.get(k, "")) for k in ("command", "description", "usage_hint")}
        | {"should_escape": bool(c.get("should_escape"))}
        for c in features.get("slash_commands") or []
    ]
    shortcuts = [
        {"callback_id": s["callback_id"], "name": s["name"]}
        for s in features.get("shortcuts") or []
        if s.get("type") == "message"
    ]
    return Manifest(" ".join(scopes), frozenset(events), tuple(commands), tuple(shortcuts))


def _yaml(text: str) -> dict[str, Any]:
    import yaml

    loaded = yaml.safe_load(text)
    return loaded if isinstance(loaded, dict) else {}
