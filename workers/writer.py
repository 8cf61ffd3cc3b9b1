"""Writes: a draft, then a second pass that reads the draft as an editor would and mends it.

One pass is enough when only a draft is wanted, or when there is an earlier text to refine.
"""

import re

from workers import Task, worker
from workers.kit.material import RULE, fenced

SYSTEM = f"""You write for a team at work: plainly, warmly, concretely, in the language of the request.
Use Markdown. Give the text alone: no introduction, no remarks about it, no invented names, figures or links.
{RULE}"""

EDIT = """Read this draft as a strict editor: what is vague, too long, missing or off in tone?
Then give the whole improved text, and nothing else."""


@worker(emoji=":writing_hand:")
async def writer(task: Task) -> str:
    """Writes and refines text: posts, mails, announcements; drafts, then improves."""
    earlier = "\n\n".join(f"{e.title}:\n{e.result.text}" for e in task.results.values())
    thread = "\n".join(f"{line.who}: {line.text}" for line in task.thread)
    parts = [
        f"The request this is a part of: {task.request}",
        f"The thread so far:\n{fenced(thread)}" if thread else "",
        f"Earlier results:\n{fenced(earlier)}" if earlier else "",
        *(f"You asked: {a.question}\nThe answer: {a.answer}" for a in task.answers),
        f"Your part: {task.instruction}",
    ]
    brief = "\n\n".join(part for part in parts if part)
    await task.say("Refining" if earlier else "Drafting")
    draft = await task.ask(brief, system=SYSTEM, max_tokens=1500)
    wanted = task.instruction.lower()
    if earlier or (re.search(r"\bdraft\b", wanted) and not re.search(r"\b(refine|improve|polish)", wanted)):
        return draft
    await task.say("Refining the draft")
    return await task.ask(f"{brief}\n\n{EDIT}\n\n{fenced(draft)}", system=SYSTEM, max_tokens=1500)
