"""What the response of a function behind a URL means, as the report that ends its attempt: pure.

A response is a `delegate.report.*` CloudEvent, or simply a result as JSON (`{"text": "…"}`). It is believed
where it is about this very attempt and says something. A path or address of a file in it is a stranger's:
files count by their content's id alone. Nothing of it is quoted in an error: a page that some server in
between puts up is not for the thread. Not known here: sending, retrying.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from workers import Result
from workers.kit import events
from workers.kit.ending import comes_with_nothing, is_empty
from workers.kit.wire import Asked, Failed, Finished, Report, TaskMessage, address_of

LARGEST = 1_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Response:
    status: int  # 0: it was not reached, so nothing was sent
    headers: Mapping[str, str] = field(default_factory=dict)  # without regard to case
    body: bytes = b""


NOT_REACHED = Response(0)


def pause(response: Response, usual: float, *, external: bool) -> float | None:
    """After how many seconds to ask again; None: not at all. A 503 that does not say when may come from
    somebody in between, while the work goes on: where that has effects, it is not begun twice."""
    wanted = response.headers.get("Retry-After", "")
    if response.status not in (0, 429, 503) or (response.status == 503 and external and not wanted):
        return None
    if wanted.isascii() and wanted.isdecimal():
        return float(wanted[:9])
    try:
        return max(0.0, (parsedate_to_datetime(wanted) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # no date, or one without a zone
        return usual


def report(task: TaskMessage, response: Response) -> Report:
    worker, status = task.worker, response.status
    if status == 0:
        return _failed(task, f"The {worker} cannot be reached.")
    if status in (429, 503):
        return _failed(task, f"The {worker} is too busy at the moment (it answered {status}).")
    if status == 202:
        return _failed(task, f"The {worker} means to answer later, and there is no address for that here.")
    if status != 200:
        return _failed(task, f"The {worker} answered with the status {status}.", unsure=status >= 500)
    if len(response.body) > LARGEST:
        return _failed(task, f"The {worker}'s result is too large to pass on.")
    said = _read(task, response)
    return _failed(task, said) if isinstance(said, str) else said


def lost(task: TaskMessage) -> Failed:
    return _failed(task, f"The connection to the {task.worker} was lost while it worked.", unsure=True)


def late(task: TaskMessage) -> Failed:
    sentence = f"The {task.worker} took longer than {task.seconds} seconds, so I stopped waiting."
    return _failed(task, sentence, unsure=True)


def cleaned(said: Report, worker: str) -> Report:
    """Without what only this side may say of a file. One that brings nothing has failed."""
    if not isinstance(said, Finished):
        return said
    ours = {"path": "", "url": "", "slack_id": ""}
    files = tuple(f.model_copy(update=ours) for f in said.result.files if f.id)
    result = said.result.model_copy(update={"files": files})
    if is_empty(result):
        return Failed(**address_of(said), error=comes_with_nothing(worker), usage=said.usage)
    return said.model_copy(update={"result": result})


def _read(task: TaskMessage, response: Response) -> Report | str:
    """What it says, or what is wrong with it."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    unfit = f"The {task.worker} came back with something that is no result."
    address = address_of(task)
    try:
        if kind == "application/json":
            said: object = Finished(**address, result=Result.model_validate_json(response.body))
        elif kind == events.CONTENT_TYPE:
            said = events.loads(response.body).data
        else:
            return unfit
    except ValueError:
        return unfit
    if not isinstance(said, Finished | Failed | Asked):
        return unfit
    if address_of(said) != address:
        return f"The {task.worker} answered for another task."
    return cleaned(said, task.worker)


def _failed(task: TaskMessage, sentence: str, *, unsure: bool = False) -> Failed:
    """`unsure`: it may have been done all the same, which matters where it has effects."""
    if unsure and task.external:
        sentence += " It may or may not have happened."
    return Failed(**address_of(task), error=sentence)
