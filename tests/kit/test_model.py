"""The model client against a real HTTP server that misbehaves on demand."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.stub_model import StubModel
from workers.kit.form import json_in
from workers.kit.model import Endpoint, Model, ModelError
from workers.kit.provider import close

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "A secret of ana"}]
SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}


@pytest.fixture
async def stub() -> AsyncIterator[StubModel]:
    async with StubModel() as stub:
        yield stub
        await close()


class Naps:
    """Time that passes at once, and remembers."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def model(stub: StubModel, name: str = "hosted_vllm/stub", **more: Any) -> Model:
    known: dict[str, Any] = {"timeout": 2.0, "sleep": Naps(), "random": lambda: 1.0}
    return Model(name, stub.url, "sk-key", **(known | more))


async def refused(asked: Model, **more: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await asked.complete(ASKED, max_tokens=50, **more)
    assert "secret" not in str(caught.value)
    assert "sk-key" not in str(caught.value)
    assert str(caught.value).endswith(".")
    return caught.value


@pytest.mark.parametrize("name", ["hosted_vllm/stub", "openai/stub"])
async def test_an_answer_is_text_and_what_it_cost(stub: StubModel, name: str) -> None:
    stub.reply("Hello.")
    reply = await model(stub, name).complete(ASKED, max_tokens=50)
    assert (reply.text, reply.finish_reason) == ("Hello.", "stop")
    assert (reply.usage.calls, reply.usage.tokens_out, reply.usage.cost) == (1, 1, 0.0)
    (seen,) = stub.requests
    assert seen.key == "sk-key"
    assert seen.body["messages"] == ASKED
    assert seen.body["max_tokens"] == 50


async def test_a_known_model_has_a_price(stub: StubModel) -> None:
    reply = await model(stub, "openai/gpt-4o-mini").complete(ASKED, max_tokens=50)
    assert 0 < reply.usage.cost < 0.001


@pytest.mark.parametrize("name", ["hosted_vllm/stub", "openai/stub"])
@pytest.mark.parametrize("fault", [429, 500, 502, 503, "garbage", "half", "drop", "empty"])
async def test_what_may_pass_is_tried_again(stub: StubModel, fault: Any, name: str) -> None:
    naps = Naps()
    stub.fault(fault, times=2)
    reply = await model(stub, name, sleep=naps).complete(ASKED, max_tokens=50)
    assert reply.text.startswith("Here it is")
    assert stub.count == reply.usage.calls == 3
    assert naps.taken == [1.0, 2.0]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (429, "The model is rate limited at the moment."),
        (500, "The model's provider is in trouble (status 500)."),
        ("garbage", "The model's answer could not be read."),
        ("drop", "The model cannot be reached."),
    ],
)
async def test_three_attempts_are_all(stub: StubModel, fault: Any, sentence: str) -> None:
    stub.fault(fault, times=None)
    error = await refused(model(stub))
    assert str(error) == sentence
    assert error.down
    assert stub.count == error.usage.calls == 3


@pytest.mark.parametrize("name", ["hosted_vllm/stub", "openai/stub"])
@pytest.mark.parametrize(
    ("fault", "sentence", "down"),
    [
        (400, "The model's provider did not take the request (status 400).", False),
        (401, "The model's provider refused the key it was given.", True),
        (402, "The account at the model's provider has no credit left.", True),
        (403, "The model's provider refused the key it was given.", True),
        (404, "The model's provider has no model of this name.", True),
        (413, "This is more text than the model can take at once.", False),
        ("refuse", "The model refused this because of its content policy.", False),
        ("truncated", "The model's answer was cut off at its limit of 50 tokens.", False),
    ],
)
async def test_what_will_not_pass_is_final(
    stub: StubModel, fault: Any, sentence: str, down: bool, name: str
) -> None:
    stub.fault(fault, times=None)
    error = await refused(model(stub, name))
    assert (str(error), error.down) == (sentence, down)
    assert stub.count == error.usage.calls == 1


async def test_a_cut_off_answer_is_counted_all_the_same(stub: StubModel) -> None:
    stub.fault("truncated")
    assert (await refused(model(stub))).usage.tokens_out > 0


async def test_it_waits_as_long_as_it_was_told_to(stub: StubModel) -> None:
    naps = Naps()
    stub.fault(429, retry_after=7)
    await model(stub, sleep=naps).complete(ASKED, max_tokens=50)
    assert naps.taken == [7.0]


