"""The command line: `python -m bot serve | playground | migrate | doctor | audit |
dead-letters`.

Settings are read here, once, and handed on. Logging is configured here too: libraries never do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from pydantic import SecretStr, ValidationError

from bot.settings import Settings
from workers.kit import logs, process
from workers.kit.settings import plain

if TYPE_CHECKING:  # heavier imports wait for the command that needs them
    from bot.ports import Entry

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Delegate: a Slack bot that hands work out."
)
ROOT = Path(__file__).parents[1]


@app.command()
def serve() -> None:
    """Run the bot: Slack and the orchestrator; the workers too, where BROKER_URL is not set."""
    settings = _settings()
    if not settings.slack_bot_token.get_secret_value():
        _leave("SLACK_BOT_TOKEN is not set. See “Connect a real workspace” in the README, or try `make run`.")
    _run(_serve(settings), last=True)


@app.command()
def playground(
    port: int = typer.Option(3333, help="The playground's port."),
    fresh: bool = typer.Option(False, help="Forget the playground's messages first."),
) -> None:
    """Run the bot in a Slack-like workspace on this machine: no account, no key, no server."""
    settings = _settings()
    folder = settings.data_dir / "playground"
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    with _slack_on_loopback(port, folder) as (url, bot_token, app_token):
        local = {
            "data_dir": folder / "bot",  # never a real workspace's database
            "database_url": "",
            "broker_url": "",
            "port": settings.port if "port" in settings.model_fields_set else 0,  # health alone: any will do
            "slack_api_url": f"{url}/api/",
            "slack_bot_token": SecretStr(bot_token),
            "slack_app_token": SecretStr(app_token),
        }
        _run(_serve(settings.model_copy(update=local), f"\n  Open {url} and ask @delegate something.\n"))


@app.command()
def migrate() -> None:
    """Bring the database's tables up to date."""
    from bot import schema

    settings = _settings()
    with _plainly():
        fits = schema.upgrade(settings.database())
    typer.echo("The database is up to date." if fits else "The database is left as it is.")
    if settings.honcho_process_name:  # it ends all the others when one process ends
        asyncio.run(_stay())


@app.command()
def doctor() -> None:
    """Say what works and what does not, by name."""
    from bot.doctor import examine

    async def look() -> bool:
        fine = True
        async for finding in examine(_settings()):
            typer.echo(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.what}: {finding.sentence}")
            fine = fine and finding.ok
        return fine

    if not asyncio.run(look()):
        raise typer.Exit(1)


@app.command()
def audit(
    workspace: str = typer.Option("", help="Of this workspace alone, by its id (T…)."),
    limit: int = typer.Option(50, min=1, help="So many at most."),
) -> None:
    """Say who changed what: workers switched, schedules set up. Newest first."""
    from bot.audit import lines

    settings = _settings()
    with _plainly():
        entries = asyncio.run(_audit(settings, workspace, limit))
    for line in lines(entries):
        typer.echo(line)
    if not entries:
        where = f"In the workspace {workspace} nothing" if workspace else "Nothing"
        typer.echo(f"{where} has been changed yet: no worker was switched, no schedule was set up.")


async def _audit(settings: Settings, workspace: str, limit: int) -> Sequence[Entry]:
    from bot.ports import CannotStart
    from bot.schema import check
    from bot.store import Store

    if behind := await asyncio.to_thread(check, settings.database()):
        raise CannotStart(behind)
    store = Store(settings.database(), time.time)
    try:
        return await store.audit.recent(workspace, limit)
    finally:
        await store.close()


@app.command("dead-letters")
def dead_letters(
    requeue: Annotated[list[str] | None, typer.Option(help="Send this one (or “all”) again.")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="Throw this one (or “all”) away for good.")] = None,
) -> None:
    """Say what RabbitMQ set aside: when, why and of what, never what is in it. Oldest first."""
    settings = _settings()
    if requeue and drop:
        _leave("One at a time: --requeue or --drop.")
    with _plainly():
        fine = asyncio.run(_dead_letters(settings, requeue or [], drop or []))
    if not fine:
        raise typer.Exit(1)


async def _dead_letters(settings: Settings, requeue: list[str], drop: list[str]) -> bool:
    from bot.dead_letters import asked, dead_letters

    async with dead_letters(settings.broker_url, settings.broker_prefix) as letters:
        said = await asked(letters, requeue, drop)
    for line in said.lines:
        typer.echo(line)
    return said.fine


def _settings() -> Settings:
    try:
        settings = Settings()
    except ValidationError as error:
        _leave(f"The settings cannot be used. {plain(error)}")
    _log(settings)
    return settings


def _log(settings: Settings) -> None:
    logs.configure(settings.log_level, settings.log_format, noisy=("slack_bolt", "slack_sdk", "alembic"))
    logging.getLogger("bot.bolt").setLevel(logging.ERROR)  # warns of how we authorize
    for library in ("apscheduler", "bot.apscheduler"):  # warns when a sweep takes longer than a second
        logging.getLogger(library).setLevel(logging.ERROR)


async def _serve(settings: Settings, hello: str = "") -> None:
    from bot.app import running

    stop = process.told_to_end()
    async with running(settings):
        if hello:
            typer.echo(hello)
        await stop.wait()


async def _stay() -> None:
    await process.told_to_end().wait()


def _run(work: Coroutine[Any, Any, None], *, last: bool = False) -> None:
    with _plainly():
        process.run(work, last=last)


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """What an operator can mend is one sentence, no stack."""
    from bot.ports import CannotStart, StoreDown

    try:
        yield
    except (CannotStart, StoreDown) as error:
        _leave(str(error))


@contextlib.contextmanager
def _slack_on_loopback(port: int, folder: Path) -> Iterator[tuple[str, str, str]]:
    """The playground in a process of its own, which ends with this one, however this one ends."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "playground",
        "--port",
        str(port),
        "--data",
        str(folder),
        "--manifest",
        str(ROOT / "app.yaml"),
        "--exit-with-stdin",
    ]
    pipe = subprocess.PIPE  # a session of its own: Ctrl-C is for us, and its stdin ends with us
    child = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, start_new_session=True)  # noqa: S603
    try:
        assert child.stdout and child.stdin
        hello = child.stdout.readline()
        found = re.match(r"Playground: (\S+) .*tokens (\S+) ([^\s)]+)", hello)
        if not found:
            _leave("The playground did not start; what it says stands above.")
        yield found[1], found[2], found[3]
    finally:
        assert child.stdin
        child.stdin.close()
        child.wait(timeout=5)


def _leave(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
