"""Workers whose code is not here, as a file declares them: behind a queue, or behind a URL.

    [billing]                      # whoever reads the queue worker.billing: another machine, another language
    about = "Answers questions about invoices."
    effects = "external"

    [translate]                    # a function that a task is posted to
    about = "Translates text."
    url = "https://functions.example.com/translate"

The rest of an entry is as in the `worker` decorator. They stand in the registry beside the others, and wait
there for an admin to switch them on. Whoever may write this file runs the bot, so a private address is no
attack; a task and its secrets in clear text on the open network is a mistake. Not known here: HTTP, queues.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bot.functions.signing import unfit
from workers import Effects, Result, Sample, Task, Worker, WorkerError
from workers.kit.wire import MODEL

USUAL = Path("workers.toml")
NAME = r"[a-z][a-z0-9_]{0,39}"


@dataclass(frozen=True)
class Remote(Worker):
    """A worker that no process of ours runs. `url`: where its tasks are posted; empty: they are queued."""

    url: str = ""
    queue: str = ""

    @property
    def place(self) -> str:
        """For admins. A path may hold a key, so it stays out."""
        return f"at {origin(self.url)}" if self.url else f"on the queue {self.queue}"


@dataclass(frozen=True)
class Declared:
    """`problems` are sentences for the operator: a bad entry is left out, never the whole bot."""

    workers: Mapping[str, Remote]
    problems: tuple[str, ...] = ()

    @property
    def functions(self) -> dict[str, Remote]:
        return {name: w for name, w in self.workers.items() if w.url}


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str = Field(min_length=1, max_length=300, pattern=r"^\S[^\n]*$")
    url: str = ""
    emoji: str = Field(":gear:", pattern=r"^:[a-z0-9_+'-]+:$")
    effects: Effects = "none"
    reads: tuple[Literal["thread", "channel", "files"], ...] = ()
    seconds: int = Field(300, ge=1, le=86_400)
    sample: str = ""

    @field_validator("url")
    @classmethod
    def _posted_to(cls, url: str) -> str:
        if not url:
            return url
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError as error:
            raise ValueError("it is no address") from error
        if parts.scheme not in ("https", "http") or not host or any(c.isspace() for c in url):
            raise ValueError("it is no address that begins with https://")
        if parts.username or parts.password:
            raise ValueError("leave name and password out of it")
        if parts.scheme == "http" and not _is_near(host):
            raise ValueError("it has to begin with https://, but for a private address")
        return url


def declared(
    file: Path, taken: Collection[str], *, broker: bool, secret: str = "", prefix: str = ""
) -> Declared:
    """What the file declares. `taken`: names that have an owner already. Without a `broker` nobody can be
    reached by a queue, without a `secret` nothing is posted. A file that is not there declares nobody."""
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        missing = f"WORKERS_FILE names {file}, and there is no such file."
        return Declared({}, () if file == USUAL else (missing,))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        return Declared({}, (f"{file} cannot be read, so nobody in it is there: {why}.",))
    found: dict[str, Remote] = {}
    problems: list[str] = []
    for name, entry in entries.items():
        remote = _remote(name, entry, file.name, prefix)
        why = remote if isinstance(remote, str) else _unreachable(remote, taken, broker, secret)
        if why:
            problems.append(f"The worker {name} in {file.name} is left out: {why}.")
        elif isinstance(remote, Remote):
            found[name] = remote
    return Declared(found, tuple(problems))


def origin(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _remote(name: str, entry: object, file: str, prefix: str) -> Remote | str:
    """The worker, or why there is none."""
    if not isinstance(entry, dict):
        return "it should be a table, as in [billing]"
    try:
        made = Entry.model_validate(entry)
    except ValidationError as error:
        return _why(error)
    return Remote(
        name,
        made.about,
        _elsewhere,
        made.emoji,
        made.effects,
        tuple(made.reads),
        made.seconds,
        Sample(text=made.sample) if made.sample else None,
        package=file,  # what brought it: like a package's, it waits for an admin
        url=made.url,
        queue="" if made.url else f"{prefix}worker.{name}",
    )


def _unreachable(remote: Remote, taken: Collection[str], broker: bool, secret: str) -> str:
    if not re.fullmatch(NAME, remote.name):
        return "a name has up to 40 small letters, digits and “_”, a letter first"
    if remote.name == MODEL or remote.name in taken:
        return "that name is taken"
    if not remote.url and not broker:
        return "it has no url, and without BROKER_URL there are no queues"
    return unfit(secret) if remote.url else ""


def _why(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    field = f"`{first['loc'][0]}`"
    if first["type"] == "missing":
        return f"it needs {field}"
    if first["type"] == "extra_forbidden":
        return f"{field} is nothing that a worker has"
    message = first["msg"].removeprefix("Value error, ")
    return f"{field}: {message[0].lower()}{message[1:]}"


def _is_near(host: str) -> bool:
    """This machine or a private network, said so that no name service can change it."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (address.is_loopback or address.is_private) and not address.is_link_local


async def _elsewhere(task: Task) -> Result:
    raise WorkerError("This worker runs elsewhere, and its task was not sent there.")
