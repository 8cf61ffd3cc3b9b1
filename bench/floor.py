"""The floor: the same model calls, in the same order, by a program that does nothing else.

    python -m bench.floor --stub URL --by aiohttp|litellm --shape chain-5 --runs 20 [--at-once]

`aiohttp` is a bare client, `litellm` its `acompletion` as the bot calls it: what no bot with such a library
can go below. One JSON line: seconds of each run, of all, and of CPU. Messages and schema are the bot's own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import uvloop

from bench.crews import CREWS, prompt, waves
from bot.decide import decide
from bot.planner import plan_call
from bot.run import Request, TurnCame, new_run
from workers.kit.provider import close, prepare

MODEL = "hosted_vllm/stub"
Ask = Callable[[Mapping[str, Any]], Awaitable[object]]


def bodies(shape: str) -> list[list[dict[str, Any]]]:
    """What is sent, wave by wave."""
    run = decide(new_run("r", "T", Request(shape, "U", "C"), 0.0), TurnCame(), 0.0)
    call = plan_call(run, CREWS["writes"])
    form = {"type": "json_schema", "json_schema": {"name": "reply", "schema": call.response_schema}}
    plan = {"messages": list(call.messages), "max_tokens": call.max_tokens, "response_format": form}
    work = {"messages": [{"role": "user", "content": prompt(shape, "Part 1 of 1.")}], "max_tokens": 300}
    return [[plan], *([work] * count for count in waves(shape)[1:])]


def by_aiohttp(stub: str, session: aiohttp.ClientSession) -> Ask:
    async def ask(body: Mapping[str, Any]) -> object:
        async with session.post(f"{stub}/chat/completions", json={"model": "stub", **body}) as answer:
            return (await answer.json())["choices"][0]["message"]["content"]

    return ask


def by_litellm(stub: str) -> Ask:
    litellm = prepare(MODEL)
    free = {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0, "mode": "chat"}
    litellm.register_model({MODEL: {**free, "litellm_provider": "hosted_vllm"}})

    async def ask(body: Mapping[str, Any]) -> object:
        litellm._internal_context.is_internal_call.set(True)
        answer = await litellm.acompletion(
            model=MODEL,
            api_base=stub,
            api_key="stub-key",
            timeout=120,
            max_retries=0,
            temperature=0.0,
            drop_params=True,
            **body,
        )
        return answer.choices[0].message.content

    return ask


async def run(ask: Ask, shape: str) -> float:
    began = time.perf_counter()
    for wave in bodies(shape):
        await asyncio.gather(*map(ask, wave))
    return time.perf_counter() - began


async def measure(stub: str, by: str, shape: str, runs: int, at_once: bool) -> dict[str, Any]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        ask = by_aiohttp(stub, session) if by == "aiohttp" else await asyncio.to_thread(by_litellm, stub)
        await run(ask, shape)
        began, cpu = time.perf_counter(), time.process_time()
        if at_once:
            slots = asyncio.Semaphore(64)  # as many as the bot lets work at once

            async def held(body: Mapping[str, Any]) -> object:
                async with slots:
                    return await ask(body)

            seconds = await asyncio.gather(*(run(held, shape) for _ in range(runs)))
        else:
            seconds = [await run(ask, shape) for _ in range(runs)]
        took = {"all": time.perf_counter() - began, "cpu": time.process_time() - cpu}
        await close()
    return {"runs": list(seconds), **took}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--stub", required=True)
    options.add_argument("--by", choices=("aiohttp", "litellm"), required=True)
    options.add_argument("--shape", required=True)
    options.add_argument("--runs", type=int, default=20)
    options.add_argument("--at-once", action="store_true")
    chosen = options.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(measure(chosen.stub, chosen.by, chosen.shape, chosen.runs, chosen.at_once))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
