"""Files between machines: a service that shares no folder with the bot fetches and hands over by a link."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.file_links import FileLinks
from tests.kit.shop import Shop, message
from workers import Earlier, File, Result, Task, WorkerError
from workers.kit.far_files import SILENCE, FarFiles
from workers.kit.files import FileStore
from workers.kit.wire import Call, Failed, Finished, TaskMessage

TABLE = b"a,b\n1,2\n" * 50_000
SOMEBODYS = b"of another task"


class Bot:
    """The bot's folder, and the routes through which worker services reach it."""

    def __init__(self, folder: Path) -> None:
        self.files = FileStore(folder, largest=1_000_000)
        self.now = 1_000_000.0
        self.trouble: list[int] = []  # what the next requests are answered with
        self.asked: list[str] = []

        @web.middleware
        async def in_trouble(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            self.asked.append(request.method)
            if self.trouble:
                return web.Response(status=self.trouble.pop(0), headers={"Location": "/elsewhere"})
            return await handler(request)

        self.app = web.Application(middlewares=[in_trouble])
        self.server = TestServer(self.app)

    async def start(self) -> None:
        await self.server.start_server()

    def links(self, secret: str = "one two") -> FileLinks:
        return FileLinks(str(self.server.make_url("/")), secret, self.files, lambda: self.now)

    def task(self, **more: Any) -> TaskMessage:
        return self.links().on(message(**more))


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    bot = Bot(tmp_path / "bot")
    FileLinks("", "one two", bot.files, lambda: bot.now).add_routes(bot.app)
    await bot.start()
    yield bot
    await bot.server.close()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=SILENCE) as session:
        yield session


@pytest.fixture
def shop(tmp_path: Path, session: aiohttp.ClientSession) -> Shop:
    return far_away(tmp_path / "worker", session)


def far_away(folder: Path, session: aiohttp.ClientSession, largest: int = 1_000_000) -> Shop:
    files = FileStore(folder, largest)
    return Shop(folder, files=files, far_files=FarFiles(files, session, first_pause=0.01))


def bare(file: File) -> File:
    """As it stands in a message: without a path."""
    return file.model_copy(update={"path": ""})


async def copies(task: Task) -> Result:
    given = [*task.files, *(file for e in task.results.values() for file in e.result.files)]
    data = b"".join([await asyncio.to_thread(Path(file.path).read_bytes) for file in given])
    return Result(text="copied", files=(task.save("copy.csv", data, "text/csv"), *given))


async def run(shop: Shop, task: TaskMessage, body: Callable[[Task], Awaitable[Any]] = copies) -> Any:
    return await shop.run(body, **{name: getattr(task, name) for name in TaskMessage.model_fields})


async def test_what_a_task_needs_is_fetched_and_what_it_made_is_handed_over(bot: Bot, shop: Shop) -> None:
    table = bare(bot.files.put(TABLE, "t.csv"))
    chart = bare(bot.files.put(b"chart", "c.png"))
    earlier = Earlier(step="s0", title="Chart", worker="x", result=Result(text="see", files=(chart,)))
    report = await run(shop, bot.task(files=(table,), results=(earlier,)))
    assert isinstance(report, Finished), report
    assert bot.files.read(report.result.files[0]) == TABLE + b"chart"
    assert bot.asked == ["GET", "GET", "PUT"], "what the bot gave is not sent back"


async def test_what_lies_here_already_is_not_fetched(bot: Bot, shop: Shop) -> None:
    table = bare(bot.files.put(b"a,b\n", "t.csv"))
    shop.files.put(b"a,b\n", "t.csv")
    assert isinstance(await run(shop, bot.task(files=(table,))), Finished)
    assert bot.asked == [], "and a copy has the same bytes"


async def test_without_a_link_the_folder_is_the_same(shop: Shop) -> None:
    table = bare(shop.files.put(b"a,b\n", "t.csv"))
    assert isinstance(await run(shop, message(files=(table,))), Finished)


