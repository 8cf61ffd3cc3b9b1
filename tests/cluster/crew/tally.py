from tests.cluster.folding import prompt
from workers import Task, worker


@worker(emoji=":abacus:")
async def tally(task: Task) -> str:
    """Folds what it is told with the results before it: one call of the model, one right answer."""
    return await task.ask(prompt(task.instruction, {id: e.result.text for id, e in task.results.items()}))
