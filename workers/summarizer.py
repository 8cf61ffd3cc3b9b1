"""Summarises what there is: the results it needs, else the thread, else the channel's recent messages."""

from workers import Task, WorkerError, worker
from workers.kit.material import RULE, fenced, unfenced

SYSTEM = f"""You summarise for busy colleagues, in the language of the request: three to seven bullets ("- "),
the most important first; who decided or promised what, with names, figures and dates exactly as given.
Give the bullets alone. Leave out what is not in the material.
{RULE}"""


@worker(emoji=":memo:", reads=("thread", "channel"))
async def summarizer(task: Task) -> str:
    """Summarises earlier results, the thread, or the channel's recent messages into bullets."""
    if task.results:
        source = "the results so far"
        text = "\n\n".join(f"{e.title}:\n{e.result.text}" for e in task.results.values())
    else:
        source = "this thread" if task.thread else "the channel"
        text = "\n".join(f"{line.who}: {line.text}" for line in task.thread or task.channel)
    material = fenced(text)
    if not material:
        raise WorkerError("There is nothing to summarise: no results, and no messages that I may read.")
    await task.say(f"Reading {source}")
    return unfenced(await task.ask(f"{task.instruction}\n\n{material}", system=SYSTEM, max_tokens=700))
