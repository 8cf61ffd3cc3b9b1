"""A service whose tasks come from a broker: what it acknowledges and when, and whether it may begin."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.kit.shop import Shop, forever, message
from workers import Task, Worker
from workers.kit.service import Service
from workers.kit.wire import Finished, Go, Released, Report, Started


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


class Delivery:
    """One delivery of a task; `lost`: its connection is gone."""

    def __init__(self, log: list[str] | None = None, *, lost: bool = False) -> None:
        self.count, self._log, self._lost = 0, log, lost

    async def ack(self) -> None:
        if self._lost:
            raise ConnectionError("this channel is closed")
        self.count += 1
        if self._log is not None:
            self._log.append("acknowledged")


async def test_a_task_is_acknowledged_before_it_begins(shop: Shop) -> None:
    told: list[str] = []

    async def take(report: Report) -> None:
        told.append(report.kind)

    async def body(_: Task) -> str:
        told.append("runs")
        return "done"

    shop.workers["clerk"] = Worker("clerk", "Does things.", body)
    shop.service = Service(shop.workers, lambda _: shop.model, take, shop.files)
    await shop.service.run(message(), Delivery(told).ack)
    assert told == ["acknowledged", "started", "runs", "finished"]


async def test_a_task_that_waits_for_a_place_is_not_acknowledged_yet(tmp_path: Path) -> None:
    shop, waiting = Shop(tmp_path, concurrency=1), Delivery()
    shop.workers["clerk"] = Worker("clerk", "Does things.", forever)
    first = asyncio.create_task(shop.service.run(message()))
    second = asyncio.create_task(shop.service.run(message(step="s2"), waiting.ack))
    await asyncio.sleep(0.02)
    assert waiting.count == 0
    shop.service.cancel("T1", "r1")
    await asyncio.wait_for(asyncio.gather(first, second), 3)
    assert waiting.count == 1, "nobody waits for it: the broker need not keep it"
    assert shop.kinds() == ["started"]


async def test_what_went_back_to_the_broker_while_it_waited_is_not_begun(shop: Shop) -> None:
    ran: list[Task] = []

    async def body(task: Task) -> str:
        ran.append(task)
        return "done"

    shop.workers["clerk"] = Worker("clerk", "Does things.", body)
    await shop.service.run(message(), Delivery(lost=True).ack)
    assert (ran, shop.reports, shop.service.busy) == ([], [], 0)
    await shop.service.run(message(), Delivery().ack)
    assert shop.kinds() == ["started", "finished"], "it came again"


async def test_a_task_delivered_again_while_it_waits_begins_once(tmp_path: Path) -> None:
    """The connection was lost and came back: the first delivery cannot be acknowledged any more."""
    shop, again = Shop(tmp_path, concurrency=1), Delivery()
    release = asyncio.Event()

    async def body(_: Task) -> str:
        await release.wait()
        return "done"

    shop.workers["clerk"] = Worker("clerk", "Does things.", body)
    first = asyncio.create_task(shop.service.run(message()))
    second = asyncio.create_task(shop.service.run(message(step="s2"), Delivery(lost=True).ack))
    await asyncio.sleep(0.01)
    await shop.service.run(message(step="s2"), again.ack)
    assert again.count == 0
    release.set()
    await asyncio.gather(first, second)
    assert again.count == 1
    assert [r.step for r in shop.reports if isinstance(r, Finished)] == ["s1", "s2"]


async def test_a_task_delivered_again_while_it_runs_or_when_it_is_done_is_put_away(shop: Shop) -> None:
    shop.workers["clerk"] = Worker("clerk", "Does things.", forever)
    first = asyncio.create_task(shop.service.run(message()))
    await asyncio.sleep(0.01)
    during = Delivery()
    await shop.service.run(message(), during.ack)
    assert (during.count, shop.kinds()) == (1, ["started"])
    shop.service.cancel("T1", "r1")
    await first

    async def body(_: Task) -> str:
        return "done"

    await shop.run(body, step="s2")
    after = Delivery()
    await shop.service.run(message(step="s2"), after.ack)
    await shop.service.run(message(step="s2"), Delivery(lost=True).ack)
    assert (after.count, shop.kinds()) == (1, ["started", "started", "finished"])


async def test_draining_leaves_to_the_broker_what_is_still_the_brokers(tmp_path: Path) -> None:
    shop = Shop(tmp_path, concurrency=1)
    shop.workers["clerk"] = Worker("clerk", "Does things.", forever)
    deliveries = {"s1": Delivery(), "s2": Delivery(), "s3": Delivery(lost=True)}
    sent = [
        asyncio.create_task(shop.service.run(message(step=step), delivery.ack))
        for step, delivery in deliveries.items()
    ]
    await asyncio.sleep(0.01)
    await shop.service.drain(0.05)
    await asyncio.gather(*sent)
    assert [r.step for r in shop.reports if isinstance(r, Released)] == ["s2", "s1"]
    late = Delivery()
    await shop.service.run(message(step="s4"), late.ack)
    assert late.count == 0, "another process is handed it"


def go(granted: bool, **more: Any) -> Go:
    task = message(**more)
    return Go(workspace=task.workspace, run=task.run, step=task.step, attempt=task.attempt, granted=granted)


class Asking(Shop):
    """A service whose bot answers over a control queue: `answers`, one for each time it is asked."""

    def __init__(self, folder: Path, *answers: bool | None, **more: Any) -> None:
        super().__init__(folder, holder="p1", reply_to="control.p1", **({"beat_seconds": 0.02} | more))
        self.answers = list(answers)
        self.ran: list[str] = []
        self.workers["clerk"] = Worker("clerk", "Does things.", self.body)

    async def body(self, task: Task) -> str:
        self.ran.append(task.key)
        return "done"

    async def take(self, report: Report) -> None:
        await super().take(report)
        asks = isinstance(report, Started) and report.reply_to
        if asks and self.answers and (answer := self.answers.pop(0)) is not None:
            self.service.went(go(answer, step=report.step))


@pytest.mark.parametrize("why", ["external", "alone"])
async def test_where_beginning_twice_would_do_harm_it_asks_first(tmp_path: Path, why: str) -> None:
    shop = Asking(tmp_path, True)
    await shop.service.run(message(**{why: True}))
    asked = shop.reports[0]
    assert isinstance(asked, Started)
    assert (asked.holder, asked.reply_to) == ("p1", "control.p1")
    assert shop.kinds() == ["started", "finished"]


async def test_others_begin_at_once_and_name_their_holder(tmp_path: Path) -> None:
    shop = Asking(tmp_path)
    await shop.service.run(message())
    begun = shop.reports[0]
    assert isinstance(begun, Started)
    assert (begun.holder, begun.reply_to, len(shop.ran)) == ("p1", "", 1)


async def test_what_may_not_begin_is_dropped_without_a_word(tmp_path: Path) -> None:
    shop, delivery = Asking(tmp_path, False), Delivery()
    await shop.service.run(message(external=True), delivery.ack)
    assert (shop.ran, shop.kinds(), delivery.count) == ([], ["started"], 1)


async def test_in_one_process_the_bots_answer_is_heard_at_once(tmp_path: Path) -> None:
    shop = Asking(tmp_path)

    async def refuse(report: Report) -> bool:
        shop.reports.append(report)
        return False

    shop.service = Service(shop.workers, lambda _: shop.model, refuse, shop.files)
    await shop.service.run(message())
    assert (shop.ran, shop.kinds()) == ([], ["started"])


async def test_it_asks_again_until_a_bot_is_there(tmp_path: Path) -> None:
    shop = Asking(tmp_path, None, None, True)
    await shop.service.run(message(external=True))
    assert [k for k in shop.kinds() if k != "beat"] == ["started", "started", "started", "finished"]


async def test_one_that_nobody_answers_is_handed_back_for_it_has_not_begun(tmp_path: Path) -> None:
    shop = Asking(tmp_path)
    await shop.service.run(message(external=True, seconds=0))
    back = shop.reports[-1]
    assert shop.ran == [] and isinstance(back, Released) and not back.begun


async def test_a_stop_ends_the_asking(tmp_path: Path) -> None:
    shop = Asking(tmp_path)
    asking = asyncio.create_task(shop.service.run(message(external=True)))
    await asyncio.sleep(0.01)
    assert shop.service.cancel("T1", "r1") == 1
    await asyncio.wait_for(asking, 2)
    shop.service.went(go(True))
    assert (shop.ran, shop.kinds()) == ([], ["started"])


async def test_a_task_that_runs_alone_has_the_process_for_itself(tmp_path: Path) -> None:
    """Two processes were lost over it; a third may be."""
    shop = Shop(tmp_path, concurrency=4)
    release = {step: asyncio.Event() for step in ("s1", "s2", "s3")}

    async def body(task: Task) -> str:
        await release[task.instruction].wait()
        return "done"

    def begun() -> list[str]:
        return [r.step for r in shop.reports if isinstance(r, Started)]

    shop.workers["clerk"] = Worker("clerk", "Does things.", body)
    runs = []
    for step in release:
        told = message(step=step, instruction=step, alone=step == "s2")
        runs.append(asyncio.create_task(shop.service.run(told)))
    await asyncio.sleep(0.02)
    assert begun() == ["s1"]
    release["s1"].set()
    await asyncio.sleep(0.02)
    assert begun() == ["s1", "s2"]
    release["s3"].set()
    release["s2"].set()
    await asyncio.wait_for(asyncio.gather(*runs), 2)
    assert begun() == ["s1", "s2", "s3"]
