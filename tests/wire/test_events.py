"""What is written can be read again; what cannot be read is refused with one sentence."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers import Earlier, Result
from workers.kit import events
from workers.kit.events import CloudEvents, Unreadable, dumps, loads
from workers.kit.wire import Beat, Call, Cancel, Finished, Go, Said, Started, TaskMessage

NOW = datetime(2026, 11, 21, 9, 30, 0, 250_000, tzinfo=UTC)
WHERE: dict[str, Any] = {"workspace": "T1", "run": "r1", "step": "s1", "attempt": 2}
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SECRET = "xoxb-a-secret"

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def messages(draw: st.DrawFn) -> Any:
    """Any of our messages; fields that hold any JSON hold any JSON."""
    model = draw(st.sampled_from(list(events.MODELS.values())))
    result = st.builds(Result, text=words, data=json_values)
    known: dict[str, st.SearchStrategy[Any]] = {
        "result": result,
        "results": st.lists(st.builds(Earlier, step=words, title=words, worker=words, result=result)).map(
            tuple
        ),
        "settings": st.dictionaries(words, json_values, max_size=3),
        "call": st.none() | st.builds(Call, response_schema=st.none() | st.dictionaries(words, json_values)),
    }
    return draw(st.builds(model, **{name: known[name] for name in known.keys() & model.model_fields.keys()}))


def body(**changed: Any) -> bytes:
    """A beat, changed here and there; None leaves an attribute out."""
    known = json.loads(dumps(Beat(**WHERE), source="/workers/w1", id="m1", time=NOW))
    return json.dumps({k: v for k, v in (known | changed).items() if v is not None}).encode()


@given(messages(), words.filter(bool), words)
def test_every_message_comes_back_as_it_was_written(message: Any, name: str, trace: str) -> None:
    event = loads(dumps(message, source="/bots/b1", id=name, time=NOW, traceparent=trace))
    assert event.data == message
    assert (event.id, event.source, event.time) == (name, "/bots/b1", NOW.timestamp())
    assert event.traceparent == (trace or getattr(message, "trace", ""))


@given(messages())
def test_every_message_reaches_taskiq_as_its_json_text(message: Any) -> None:
    name = events.TYPES[type(message)]
    there = CloudEvents().loads(dumps(message, source="/bots/b1", id="m1", time=NOW, traceparent=TRACE))
    assert there.task_name == (name if name == "delegate.task" else name.rpartition(".")[0])
    assert (there.task_id, there.labels["time"], there.labels["traceparent"]) == (
        "m1",
        NOW.timestamp(),
        TRACE,
    )
    assert type(message).model_validate_json(there.args[0]) == message


def test_an_event_says_what_it_is_to_those_who_do_not_parse_the_data() -> None:
    started = Started(**WHERE, holder="w1", reply_to="control.w1")
    event = json.loads(dumps(started, source="/workers/w1", id="m1", time=NOW, traceparent=TRACE))
    assert event.pop("data")["holder"] == "w1"
    assert event == {
        "specversion": "1.0",
        "type": "delegate.report.started",
        "source": "/workers/w1",
        "id": "m1",
        "subject": "r1/s1/2",
        "time": "2026-11-21T09:30:00.250000Z",
        "datacontenttype": "application/json",
        "traceparent": TRACE,
    }
    cancel = json.loads(dumps(Cancel(workspace="T1", run="r1"), source="/bots/b1", id="m2", time=NOW))
    assert (cancel["type"], cancel["subject"]) == ("delegate.control.cancel", "r1")


def test_a_process_in_another_language_may_say_less_and_more_than_we_do() -> None:
    """No time, no content type, no kind in the data; an extension and a field that nobody here knows."""
    data = WHERE | {"line": "Reading", "colour": "red"}
    said = {"type": "delegate.report.said", "time": None, "datacontenttype": None, "subject": None}
    event = loads(body(**said, specversion="1.1", sampled=1, data=data))
    assert (event.data, event.time, event.traceparent) == (Said(**WHERE, line="Reading"), 0.0, "")
    nothing = json.loads(body(**said, data=data)) | {"time": None, "traceparent": None}
    assert loads(json.dumps(nothing).encode()) == event
    assert loads(body(time="2026-11-21T10:30:00.25+01:00")).time == NOW.timestamp()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"specversion": "0.3"}, "“specversion” is not as it should be"),
        ({"specversion": None}, "“specversion” is missing"),
        ({"id": ""}, "“id” is not as it should be"),
        ({"source": None}, "“source” is missing"),
        ({"time": f"noon {SECRET}"}, "“time” is not as it should be"),
        ({"time": "2026-11-21T09:30:00"}, "“time” is not as it should be"),  # of which place?
        ({"datacontenttype": "text/xml"}, "“datacontenttype” is not as it should be"),
        ({"type": f"delegate.{SECRET}"}, "Its type is none of ours."),
        ({"data": None, "data_base64": "e30="}, "“data” is missing"),
        ({"data": [SECRET]}, "“data” is not as it should be"),
        ({"data": {SECRET: 1}}, "It says delegate.report.beat, but in its data “workspace” is missing."),
        ({"data": WHERE | {"attempt": SECRET}}, "“attempt” is not as it should be"),
        ({"data": WHERE | {"kind": "finished"}}, "“kind” is not as it should be"),
        ({"type": "delegate.report.finished", "data": WHERE | {"result": SECRET}}, "“result” is not"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_quoted(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Unreadable) as refused:
        loads(body(**changed))
    assert sentence in str(refused.value)
    assert SECRET not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None  # a traceback would quote


@pytest.mark.parametrize(
    "garbage", [b"", b"\xff\xfe", b"[]", b"null", b"{", b'"\\ud800"', b"NaN", b"[" * 10_000]
)
def test_no_json_or_no_object_is_unreadable(garbage: bytes) -> None:
    with pytest.raises(Unreadable):
        loads(garbage)


@pytest.mark.parametrize("half", [r"\ud83d", r"\ude00", r"\ud83d\n", r"\ud83d\ud83d\ude00"])
def test_half_of_a_character_costs_no_report(half: str) -> None:
    """JavaScript counts halves: `text.slice(0, 100)` may end in the middle of an emoji."""
    whole = dumps(Finished(**WHERE, result=Result(text="here")), source="/n", id="1", time=NOW)
    said = loads(whole.replace(b"here", half.encode() + b" here")).data
    assert isinstance(said, Finished)
    assert said.result.text.startswith("?") and said.result.text.endswith(" here")


def test_half_of_a_character_before_what_is_nested_too_deeply_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        loads(b'["\\ud83d",' + b"[" * 100_000 + b"]" * 100_000 + b"]")


def test_a_body_of_more_than_a_broker_takes_is_not_parsed() -> None:
    with pytest.raises(Unreadable, match="longer than 32 MB"):
        loads(b" " * (events.BIGGEST + 1))


def test_numbers_that_are_none_do_not_reach_the_accounts() -> None:
    """Python reads NaN where JSON has none, and a sum with it stays NaN."""
    finished = Finished(**WHERE, result=Result(text="done"))
    written = dumps(finished, source="/workers/w1", id="m1", time=NOW)
    for none in (b"NaN", b"Infinity", b'"NaN"', b"-1", b"1e999"):
        with pytest.raises(Unreadable):
            loads(written.replace(b'"cost":0.0', b'"cost":' + none))


@given(st.binary(max_size=200) | json_values.map(json.dumps).map(str.encode))
def test_whatever_comes_one_error_is_raised(noise: bytes) -> None:
    with pytest.raises(Unreadable):
        loads(noise)


@given(messages(), st.data())
def test_a_damaged_message_is_read_or_unreadable(message: Any, data: st.DataObject) -> None:
    written = bytearray(dumps(message, source="/bots/b1", id="m1", time=NOW))
    for at in data.draw(st.lists(st.integers(0, len(written) - 1), min_size=1, max_size=4)):
        written[at] = data.draw(st.integers(0, 255))
    _read_or_refused(bytes(written))


@given(
    st.sampled_from(list(events.MODELS)),
    st.dictionaries(
        st.sampled_from(sorted({name for model in events.MODELS.values() for name in model.model_fields})),
        json_values,
    ),
    st.dictionaries(st.sampled_from(["time", "traceparent", "datacontenttype", "subject"]), json_values),
)
def test_fields_of_any_kind_are_read_or_unreadable(
    kind: str, data: dict[str, Any], more: dict[str, Any]
) -> None:
    _read_or_refused(json.dumps({**json.loads(body()), **more, "type": kind, "data": WHERE | data}).encode())


def _read_or_refused(body: bytes) -> None:
    try:
        event = loads(body)
    except Unreadable as refused:
        assert str(refused).isprintable()
    else:
        dumps(event.data, source="/bots/b1", id="m1", time=NOW)


def test_taskiq_is_handed_what_cannot_be_read_instead_of_throwing_it_away() -> None:
    there = CloudEvents().loads(b"\xffhello")
    assert (there.task_name, there.args) == ("delegate.unreadable", ["\\xffhello", "It is no JSON."])


def test_a_message_on_the_wrong_queue_is_unreadable_there() -> None:
    """A report among the tasks would otherwise be an unknown task, which taskiq drops."""
    sent = body()
    there = CloudEvents(takes=["delegate.task", "delegate.control"]).loads(sent)
    assert there.task_name == "delegate.unreadable"
    assert there.args == [sent.decode(), "It says delegate.report.beat, which does not belong on this queue."]
    assert CloudEvents(takes=["delegate.report"]).loads(sent).task_name == "delegate.report"


def test_the_trace_of_a_task_is_in_its_envelope_unless_the_sender_has_a_newer_one() -> None:
    task = TaskMessage(**WHERE, worker="writer", trace=TRACE)
    sent = dumps(task, source="/bots/b1", id="m1", time=NOW)
    assert CloudEvents().loads(sent).labels["traceparent"] == TRACE
    newer = TRACE.replace("00f0", "11f1")
    assert loads(dumps(task, source="/bots/b1", id="m1", time=NOW, traceparent=newer)).traceparent == newer


def test_an_answer_to_a_start_is_a_control() -> None:
    sent = dumps(Go(**WHERE, granted=True), source="/bots/b1", id="m1", time=NOW)
    assert json.loads(sent)["type"] == "delegate.control.go"
    assert CloudEvents().loads(sent).task_name == "delegate.control"
