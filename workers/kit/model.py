"""A model, with litellm at arm's length: one question in, one text out, or a sentence about what went wrong.

This is the one owner of retries: litellm and the SDKs under it are told to make none. At most `attempts`
calls for an answer; only what may pass by itself is tried again (429, 5xx, timeouts, connections, an answer
that cannot be read), after a jittered pause, and no earlier than the provider said. Everything else is final.

litellm costs two seconds and 160 MB, so it is imported by `warm` or by the first call, in a thread. Never
in an error or a log: the key, the prompt, the answer. Not known here: workers, runs, queues, budgets.
"""

from __future__ import annotations

import asyncio
import random as randomness
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from workers import WorkerError
from workers.kit.form import in_prompt, json_in
from workers.kit.provider import OWN_SERVERS, close, prepare, provider_of
from workers.kit.trouble import Trouble, in_answer, read_error
from workers.kit.watching import UNSEEN, Watching
from workers.kit.wire import Usage

LONGEST_WAIT = 30.0  # seconds; a provider that asks for more is given up at once


class ModelError(WorkerError):
    """The model did not answer. A sentence for the thread; `down`: it is the model's trouble, not the
    request's, so that others will meet it too. `usage` is what was spent all the same."""

    def __init__(self, sentence: str, down: bool = False, usage: Usage | None = None) -> None:
        super().__init__(sentence)
        self.down, self.usage = down, usage or Usage()


@dataclass(frozen=True, slots=True)
class Reply:
    text: str  # with a schema: JSON text, where the model kept to it
    usage: Usage  # of all attempts
    finish_reason: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model listens that did not know its address beforehand."""

    api_base: str
    api_key: str = ""


Before = Callable[[], Awaitable[Endpoint | None]]


class Model:
    """`before` is awaited before each attempt; it may wait (the local model starts), name an `Endpoint`, or
    raise `ModelError`. `at_once` bounds the calls on their way, for a server with few slots: the time limit
    then counts from the moment a call is sent."""

    def __init__(
        self,
        name: str,
        api_base: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 120.0,
        attempts: int = 3,
        before: Before | None = None,
        at_once: int | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = randomness.random,
        watching: Watching = UNSEEN,
    ) -> None:
        self.name = name
        self._endpoint = Endpoint(api_base or "", api_key or "")
        self._timeout, self._attempts, self._before = timeout, attempts, before
        self._slots = asyncio.Semaphore(at_once) if at_once else None
        self._sleep, self._random, self._watching = sleep, random, watching
        self._litellm: ModuleType | None = None
        self._loading = asyncio.Lock()
        self._takes_schema = False

    async def warm(self) -> None:
        """Imports litellm off the loop. Calls that come meanwhile wait for it. Raises `ModelError` for a name
        that no provider answers to."""
        litellm = await self._ready()
        if not provider_of(litellm, self.name):
            hint = "it is written provider/name, as in anthropic/… or openai/…"
            raise ModelError(f"No provider is known for the model {self.name!r}: {hint}.", down=True)

    async def close(self) -> None:
        """Hangs up."""
        await close()

    async def complete(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int,
        temperature: float = 0.0,
    ) -> Reply:
        """The model's answer. With `schema`, its JSON text; a model that does not keep to the schema is not
        noticed here. Raises `ModelError`. Cancelling it hangs up."""
        litellm = await self._ready()
        spent = Usage()
        for attempt in range(1, self._attempts + 1):
            try:
                with self._watching.call(self.name) as call:
                    answer = await self._call(litellm, messages, schema, max_tokens, temperature)
                    call.usage = self._usage(litellm, answer)
                    spent = spent + call.usage
                    choice = answer.choices[0]
                    text, finish = (choice.message.content or "").strip(), choice.finish_reason or "stop"
                    if trouble := in_answer(text, finish, choice.message, max_tokens):
                        raise trouble
                return Reply(json_in(text) if schema is not None else text, spent, finish)
            except ModelError:
                raise
            except Trouble as trouble:
                found = trouble
            except Exception as error:
                spent = spent + Usage(calls=1)
                found = read_error(error, self._timeout)
                if found.status == 400 and schema is not None and self._takes_schema:
                    self._takes_schema = False  # some refuse forms of it: put it in the prompt from now on
                    found.wait = 0.0
            pause = self._pause(found, attempt)
            if attempt == self._attempts or pause is None:
                raise ModelError(found.sentence, found.down, spent) from None
            await self._sleep(pause)
        raise AssertionError("unreachable")

    async def _ready(self) -> ModuleType:
        if self._litellm is None:
            async with self._loading:
                litellm = await asyncio.to_thread(prepare, self.name)
                self._takes_schema = self._supports_schema(litellm)
                self._price(litellm)
                self._litellm = litellm
        return self._litellm

    async def _call(
        self,
        litellm: ModuleType,
        messages: Sequence[Mapping[str, str]],
        schema: Mapping[str, Any] | None,
        max_tokens: int,
        temperature: float,
    ) -> Any:
        # Marks the call as litellm's own: it then queues no work for callbacks, of which there are none.
        litellm._internal_context.is_internal_call.set(True)
        endpoint = (await self._before() if self._before else None) or self._endpoint
        form: dict[str, Any] | None = None
        if schema is not None and self._takes_schema:
            form = {"type": "json_schema", "json_schema": {"name": "reply", "schema": dict(schema)}}
        elif schema is not None:
            messages = in_prompt(messages, schema)
        async with self._slots or nullcontext(), asyncio.timeout(self._timeout):
            return await litellm.acompletion(
                model=self.name,
                messages=[dict(m) for m in messages],
                api_base=endpoint.api_base or None,
                api_key=endpoint.api_key or None,
                max_tokens=max_tokens,
                temperature=temperature,
                timeout=self._timeout,
                max_retries=0,
                drop_params=True,
                **({"response_format": form} if form else {}),
            )

    def _pause(self, trouble: Trouble, attempt: int) -> float | None:
        """Seconds until the next attempt; None where there is no use in one."""
        if trouble.wait is None or trouble.wait > LONGEST_WAIT:
            return None
        if trouble.wait == 0.0 and trouble.status == 400:
            return 0.0
        backoff = min(0.5 * 2.0**attempt, 8.0) * (0.5 + self._random() / 2)
        return max(trouble.wait, backoff)

    def _supports_schema(self, litellm: ModuleType) -> bool:
        provider = provider_of(litellm, self.name)
        own = provider in OWN_SERVERS or (provider == "openai" and bool(self._endpoint.api_base))
        return own or bool(litellm.supports_response_schema(self.name))

    def _price(self, litellm: ModuleType) -> None:
        """A model that is not on litellm's list costs nothing that we know of. Said beforehand, for litellm
        takes a quarter of a call's time to find out that it does not know."""
        try:
            litellm.get_model_info(self.name)
        except Exception:
            if provider := provider_of(litellm, self.name):
                free = {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0, "mode": "chat"}
                litellm.register_model({self.name: {**free, "litellm_provider": provider}})

    def _usage(self, litellm: ModuleType, answer: Any) -> Usage:
        try:
            known = getattr(answer, "_hidden_params", {}).get(
                "response_cost"
            )  # litellm has reckoned it already
            cost = float(litellm.completion_cost(answer, model=self.name) if known is None else known)
        except Exception:
            cost = 0.0
        counted = getattr(answer, "usage", None)
        tokens_in = getattr(counted, "prompt_tokens", 0) or 0
        tokens_out = getattr(counted, "completion_tokens", 0) or 0
        return Usage(calls=1, tokens_in=tokens_in, tokens_out=tokens_out, cost=cost)
