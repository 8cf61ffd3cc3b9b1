"""A worker that does nothing, and says when: so that what is measured is the way to it and back.

Brought along as an installed package brings its workers, by an entry point (`bench/load_scene.py`), since
`python -m workers` takes no others.
"""

import json
import time

from workers import Question, Result, Task, worker


@worker()
async def noop(task: Task) -> Result:
    """Does nothing at all; asks first where that is asked for."""
    began = time.time()
    if "ask first" in task.request and not task.answers:
        raise Question("Which of the two?", ("This one", "That one"))
    return Result(text="Done.", data=json.dumps({"began": began, "ended": time.time()}))
