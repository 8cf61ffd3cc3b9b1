"""Whatever a worker does, one report comes back, in time, and the other tasks go on."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.kit.shop import Shop, forever, message
from tests.stub_model import StubModel
from workers import Answer, Earlier, File, Question, Result, Task, Worker, WorkerError
from workers.kit.model import Model, ModelError
from workers.kit.provider import close
from workers.kit.service import Service
from workers.kit.wire import (
    Asked,
    Beat,
    Call,
    Failed,
    Finished,
    Released,
    Report,
    Said,
    Started,
)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
async def stub() -> AsyncIterator[StubModel]:
    async with StubModel() as stub:
        yield stub
        await close()


async def test_text_is_a_result(shop: Shop) -> None:
    async def body(task: Task) -> str:
        return f"{task.request}: {task.instruction} ({task.key})"

    report = await shop.run(body, request="R", instruction="I")
    assert isinstance(report, Finished)
    assert report.result == Result(text="R: I (T1/r1/s1)")
    assert shop.kinds() == ["started", "finished"]
    assert shop.crashes == ["K11", "K12"]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (WorkerError("The table has no rows."), "The table has no rows."),
        (WorkerError(""), "The clerk gave up."),
        (ValueError("of ana"), "The clerk stopped at an error of its own (ValueError)."),
        (MemoryError(), "The clerk needed more memory than there is."),
        (SystemExit(1), "The clerk stopped at an error of its own (RuntimeError)."),
        (KeyboardInterrupt(), "The clerk stopped at an error of its own (RuntimeError)."),
        (asyncio.CancelledError(), "The clerk stopped at an error of its own (CancelledError)."),
        (
            ExceptionGroup("two", [ValueError("x"), WorkerError("No rows.")]),
            "No rows.",
        ),
    ],
)
async def test_a_worker_that_raises_costs_its_own_step(
    shop: Shop, error: BaseException, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def body(_: Task) -> str:
        raise error

    report = await shop.run(body)
    assert isinstance(report, Failed)
    assert (report.error, report.model_down) == (sentence, False)
    assert "of ana" not in capsys.readouterr().out


async def test_the_models_trouble_is_told_apart(shop: Shop) -> None:
    async def body(_: Task) -> str:
        raise ModelError("The model cannot be reached.", down=True)

    report = await shop.run(body)
    assert isinstance(report, Failed)
    assert (report.error, report.model_down) == ("The model cannot be reached.", True)


async def test_a_worker_that_hangs_is_stopped(shop: Shop) -> None:
    report = await shop.run(forever, seconds=0)
    assert isinstance(report, Failed)
    assert report.error == "The clerk took longer than 0 seconds, so I stopped it."


async def test_a_worker_that_will_not_leave_is_left_behind(shop: Shop) -> None:
    """It swallows its cancellation: the step ends all the same, and gives its slot back."""
    free = asyncio.Event()

    async def body(_: Task) -> str:
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue
        return "late"

    began = time.monotonic()
    report = await shop.run(body, seconds=0)
    free.set()
    assert isinstance(report, Failed)
    assert time.monotonic() - began < 3
    assert shop.kinds() == ["started", "failed"]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("x" * 5000, "The clerk's result is too large to pass on."),
        ("é" * 600, "The clerk's result is too large to pass on."),
        (Result(text="ok", data=["y" * 5000]), "The clerk's result is too large to pass on."),
        (None, "The clerk came back with something that is no result."),
        ("  \n", "The clerk came back with nothing."),
    ],
)
async def test_a_result_that_cannot_be_passed_on(tmp_path: Path, value: object, sentence: str) -> None:
    shop = Shop(tmp_path, result_bytes=1000)

    async def body(_: Task) -> object:
        return value

    report = await shop.run(body)
    assert isinstance(report, Failed)
    assert report.error == sentence


async def test_data_that_is_no_json_is_an_error_of_the_worker(shop: Shop) -> None:
    async def body(_: Task) -> Result:
        return Result(text="ok", data=object())

    assert isinstance(await shop.run(body), Failed)


async def test_a_question_is_asked(shop: Shop) -> None:
    async def body(task: Task) -> str:
        if not task.answers:
            raise Question("Which one?", ["A", "B"])
        return f"It is {task.answers[0].answer}."

    report = await shop.run(body)
    assert isinstance(report, Asked)
    assert (report.question, report.options) == ("Which one?", ("A", "B"))
    answer = Answer(question="Which one?", answer="B", by="U1")
    report = await shop.run(body, attempt=2, answers=(answer,))
    assert isinstance(report, Finished)
    assert report.result.text == "It is B."


@pytest.mark.parametrize(
    ("error", "words", "options"),
    [
        (WorkerError("Half \ud83d of it."), "Half ? of it.", None),
        (WorkerError("x" * 40_000_000), "x" * 4_000, None),
        (Question("Half \ud83d?", ["\ud83d"]), "Half ??", ("?",)),
        (Question("How many?", [1, 2]), "How many?", ("1", "2")),  # type: ignore[list-item]
        (Question(7, range(500)), "7", tuple(str(n) for n in range(100))),  # type: ignore[arg-type]
    ],
)
async def test_whatever_a_worker_tells_people_can_be_passed_on(
    shop: Shop, error: Exception, words: str, options: tuple[str, ...] | None
) -> None:
    """Or nobody hears how it ended: it would run, be paid for and fail as often as processes may be lost."""

    async def body(_: Task) -> str:
        raise error

    report = await shop.run(body)
    assert type(report).model_validate_json(report.model_dump_json()) == report
    said = (report.question, report.options) if isinstance(report, Asked) else (report.error, None)  # type: ignore[union-attr]
    assert said == (words, options)


async def test_a_result_is_the_same_over_any_transport(shop: Shop) -> None:
    """One that was not checked when it was made, too."""

    async def body(_: Task) -> Result:
        return Result.model_construct(text="ok", data={1: (2, float("nan"))})

    report = await shop.run(body)
    assert isinstance(report, Finished) and report.result.data == {"1": [2, None]}


async def test_an_unknown_worker_is_said(shop: Shop) -> None:
    await shop.service.run(message(worker="nobody"))
    report = shop.reports[-1]
    assert isinstance(report, Failed)
    assert report.error == "There is no worker named nobody here."


async def test_progress_is_coalesced_and_the_latest_wins(shop: Shop) -> None:
    async def body(task: Task) -> str:
        for n in range(50):
            await task.say(f"line\n{n} " + "x" * 300)
            await asyncio.sleep(0.004)
        await asyncio.sleep(0.1)
        await task.say("too late to be shown")
        return "done"

    await shop.run(body)
    said = [r.line for r in shop.reports if isinstance(r, Said)]
    assert said[0].startswith("line 0")
    assert 2 <= len(said) <= 8
    assert all(len(line) <= 200 for line in said)
    await asyncio.sleep(0.1)
    assert shop.kinds()[-1] == "finished"


async def test_a_task_that_waits_for_a_slot_is_alive(tmp_path: Path) -> None:
    """Heartbeats begin on receipt, `Started` only comes with the slot."""
    shop = Shop(tmp_path, concurrency=1, beat_seconds=0.03)
    release = asyncio.Event()

    async def body(_: Task) -> str:
        await release.wait()
        return "done"

    shop.workers["clerk"] = Worker("clerk", "Does things.", body)
    both = [asyncio.create_task(shop.service.run(message(step=step))) for step in ("s1", "s2")]
    await asyncio.sleep(0.15)
    assert {r.step for r in shop.reports if isinstance(r, Beat)} == {"s1", "s2"}
    assert [r.step for r in shop.reports if isinstance(r, Started)] == ["s1"]
    release.set()
    await asyncio.gather(*both)
    assert [r.step for r in shop.reports if isinstance(r, Finished)] == ["s1", "s2"]


async def test_heartbeats_that_fail_stop_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path, beat_seconds=0.01)
    shop.refuses = {Beat, Said}

    async def body(task: Task) -> str:
        await task.say("working")
        await asyncio.sleep(0.05)
        return "done"

    assert isinstance(await shop.run(body), Finished)


async def test_nothing_runs_whose_start_nobody_heard_of(shop: Shop) -> None:
    """Otherwise a step with effects outside could be repeated without asking."""
    ran: list[Task] = []

    async def body(task: Task) -> str:
        ran.append(task)
        return "done"

    shop.refuses = {Started}
    shop.workers["clerk"] = Worker("clerk", "Does things.", body)
    await shop.service.run(message())
    assert (ran, shop.reports, shop.service.busy) == ([], [], 0)


async def test_stop_ends_a_runs_tasks_and_no_others(shop: Shop) -> None:
    shop.workers["clerk"] = Worker("clerk", "Does things.", forever)
    runs = [asyncio.create_task(shop.service.run(message(run=run))) for run in ("r1", "r2")]
    await asyncio.sleep(0.02)
    assert shop.service.cancel("T2", "r1") == 0
    assert shop.service.cancel("T1", "r1") == 1
    await asyncio.wait_for(runs[0], 2)
    assert shop.service.busy == 1
    assert shop.kinds() == ["started", "started"]
    assert shop.service.cancel("T1", "r2") == 1
    await runs[1]


async def test_a_cancel_from_inside_a_report_cuts_nothing_off(shop: Shop) -> None:
    """The in-memory broker runs the bot's code inside of ours: it must not cancel itself."""
    handled: list[str] = []

    async def take(report: Report) -> None:
        shop.service.cancel(report.workspace, report.run)
        await asyncio.sleep(0.01)
        handled.append(report.kind)

    shop.service = Service(shop.workers, lambda _: shop.model, take, shop.files)
    shop.workers["clerk"] = Worker("clerk", "Does things.", forever)
    await asyncio.wait_for(shop.service.run(message()), 2)
    assert handled == ["started"]


