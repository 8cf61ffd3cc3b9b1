import asyncio
import json
import os
import time
from pathlib import Path

from tests.cluster import diary
from workers import Task, worker


def _is_open(path: str) -> bool:
    """For all, or for this process alone."""
    return Path(path).exists() or Path(f"{path}.{os.getpid()}").exists()


@worker(emoji=":construction:")
async def gate(task: Task) -> str:
    """Waits until a file is there or its time is over, and says which process it was in."""
    told = json.loads(task.instruction)
    diary.write(told["diary"], "began", told["name"])
    over = time.monotonic() + told["seconds"]
    while not _is_open(told["until"]) and time.monotonic() < over:  # noqa: ASYNC110  (another process opens it)
        await asyncio.sleep(0.02)
    diary.write(told["diary"], "ended", told["name"])
    return f"Opened by process {os.getpid()}."
