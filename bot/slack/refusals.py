"""What a refusal by Slack means: try it in a plainer look, give the thread up with a sentence, or come back.

Pure: codes and words. It knows no run and makes no call.
"""

from __future__ import annotations

from dataclasses import replace

from bot.slack.calls import Refused
from bot.slack.views import Look

NO_THREAD = frozenset({"thread_not_found", "invalid_thread_ts", "cannot_reply_to_message"})

_AWAY = "The app was removed from this workspace, or its access was taken away."
_CHANNEL = {
    "is_archived": "The channel was archived.",
    "channel_not_found": "I can't see that channel (any more).",
    "not_in_channel": "I am not in that channel; invite me there and ask again.",
    "restricted_action": "This workspace's settings do not let me write there.",
    "restricted_action_read_only_channel": "Only some people may write in that channel.",
    "restricted_action_thread_only_channel": "Nobody may begin a thread in that channel.",
    "restricted_action_non_threadable_channel": "Threads are switched off in that channel.",
    "restricted_action_thread_locked": "That thread was locked.",
    "external_channel_migrating": "That shared channel is being moved to another workspace.",
    "messages_tab_disabled": "Messages to this app are switched off.",
    "cannot_dm_bot": "A bot can't be written to.",
    "user_not_found": "That person can't be found any more.",
    "user_disabled": "That person's account was closed.",
}
_TOKEN = frozenset(
    {"account_inactive", "token_revoked", "token_expired", "invalid_auth", "not_authed", "no_permission"}
    | {"access_denied", "team_access_not_granted", "ekm_access_denied", "org_login_required"}
)


def gone(refused: Refused) -> str | None:
    """The sentence, when nothing can be written there for good; None when it may pass."""
    if refused.code == "missing_scope":
        scope = f" `{refused.needed}`" if refused.needed else ""
        return f"The app lacks a permission{scope}; an admin can add it and install the app again."
    if refused.code in NO_THREAD:
        return "The message that this thread hangs on was deleted."
    if refused.code in _TOKEN:
        return _AWAY
    return _CHANNEL.get(refused.code)


def plainer(look: Look, refused: Refused) -> Look | None:
    """What to try instead; None when looks are not the matter, or there is nothing plainer."""
    code = refused.code
    if code == "missing_scope" and look.names and (not refused.needed or "customize" in refused.needed):
        return replace(look, names=False)
    if code.startswith("invalid_blocks"):
        if look.pictures and about_pictures(refused):
            return replace(look, pictures=False)
        if look.native:
            return replace(look, native=False)
        if look.blocks:
            return replace(look, pictures=False, blocks=False)
    if code in ("msg_too_long", "msg_blocks_too_long"):
        if look.room > 1_000:
            return replace(look, room=800)
        if look.blocks:
            return replace(look, blocks=False)
    return None


def about_pictures(refused: Refused) -> bool:
    return "slack_file" in refused.details or "slack file" in refused.details
