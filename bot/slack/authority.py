"""Whether somebody may have work done in a channel, as Slack says at this moment: an active member of the
workspace, in a channel that lives, together with the bot.

Asked when a schedule is confirmed and at each of its fires, so nothing is cached, and nothing is tried
twice: who asks comes again. What is wrong with the bot itself (a scope, its token) is nobody's refusal, but
`Unsure`. It does not know what the work is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from slack_sdk.web.async_client import AsyncWebClient

from bot.ports import Unsure
from bot.slack.calls import LONG, ONCE, Patience, Refused, read
from bot.slack.people import People, PersonUnknown, refusal

UNSEEN = ("channel_not_found", "not_in_channel", "method_not_supported_for_channel_type")


class SlackAuthority:
    """Implements `bot.ports.Authority`."""

    def __init__(self, client_for: Callable[[str], AsyncWebClient], people: People) -> None:
        self._client_for, self._people = client_for, people

    async def refusal(self, workspace: str, person: str, channel: str) -> str:
        try:
            who = await self._people.fresh(workspace, person, ONCE)
        except PersonUnknown as error:
            if error.gone:
                return str(error)
            raise Unsure(str(error)) from error
        return refusal(who, workspace) or await self._not_there(workspace, person, channel)

    async def _not_there(self, workspace: str, person: str, channel: str) -> str:
        client = self._client_for(workspace)
        try:
            info = (await read(lambda: client.conversations_info(channel=channel), ONCE))["channel"]
            if info.get("is_im"):
                return "" if info.get("user") == person else "That is somebody else's conversation with me."
            if info.get("is_archived"):
                return "That channel is archived."
            if not info.get("is_member"):
                return "I am not in that channel. Invite me there with `/invite`."
            there = await is_member(client, channel, person, ONCE)
        except Refused as error:
            if error.code in UNSEEN:
                return "I cannot see that channel: it is gone, or I am not in it. Invite me with `/invite`."
            if error.code == "missing_scope":
                raise Unsure(f"I may not look at that channel: I lack the scope `{error.needed}`.") from error
            raise Unsure(f"Slack would not let me look at that channel ({error.code}).") from error
        return "" if there else "You are not in that channel. Join it first."


async def is_member(client: AsyncWebClient, channel: str, person: str, patience: Patience = LONG) -> bool:
    """Raises as `bot.slack.calls.read`."""
    cursor = ""
    while True:
        ask = partial(client.conversations_members, channel=channel, limit=1000, cursor=cursor)
        page = await read(ask, patience)
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if person in page["members"] or not cursor:
            return person in page["members"]
