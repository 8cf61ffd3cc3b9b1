"""What the code needs of a Slack app: each scope with the reason, each event with the scope it comes by.

`app.yaml` is what people create the app from; a test holds it against this table, the registered handlers
and the Web API methods in the code. `python -m bot doctor` compares it with a real token.
"""

from __future__ import annotations

from collections.abc import Collection

SCOPES: dict[str, tuple[str, ...]] = {
    "app_mentions:read": (),
    "channels:history": ("conversations.history", "conversations.replies"),
    "channels:read": ("conversations.info", "conversations.members"),
    "chat:write": ("chat.postMessage", "chat.update", "chat.postEphemeral"),
    "chat:write.customize": (),  # workers reply under their own names
    "commands": ("views.open",),  # and /delegate, and the message shortcut
    "files:read": (),  # GET url_private_download
    "files:write": ("files.getUploadURLExternal", "files.completeUploadExternal"),
    "groups:history": ("conversations.history", "conversations.replies"),
    "groups:read": ("conversations.info", "conversations.members"),
    "im:history": ("conversations.history", "conversations.replies"),
    "im:read": ("conversations.info",),
    "im:write": ("conversations.open",),
    "users:read": ("users.info",),
}
EVENTS: dict[str, str] = {
    "app_home_opened": "",
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
}


def missing(granted: Collection[str]) -> list[str]:
    """What is lacking, as sentences for the operator."""
    sentences = []
    for scope, methods in SCOPES.items():
        if scope in granted:
            continue
        events = [event for event, needs in EVENTS.items() if needs == scope]
        uses = [*events, *methods]
        lost = f" Without it: no {', '.join(uses)}." if uses else ""
        sentences.append(
            f"The scope `{scope}` is missing.{lost} Add it under “OAuth & Permissions”, reinstall."
        )
    return sentences
