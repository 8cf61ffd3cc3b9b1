"""A worker behind a URL, of 30 lines. It needs `pip install standardwebhooks`, and runs anywhere WSGI does.

    WORKER_SECRET=whsec_… python function.py 8099

In the bot's `workers.toml`, and then switched on by an admin:

    [shouter]
    about = "Shouts a text: gives it back in capital letters."
    url = "http://127.0.0.1:8099/"
"""

import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import make_server

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WORKER_SECRET"])
SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")


def function(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    headers = {name: environ.get(f"HTTP_{name.upper().replace('-', '_')}", "") for name in SIGNED}
    try:
        task = webhook.verify(body, headers)["data"]
    except (WebhookVerificationError, ValueError):
        start_response("401 Unauthorized", [])
        return []
    # `{task["workspace"]}/{task["run"]}/{task["step"]}` is the same however often a task is repeated.
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"text": task["instruction"].upper()}).encode()]


if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), function).serve_forever()