async def test_a_bot_that_is_away_for_a_moment_is_waited_for(bot: Bot, shop: Shop) -> None:
    table = bare(bot.files.put(TABLE, "t.csv"))
    bot.trouble = [503, 502]
    assert isinstance(await run(shop, bot.task(files=(table,))), Finished)
    assert bot.asked == ["GET", "GET", "GET"]
    bot.trouble, bot.asked = [500, 429], []

    async def writes(task: Task) -> Result:
        return Result(text="written", files=(task.save("new.csv", TABLE[1:], "text/csv"),))

    report = await run(shop, bot.task(step="s2"), writes)
    assert isinstance(report, Finished)
    assert bot.asked == ["PUT", "PUT", "PUT"]
    assert bot.files.read(report.result.files[0]) == TABLE[1:]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (403, "The link to the file t.csv is not valid."),
        (404, "The file t.csv is not stored any more."),
        (302, "The file t.csv could not be passed on (status 302)."),
        (507, "The file t.csv could not be passed on (status 507)."),
    ],
)
async def test_what_will_not_get_better_is_said(bot: Bot, shop: Shop, status: int, sentence: str) -> None:
    table = bare(bot.files.put(TABLE, "t.csv"))
    bot.trouble = [status]
    report = await run(shop, bot.task(files=(table,)))
    assert isinstance(report, Failed)
    assert report.error == sentence
    assert bot.asked == ["GET"], "no redirect is followed"


@pytest.mark.parametrize("link", ["bots.example.com/files/x", "ftp://bots.example.com/files/x"])
async def test_a_link_that_leads_nowhere_is_said_at_once(bot: Bot, shop: Shop, link: str) -> None:
    task = bot.task(files=(bare(bot.files.put(TABLE, "t.csv")),))
    report = await asyncio.wait_for(run(shop, task.model_copy(update={"files_at": link})), 5)
    assert isinstance(report, Failed)
    assert report.error == "The link to the file t.csv is not valid."


async def test_a_link_that_expired_is_said(bot: Bot, shop: Shop) -> None:
    task = bot.task(files=(bare(bot.files.put(TABLE, "t.csv")),))
    bot.now += 3600 + task.seconds + 1
    report = await run(shop, task)
    assert isinstance(report, Failed)
    assert report.error == "The link to the file t.csv has expired."


async def test_bytes_that_are_not_those_of_the_name_are_refused(bot: Bot, shop: Shop, tmp_path: Path) -> None:
    table = bare(bot.files.put(TABLE, "t.csv"))
    bot.files.path(table).write_bytes(b"something else")
    report = await run(shop, bot.task(files=(table,)))
    assert isinstance(report, Failed)
    assert report.error == "The file t.csv did not arrive as it was sent."
    kept = await asyncio.to_thread(lambda: [p for p in (tmp_path / "worker").rglob("*") if p.is_file()])
    assert kept == [], "nothing of it is left lying about"


