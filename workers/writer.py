"""Writes: a draft, then a second pass that reads the draft as an editor would and mends it.

One pass is enough when only a draft is wanted, for a draft that a step before wrote, and for a text that
rests on others' results.
"""

import json
import re

from workers import Task, WorkerError, worker
from workers.kit.material import RULE, fenced, unfenced

SYSTEM = f"""You write for a team at work: plainly, warmly, concretely, in the language of the request.
Use Markdown. Keep it as short as the request allows: "short" means under 150 words. Give the text alone,
ready to send: no introduction, no remarks about it or about yourself, no invented names, dates or figures.
{RULE}"""
EDIT = """Now refine the text above. As a strict editor, say in a sentence what is weakest about it: vague,
wordy, repetitive, missing, made up, off in tone. Then write the whole text anew, mended and no longer than
before: concrete words for vague ones, each thing said once. Keep what is good."""
SAMPLE = """Write a short announcement to our staff: on Monday 8 June we move to Mill Lane 4, second floor.
Pack your desk by Friday noon, in labelled boxes. Movers carry everything else. Questions go to Ines."""


@worker(emoji=":writing_hand:", sample=SAMPLE)
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
    if earlier and all(e.worker == "writer" for e in task.results.values()):
        await task.say("Refining")
        return await refined(task, brief, earlier)
    await task.say("Drafting")
    draft = unfenced(await task.ask(brief, system=SYSTEM, max_tokens=1200))
    wanted = task.instruction.lower()
    if earlier or (re.search(r"\bdraft\b", wanted) and not re.search(r"\b(refine|improve|polish)", wanted)):
        return draft
    await task.say("Refining the draft")
    try:
        return await refined(task, f"{brief}\n\n{fenced(draft)}", draft)
    except WorkerError:
        return draft  # better than nothing


async def refined(task: Task, brief: str, draft: str) -> str:
    """The second pass. In a form, since small models otherwise write their remarks into the text; bounded by
    the draft, since inside a form they also run on; and once more where they only copied it."""
    most = 300 + len(draft) * 3 // 2
    form = {
        "type": "object",
        "properties": {
            "weakest": {"type": "string", "minLength": 1, "maxLength": 200},
            "text": {"type": "string", "minLength": 1, "maxLength": most},
        },
        "required": ["weakest", "text"],
        "additionalProperties": False,
    }
    reply = await task.ask(f"{brief}\n\n{EDIT}", system=SYSTEM, schema=form, max_tokens=200 + most)
    try:
        text = unfenced(json.loads(reply)["text"])
    except (ValueError, KeyError, TypeError):
        return draft
    if text.split() != draft.split():
        return text or draft
    again = f"{task.instruction}\nSay the following in other words, and shorter:\n\n{fenced(draft)}"
    return unfenced(await task.ask(again, system=SYSTEM, max_tokens=200 + most)) or draft
