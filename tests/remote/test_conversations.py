"""A whole workspace with a worker behind a URL on its team: switched on, asked, answered at once or later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from tests.conversations.screens import at_home, whispered
from tests.conversations.world import World, a_world, steps
from tests.remote.function import SECRET, Function, a_function, address, event, posted_back, says
from tests.remote.test_looking import free_port
from workers import Result
from workers.kit.model import Model
from workers.kit.wire import Finished, Said, TaskMessage

PLAN = steps(("german", "translate", "Say “good morning” in German"))


@pytest.fixture(scope="module", autouse=True)
def _litellm_is_imported() -> None:
    asyncio.run(Model("hosted_vllm/stub", "http://127.0.0.1:9", "key").warm())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as it:
        yield it


def declared(world: World, function: Function) -> dict[str, Any]:
    """The settings of a bot that has this function."""
    file = world.data / "workers.toml"
    file.write_text(f'[translate]\nabout = "Translates text."\nemoji = ":abc:"\nurl = "{function.url}"\n')
    port = free_port()
    return {
        "workers_file": file,
        "worker_secret": SecretStr(SECRET),
        "public_url": f"http://127.0.0.1:{port}",
        "port": port,
    }


async def at_once(task: TaskMessage) -> web.Response:
    return says("“Guten Morgen.”")


async def later(task: TaskMessage) -> web.Response:
    return web.Response(status=202)


async def test_an_admin_switches_a_function_on_and_it_answers_in_the_thread(world: World) -> None:
    world.stub.plan({"answer": "Nobody here knows German."})
    async with a_function(at_once) as function, world.bot(**declared(world, function)):
        ts = await world.says("@delegate good morning in German?")
        await world.sees(ts, "Nobody here knows German")
        assert "translate" not in world.stub.requests[-1].workers, "it waits for an admin"
        assert "translate is on" in await whispered(world, "ada", "workers enable translate")
        await at_home(world, "ada", "Translates text", f"Runs at {function.url.removesuffix('/translate')}")
        world.stub.plan(PLAN)
        ts = await world.says("@delegate good morning in German?")
        await world.sees(ts, "Guten Morgen")
        assert function.tasks[0].instruction == "Say “good morning” in German"


async def test_what_a_function_posts_back_is_the_answer(world: World) -> None:
    world.stub.plan(PLAN)
    async with a_function(later) as function, world.bot(**declared(world, function)):
        await whispered(world, "ada", "workers enable translate")
        ts = await world.says("@delegate good morning in German?")
        await asyncio.wait_for(function.asked.wait(), 10)
        [task] = function.tasks
        said = event(Said(**address(task), line="Asking a native speaker."))
        assert await posted_back(task.reports_at, said) == (204, "")
        await world.sees(ts, "Asking a native speaker")
        finished = event(Finished(**address(task), result=Result(text="“Guten Morgen.”")))
        for _ in range(2):
            assert await posted_back(task.reports_at, finished) == (204, "")
        await world.sees(ts, "Guten Morgen")
        assert world.thread(ts).count("Guten Morgen") == 1


async def test_a_function_that_fails_is_said_to_have(world: World) -> None:
    async def fails(task: TaskMessage) -> web.Response:
        return web.Response(status=500, text="Traceback: geheim")

    world.stub.plan(PLAN)
    async with a_function(fails) as function, world.bot(**declared(world, function)):
        await whispered(world, "ada", "workers enable translate")
        ts = await world.says("@delegate good morning in German?")
        thread = await world.sees(ts, "The translate answered with the status 500")
        assert "geheim" not in thread


async def test_what_was_promised_survives_a_restart_of_the_bot(world: World) -> None:
    """The only process there is ends, comes back, and does not take the step for lost."""
    world.stub.plan(PLAN)
    async with a_function(later) as function:
        settings = declared(world, function)
        async with world.bot(**settings):
            await whispered(world, "ada", "workers enable translate")
            ts = await world.says("@delegate good morning in German?")
            await asyncio.wait_for(function.asked.wait(), 10)
            [task] = function.tasks
            said = event(Said(**address(task), line="Asking a native speaker."))
            assert await posted_back(task.reports_at, said) == (204, "")
            await world.sees(ts, "Asking a native speaker")
        async with world.bot(**settings) as bot:
            await bot.orchestrator.sweep()
            finished = event(Finished(**address(task), result=Result(text="“Guten Morgen.”")))
            assert await posted_back(task.reports_at, finished) == (204, "")
            await world.sees(ts, "Guten Morgen")
            assert len(function.tasks) == 1, "nobody asked it again"