async def test_it_does_not_wait_for_minutes(stub: StubModel) -> None:
    stub.fault(429, retry_after=120)
    assert str(await refused(model(stub))) == "The model is rate limited at the moment."
    assert stub.count == 1


@pytest.mark.parametrize("name", ["hosted_vllm/stub", "openai/stub"])
async def test_a_silent_model_is_given_up_in_time(stub: StubModel, name: str) -> None:
    stub.fault("hang", times=None)
    began = time.monotonic()
    error = await refused(model(stub, name, timeout=0.1))
    assert str(error).startswith("The model did not answer within")
    assert stub.count == 3
    assert time.monotonic() - began < 2


async def test_a_server_that_is_not_there(stub: StubModel) -> None:
    error = await refused(Model("hosted_vllm/x", "http://127.0.0.1:9/v1", "k", sleep=Naps()))
    assert str(error) == "The model cannot be reached."
    assert error.down


async def test_cancelling_hangs_up(stub: StubModel) -> None:
    stub.fault("hang")
    asked = asyncio.create_task(model(stub).complete(ASKED, max_tokens=50))
    async with asyncio.timeout(5):
        while not stub.requests:  # noqa: ASYNC110  (the server has no other sign)
            await asyncio.sleep(0.01)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        while not stub.requests[0].aborted:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert stub.count == 1


async def test_a_schema_is_sent_where_it_is_understood(stub: StubModel) -> None:
    stub.reply({"title": "A"})
    reply = await model(stub).complete(ASKED, schema=SCHEMA, max_tokens=50)
    assert reply.text == '{"title": "A"}'
    assert stub.requests[0].schema == SCHEMA


async def test_a_schema_is_put_in_words_where_it_is_refused(stub: StubModel) -> None:
    """Once is enough: from then on it goes into the prompt at once."""
    stub.fault(400, match=lambda seen: seen.schema is not None, times=None)
    stub.reply('Sure:\n```json\n{"title": "A"}\n```', times=None)
    asked = model(stub)
    for _ in range(2):
        assert (await asked.complete(ASKED, schema=SCHEMA, max_tokens=50)).text == '{"title": "A"}'
    assert [seen.schema is None for seen in stub.requests] == [False, True, True]
    assert '"required": ["title"]' in stub.requests[-1].text


async def test_prose_where_json_was_due_is_handed_on_as_it_is(stub: StubModel) -> None:
    """Whether an answer fits is for those who asked: a plan has a repair of its own."""
    stub.fault("prose")
    reply = await model(stub).complete(ASKED, schema=SCHEMA, max_tokens=50)
    assert reply.text.startswith("Sure! I would")


async def test_a_model_that_is_being_started_is_waited_for(stub: StubModel) -> None:
    """And only it knows where it listens."""

    async def before() -> Endpoint:
        await asyncio.sleep(0.01)
        return Endpoint(stub.url, "its own")

    await Model("hosted_vllm/local", before=before).complete(ASKED, max_tokens=50)
    assert stub.requests[0].key == "its own"


async def test_a_model_that_cannot_be_started_says_so_itself(stub: StubModel) -> None:
    async def before() -> None:
        raise ModelError("The model is still being downloaded (40 %).", down=True)

    error = await refused(model(stub, before=before))
    assert str(error) == "The model is still being downloaded (40 %)."
    assert stub.count == 0


async def test_a_server_with_few_slots_is_not_flooded(stub: StubModel) -> None:
    """Waiting for a slot does not count against the time limit of a call."""
    stub.delay = 0.1
    asked = model(stub, at_once=2, timeout=0.4, attempts=1)
    await asyncio.gather(*(asked.complete(ASKED, max_tokens=50) for _ in range(12)))
    assert stub.most_at_once == 2


async def test_a_model_nobody_knows_is_told_before_it_is_needed() -> None:
    with pytest.raises(ModelError, match="written provider/name"):
        await Model("gpt-99-imaginary").warm()
    await Model("hosted_vllm/any").warm()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('```json\n{"a": {"b": "}"}}\n```', '{"a": {"b": "}"}}'),
        ('Here {it} is: [{"a": 1}] and so on', '[{"a": 1}]'),
        ("none at all", "none at all"),
        ('{"a": ', '{"a": '),
    ],
)
def test_json_is_found_in_an_answer(text: str, found: str) -> None:
    assert json_in(text) == found
