"""Whether a thread is right in the end: one run that ended, each message visible once, every value the one
that can be. What is wrong comes back as sentences; none: it is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.cluster import diary
from tests.cluster.cluster import Cluster
from tests.cluster.folding import TOKEN, Work
from tests.cluster.truth import RunFound

LEAVE = "Leave it"
STAMPS = "stamps"  # the diary of all stamps


async def wrong(cluster: Cluster, work: Work, ts: str, *, left: bool = False) -> list[str]:
    """`left`: a person decided that a step is left as it is, so its end may be missing."""
    runs = await cluster.truth.runs(ts)
    found = list(_shown(cluster, work, ts, complete=not left))
    if len(runs) != 1:
        return [*found, f"{work.name} has {len(runs)} runs"]
    (run,) = runs
    if run.status not in (("failed", "partial") if left else ("done",)):
        found.append(f"{work.name} ended as {run.status}")
    found += [
        f"{work.name} has a wrong result at {step.id}: {step.result[:200]}"
        for step in run.steps
        if step.status == "done" and work.results.get(step.id, "") not in step.result
    ]
    if (times := effects(cluster, run)) > 1:
        found.append(f"{work.name} took effect {times} times")
    return found


def _shown(cluster: Cluster, work: Work, ts: str, complete: bool) -> Iterator[str]:
    posts = cluster.world.posts(ts)
    for key, times in Counter(keys(posts)).items():
        if times > 1:
            yield f"{work.name} shows {key} {times} times"
    root = any(post["ts"] == ts for post in posts)  # nobody wrote a message to reply to
    if complete and len(posts) != work.messages + root:
        yield f"{work.name} shows {len(posts)} messages, not {work.messages + root}"
    thread = cluster.world.thread(ts)
    right, seen = set(work.results.values()), set(TOKEN.findall(thread))
    if strange := seen - right:
        yield f"{work.name} shows what belongs elsewhere: {sorted(strange)}"
    if complete and (lost := right - seen):
        yield f"{work.name} does not show {sorted(lost)}"


def keys(posts: list[dict[str, Any]]) -> list[str]:
    """Which message each post is, by the name that we gave it."""
    return [str(post["metadata"]["event_payload"]["key"]) for post in posts]


def effects(cluster: Cluster, run: RunFound) -> int:
    """How often a step of this run took effect outside."""
    stamps = diary.read(cluster.diary(STAMPS), "stamped")
    return sum(f"/{run.id}/" in stamp.name for stamp in stamps)


def asked(run: RunFound) -> bool:
    """Whether a person is asked, since something may or may not have happened."""
    return any(step.status == "asking" for step in run.steps)


async def leave(cluster: Cluster, ts: str) -> None:
    """The person says to leave it as it is, once they see the question."""
    for post in cluster.world.posts(ts):
        if LEAVE in str(post.get("blocks")):
            await cluster.world.slack.click("general", post["ts"], LEAVE)
