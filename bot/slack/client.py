"""Slack's client as the bot has it: each call is told to whoever watches, by its method and how it ended.

The one place through which all calls go, whoever makes them. Nothing is retried (`bot/slack/calls.py` says
why), and nothing of a call but its method's name is told.
"""

from __future__ import annotations

import re
import time
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack.calls import trouble_in
from bot.watch import UNWATCHED, Watch


class WatchedClient(AsyncWebClient):
    def __init__(
        self, token: str, base_url: str, session: aiohttp.ClientSession, watch: Watch = UNWATCHED
    ) -> None:
        super().__init__(token=token, base_url=base_url, session=session, retry_handlers=[])
        self._watch = watch

    async def api_call(self, api_method: str, **more: Any) -> AsyncSlackResponse:
        began, outcome = time.perf_counter(), "unclear"  # so it stays when somebody's patience ends
        try:
            answer = await super().api_call(api_method, **more)
            outcome = "ok"
        except SlackApiError as error:
            outcome = _word(type(trouble_in(error)).__name__)
            raise
        except aiohttp.ClientConnectorError:
            outcome = "not_sent"
            raise
        finally:
            self._watch.called(api_method, outcome, time.perf_counter() - began)
        return answer


def _word(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
