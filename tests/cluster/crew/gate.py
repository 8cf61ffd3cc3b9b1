import asyncio
import json
import os
from pathlib import Path

from tests.cluster import diary
from workers import Task, worker


def _is_open(path: str) -> bool:
    """For all, or for this process alone."""
    return Path(path).exists() or Path(f"{path}.{os.getpid()}").exists()


@worker(emoji=":construction:")
async def gate(task: Task) -> str:
    """Waits until a file is there, and says which process it was in."""
    told = json.loads(task.instruction)
    diary.write(told["diary"], "began", told["name"])
    while not _is_open(told["until"]):  # noqa: ASYNC110  (who opens it is another process)
        await asyncio.sleep(0.02)
    diary.write(told["diary"], "ended", told["name"])
    return f"Opened by process {os.getpid()}."
