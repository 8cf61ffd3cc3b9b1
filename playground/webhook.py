"""HTTP mode: signed POSTs to the app's request URL, for events, commands and interactions alike.

[doc: authentication/verifying-requests-from-slack] v0 HMAC-SHA256 over `v0:timestamp:raw body`.
[doc: apis/events-api] retry headers; a 200 within 3 s acknowledges; `x-slack-no-retry: 1` stops retries.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from urllib.parse import urlencode

import aiohttp

from playground.delivery import Parcel
from playground.errors import NotAcked
from playground.ids import Clock
from playground.state import Json


def signature(secret: str, timestamp: str, body: bytes) -> str:
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return "v0=" + digest.hexdigest()


class Webhook:
    def __init__(self, url: str, secret: str, now: Clock, token: str) -> None:
        self.url = url
        self._secret = secret
        self._now = now
        self._token = token
        self._session: aiohttp.ClientSession | None = None

    async def ready(self) -> None:
        """An address can always be tried."""

    async def send(self, parcel: Parcel, timeout: float) -> Json:
        if parcel.kind == "events_api":
            body, content_type = json.dumps(parcel.payload).encode(), "application/json"
        else:
            form = (
                parcel.payload if parcel.kind == "slash_commands" else {"payload": json.dumps(parcel.payload)}
            )
            body, content_type = urlencode(form).encode(), "application/x-www-form-urlencoded"
        headers = {"content-type": content_type}
        if parcel.attempt:
            headers["x-slack-retry-num"] = str(parcel.attempt)
            headers["x-slack-retry-reason"] = parcel.reason or "http_timeout"
        return await self._post(body, headers, timeout)

    async def verify(self, challenge: str, timeout: float = 3.0) -> bool:
        """What Slack does when the URL is entered [doc: events/url_verification]."""
        asked = {"token": self._token, "challenge": challenge, "type": "url_verification"}
        try:
            answer = await self._post(
                json.dumps(asked).encode(), {"content-type": "application/json"}, timeout
            )
        except NotAcked:
            return False
        return challenge in (answer.get("challenge"), answer.get("text"))

    async def _post(self, body: bytes, headers: dict[str, str], timeout: float) -> Json:
        timestamp = str(int(self._now()))
        signed = {
            **headers,
            "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "x-slack-request-timestamp": timestamp,
            "x-slack-signature": signature(self._secret, timestamp, body),
        }
        if self._session is None:
            self._session = aiohttp.ClientSession()
        limit = aiohttp.ClientTimeout(total=timeout)
        try:
            async with self._session.post(
                self.url, data=body, headers=signed, timeout=limit, allow_redirects=False
            ) as response:
                text = await response.text()
                if response.status != 200:
                    no_retry = response.headers.get("x-slack-no-retry") == "1"
                    raise NotAcked("no_retry" if no_retry else "http_error")
        except TimeoutError:
            raise NotAcked("http_timeout") from None
        except aiohttp.ClientError:
            raise NotAcked("connection_failed") from None
        try:
            answer = json.loads(text) if text else {}
        except ValueError:
            answer = {"text": text}  # a plain body is the answer to a command [doc: slash-commands]
        return answer if isinstance(answer, dict) else {}

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
