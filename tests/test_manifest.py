"""`app.yaml` against the code: what is registered, what is called, what the doctor checks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from bot.slack import incoming, manifest
from bot.slack.inbox import INLINE_EVENTS, Inbox

ROOT = Path(__file__).parents[1]
APP: dict[str, Any] = yaml.safe_load((ROOT / "app.yaml").read_text())

# Web API method -> any one of these scopes. Source: docs.slack.dev/reference/methods/<method>, read 2026-11.
NEEDS = {
    "auth_test": None,
    "apps_connections_open": None,  # an app-level token with connections:write
    "chat_postMessage": {"chat:write"},
    "chat_update": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "conversations_history": {"channels:history", "groups:history", "im:history"},
    "conversations_replies": {"channels:history", "groups:history", "im:history"},
    "conversations_info": {"channels:read", "groups:read", "im:read"},
    "conversations_members": {"channels:read", "groups:read", "im:read"},
    "conversations_open": {"im:write"},
    "users_info": {"users:read"},
    "views_open": None,
    "views_publish": None,
    "files_getUploadURLExternal": {"files:write"},
    "files_completeUploadExternal": {"files:write"},
    "files_info": {"files:read"},
}


def scopes() -> set[str]:
    return set(APP["oauth_config"]["scopes"]["bot"])


def called() -> set[str]:
    """Methods of AsyncWebClient that the code names, called or passed on."""
    source = "\n".join(p.read_text() for p in (ROOT / "bot").rglob("*.py"))
    source = re.sub(r"^from .*$", "", source, flags=re.MULTILINE)  # `bot.slack.team_view` is no method
    return set(
        re.findall(
            r"\.((?:auth|apps|chat|conversations|users|views|files|reactions|assistant|team)_\w+)\b", source
        )
    )


def test_the_manifest_the_table_and_the_doctor_say_the_same() -> None:
    assert scopes() == set(manifest.SCOPES)
    assert set(APP["settings"]["event_subscriptions"]["bot_events"]) == set(manifest.EVENTS)
    assert all(not needs or needs in scopes() for needs in manifest.EVENTS.values())


def test_each_method_that_the_code_calls_has_its_scope() -> None:
    methods = called()
    assert {"chat_postMessage", "chat_update", "users_info"} <= methods
    assert methods <= set(NEEDS), "a new method wants its scopes in this table"
    for method in methods:
        needs = NEEDS[method]
        assert needs is None or needs <= scopes(), f"{method} needs {needs}"


def test_each_event_that_comes_is_read_and_each_that_is_read_comes() -> None:
    kinds = {e.partition(".")[0] for e in manifest.EVENTS} - set(INLINE_EVENTS)
    for kind in kinds:
        event = {"type": kind, "user": "U1", "channel": "C1", "ts": "1.2", "text": "<@UBOT> hi"}
        assert Inbox.read({"type": "event_callback", "event": event, "team_id": "T1"}, "UBOT") is not None
    assert kinds == {"app_mention", "message"}


def test_the_command_and_the_shortcut_are_those_that_the_code_knows() -> None:
    assert [c["command"] for c in APP["features"]["slash_commands"]] == [incoming.COMMAND]
    assert [(s["callback_id"], s["type"]) for s in APP["features"]["shortcuts"]] == [
        (incoming.SHORTCUT, "message")
    ]


def test_it_keeps_slacks_limits_for_a_manifest() -> None:
    """Source: docs.slack.dev/reference/app-manifest."""
    info = APP["display_information"]
    assert (
        len(info["name"]) <= 35
        and len(info["description"]) <= 140
        and 174 <= len(info["long_description"]) <= 4000
    )
    assert re.fullmatch(r"#[0-9a-f]{6}", info["background_color"])
    for command in APP["features"]["slash_commands"]:
        assert len(command["description"]) <= 2000 and len(command["usage_hint"]) <= 1000
    assert all(len(s["name"]) <= 24 and len(s["description"]) <= 150 for s in APP["features"]["shortcuts"])
