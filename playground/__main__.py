"""`python -m playground`: the workspace on this machine, until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import signal
import sys
from pathlib import Path

from playground.slack import Playground


def options(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m playground", description="A Slack workspace on loopback."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3333)
    parser.add_argument("--data", type=Path, help="keep the workspace in this folder")
    parser.add_argument("--request-url", help="send events here (HTTP mode) instead of over a socket")
    parser.add_argument(
        "--manifest", type=Path, help="app.yaml: its scopes, events and commands are enforced"
    )
    parser.add_argument("--no-limits", action="store_true", help="no rate limits, for load tests")
    parser.add_argument(
        "--exit-with-stdin",
        action="store_true",
        help="stop when stdin ends, and so with a parent that was killed",
    )
    return parser.parse_args(argv)


async def run(given: argparse.Namespace) -> int:
    slack = Playground(
        host=given.host,
        port=given.port,
        data=given.data,
        request_url=given.request_url,
        manifest=given.manifest,
        limits=not given.no_limits,
    )
    try:
        await slack.start()
    except OSError as error:
        await slack.stop()
        if error.errno != errno.EADDRINUSE:
            raise
        sys.stderr.write(
            f"Port {given.port} is taken: stop what runs there, or choose another with --port.\n"
        )
        return 1
    sys.stdout.write(
        f"Playground: {slack.base_url}  (API {slack.url}, tokens {slack.bot_token} {slack.app_token})\n"
    )
    sys.stdout.flush()
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, done.set)
    watcher = loop.run_in_executor(None, sys.stdin.buffer.read) if given.exit_with_stdin else None
    if watcher is not None:
        watcher.add_done_callback(lambda _: done.set())
    await done.wait()
    await slack.stop()
    return 0


def main() -> None:
    given = options()
    if given.host not in ("127.0.0.1", "localhost", "::1"):
        sys.exit("The playground's tokens are public: it listens on loopback only.")
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(run(given)))


if __name__ == "__main__":
    main()
