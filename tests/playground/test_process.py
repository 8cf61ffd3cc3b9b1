"""The command line: one clear sentence, state that survives a kill, an end together with the parent."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from slack_sdk.web.async_client import AsyncWebClient

from playground import Playground, seed

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def start(*arguments: str) -> Process:
    command = [sys.executable, "-m", "playground", *arguments]
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=PIPE)


async def line(process: Process) -> str:
    assert process.stdout
    return (await asyncio.wait_for(process.stdout.readline(), 15)).decode()


async def test_a_killed_playground_comes_back_with_its_threads(tmp_path: Path) -> None:
    """Messages, files, what was never acknowledged: all there after SIGKILL."""
    port = free_port()
    process = await start("--port", str(port), "--data", str(tmp_path))
    assert f"http://127.0.0.1:{port}" in await line(process)
    web = AsyncWebClient(token=seed.BOT_TOKEN, base_url=f"http://127.0.0.1:{port}/api/")
    root = await web.chat_postMessage(channel="C0GENERAL", text="root")
    await web.files_upload_v2(channel="C0GENERAL", thread_ts=root["ts"], filename="a.csv", content="a,b")
    process.send_signal(signal.SIGKILL)
    await process.wait()
    async with Playground(data=tmp_path) as slack:
        thread = slack.thread("general", root["ts"])
        assert [m["text"] for m in thread] == ["root", ""]
        assert slack.world.state.blob(thread[1]["files"][0]["id"]) == b"a,b"
        assert slack.world.delivery.pending >= 2
        assert len(slack.messages("support")) == 9
        assert float(await slack.say("general", "later")) > float(thread[-1]["ts"])


async def test_it_ends_with_its_parent() -> None:
    process = await start("--port", str(free_port()), "--exit-with-stdin")
    await line(process)
    assert process.stdin
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_taken_port_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = await start("--port", str(port))
        _, err = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 1
    assert err.decode() == f"Port {port} is taken: stop what runs there, or choose another with --port.\n"