async def test_drain_lets_finish_and_hands_back_the_rest(tmp_path: Path) -> None:
    shop = Shop(tmp_path, concurrency=2)

    async def body(task: Task) -> str:
        await asyncio.sleep(3600 if task.instruction == "long" else 0.1)
        return "done"

    shop.workers["clerk"] = Worker("clerk", "Does things.", body)
    names = {"s1": "short", "s2": "long", "s3": "queued"}
    sent = [
        asyncio.create_task(shop.service.run(message(step=step, instruction=what)))
        for step, what in names.items()
    ]
    await asyncio.sleep(0.02)
    began = time.monotonic()
    await shop.service.drain(0.5)
    assert time.monotonic() - began < 2
    await asyncio.gather(*sent)
    assert [r.step for r in shop.reports if isinstance(r, Finished)] == ["s1"]
    assert {r.step for r in shop.reports if isinstance(r, Released)} == {"s2", "s3"}, "at once"
    await shop.service.run(message(step="s4"))
    assert {r.step for r in shop.reports if isinstance(r, Released)} == {"s2", "s3"}, "at once"


async def test_a_process_ends_though_nobody_takes_what_it_hands_back(shop: Shop) -> None:
    """A broker whose memory is full is there, and takes nothing."""
    told = asyncio.Event()

    async def nobody_takes(report: Report) -> None:
        if isinstance(report, Released):
            told.set()
            await asyncio.sleep(3600)

    shop.workers["clerk"] = Worker("clerk", "Does things.", forever)
    service = Service(shop.workers, lambda _: shop.model, nobody_takes, shop.files)
    running = asyncio.create_task(service.run(message()))
    await asyncio.sleep(0.02)
    await asyncio.wait_for(service.drain(0.1), 5)
    assert told.is_set()
    running.cancel()


