"""Who is on the team of a workspace, and where: pure.

A workspace in which nobody changed anything has the built-in workers, everywhere. From the first change on
there is a list, and who is not on in it is nobody: a worker that is installed later waits to be switched on.
A channel only narrows what the workspace has. Not known here: databases, Slack, who may change it.
"""

from __future__ import annotations

from typing import Literal

from workers import Contract

Reach = Literal["everywhere", "except", "only"]


class Member(Contract):
    """`channels` (ids) are those excepted, or the only ones; with `only` an empty list means nowhere."""

    worker: str
    on: bool = True
    reach: Reach = "everywhere"
    channels: tuple[str, ...] = ()
    model: str = ""  # empty: the bot's own
