"""The registry: whose team it is asked for, and what it says of who is not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from bot.audit import lines
from bot.ports import Entry, StoreDown, Used
from bot.registry import Registry, UnknownWorker
from bot.settings import Settings
from bot.team import Member, disabled, enabled
from workers import Result, Task, Worker


async def body(task: Task) -> Result:
    raise NotImplementedError


def worker(name: str, package: str = "") -> Worker:
    return Worker(name, f"Is the {name}.", body, f":{name}:", package=package)


WORKERS = {
    name: worker(name, package) for name, package in (("writer", ""), ("translator", "acme"), ("analyst", ""))
}


@dataclass
class FakeTeams:
    """Implements `TeamStore`, for one bot alone."""

    lists: dict[str, dict[str, Member]] = field(default_factory=dict)
    used: dict[str, Used] = field(default_factory=dict)

    async def members(self, workspace: str) -> Mapping[str, Member] | None:
        return self.lists.get(workspace)

    async def change(
        self,
        workspace: str,
        worker: str,
        by: str,
        make: Callable[[Member], Member],
        defaults: Mapping[str, Member],
        *,
        key: str = "",
    ) -> Member:
        members = self.lists.setdefault(workspace, dict(defaults))
        members[worker] = make(members.get(worker) or Member(worker=worker, on=False))
        return members[worker]

    async def use(self, workspace: str, since: float) -> Mapping[str, Used]:
        return self.used


async def test_until_somebody_changes_it_the_built_in_ones_are_on_everywhere() -> None:
    for registry in (Registry(WORKERS), Registry(WORKERS, FakeTeams())):
        assert list((await registry.team("T1")).here("C1")) == ["analyst", "writer"]
        assert list(registry.default.on) == ["analyst", "writer"]


async def test_a_change_counts_from_the_next_look_in_its_own_workspace_alone() -> None:
    registry = Registry(WORKERS, FakeTeams())
    before = await registry.team("T1")
    await registry.change("T1", "writer", "UADA", disabled)
    await registry.change("T1", "translator", "UADA", lambda m: enabled(m, "C1"))
    after = await registry.team("T1")
    assert (list(after.here("C1")), list(after.here("C2"))) == (["analyst", "translator"], ["analyst"])
    assert list(before.here("C1")) == ["analyst", "writer"]
    assert list((await registry.team("T2")).on) == ["analyst", "writer"]


async def test_a_list_with_nobody_on_it_means_nobody_though_a_new_worker_comes() -> None:
    store = FakeTeams()
    registry = Registry({"writer": WORKERS["writer"]}, store)
    await registry.change("T1", "writer", "UADA", disabled)
    grown = Registry({**WORKERS, "scribe": worker("scribe")}, store)
    team = await grown.team("T1")
    assert team.on == {} and team.here("C1") == {}
    assert {seat.worker.name: seat.member.on for seat in await grown.seats("T1", 0)} == {
        "analyst": False,
        "scribe": False,
        "translator": False,
        "writer": False,
    }
    assert "scribe" in (await grown.team("T2")).on, "another workspace is not asked"


async def test_who_is_in_the_list_and_not_there_any_more_is_not_enabled() -> None:
    registry = Registry(WORKERS, FakeTeams({"T1": {"gone": Member(worker="gone")}}))
    assert (await registry.team("T1")).on == {}
    assert registry.worker("gone") is None and registry.emoji("gone") == ":gear:"
    assert registry.worker("writer") is WORKERS["writer"] and registry.emoji("writer") == ":writer:"


async def test_admins_see_all_there_are_with_what_brought_them_and_what_they_did() -> None:
    used = Used(1_000.0, 3, 1)
    analyst, translator, writer = await Registry(WORKERS, FakeTeams(used={"writer": used})).seats("T1", 0)
    assert (analyst.place, analyst.used) == ("in the bot's process", None)
    assert translator.place == "in the bot's process, from the package acme"
    assert not translator.member.on
    assert writer.used == used


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Writr", "There is no worker named “Writr”. Did you mean writer?"),
        ("zzz", "There is no worker named “zzz”. There are: analyst, translator, writer."),
    ],
)
async def test_of_a_worker_that_is_not_there_it_says_who_is(name: str, sentence: str) -> None:
    with pytest.raises(UnknownWorker) as caught:
        await Registry(WORKERS, FakeTeams()).change("T1", name, "UADA", enabled)
    assert str(caught.value) == sentence


async def test_without_a_store_nothing_can_be_changed() -> None:
    with pytest.raises(StoreDown, match="cannot be changed"):
        await Registry(WORKERS).change("T1", "writer", "UADA", disabled)


async def test_a_model_is_one_that_the_operator_names() -> None:
    allowed = Settings(_env_file=None, models=" a/b, c/d,,a/b ").allowed_models()
    assert allowed == ("a/b", "c/d") and Settings(_env_file=None).allowed_models() == ()
    store = FakeTeams({"T1": {"writer": Member(worker="writer", model="a/b")}})
    assert (await Registry(WORKERS, store, models=allowed).team("T1")).model("writer") == "a/b"
    assert (await Registry(WORKERS, store).team("T1")).model("writer") == ""


def test_the_log_is_shown_in_columns_and_a_terminal_obeys_nothing_in_it() -> None:
    shown = lines(
        [
            Entry("T1", 1_000.0, "UADA", "worker", "writer", "on, everywhere", "off"),
            Entry("T12", 0.5, "U1", "schedule", "Weekly\n\x1b[2Jnumbers " + "x" * 80, "", "active"),
        ]
    )
    assert shown[0].startswith("1970-01-01T00:16:40Z  T1   UADA  worker    writer ")
    assert shown[0].endswith("on, everywhere → off")
    assert "schedule  Weekly [2Jnumbers x" in shown[1] and shown[1].endswith("…  (nothing) → active")
    assert shown[0].index("on, ") == shown[1].index("(nothing)")
    assert lines([]) == []
