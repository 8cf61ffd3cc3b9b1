"""Who is on the team and where, over random tables of who is switched on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.registry import Team
from bot.team import Member, defaults, described, disabled, enabled, is_in, is_on
from workers import Result, Task, Worker

CHANNELS = ("C1", "C2", "C3", "D1")
NAMES = ("analyst", "summarizer", "translator", "writer")
channels = st.sampled_from(CHANNELS)


async def body(task: Task) -> Result:
    raise NotImplementedError


WORKERS = {name: Worker(name, f"Is the {name}.", body) for name in NAMES}


@st.composite
def members(draw: st.DrawFn, worker: str = "writer") -> Member:
    """Any that can be stored, sensible or not."""
    return Member(
        worker=worker,
        on=draw(st.booleans()),
        reach=draw(st.sampled_from(("everywhere", "except", "only"))),
        channels=tuple(draw(st.lists(channels, max_size=4))),
        model=draw(st.sampled_from(("", "a/b", "c/d"))),
    )


@st.composite
def lists(draw: st.DrawFn) -> dict[str, Member]:
    """A workspace's list; some workers are not in it, and some in it are not there any more."""
    names = draw(st.sets(st.sampled_from((*NAMES, "gone"))))
    return {name: draw(members(name)) for name in sorted(names)}


def where(member: Member) -> set[str]:
    """All channels it is in. `C9` stands for those that nobody named."""
    return {c for c in (*CHANNELS, "C9") if is_in(member, c)}


# -- a team


@given(lists(), channels)
def test_who_is_off_or_in_no_list_is_in_no_channel(table: dict[str, Member], channel: str) -> None:
    team = Team(WORKERS, table)
    for name in WORKERS:
        if name not in table or not table[name].on:
            assert name not in team.here(channel) and name not in team.on


@given(lists(), channels, st.sampled_from(NAMES))
def test_who_is_disabled_is_in_no_channel_whatever_was_said_of_channels(
    table: dict[str, Member], channel: str, name: str
) -> None:
    member = disabled(table.get(name) or Member(worker=name, on=False))
    assert name not in Team(WORKERS, {**table, name: member}).here(channel)


@given(lists(), channels)
def test_a_channel_only_narrows_what_the_workspace_has(table: dict[str, Member], channel: str) -> None:
    team = Team(WORKERS, table)
    assert team.here(channel).keys() <= team.on.keys() <= WORKERS.keys()
    assert list(team.here(channel)) == sorted(team.here(channel))


@given(lists())
def test_who_is_on_is_in_some_channel(table: dict[str, Member]) -> None:
    team = Team(WORKERS, table)
    assert set(team.on) == {name for c in (*CHANNELS, "C9") for name in team.here(c)}


@given(lists(), st.sets(st.sampled_from(("a/b", "c/d"))))
def test_a_model_counts_only_while_the_operator_allows_it(table: dict[str, Member], models: set[str]) -> None:
    team = Team(WORKERS, table, tuple(models))
    for name in WORKERS:
        chosen = table[name].model if name in table else ""
        assert team.model(name) == (chosen if chosen in models else "")


def test_before_any_change_the_built_in_ones_are_on_and_those_of_packages_are_not() -> None:
    brought = Worker("translator", "Translates.", body, package="acme-workers")
    team = defaults({"writer": WORKERS["writer"], "translator": brought})
    assert {name: member.on for name, member in team.items()} == {"translator": False, "writer": True}
    assert where(team["writer"]) == {*CHANNELS, "C9"}


# -- switching


@given(members())
def test_enabled_it_is_somewhere_and_keeps_its_limits(member: Member) -> None:
    after = enabled(member)
    assert is_on(after)
    if member.reach != "only" or member.channels:
        assert (after.reach, after.channels) == (member.reach, member.channels)
        assert enabled(disabled(after)) == after


@given(members())
def test_disabled_it_is_nowhere(member: Member) -> None:
    assert not where(disabled(member)) and not is_on(disabled(member))


@given(members(), channels)
def test_enabled_in_a_channel_it_is_there_and_nowhere_else_anew(member: Member, channel: str) -> None:
    assert where(enabled(member, channel)) == where(member) | {channel}


@given(members(), channels)
def test_disabled_in_a_channel_it_is_gone_there_and_stays_elsewhere(member: Member, channel: str) -> None:
    assert where(disabled(member, channel)) == where(member) - {channel}


@given(members(), channels)
def test_out_of_a_channel_it_stays_when_the_workspace_switches_it_on(member: Member, channel: str) -> None:
    assert not is_in(enabled(disabled(member, channel)), channel)


@given(members(), channels)
def test_a_switch_thrown_twice_is_thrown_once(member: Member, channel: str) -> None:
    for switch in (enabled, disabled):
        for place in ("", channel):
            once = switch(member, place)
            assert switch(once, place) == once


@given(members(), channels)
def test_back_and_forth_in_a_channel_leads_back(member: Member, channel: str) -> None:
    there = enabled(member, channel)
    assert where(enabled(disabled(there, channel), channel)) == where(there)


@given(members(), channels)
def test_switches_leave_the_model_and_the_name_alone(member: Member, channel: str) -> None:
    for after in (enabled(member), disabled(member), enabled(member, channel), disabled(member, channel)):
        assert (after.worker, after.model) == (member.worker, member.model)


# -- in words


def test_it_is_described_as_admins_read_it() -> None:
    writer = Member(worker="writer")
    assert described(writer) == "on, everywhere"
    assert described(disabled(writer)) == "off"
    assert described(disabled(writer, "C1")) == "on, everywhere except <#C1>"
    assert described(disabled(disabled(writer, "C1"))) == "off; when on, everywhere except <#C1>"
    only = enabled(enabled(disabled(writer), "C2"), "C1")
    assert described(only) == "on, only in <#C1>, <#C2>"
    assert described(only, {"C1": "#sales", "C2": "#support"}.__getitem__) == "on, only in #sales, #support"
    assert described(writer.model_copy(update={"reach": "only"})) == "on, in no channel"
    assert described(writer.model_copy(update={"model": "a/b"})) == "on, everywhere, with the model a/b"


@given(members(), members())
def test_what_is_described_alike_is_alike(one: Member, other: Member) -> None:
    if described(one) == described(other):
        assert where(one) == where(other) and where(enabled(one)) == where(enabled(other))
