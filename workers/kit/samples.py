"""One of each message of the wire, as it may look: in the published document, and read back in tests."""

from __future__ import annotations

from typing import Any

from workers import Answer, Earlier, File, Line, Result, Source
from workers.kit.events import Message
from workers.kit.wire import (
    Asked,
    Beat,
    Cancel,
    Failed,
    Finished,
    Go,
    Released,
    Said,
    Started,
    TaskMessage,
    Usage,
)

WHERE: dict[str, Any] = {"workspace": "T024BE7LD", "run": "9f2c61d04b7e", "step": "s2", "attempt": 1}
HOLDER = "node-5b1f"

SAMPLES: tuple[Message, ...] = (
    TaskMessage(
        **WHERE,
        worker="billing",
        request="Why is our March invoice higher than February's?",
        instruction="Compare the two invoices and name the largest differences.",
        results=(
            Earlier(
                step="s1",
                title="Find the invoices",
                worker="researcher",
                result=Result(
                    text="Both are in the shared folder.",
                    sources=(Source(title="Invoices", url="https://files.example.com/invoices"),),
                ),
            ),
        ),
        files=(
            File(name="march.csv", mimetype="text/csv", size=5120, id="9b74c9897bac770ffc029102a200c5de"),
        ),
        thread=(Line(who="Ines", text="Why is our March invoice higher than February's?"),),
        settings={"currency": "EUR"},
        answers=(Answer(question="Which customer?", answer="Northwind", by="U012AB3CD"),),
        seconds=120,
        external=True,
        trace="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    Started(**WHERE, holder=HOLDER, reply_to=f"control.{HOLDER}"),
    Beat(**WHERE),
    Said(**WHERE, line="Reading the two invoices"),
    Finished(
        **WHERE,
        result=Result(text="**Storage** rose by 140 EUR.", data={"difference": 140}),
        usage=Usage(calls=1, tokens_in=900, tokens_out=120, cost=0.004),
    ),
    Failed(**WHERE, error="The invoices are of different customers, so I compared nothing."),
    Asked(**WHERE, question="Which customer?", options=("Northwind", "Contoso")),
    Released(**WHERE, holder=HOLDER, begun=False),
    Go(**WHERE, granted=True),
    Cancel(workspace=WHERE["workspace"], run=WHERE["run"]),
)
