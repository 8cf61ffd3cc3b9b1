import asyncio
import json

from tests.cluster import diary
from workers import Task, worker


@worker(emoji=":postbox:", effects="external")
async def stamp(task: Task) -> str:
    """Stamps a letter. There is no undoing it."""
    told = json.loads(task.instruction)
    diary.write(told["diary"], "stamped", task.key)
    await asyncio.sleep(told["seconds"])
    return f"Stamped {told['name']}."
