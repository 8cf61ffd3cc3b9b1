"""Who is on the team of a workspace, and where: pure.

A workspace in which nobody changed anything has the built-in workers, everywhere. From the first change on
there is a list, and who is not on in it is nobody: a worker that is installed later waits to be switched on.
A channel only narrows what the workspace has. Not known here: databases, Slack, who may change it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from workers import Contract, Worker

Reach = Literal["everywhere", "except", "only"]


class Member(Contract):
    """`channels` (ids) are those excepted, or the only ones; with `only` an empty list means nowhere."""

    worker: str
    on: bool = True
    reach: Reach = "everywhere"
    channels: tuple[str, ...] = ()
    model: str = ""  # empty: the bot's own


def defaults(workers: Mapping[str, Worker]) -> dict[str, Member]:
    """The team before anybody changed it. What a package brought along waits for an admin: installing
    something for one worker must not put another one to work."""
    return {name: Member(worker=name, on=not worker.package) for name, worker in sorted(workers.items())}


def is_in(member: Member, channel: str) -> bool:
    """Whether it is on, and its reach covers the channel."""
    if not member.on:
        return False
    listed = channel in member.channels
    return member.reach == "everywhere" or listed is (member.reach == "only")


def is_on(member: Member) -> bool:
    """Whether there is any channel that it may be in."""
    return member.on and (member.reach != "only" or bool(member.channels))


def enabled(member: Member, channel: str = "") -> Member:
    """On again within its limits; with a channel, in there and in nothing else that it was not in."""
    if channel and is_in(member, channel):
        return member
    if not channel:
        on = member.model_copy(update={"on": True})
        return on if is_on(on) else _reaching(on, "everywhere")
    if not is_on(member):
        return _reaching(member.model_copy(update={"on": True}), "only", channel)
    if member.reach == "only":
        return _reaching(member, "only", *member.channels, channel)
    return _reaching(member, "except", *(c for c in member.channels if c != channel))


def disabled(member: Member, channel: str = "") -> Member:
    """Off, its limits kept for the day it is on again; with a channel, out of there, and out of there it
    stays when somebody switches it on for the workspace."""
    if not channel:
        return member.model_copy(update={"on": False})
    if member.reach != "only":
        excepted = member.channels if member.reach == "except" else ()
        return _reaching(member, "except", *excepted, channel)
    left = [c for c in member.channels if c != channel]
    if left:
        return _reaching(member, "only", *left)
    return _reaching(member.model_copy(update={"on": False}), "except", channel)


def _reaching(member: Member, reach: Reach, *channels: str) -> Member:
    """One spelling for each reach, so that what means the same is equal."""
    if reach == "except" and not channels:
        reach = "everywhere"
    return member.model_copy(update={"reach": reach, "channels": tuple(sorted(set(channels)))})


def described(member: Member, name_of_channel: Callable[[str], str] = "<#{}>".format) -> str:
    """In words, for the audit log and for admins."""
    channels = ", ".join(map(name_of_channel, member.channels))
    if member.reach == "everywhere" or (member.reach == "except" and not channels):
        where = "everywhere"
    elif member.reach == "except":
        where = f"everywhere except {channels}"
    else:
        where = f"only in {channels}" if channels else "in no channel"
    off = "off" if where == "everywhere" else f"off; when on, {where}"
    words = f"on, {where}" if member.on else off
    return f"{words}, with the model {member.model}" if member.model else words
