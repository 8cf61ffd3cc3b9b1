"""The embedded model as the bot uses it: how much may be asked of it, and what it is warmed up with. What it
is made of is `workers.kit.local`.
"""

from __future__ import annotations

from contextlib import AsyncExitStack

from bot import planner
from bot.registry import Registry
from bot.settings import Settings
from workers.kit.model import Model
from workers.kit.models import embedded
from workers.kit.watching import Watching

MAX_STEPS = 6  # what the embedded model was measured with; longer plans are beyond it
STEP_SECONDS = 1800  # a step's time limit, since steps wait for each other's calls


async def embedded_for(
    settings: Settings, registry: Registry, stack: AsyncExitStack, watching: Watching
) -> Model:
    """Starts it; it reads the planner's prompt beforehand."""
    prompt = [*planner.prefix(registry.default.on), {"role": "user", "content": "Request: hello"}]
    return await embedded(settings, stack, [prompt], watching)
