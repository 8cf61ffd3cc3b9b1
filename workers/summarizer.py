"""Summarises what there is: the results it needs, else a text that came with the request, else the thread,
else the channel's recent messages."""

import re

from workers import Task, WorkerError, worker
from workers.kit.material import RULE, fenced, unfenced

SYSTEM = f"""You summarise for busy colleagues, in the language of the request: three to seven bullets ("- "),
the most important first; who decided or promised what, with names, figures and dates exactly as given.
Give the bullets alone. Leave out what is not in the material.
{RULE}"""
SAMPLE = """Summarise this for somebody who was on holiday:

Maya: The export to Excel still times out for three customers. Nord Freight threatens to leave by the 15th.
Tom: I found it: we load all rows at once. The fix is half done, I need until Thursday.
Maya: Good. I'll tell Nord Freight Thursday. Can we give them 20% off this month?
Priya: Approved, 20% for Nord Freight, for this month only.
Tom: By the way, the new invoices went out twice on Monday, to 41 customers. Nobody has complained yet.
Priya: We should say so ourselves. I'll write to all 41 today.
Maya: And the demo for Kestrel moved from Friday to Monday the 20th, at ten."""
PASTED = 200  # characters: a shorter request brings no text of its own


@worker(emoji=":memo:", reads=("thread", "channel"), sample=SAMPLE)
async def summarizer(task: Task) -> str:
    """Summarises earlier results, the thread, or the channel's recent messages into bullets."""
    source, text = _source(task)
    material = fenced(text)
    if not material:
        raise WorkerError("There is nothing to summarise: no results, and no messages that I may read.")
    await task.say(f"Reading {source}")
    asked = task.instruction.replace(text, "").strip() or "Summarise this."
    return unfenced(await task.ask(f"{asked}\n\n{material}", system=SYSTEM, max_tokens=700))


def _source(task: Task) -> tuple[str, str]:
    """What it is, and its words."""
    if task.results:
        return "the results so far", "\n\n".join(
            f"{e.title}:\n{e.result.text}" for e in task.results.values()
        )
    if pasted := _pasted(task.request):
        return "your text", pasted
    if lines := task.thread or task.channel:
        said = "\n".join(f"{line.who}: {line.text}" for line in lines)
        return "this thread" if task.thread else "the channel", said
    return "your text", task.request if len(task.request) >= PASTED else ""


def _pasted(request: str) -> str:
    """The text that a request brings along, behind its first colon or line. One that speaks of a channel or a
    thread brings none, however long it is: what follows says how to go about it."""
    asked, *rest = re.split(r"[:\n]", request, maxsplit=1)
    elsewhere = re.search(r"<#|\b(channel|thread)\b", asked, re.IGNORECASE)
    text = "".join(rest).strip()
    return text if len(text) >= PASTED and not elsewhere else ""
