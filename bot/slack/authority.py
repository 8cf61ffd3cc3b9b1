"""Whether somebody may have work done in a channel, as Slack says at this moment: an active member of the
workspace, in a channel that lives, together with the bot.

Asked when a schedule is confirmed and at each of its fires, so nothing is cached. It does not know what the
work is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.calls import Refused, read
from bot.slack.people import People, PersonUnknown, refusal

UNSEEN = ("channel_not_found", "not_in_channel", "method_not_supported_for_channel_type")


class SlackAuthority:
    """Implements `bot.ports.Authority`."""

    def __init__(self, client_for: Callable[[str], AsyncWebClient], people: People) -> None:
        self._client_for, self._people = client_for, people

    async def refusal(self, workspace: str, person: str, channel: str) -> str:
        try:
            who = await self._people.fresh(workspace, person)
            return refusal(who, workspace) or await self._not_there(workspace, person, channel)
        except PersonUnknown as error:
            return str(error)

    async def _not_there(self, workspace: str, person: str, channel: str) -> str:
        client = self._client_for(workspace)
        try:
            info = (await read(lambda: client.conversations_info(channel=channel)))["channel"]
            if info.get("is_im"):
                return "" if info.get("user") == person else "That is somebody else's conversation with me."
            if info.get("is_archived"):
                return "That channel is archived."
            if not info.get("is_member"):
                return "I am not in that channel. Invite me there with `/invite`."
            there = await is_member(client, channel, person)
        except Refused as error:
            if error.code in UNSEEN:
                return "I cannot see that channel: it is gone, or I am not in it. Invite me with `/invite`."
            if error.code == "missing_scope":
                return f"I may not look at that channel: the app lacks the scope `{error.needed}`."
            return f"Slack would not let me look at that channel ({error.code})."
        return "" if there else "You are not in that channel. Join it first."


async def is_member(client: AsyncWebClient, channel: str, person: str) -> bool:
    """Raises as `bot.slack.calls.read`."""
    cursor = ""
    while True:
        page = await read(partial(client.conversations_members, channel=channel, limit=1000, cursor=cursor))
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if person in page["members"] or not cursor:
            return person in page["members"]
