"""Answers a question about attached tables: a model writes one SELECT, a locked-down child runs it, and the
table it found is shown beside the words, so that no number has to be believed.

The model sees the columns, a few sample rows and the result, never the file. Its sentence is shown only
when every number in it is in the result (or in the question): small models round and invent. Knows no
file format and no DuckDB: that is `workers.kit.tables`.
"""

from __future__ import annotations

import time
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from workers import File, Result, Sample, Table, Task, WorkerError, worker
from workers.kit.files import plain_name
from workers.kit.material import RULE, fenced
from workers.kit.tables.limits import KINDS, MB, SUFFIXES, Limits, Refused
from workers.kit.tables.session import Found, Loaded, Session, open_tables
from workers.kit.tables.told import brief, grounded, preview

SYSTEM = """You answer questions about tables with one DuckDB SELECT statement.
Use only the tables and columns listed, spelled as listed.
Aggregate in SQL, round averages to 2 digits, give every column a short readable alias, and order the rows.
No LIMIT, unless a number of rows was asked for.
chart.kind: "bar" to compare groups, "line" over time, "none" unless a chart helps or was asked for.
chart.x and chart.y are aliases of your SELECT.
If the tables cannot answer the question, sql is an empty string.

Example
Table sales: 120 rows
  region VARCHAR ('North', 'South'), day DATE, amount DOUBLE
Question: Which region sold most? Show a chart.
{"sql": "SELECT region, sum(amount) AS total FROM sales GROUP BY region ORDER BY total DESC",
 "chart": {"kind": "bar", "x": "region", "y": "total", "title": "Sales by region"}}"""

PHRASE = """Answer the question in one to three sentences, in the language of the question, from the result
alone. Of many rows, name the highest and the lowest. Copy numbers exactly as they are; do not calculate.
Do not repeat the table: it is shown below."""

SCHEMA = {
    "type": "object",
    "properties": {
        "sql": {"type": "string", "maxLength": 1500},
        "chart": {
            "type": "object",
            "properties": {
                "kind": {"type": "string", "enum": ["none", "bar", "line"]},
                "x": {"type": "string", "maxLength": 60},
                "y": {"type": "string", "maxLength": 60},
                "title": {"type": "string", "maxLength": 80},
            },
            "required": ["kind", "x", "y", "title"],
            "additionalProperties": False,
        },
    },
    "required": ["sql", "chart"],
    "additionalProperties": False,
}
NOT_TABLES = ("image/", "audio/", "video/", "application/pdf")
TRIES = 3  # the first query and two repairs
SALES = """month,region,orders,revenue
2026-07,North,118,20410.50
2026-07,South,96,17120.00
2026-07,West,61,9870.25
2026-08,North,124,21990.00
2026-08,South,83,14310.75
2026-08,West,72,11640.00
2026-09,North,131,23815.25
2026-09,South,88,15205.50
2026-09,West,90,14980.00
"""
SAMPLE = Sample(
    text="Which region brought in the most revenue? Total per region, with a bar chart.",
    files=(("sales.csv", SALES),),
)


class Chart(BaseModel):
    kind: str = "none"
    x: str = ""
    y: str = ""
    title: str = ""


class Wish(BaseModel):
    sql: str = Field(max_length=5_000)
    chart: Chart = Chart()


@worker(emoji=":bar_chart:", reads=("files",), sample=SAMPLE)
async def analyst(task: Task) -> Result:
    """Answers questions about attached tables (CSV, Excel, JSON): totals, trends, comparisons, charts."""
    limits = Limits()
    files = _attached(task, limits)
    left = task.deadline - time.time() if task.deadline else float("inf")
    async with open_tables(limits, left) as session:
        tables: list[Loaded] = []
        for file in files:
            await task.say(f"Reading {plain_name(file.name)}")
            tables += await session.load(file.path, plain_name(file.name))
        wish, found = await _query(task, session, tables)
        text = await _phrase(task, found)
        saved, notes = await _files(task, session, wish.chart, found)
    notes = [f"{t.file}: {note}." for t in tables for note in t.notes] + notes
    query = wish.sql.strip().replace("```", "")
    return Result(
        text="\n\n".join(part for part in (text, " ".join(notes), f"```sql\n{query}\n```") if part),
        files=tuple(saved),
        table=Table(columns=found.columns, rows=found.rows) if found.rows else None,
        data={"sql": wish.sql, "row_count": found.row_count},
    )


