"""The example is a worker; the doctor says of each worker elsewhere whether it is there."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import SecretStr

from bot.doctor import Finding, elsewhere
from bot.functions.dispatch import HttpDispatch
from bot.functions.post import Post
from bot.functions.signing import Signer
from bot.remote import declared
from bot.settings import Settings
from tests.remote.function import SECRET, Desk, Queues, posted_back
from workers.kit.wire import TaskMessage

EXAMPLE = Path(__file__).parents[2] / "examples" / "function" / "function.py"


@asynccontextmanager
async def example(port: int) -> AsyncIterator[str]:
    """The example's process, and where it listens."""
    environment = {**os.environ, "WORKER_SECRET": SECRET}
    command = [sys.executable, str(EXAMPLE), str(port)]
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                break
            except OSError:
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        await process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def test_the_example_is_a_worker_with_the_entry_it_shows(tmp_path: Path) -> None:
    port, file, desk = free_port(), tmp_path / "workers.toml", Desk()
    entry = EXAMPLE.read_text().partition("[shouter]")[2].partition('"""')[0].replace("8099", str(port))
    file.write_text("[shouter]" + entry.replace("\n    ", "\n"))
    functions = declared(file, [], broker=False, secret=SECRET).functions
    dispatch = HttpDispatch(Queues(), functions, Post(Signer(SECRET)), holder="bot", renew=desk.renew)
    dispatch.deliver(desk.take)
    async with example(port) as url:
        task = TaskMessage(
            workspace="T1", run="r1", step="s1", attempt=1, worker="shouter", instruction="hear, hear"
        )
        await dispatch.send(task)
        await asyncio.wait_for(desk.ended.wait(), 20)
        assert desk.text == "HEAR, HEAR"
        other = "whsec_" + base64.b64encode(b"x" * 32).decode()
        assert (await posted_back(url, b"{}", other))[0] == 401
        async with aiohttp.ClientSession() as session, session.post(url, data=b"{}") as unsigned:
            assert unsigned.status == 401
    await dispatch.close(0)


async def findings(file: Path, text: str, **changes: Any) -> list[Finding]:
    await asyncio.to_thread(file.write_text, text)
    known: dict[str, Any] = {"workers_file": file, "worker_secret": SecretStr(SECRET)}
    return [f async for f in elsewhere(Settings(_env_file=None, **(known | changes)), ["writer"])]


async def test_the_doctor_says_who_is_reached(tmp_path: Path) -> None:
    async with await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        here, gone, insecure = await findings(
            tmp_path / "workers.toml",
            f'[here]\nabout = "One."\nurl = "http://127.0.0.1:{port}/key"\n'
            f'[gone]\nabout = "Two."\nurl = "http://127.0.0.1:9/key"\n'
            f'[insecure]\nabout = "Three."\nurl = "https://127.0.0.1:{port}/key"\n',
            public_url="https://bot.example.com",
        )
    assert here == Finding(True, "here", f"It is at http://127.0.0.1:{port}, where somebody listens.")
    assert (gone.ok, insecure.ok) == (False, False)
    assert gone.sentence.startswith("It is at http://127.0.0.1:9, and not reached: ")
    assert "key" not in gone.sentence + insecure.sentence


async def test_the_doctor_says_what_is_missing(tmp_path: Path) -> None:
    text = '[far]\nabout = "One."\nreads = ["files"]\n[near]\nabout = "Two."\nurl = "http://127.0.0.1:9/"\n'
    file = tmp_path / "workers.toml"
    files, far, _, functions = await findings(file, text, broker_url="amqp://broker")
    assert not files.ok and "PUBLIC_URL" in files.sentence
    assert far == Finding(True, "far", "It is on the queue worker.far.")
    assert functions.ok and "PUBLIC_URL" in functions.sentence
    unsigned = await findings(file, text, broker_url="amqp://broker", worker_secret=SecretStr(""))
    assert any(not f.ok and "WORKER_SECRET is not set" in f.sentence for f in unsigned)
    alone = await findings(file, text)
    assert any(not f.ok and "BROKER_URL" in f.sentence for f in alone)
