"""What a model's errors mean: litellm's exceptions, and answers that are none, read into sentences.

Knows how litellm words things and nothing else; whether to try again is told by `Trouble.wait`, and done by
`workers.kit.model`. The text of an exception is never used: it quotes what was sent and received.
"""

from __future__ import annotations

from typing import Any


class Trouble(Exception):
    """What went wrong with one attempt. `wait`: None when it is final, else the least seconds until another
    try makes sense."""

    def __init__(self, sentence: str, *, down: bool, wait: float | None = None, status: int = 0) -> None:
        super().__init__(sentence)
        self.sentence, self.down, self.wait, self.status = sentence, down, wait, status


def read_error(error: Exception, timeout: float) -> Trouble:
    kind, status = type(error).__name__, int(getattr(error, "status_code", 0) or 0)
    if isinstance(error, TimeoutError) or kind == "Timeout" or status == 408:
        return Trouble(f"The model did not answer within {timeout:.0f} seconds.", down=True, wait=0.0)
    if kind == "ContentPolicyViolationError":
        return Trouble("The model refused this because of its content policy.", down=False)
    if kind == "ContextWindowExceededError" or status == 413:
        return Trouble("This is more text than the model can take at once.", down=False)
    if status in (401, 403):
        return Trouble("The model's provider refused the key it was given.", down=True)
    if status == 402:
        return Trouble("The account at the model's provider has no credit left.", down=True)
    if status == 404:
        return Trouble("The model's provider has no model of this name.", down=True)
    if status == 429:
        return Trouble("The model is rate limited at the moment.", down=True, wait=_retry_after(error))
    if 400 <= status < 500:
        return Trouble(
            f"The model's provider did not take the request (status {status}).", down=False, status=status
        )
    if _connection(error):
        return Trouble("The model cannot be reached.", down=True, wait=0.0)
    if status >= 500 and getattr(error, "litellm_response_headers", None):
        sentence = f"The model's provider is in trouble (status {status})."
        return Trouble(sentence, down=True, wait=_retry_after(error))
    return Trouble("The model's answer could not be read.", down=True, wait=0.0)


def in_answer(text: str, finish: str, message: Any, max_tokens: int) -> Trouble | None:
    if finish == "length":
        return Trouble(f"The model's answer was cut off at its limit of {max_tokens} tokens.", down=False)
    more = getattr(message, "provider_specific_fields", None) or {}
    if finish == "content_filter" or getattr(message, "refusal", None) or more.get("refusal"):
        return Trouble("The model refused this because of its content policy.", down=False)
    return None if text else Trouble("The model gave an empty answer.", down=False, wait=0.0)


def _retry_after(error: Exception) -> float:
    headers = getattr(error, "litellm_response_headers", None) or {}
    try:
        return max(0.0, float(headers.get("retry-after", 0)))
    except ValueError:  # a date: rare, and the jittered pause will do
        return 0.0


def _connection(error: BaseException) -> bool:
    """litellm turns a refused connection into a status 500; what it was is in its causes."""
    seen: BaseException | None = error
    while seen is not None:
        names = {kind.__name__ for kind in type(seen).__mro__}
        if names & {"ConnectionError", "ClientConnectionError", "TransportError", "APIConnectionError"}:
            return True
        seen = seen.__cause__ or seen.__context__
    return False
