"""Writes: a draft, then a second pass that reads the draft as an editor would and mends it.

One pass is enough when only a draft is wanted, or when there is an earlier text to refine.
"""

import json
import re

from workers import Task, WorkerError, worker
from workers.kit.material import RULE, fenced, unfenced

SYSTEM = f"""You write for a team at work: plainly, warmly, concretely, in the language of the request.
Use Markdown. Give the text alone: no introduction, no remarks about it, no invented names, dates or figures.
{RULE}"""
EDIT = """This is a draft of it. As a strict editor, say in a sentence what is weakest about it: vague, wordy,
missing, made up, off in tone. Then write the whole text anew, mended. Keep what is good."""
TEXT = {"type": "string", "minLength": 1, "maxLength": 5000}
MENDED = {
    "type": "object",
    "properties": {"weakest": TEXT | {"maxLength": 300}, "text": TEXT},
    "required": ["weakest", "text"],
    "additionalProperties": False,
}


@worker(emoji=":writing_hand:")
async def writer(task: Task) -> str:
    """Writes and refines text: posts, mails, announcements; drafts, then improves."""
    earlier = "\n\n".join(e.result.text for e in task.results.values())
    thread = "\n".join(f"{line.who}: {line.text}" for line in task.thread)
    parts = [
        f"The request this is a part of: {task.request}",
        f"The thread so far:\n{fenced(thread)}" if thread else "",
        f"What there is already:\n{fenced(earlier)}" if earlier else "",
        *(f"You asked: {a.question}\nThe answer: {a.answer}" for a in task.answers),
        f"Your part: {task.instruction}",
    ]
    brief = "\n\n".join(part for part in parts if part)
    await task.say("Refining" if earlier else "Drafting")
    draft = unfenced(await task.ask(brief, system=SYSTEM, max_tokens=1200))
    wanted = task.instruction.lower()
    if earlier or (re.search(r"\bdraft\b", wanted) and not re.search(r"\b(refine|improve|polish)", wanted)):
        return draft
    await task.say("Refining the draft")
    try:
        prompt = f"{brief}\n\n{EDIT}\n\n{fenced(draft)}"
        mended = await task.ask(prompt, system=SYSTEM, schema=MENDED, max_tokens=1500)
        return unfenced(json.loads(mended)["text"]) or draft
    except (WorkerError, KeyError, TypeError):
        return draft  # better than nothing