async def test_files_come_with_their_paths_and_new_ones_are_saved(shop: Shop) -> None:
    table = shop.files.put(b"a,b\n", "t.csv", "text/csv").model_copy(update={"path": ""})
    chart = Earlier(step="s0", title="Chart", worker="x", result=Result(text="see", files=(table,)))

    async def body(task: Task) -> Result:
        paths = [task.files[0].path, task.results["s0"].result.files[0].path]
        data = b"".join([await asyncio.to_thread(Path(path).read_bytes) for path in paths])
        return Result(text="copied", files=(task.save("../copy.csv", data, "text/csv"),))

    report = await shop.run(body, files=(table,), results=(chart,))
    assert isinstance(report, Finished)
    (copy,) = report.result.files
    assert copy.name == "copy.csv"
    assert shop.files.read(copy) == b"a,b\na,b\n"


async def test_a_file_that_is_gone_is_said_before_the_worker_runs(shop: Shop) -> None:
    report = await shop.run(forever, files=(File(name="t.csv", id="0" * 64),))
    assert isinstance(report, Failed)
    assert report.error == "The file t.csv is not stored any more."


async def test_what_was_spent_is_counted_even_when_it_failed(tmp_path: Path, stub: StubModel) -> None:
    shop = Shop(tmp_path, Model("hosted_vllm/stub", stub.url))
    stub.reply("one")
    stub.fault("refuse")

    async def body(task: Task) -> str:
        await task.ask("first")
        return await task.ask("second", system="be nice")

    report = await shop.run(body)
    assert isinstance(report, Failed)
    assert report.error == "The model refused this because of its content policy."
    assert report.usage.calls == 2
    assert report.usage.tokens_out == 1


