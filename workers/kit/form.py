"""A form for an answer: a JSON schema put in words, and the JSON found in what came back.

For models that cannot be held to a schema. It does not know whether the answer fits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def in_prompt(messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any]) -> list[dict[str, str]]:
    """For models that take no schema: it stands at the end of the last message."""
    asked = [dict(m) for m in messages]
    form = f"Reply with JSON alone, no other text, that fits this JSON schema:\n{json.dumps(schema)}"
    asked[-1]["content"] = f"{asked[-1]['content']}\n\n{form}"
    return asked


def json_in(text: str) -> str:
    """The first JSON object or list in an answer (models fence it, or introduce it); else the text itself."""
    decoder = json.JSONDecoder()
    for at, char in enumerate(text):
        if char in "{[":
            try:
                return text[at : decoder.raw_decode(text, at)[1]]
            except ValueError:
                continue
    return text
