"""The model's process may die, hang or never come up: the bot goes on, and the model comes back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.services import embedded_model
from workers.kit.local import LocalModel, LocalModelError

FAKE = str(Path(__file__).with_name("fake_child.py"))
ROOT = Path(__file__).parents[3]


def at_once(cache: Path, **_: Any) -> Path:
    return cache / "model.gguf"


def model(tmp_path: Path, *behaviour: str, **more: Any) -> LocalModel:
    """`behaviour`: what each child in turn does; the last one is repeated."""
    (tmp_path / "script").write_text("\n".join(behaviour))
    settings: dict[str, Any] = {"get": at_once, "look_every": 0.2, "first_pause": 0.05, "load_timeout": 5.0}
    return LocalModel(tmp_path, command=[sys.executable, FAKE, str(tmp_path)], **(settings | more))


def pids(tmp_path: Path) -> list[int]:
    return [int(line) for line in (tmp_path / "pids").read_text().split()]


def phase(local: LocalModel) -> str:
    return local.state.phase


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def until(come_true: Callable[[], bool]) -> None:
    """The system's processes have no event to wait for, so this looks."""
    async with asyncio.timeout(30):
        while not come_true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def second(tmp_path: Path, local: LocalModel) -> None:
    await until(lambda: len(pids(tmp_path)) == 2)
    assert await local.ready(30)


async def ask(local: LocalModel) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"Authorization": f"Bearer {local.key}"}
        body = {"messages": [{"role": "user", "content": "hi"}]}
        return (await client.post(f"{local.url}/chat/completions", headers=headers, json=body)).status_code


async def test_it_starts_in_the_background_warms_and_can_be_asked(tmp_path: Path) -> None:
    local = model(tmp_path, "good", warm_up=[[{"role": "system", "content": "the planner's prefix"}]])
    assert not await local.ready()
    await local.start()
    assert phase(local) == "starting"
    assert await local.ready(30)
    assert phase(local) == "ready"
    assert await ask(local) == 200
    asked = (tmp_path / "asked").read_text()
    assert asked.index("the planner's prefix") < asked.index('"hi"')
    await local.stop()
    assert phase(local) == "down"
    assert gone(pids(tmp_path)[0])


async def test_a_killed_child_is_back_within_seconds_with_the_same_key(tmp_path: Path) -> None:
    local = model(tmp_path, "good")
    await local.start()
    assert await local.ready(30)
    key = local.key
    os.kill(pids(tmp_path)[0], signal.SIGKILL)
    await second(tmp_path, local)
    assert local.key == key
    assert await ask(local) == 200
    await local.stop()


async def test_a_call_under_way_when_the_child_dies_gets_a_connection_error(tmp_path: Path) -> None:
    local = model(tmp_path, "dies when asked", "good")
    await local.start()
    assert await local.ready(30)
    with pytest.raises(httpx.TransportError):
        await ask(local)
    await second(tmp_path, local)
    assert await ask(local) == 200
    await local.stop()


async def test_a_child_that_dies_at_start_is_tried_again_and_its_last_words_are_kept(tmp_path: Path) -> None:
    local = model(tmp_path, "dies", "dies", "hangs at start", "good", load_timeout=1.0)
    await local.start()
    await until(lambda: local.state.phase == "down")
    assert "exit code 3, 'no such model'" in local.state.why
    assert "bot's log" in local.state.sentence
    assert await local.ready(30)
    assert len(pids(tmp_path)) == 4
    assert all(gone(pid) for pid in pids(tmp_path)[:3])
    await local.stop()


async def test_a_deaf_child_is_replaced(tmp_path: Path) -> None:
    local = model(tmp_path, "deaf", "good")
    await local.start()
    assert await local.ready(30)
    await second(tmp_path, local)
    await local.stop()
    assert all(gone(pid) for pid in pids(tmp_path))


async def test_while_it_is_fetched_a_person_gets_a_sentence_and_stop_does_not_wait(tmp_path: Path) -> None:
    def slowly(cache: Path, *, given: Path | None, progress: Any, stopped: Any) -> Path:
        progress(340_000_000, 1_100_000_000, "Fetching the local model")
        while not stopped():
            time.sleep(0.01)
        raise LocalModelError("Fetching was stopped.")

    local = model(tmp_path, "good", get=slowly)
    await local.start()
    assert not await local.ready(0.3)
    assert local.state.phase == "fetching"
    assert local.state.sentence.startswith("Fetching the local model (340 MB of 1.1 GB).")
    began = time.monotonic()
    await local.stop()
    assert time.monotonic() - began < 1


async def test_a_model_that_cannot_be_fetched_is_tried_again(tmp_path: Path) -> None:
    tries: list[int] = []

    def third_time(cache: Path, **_: Any) -> Path:
        tries.append(1)
        if len(tries) < 3:
            raise LocalModelError("Free 1.2 GB there.")
        return cache

    local = model(tmp_path, "good", get=third_time)
    await local.start()
    assert await local.ready(30)
    await local.stop()


async def test_the_child_gets_no_secret_of_the_bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-canary")
    local = model(tmp_path, "good")
    await local.start()
    assert await local.ready(30)
    await local.stop()
    assert "canary" not in (tmp_path / "environment").read_text()
    assert local.key not in (tmp_path / "environment").read_text()


def test_a_parent_that_is_killed_takes_the_child_along(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("good")
    code = (
        "import asyncio, sys; from tests.kit.local.test_local_model import *\n"
        "async def main():\n"
        "    local = model(Path(sys.argv[1]), 'good'); await local.start(); await local.ready(30)\n"
        "    print('up', flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout and parent.stdout.readline() == "up\n"
        parent.kill()
    deadline = time.monotonic() + 5
    while not gone(pids(tmp_path)[0]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(pids(tmp_path)[0])


@pytest.mark.local_model
@pytest.mark.timeout(300)
async def test_the_real_model_answers_in_the_form_it_is_given(tmp_path: Path) -> None:
    local = LocalModel(tmp_path, given=embedded_model())
    await local.start()
    try:
        assert await local.ready(200), local.state
        form = {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}
        body = {
            "messages": [{"role": "user", "content": "What is 2+2? Reply as JSON."}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "sum", "schema": form}},
            "temperature": 0,
            "max_tokens": 20,
        }
        async with httpx.AsyncClient(timeout=120, trust_env=False) as client:
            headers = {"Authorization": f"Bearer {local.key}"}
            answer = await client.post(f"{local.url}/chat/completions", json=body, headers=headers)
            stranger = await client.post(f"{local.url}/chat/completions", json=body)
        assert json.loads(answer.json()["choices"][0]["message"]["content"]) == {"sum": 4}
        assert stranger.status_code == 401
        assert answer.headers.get("access-control-allow-origin", "") != "*"
    finally:
        await local.stop()
