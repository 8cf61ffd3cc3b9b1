"""The models by name: the bot's own, and those that admins may choose for a worker (`MODELS`).

Knows litellm only through the kit, and no worker.
"""

from __future__ import annotations

from contextlib import AsyncExitStack

import structlog

from bot.local import embedded
from bot.registry import Registry
from bot.settings import Settings
from workers import WorkerError
from workers.kit.model import Model

log = structlog.get_logger(__name__)


async def default_model(settings: Settings, registry: Registry, stack: AsyncExitStack) -> Model:
    return named(settings, settings.model) if settings.model else await embedded(settings, registry, stack)


def named(settings: Settings, name: str) -> Model:
    """The address and the key are those of MODEL's provider; others have theirs in their own variables, where
    litellm looks for them."""
    ours = name.partition("/")[0] == settings.model.partition("/")[0]
    return Model(
        name,
        settings.model_api_base or None if ours else None,
        settings.model_api_key.get_secret_value() or None if ours else None,
        timeout=settings.model_seconds,
    )


async def warm(model: Model) -> None:
    """litellm takes seconds to import: now, in a thread, rather than in somebody's first request."""
    try:
        await model.warm()
    except WorkerError as error:
        log.error("the model cannot be used", error=str(error))