async def test_a_file_larger_than_we_take_is_refused_while_it_comes(
    bot: Bot, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    shop = far_away(tmp_path / "worker", session, largest=1000)
    report = await run(shop, bot.task(files=(bare(bot.files.put(TABLE, "t.csv")),)))
    assert isinstance(report, Failed)
    assert report.error == "t.csv is larger than 0 MB."


async def test_a_service_in_the_bots_process_asks_for_no_file(bot: Bot, tmp_path: Path) -> None:
    shop = Shop(tmp_path / "bot", files=bot.files)
    assert isinstance(await run(shop, bot.task(files=(bare(bot.files.put(TABLE, "t.csv")),))), Finished)
    assert bot.asked == []


def test_a_bare_model_call_has_no_link(tmp_path: Path) -> None:
    links = FileLinks("https://bot.example/", "one", FileStore(tmp_path), lambda: 0.0)
    call = Call(messages=({"role": "user", "content": "x"},))
    assert links.on(message(worker="model", call=call)).files_at == ""
    assert links.on(message()).files_at.startswith("https://bot.example/files/")
    with pytest.raises(ValueError, match="secret"):
        FileLinks("https://bot.example", " ", FileStore(tmp_path), lambda: 0.0)


# -- the bot's side, asked by somebody who should not


async def answer(method: str, url: str, data: bytes | None = None) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.request(method, url, data=data) as response:
        return response.status, await response.read()


async def test_a_link_opens_the_files_of_its_task_and_no_others(bot: Bot) -> None:
    own, other = bot.files.put(TABLE, "t.csv"), bot.files.put(SOMEBODYS, "x.csv")
    at = bot.task(files=(own,)).files_at
    assert await answer("GET", f"{at}/{own.id}") == (200, TABLE)
    assert (await answer("GET", f"{at}/{other.id}"))[0] == 404
    for id in (own.id[:32], "..%2F..%2Fdelegate.db", "x" * 64, own.id.upper()):
        assert (await answer("GET", f"{at}/{id}"))[0] == 404
    assert SOMEBODYS not in (await answer("GET", f"{at}/{other.id}"))[1]


async def test_a_link_that_was_changed_opens_nothing(bot: Bot) -> None:
    own, other = bot.files.put(TABLE, "t.csv"), bot.files.put(SOMEBODYS, "x.csv")
    base, _, link = bot.task(files=(own,)).files_at.rpartition("/")
    body, _, signature = link.partition(".")
    says = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    for change in ({"files": [other.id[:32]]}, {"until": 2**40}, {"of": ["T2", "r", "s", 1]}):
        forged = base64.urlsafe_b64encode(json.dumps(says | change).encode()).rstrip(b"=").decode()
        assert (await answer("GET", f"{base}/{forged}.{signature}/{other.id}"))[0] == 403
    for link in (body, f"{body}.", f".{signature}", "%00.%ff", "x.y.z", f"{body}.{signature}ä"):
        assert (await answer("GET", f"{base}/{link}/{own.id}"))[0] == 403
        assert (await answer("PUT", f"{base}/{link}/{own.id}", TABLE))[0] == 403


async def test_a_secret_that_was_changed_is_accepted_for_as_long_as_it_is_listed(bot: Bot) -> None:
    own = bot.files.put(TABLE, "t.csv")
    for secret, status in (("one", 200), ("two", 200), ("three", 403)):
        at = bot.links(secret).on(message(files=(own,))).files_at
        assert (await answer("GET", f"{at}/{own.id}"))[0] == status


async def test_what_is_handed_over_must_be_what_its_name_says(bot: Bot) -> None:
    at, id = bot.task().files_at, hashlib.sha256(b"new").hexdigest()
    assert (await answer("PUT", f"{at}/{id}", b"old"))[0] == 422
    assert (await answer("PUT", f"{at}/{id}", b"x" * 1_000_001))[0] == 413
    assert not bot.files.has(File(name="new", id=id))
    assert (await answer("PUT", f"{at}/{id}", b"new"))[0] == 201
    assert (await answer("PUT", f"{at}/{id}", b"new"))[0] == 201, "twice is no harm"
    assert bot.files.read(File(name="new", id=id)) == b"new"
    assert (await answer("GET", f"{at}/{id}"))[0] == 404, "the link was made before there was such a file"


async def test_whoever_goes_away_in_the_middle_leaves_nothing(bot: Bot, tmp_path: Path) -> None:
    at, id = bot.task().files_at, hashlib.sha256(TABLE).hexdigest()

    async def half() -> AsyncIterator[bytes]:
        yield TABLE[:1000]
        raise ConnectionResetError

    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        async with aiohttp.ClientSession() as session:
            await session.put(f"{at}/{id}", data=half())
    await bot.server.close()
    assert await asyncio.to_thread(lambda: [p for p in (tmp_path / "bot").rglob("*") if p.is_file()]) == []


async def test_files_are_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    files = FileStore(tmp_path, largest=10)

    async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    good = File(name="t.csv", id=hashlib.sha256(b"abcdef").hexdigest())
    with pytest.raises(WorkerError, match="larger than"):
        await files.receive(good, pieces(b"abcdef", b"ghijkl"))
    with pytest.raises(WorkerError, match="did not arrive"):
        await files.receive(good, pieces(b"abc"))
    assert not files.has(good)
    await files.receive(good, pieces(b"abc", b"def"))
    assert files.read(good) == b"abcdef"
