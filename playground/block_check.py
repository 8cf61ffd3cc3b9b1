"""The small tools the block rules are made of: a place in the JSON, and what is wrong there.

Problems read as Slack's do [seen, in many issues]: `must be less than 3001 characters
[json-pointer:/blocks/0/text/text]`. It knows no block.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from playground.state import Json


class Check:
    """A value somewhere in the blocks. Checks note problems; none raises."""

    def __init__(self, value: object, pointer: str, problems: list[str]) -> None:
        self.value = value
        self.pointer = pointer
        self.problems = problems

    def wrong(self, what: str) -> None:
        self.problems.append(f"{what} [json-pointer:{self.pointer}]")

    @property
    def json(self) -> Json:
        return self.value if isinstance(self.value, dict) else {}

    @property
    def kind(self) -> str:
        return str(self.json.get("type", ""))

    def has(self, key: str) -> bool:
        return self.json.get(key) is not None

    def at(self, key: str) -> Check:
        return Check(self.json.get(key), f"{self.pointer}/{key}", self.problems)

    def items(self, key: str, least: int, most: int) -> Iterator[Check]:
        """The members of a list of the right length."""
        inner = self.at(key)
        if not isinstance(inner.value, list):
            self.missing(key) if not self.has(key) else inner.wrong("must be an array")
            return
        if len(inner.value) < least:
            inner.wrong(f"no fewer than {least} items required")
        if len(inner.value) > most:
            inner.wrong(f"no more than {most} items allowed")
        for index, value in enumerate(inner.value):
            yield Check(value, f"{inner.pointer}/{index}", self.problems)

    def missing(self, key: str) -> None:
        self.wrong(f"missing required field: {key}")

    def only(self, allowed: Collection[str]) -> None:
        """Unknown keys are refused [memory]: `invalid additional property`."""
        for key in self.json:
            if key not in allowed:
                self.at(key).wrong(f"invalid additional property: {key}")

    def is_object(self) -> bool:
        if isinstance(self.value, dict):
            return True
        self.wrong("must be an object")
        return False

    def string(self, key: str, most: int, *, least: int = 1, required: bool = False) -> None:
        inner = self.at(key)
        if inner.value is None:
            if required:
                self.missing(key)
        elif not isinstance(inner.value, str):
            inner.wrong("must be a string")
        elif len(inner.value) > most:
            inner.wrong(f"must be less than {most + 1} characters")
        elif len(inner.value) < least:
            inner.wrong(f"must be more than {least - 1} characters")

    def choice(self, key: str, allowed: Collection[str], *, required: bool = False) -> None:
        inner = self.at(key)
        if inner.value is None:
            if required:
                self.missing(key)
        elif inner.value not in allowed:
            inner.wrong(f"must be a valid enum value: {', '.join(allowed)}")

    def text(self, key: str, most: int, *, plain: bool = False, required: bool = False) -> None:
        """A text object; `plain` where only plain_text will do."""
        inner = self.at(key)
        if inner.value is None:
            if required:
                self.missing(key)
            return
        if not inner.is_object():
            return
        kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
        inner.choice("type", kinds, required=True)
        inner.only(("type", "text", "emoji", "verbatim"))
        inner.string("text", most, required=True)
