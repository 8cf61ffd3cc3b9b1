"""The child process that holds the local model: llama.cpp's OpenAI-style server, on loopback, behind a key.

A process of its own, because a native crash must not take the bot down. Everything it needs comes as one
line of JSON on stdin (a key in argv would be visible to every user of the machine), and it answers with one
line on stdout when the model is loaded. The end of stdin is the end of this process: a parent that was
killed takes the model's two gigabytes with it.

It does not know who calls it, what a plan is, or how it is started again: that is `supervise.py`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

from pydantic import BaseModel

NAME = "qwen2.5-coder-1.5b"


class Orders(BaseModel):
    """What the parent says on stdin."""

    path: Path
    key: str
    threads: int
    port: int = 0  # 0: any free one
    slots: int = 2  # a plan need not wait for a worker's long text
    context: int = 8192  # tokens for each slot: a prompt of 6,000 and its answer; 28 KB of memory a token
    warm: Path | None = None  # a folder for prompts that outlive the process: 28 KB a token
    kept_prompts: int = 512  # MB of memory for prompts whose slot another one took


def serve(orders: Orders) -> str:
    """Load the model and return the server's address; it runs in threads of its own from then on."""
    import xllamacpp  # 34 MB of native code: here and nowhere else

    params = xllamacpp.CommonParams()
    params.model.path = str(orders.path)
    params.model_alias = {NAME}
    params.hostnames = ["127.0.0.1"]
    params.port = orders.port
    params.api_keys = [orders.key]
    params.cors_origins = ""  # its default lets any web page in
    params.cors_origins_explicit = True
    params.cors_credentials = False
    params.ui = False
    params.endpoint_slots = False  # it would show other people's prompts
    params.offline = True
    params.n_parallel = orders.slots
    params.n_ctx = orders.slots * orders.context
    params.cache_ram_mib = orders.kept_prompts
    params.cpuparams.n_threads = orders.threads
    params.cpuparams_batch.n_threads = orders.threads
    params.n_threads_http = 64  # a waiting call holds one, and /health must still be heard
    if orders.warm:
        params.slot_save_path = f"{orders.warm}{os.sep}"
    params.verbosity = 1  # errors only; the log of a call would hold its prompt
    server = xllamacpp.Server(params)
    _alive.append(server)
    return str(server.listening_address)


_alive: list[object] = []  # the server ends when nothing holds it


def _end_with_stdin() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


def main() -> None:
    orders = Orders.model_validate_json(sys.stdin.buffer.readline())
    parent = os.getppid()
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    url = serve(orders)
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()
    while os.getppid() == parent:  # a second sign, for a stdin that some other child inherited
        time.sleep(1)
    os._exit(0)
