"""How an attempt ended, as the report that says so: what may be passed on, and whose sentence is shown.

A sentence for the thread is one that was written for people (`WorkerError`); of any other error only its
type is told, for its text may quote what people wrote. Not known here: places, heartbeats, transports.
"""

from __future__ import annotations

import asyncio
import traceback

import structlog

from workers import Question, Result, WorkerError
from workers.kit.model import ModelError
from workers.kit.wire import Asked, Failed, Finished, Report, TaskMessage, Usage, address_of

log = structlog.get_logger(__name__)
LONGEST_SENTENCE, MOST_OPTIONS = 4_000, 100  # of what a worker tells people; a thread has room for less


def is_empty(result: Result) -> bool:
    """There is nothing in it that anybody could be shown."""
    return not (result.text.strip() or result.files or result.table)


def comes_with_nothing(worker: str) -> str:
    return f"The {worker} came back with nothing."


def fit(value: object, task: TaskMessage, most_bytes: int) -> Result:
    """The worker's result as whoever reads its JSON has it. Raises `WorkerError`, and whatever JSON does."""
    result = Result(text=value) if isinstance(value, str) else value
    if not isinstance(result, Result):
        raise WorkerError(f"The {task.worker} came back with something that is no result.")
    if is_empty(result):
        raise WorkerError(comes_with_nothing(task.worker))
    if len(result.text) > most_bytes or len(carried := result.model_dump_json().encode()) > most_bytes:
        raise WorkerError(f"The {task.worker}'s result is too large to pass on.")
    return Result.model_validate_json(carried)


def too_late(task: TaskMessage, usage: Usage) -> Report:
    sentence = f"The {task.worker} took longer than {task.seconds} seconds, so I stopped it."
    return Failed(**address_of(task), error=sentence, usage=usage)


def ending(body: asyncio.Task[Result], task: TaskMessage, usage: Usage) -> Report:
    """The report of a worker that is done."""
    address = address_of(task)
    error = _meant(asyncio.CancelledError() if body.cancelled() else body.exception())
    if error is None:
        return Finished(**address, result=body.result(), usage=usage)
    if isinstance(error, Question):
        options = tuple(_plain(option) for option in error.options[:MOST_OPTIONS])
        return Asked(**address, question=_plain(error.text), options=options, usage=usage)
    down = isinstance(error, ModelError) and error.down
    return Failed(**address, error=_sentence(error, task), model_down=down, usage=usage)


def _meant(error: BaseException | None) -> BaseException | None:
    """Out of a group (a worker's `TaskGroup`): what was meant for people, if anything was."""
    if isinstance(error, BaseExceptionGroup):
        meant: BaseException | None = error.subgroup((WorkerError, Question))
        while isinstance(meant, BaseExceptionGroup):
            meant = meant.exceptions[0]
        return meant or error
    return error


def _sentence(error: BaseException, task: TaskMessage) -> str:
    if isinstance(error, WorkerError):
        return _plain(error) or f"The {task.worker} gave up."
    log.error("a worker failed", worker=task.worker, run=task.run, **what(error))
    if isinstance(error, MemoryError):
        return f"The {task.worker} needed more memory than there is."
    return f"The {task.worker} stopped at an error of its own ({type(error).__name__})."


def _plain(words: object) -> str:
    """As it can be passed on, whatever a worker put there: a report that cannot leads to the next attempt."""
    return str(words)[:LONGEST_SENTENCE].encode("utf-8", "replace").decode()


def what(error: BaseException) -> dict[str, str]:
    """An error for the log: its type and the place, never its text, which may quote what people wrote."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return {"error": type(error).__name__, "where": ", ".join(f"{f.filename}:{f.lineno}" for f in last)}