async def test_a_worker_asks_only_so_often(tmp_path: Path, stub: StubModel) -> None:
    shop = Shop(tmp_path, Model("hosted_vllm/stub", stub.url), asks=3)

    async def body(task: Task) -> str:
        while True:
            await task.ask("again")

    report = await shop.run(body)
    assert isinstance(report, Failed)
    assert "more than 3 times" in report.error
    assert stub.count == report.usage.calls == 3


async def test_prose_where_a_worker_wanted_json_is_said(tmp_path: Path, stub: StubModel) -> None:
    shop = Shop(tmp_path, Model("hosted_vllm/stub", stub.url))
    stub.fault("prose")

    async def body(task: Task) -> str:
        return await task.ask("?", schema={"type": "object", "properties": {}})

    report = await shop.run(body)
    assert isinstance(report, Failed)
    assert report.error == "The model did not answer in the form it was asked for."


async def test_stop_hangs_up_on_the_model(tmp_path: Path, stub: StubModel) -> None:
    shop = Shop(tmp_path, Model("hosted_vllm/stub", stub.url))
    stub.fault("hang")
    call = Call(messages=({"role": "user", "content": "x"},))
    run = asyncio.create_task(shop.service.run(message(step="~plan", worker="model", call=call)))
    async with asyncio.timeout(20):
        while not stub.requests:  # noqa: ASYNC110  (the server has no other sign)
            await asyncio.sleep(0.01)
        shop.service.cancel("T1", "r1")
        await run
        while not stub.requests[0].aborted:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert shop.crashes == ["K11", "K4"]
    assert shop.kinds() == ["started"]


async def test_a_result_whose_report_was_lost_is_not_remembered_as_done(shop: Shop) -> None:
    async def body(_: Task) -> str:
        return "done"

    shop.refuses = {Finished}
    await shop.run(body)
    shop.refuses = set()
    assert isinstance(await shop.run(body), Finished)


def test_the_service_imports_no_litellm_until_it_is_asked() -> None:
    """It costs two seconds: not on the way to ready."""
    import subprocess

    code = "import sys, workers.kit.transport; sys.exit('litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
