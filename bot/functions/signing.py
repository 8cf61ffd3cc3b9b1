"""Signs what goes to functions behind a URL, and checks what they post back (Standard Webhooks: three headers
over id, time and the raw body, with one secret that both sides know).

All functions share the secret: whoever has it may answer for each of them. Several, with blanks between, are
for the days of a change: each signs, any is accepted. Not known here: what is signed, HTTP.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

LEAST = 24  # bytes
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class Forged(Exception):
    """It was not signed with our secret, or not just now. Shown to nobody."""


def unfit(secret: str) -> str:
    """Why nothing can be signed with this, as the end of a sentence; empty when it can."""
    if not secret.split():
        return "WORKER_SECRET is not set"
    for part in secret.split():
        try:
            key = base64.b64decode(part.removeprefix("whsec_"), validate=True)
        except ValueError:
            return "WORKER_SECRET is not “whsec_” and base64"
        if len(key) < LEAST:
            return f"WORKER_SECRET is shorter than {LEAST} bytes"
    return ""


class Signer:
    """Raises `ValueError` for a secret that is `unfit`; with none at all everything is forged."""

    def __init__(self, secret: str) -> None:
        if secret and (why := unfit(secret)):
            raise ValueError(f"{why}.")
        self._hooks = [Webhook(part) for part in secret.split()]

    def headers(self, id: str, body: bytes) -> dict[str, str]:
        """For this message, now. `id` may be any text; what is sent twice keeps it."""
        id, now = (
            quote(id, safe="/").replace(".", "%2E"),
            datetime.now(UTC),
        )  # a dot ends it in what is signed
        signatures = " ".join(hook.sign(id, now, body.decode()) for hook in self._hooks)
        return dict(zip(HEADERS, (id, str(int(now.timestamp())), signatures), strict=True))

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises `Forged`. A time more than five minutes off is no better than a wrong signature."""
        given = {name: headers.get(name, "") for name in HEADERS}
        for hook in self._hooks:
            try:
                hook.verify(body, given, json_parse=False)
            except (WebhookVerificationError, ValueError):  # a header, or a body, that is none
                continue
            return
        raise Forged
