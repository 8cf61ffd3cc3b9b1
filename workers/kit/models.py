"""The models of a process by name: its own (`MODEL`, or the embedded one), and those that admins may choose
for a worker (`MODELS`).

Knows the settings' names and the kit's models, and no worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from importlib.util import find_spec

from workers.kit.local.child import Message
from workers.kit.model import Endpoint, Model, ModelError
from workers.kit.settings import CommonSettings
from workers.kit.watching import UNSEEN, Watching

CALL_SECONDS = 240.0  # 1,500 tokens at 8 a second, on a machine that has other things to do too
PATIENCE_SECONDS = 300.0  # a request waits so long for a model that is being fetched or started


def named(settings: CommonSettings, name: str, watching: Watching = UNSEEN) -> Model:
    """The address and the key are those of MODEL's provider; others have theirs in their own variables, where
    litellm looks for them."""
    ours = name.partition("/")[0] == settings.model.partition("/")[0]
    return Model(
        name,
        settings.model_api_base or None if ours else None,
        settings.model_api_key.get_secret_value() or None if ours else None,
        timeout=settings.model_seconds,
        watching=watching,
    )


def has_embedded() -> bool:
    """Whether what the embedded model needs is installed here."""
    return find_spec("xllamacpp") is not None


async def embedded(
    settings: CommonSettings,
    stack: AsyncExitStack,
    warm_up: Sequence[Sequence[Message]] = (),
    watching: Watching = UNSEEN,
) -> Model:
    """Fetched and started in the background; the model whose every call goes to it. Calls that come
    meanwhile wait, or say what they wait for."""
    from workers.kit.local import LocalModel
    from workers.kit.local.fetch import fetch
    from workers.kit.local.progress import shown
    from workers.kit.local.sources import QWEN

    local = LocalModel(
        settings.cache_dir,
        given=settings.model_file,
        warm_up=warm_up,
        progress=stack.enter_context(shown()),
        get=partial(fetch, model=replace(QWEN, url=settings.model_url or QWEN.url)),
    )
    stack.push_async_callback(local.stop)
    await local.start()

    async def before() -> Endpoint:
        if not await local.ready(PATIENCE_SECONDS):
            raise ModelError(f"{local.state.sentence} Ask again then.", down=True)
        return Endpoint(local.url, local.key)

    return Model(local.name, timeout=CALL_SECONDS, attempts=2, before=before, at_once=2, watching=watching)