async def _query(task: Task, session: Session, tables: list[Loaded]) -> tuple[Wish, Found]:
    """The model's query and what it found. A query that fails goes back to the model with the reason."""
    question = f"{fenced(brief(tables))}\nQuestion: {_asked(task)}"
    problem, reason = "", ""
    for attempt in range(TRIES):
        await task.say("Mending the query" if attempt else "Asking the model for a query")
        reply = await task.ask(question + problem, system=f"{SYSTEM}\n{RULE}", schema=SCHEMA, max_tokens=700)
        try:
            wish = Wish.model_validate_json(reply)
            if not wish.sql.strip(" ;\n"):
                names = ", ".join(t.name for t in tables)
                raise WorkerError(f"What was asked does not seem to be in the attached tables ({names}).")
            await task.say("Running the query")
            found = await session.query(wish.sql)
            if not {t.name.lower() for t in tables} & {*found.reads}:
                raise Refused("The query reads none of the tables: an answer must come from them.")
            return wish, found
        except ValidationError:
            reason = "The model's reply was no query."
            problem = "\n\nYour last reply was not the JSON that was asked for. Reply again."
        except Refused as error:
            reason = str(error).strip().partition("\n")[0]
            problem = f"\n\nThis query failed: {wish.sql}\nThe error: {error}\nWrite another one that works."
    raise WorkerError(
        f"I could not write a working query for this, after {TRIES} tries. The last problem: {reason} "
        "Naming the columns in the question often helps."
    )


async def _phrase(task: Task, found: Found) -> str:
    """The model's sentence when it holds, else a plain one. The table is shown in any case."""
    if not found.rows:
        return "Nothing in the tables matches."
    if found.more:
        plain = f"The result has more than {found.row_count:,} rows."
    elif found.row_count == 1 and found.column_count == 1:
        plain = f"{found.columns[0]}: {found.rows[0][0]}"
    else:
        plain = f"The result has {found.row_count:,} row{'s' if found.row_count > 1 else ''}."
    await task.say("Putting the result into words")
    try:
        text = await task.ask(
            f"{fenced(preview(found))}\nQuestion: {_asked(task)}", system=f"{PHRASE}\n{RULE}", max_tokens=300
        )
    except WorkerError:  # the result is there; only its wording is not
        return plain
    return text.strip() if text.strip() and grounded(text, found, _asked(task)) else plain


async def _files(task: Task, session: Session, chart: Chart, found: Found) -> tuple[list[File], list[str]]:
    """The chart, the whole result where it is longer than what is shown, and what to say about them."""
    files, notes = [], []
    if chart.kind in ("bar", "line"):
        await task.say("Drawing the chart")
        try:
            png = await session.chart(chart.kind, chart.x, chart.y, chart.title)
            files.append(task.save("chart.png", png, "image/png"))
        except Refused as reason:
            notes.append(f"There is no chart: {reason}")
    if len(found.rows) < found.row_count or len(found.columns) < found.column_count:
        data, written = await session.csv()
        files.append(task.save("result.csv", data, "text/csv"))
        total = f"more than {found.row_count:,}" if found.more else f"{found.row_count:,}"
        notes.append(
            f"Shown: {len(found.rows)} of {total} rows, {len(found.columns)} of {found.column_count} columns;"
            f" result.csv holds {written:,} rows with all columns."
        )
    return files, notes


def _asked(task: Task) -> str:
    """The person's words, and this step's part of them."""
    same = task.instruction.strip() in ("", task.request.strip())
    return task.request if same else f"{task.request}\nYour part: {task.instruction}"


def _attached(task: Task, limits: Limits) -> list[File]:
    """What was attached to the request, and what earlier steps made, as far as it may hold tables."""
    given = [*task.files, *(f for e in task.results.values() for f in e.result.files if _is_table(f))]
    files = [f for f in given if _is_table(f)]
    if not given:
        raise WorkerError(f"No table is attached. Please attach one to your message: I read {KINDS}.")
    if not files:
        names = ", ".join(plain_name(f.name) for f in given[:3])
        raise WorkerError(f"I cannot read {names} as a table. I read {KINDS}.")
    if len(files) > limits.files:
        raise WorkerError(f"{len(files)} tables are attached, and I take {limits.files} at once.")
    for file in files:
        if not file.path or not Path(file.path).is_file():
            raise WorkerError(f"{plain_name(file.name)} did not reach me. Please attach it again.")
        if max(file.size, Path(file.path).stat().st_size) > limits.file_bytes:
            most = limits.file_bytes // MB
            raise WorkerError(f"{plain_name(file.name)} is larger than {most} MB, which is all I take.")
    return files


def _is_table(file: File) -> bool:
    """By name, or by kind where the name has no ending; what the bytes are is found out in the child."""
    suffix = Path(file.name).suffix.lower()
    return suffix in (*SUFFIXES, ".xls") or (not suffix and not file.mimetype.startswith(NOT_TABLES))
