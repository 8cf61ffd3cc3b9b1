"""The embedded model as the bot uses it: fetched and started in the background, so that the bot takes
requests meanwhile and says in the thread what it waits for. What it is made of is `workers.kit.local`.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial

from bot import planner
from bot.registry import Registry
from bot.settings import Settings
from workers.kit.local import LocalModel
from workers.kit.local.fetch import fetch
from workers.kit.local.progress import shown
from workers.kit.local.sources import QWEN
from workers.kit.model import Endpoint, Model, ModelError

MAX_STEPS = 6  # what the embedded model was measured with; longer plans are beyond it
CALL_SECONDS = 240.0  # 1,500 tokens at 8 a second, on a machine that has other things to do too
STEP_SECONDS = 1800  # a step's time limit, since steps wait for each other's calls
PATIENCE_SECONDS = 300.0  # a request waits so long for a model that is being fetched or started


async def embedded(settings: Settings, registry: Registry, stack: AsyncExitStack) -> Model:
    """Starts it, and returns the model whose every call goes to it."""
    progress = stack.enter_context(shown())
    local = LocalModel(
        settings.cache_dir,
        given=settings.model_file,
        warm_up=[[*planner.prefix(registry.default.on), {"role": "user", "content": "Request: hello"}]],
        progress=progress,
        get=partial(fetch, model=replace(QWEN, url=settings.model_url or QWEN.url)),
    )
    stack.push_async_callback(local.stop)
    await local.start()

    async def before() -> Endpoint:
        if not await local.ready(PATIENCE_SECONDS):
            raise ModelError(f"{local.state.sentence} Ask again then.", down=True)
        return Endpoint(local.url, local.key)

    return Model(local.name, timeout=CALL_SECONDS, attempts=2, before=before, at_once=2)
