import asyncio
import json
import os
import signal

from tests.cluster import diary
from workers import Task, worker


@worker(emoji=":skull:")
async def poison(task: Task) -> str:
    """Takes its process down with it."""
    told = json.loads(task.instruction)
    diary.write(told["diary"], "began", told["name"])
    await asyncio.sleep(told["seconds"])
    os.kill(os.getpid(), signal.SIGKILL)
    return ""
