"""What the bot's parts tell whoever watches them. This one does nothing with it; `bot/metrics.py` counts.

Not known here: metrics, and who reads them.
"""

from __future__ import annotations

from typing import Literal

from bot.run import Event, Run

Way = Literal["http", "socket"]
SlotOutcome = Literal["began", "refused", "left_out", "given_up"]


class Watch:
    def changed(self, before: Run | None, after: Run, event: Event | None) -> None:
        """A run became another, and that is committed: once for each change, in the bot that made it."""

    def acked(self, way: Way, seconds: float, ok: bool) -> None:
        """Slack was answered, so long after its event came. Not `ok`: it will deliver it again."""

    def set_aside(self, kind: Literal["event", "step"]) -> None:
        """What fails always was taken out of the way."""

    def swept(self, seconds: float) -> None:
        """One sweep took so long."""

    def called(self, method: str, outcome: str, seconds: float) -> None:
        """One call of Slack's Web API ended: ok, refused, limited (429), not_sent, unclear."""

    def slot(self, outcome: SlotOutcome) -> None:
        """A slot of a schedule is done with."""


UNWATCHED = Watch()
