"""How fast one may speak: told the time, never looks at a clock."""

from __future__ import annotations

from bot.slack.pace import NO_LIMITS, POST, UPDATE, Pace, Rates


class At:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_posts_of_a_channel_queue_up() -> None:
    """A burst of four at once, then one a second in the order of asking; other channels don't wait."""
    pace = Pace(At())
    assert [pace.post("T", "C") for _ in range(7)] == [0, 0, 0, 0, 1, 2, 3]
    assert pace.post("T", "C2") == 0


def test_the_last_word_goes_before_progress() -> None:
    """Low on tokens progress waits, an error goes, and so does what ends a run."""
    at = At()
    pace = Pace(at, Rates(updates=1.0, update_burst=10.0))
    assert [pace.update("T", "progress") for _ in range(7)] == [0] * 7
    assert pace.update("T", "progress") == 1.0
    assert [pace.update("T", "error") for _ in range(3)] == [0, 0, 1.0]
    assert [pace.update("T", "terminal") for _ in range(2)] == [0, 1.0]
    at.now += 4
    assert pace.update("T", "progress") == 0.0


def test_a_429_holds_back_one_method_of_one_workspace() -> None:
    """Until Retry-After has passed, and no longer."""
    at = At()
    pace = Pace(at)
    pace.limited("T", UPDATE, 30)
    assert pace.update("T", "terminal") == 30
    assert pace.paused("T", POST) == 0
    assert pace.update("T2", "terminal") == 0
    at.now += 31
    assert pace.update("T", "terminal") == 0


def test_two_changes_of_a_message_keep_a_distance() -> None:
    """About a second, counted from the last one."""
    at = At()
    pace = Pace(at)
    assert pace.apart("m") == 0
    pace.touched("m")
    at.now += 0.25
    assert pace.apart("m") == 0.75
    assert pace.apart("other") == 0


def test_a_load_test_switches_it_off() -> None:
    """No waits at all, ever."""
    pace = Pace(At(), NO_LIMITS)
    assert {pace.post("T", "C") + pace.update("T", "progress") + pace.read("T", "m") for _ in range(999)} == {
        0
    }


def test_idle_channels_are_forgotten() -> None:
    """Ten thousand quiet channels cost no memory."""
    at = At()
    pace = Pace(at)
    for n in range(10_002):
        pace.post("T", f"C{n}")
        at.now += 1
    assert len(pace._buckets) < 100
