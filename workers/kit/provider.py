"""litellm itself: loaded late, told to be quiet, closed. What it is used for is `workers.kit.model`'s.

Pinned to one exact version, so that a private name of it may be used here and there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from contextlib import suppress
from functools import cache
from types import ModuleType
from typing import cast

# Servers of one's own: any model's name may run there, and all of these decode along a schema.
OWN_SERVERS = frozenset({"hosted_vllm", "llamafile", "lm_studio", "ollama", "ollama_chat"})
REHEARSED = OWN_SERVERS | {"openai", "anthropic"}  # known to go where `api_base` says and nowhere else


@cache
def load() -> ModuleType:
    """litellm, imported now. Call it in a thread."""
    # litellm has no other way to be told: no price list fetched at import, no `.env` loaded.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    os.environ["LITELLM_MODE"] = "PRODUCTION"
    import litellm

    litellm.suppress_debug_info = True
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):  # its lines quote prompts and answers
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return cast(ModuleType, litellm)


def prepare(name: str) -> ModuleType:
    """litellm, and all that a first call to this model would import, which is as much again for OpenAI. It
    takes seconds: call it in a thread."""
    litellm = load()
    if (provider := provider_of(litellm, name)) in REHEARSED:
        _rehearse(provider)
    return litellm


def provider_of(litellm: ModuleType, name: str) -> str:
    """Empty when nobody answers to this name."""
    try:
        return str(litellm.get_llm_provider(name)[1])
    except Exception:
        return ""


@cache
def _rehearse(provider: str) -> None:
    asyncio.run(_refused_call(load(), f"{provider}/any"))


async def _refused_call(litellm: ModuleType, name: str) -> None:
    """To a port where nobody listens."""
    with socket.socket() as nobody, suppress(Exception):
        nobody.bind(("127.0.0.1", 0))
        litellm._internal_context.is_internal_call.set(True)
        here = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        asked = [{"role": "user", "content": "?"}]
        await litellm.acompletion(
            model=name, messages=asked, api_base=here, api_key="none", timeout=5, max_retries=0
        )
    await close()


async def close() -> None:
    """Closes the connections that litellm keeps for this event loop, if it was used. It may be only half
    imported: then whoever waited for it was told to end."""
    kept = getattr(sys.modules.get("litellm"), "in_memory_llm_clients_cache", None)
    if kept is not None:
        here = f"-{id(asyncio.get_running_loop())}"
        for key in [key for key in list(kept.cache_dict) if str(key).endswith(here)]:
            kept.ttl_dict.pop(key, None)
            with suppress(Exception):
                await kept.cache_dict.pop(key).close()
