"""The page's API: what it shows, what it does, whom it lets in."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from playground import Playground
from tests.playground.bench import Connect, bolt, modal

Json = dict[str, Any]
ADA, BEN = "U0ADA", "U0BEN"


class Page:
    """What the page's script does."""

    def __init__(self, slack: Playground, session: aiohttp.ClientSession) -> None:
        self.url = slack.base_url
        self.session = session

    async def get(self, path: str, **query: str) -> Json:
        async with self.session.get(self.url + path, params=query) as response:
            return dict(await response.json())

    async def post(self, path: str, **body: Any) -> Json:
        async with self.session.post(self.url + path, json=body) as response:
            return dict(await response.json())


@pytest.fixture
async def page(slack: Playground) -> AsyncIterator[Page]:
    async with aiohttp.ClientSession() as session:
        yield Page(slack, session)


async def test_the_workspace_is_shown(slack: Playground, page: Page) -> None:
    state = await page.get("/page/state")
    assert [u["name"] for u in state["users"]] == ["ada", "ben", "chen", "gwen", "delegate"]
    assert {c["name"] for c in state["channels"] if not c["is_im"]} == {"general", "support", "random"}
    assert sorted(c["user"] for c in state["channels"] if c["is_im"]) == [ADA, BEN, "U0CHEN", "U0GWEN"]
    assert state["app_connected"] is False and len(state["examples"]) == 6
    messages = (await page.get("/page/messages", channel="C0SUPPORT"))["messages"]
    assert len(messages) == 9 and messages[0]["user"] == BEN


async def test_saying_something_is_encoded_and_pushed(slack: Playground, page: Page) -> None:
    async with page.session.ws_connect(page.url + "/page/ws?as=U0BEN") as ws:
        assert await ws.receive_json() == {"type": "app_connected", "value": False}
        said = await page.post("/page/say", **{"as": ADA}, channel="C0GENERAL", text="@delegate & <you>")
        pushed = await ws.receive_json()
        assert (pushed["type"], pushed["message"]["ts"]) == ("message", said["ts"])
        assert pushed["message"]["text"] == "<@U0DELEGATE> &amp; &lt;you&gt;"
        reply = await page.post(
            "/page/say", **{"as": BEN}, channel="C0GENERAL", text="yes", thread_ts=said["ts"]
        )
        assert [(await ws.receive_json())["type"] for _ in range(2)] == ["message", "message_changed"]
        await page.post("/page/react", **{"as": ADA}, channel="C0GENERAL", ts=said["ts"], name="eyes")
        assert (await ws.receive_json())["reactions"] == [{"name": "eyes", "users": [ADA], "count": 1}]
        await page.post("/page/edit", **{"as": BEN}, channel="C0GENERAL", ts=reply["ts"], text="no")
        assert (await ws.receive_json())["message"]["text"] == "no"
        await page.post("/page/delete", **{"as": BEN}, channel="C0GENERAL", ts=reply["ts"])
        assert (await ws.receive_json())["type"] == "message_deleted"
    refused = await page.post("/page/edit", **{"as": BEN}, channel="C0GENERAL", ts=said["ts"], text="mine")
    assert refused == {"ok": False, "error": "only its author can do that"}


async def test_a_private_word_is_pushed_to_one_person(
    slack: Playground, page: Page, web: AsyncWebClient
) -> None:
    await web.chat_postEphemeral(channel="C0GENERAL", user=ADA, text="psst")
    hers = await page.get("/page/messages", channel="C0GENERAL", **{"as": ADA})
    assert [(m["text"], m["is_ephemeral"]) for m in hers["messages"]] == [("psst", True)]
    his = await page.get("/page/messages", channel="C0GENERAL", **{"as": BEN})
    assert his["messages"] == []
    not_his = await page.get("/page/messages", channel=slack.place("dm", "ada"), **{"as": BEN})
    assert not_his == {"ok": False, "error": "channel_not_found", "messages": []}


async def test_commands_are_not_for_threads(slack: Playground, page: Page) -> None:
    ts = await slack.say("general", "root")
    said = await page.post("/page/say", **{"as": ADA}, channel="C0GENERAL", text="/delegate do", thread_ts=ts)
    assert said == {"ok": False, "error": "/delegate is not supported in threads. Sorry!"}
    unknown = await page.post("/page/say", **{"as": ADA}, channel="C0GENERAL", text="/dance now")
    assert unknown["error"] == "/dance is not a valid command."
    assert (await page.post("/page/say", **{"as": ADA}, channel="C0RANDOM", text="/invite @delegate"))["ok"]
    assert slack.workspace.bot["id"] in slack.workspace.channel("random")["members"]


async def test_a_form_opens_on_the_page_and_its_errors_come_back(
    slack: Playground, page: Page, connect: Connect
) -> None:
    app = bolt(slack)

    @app.command("/delegate")
    async def command(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal())

    @app.view("settings_form")
    async def submitted(ack: Any) -> None:
        await ack(response_action="errors", errors={"name": "Never"})

    await connect(app)
    async with page.session.ws_connect(page.url + "/page/ws?as=U0ADA") as ws:
        await page.post("/page/say", **{"as": ADA}, channel="C0GENERAL", text="/delegate settings")
        while (pushed := await ws.receive_json())["type"] != "view":
            pass
        view_id = pushed["view"]["id"]
        assert pushed["trigger"] == "open"
        values = {"name": {"value": {"type": "plain_text_input", "value": "x"}}}
        answer = await page.post("/page/view_submit", **{"as": ADA}, view_id=view_id, values=values)
        assert answer == {"ok": False, "errors": {"name": "Never"}}
        assert (await page.post("/page/view_close", **{"as": ADA}, view_id=view_id))["ok"]
        while (pushed := await ws.receive_json())["type"] != "view_closed":
            pass
    calls = (await page.get("/page/calls", after="0"))["calls"]
    opened = next(c for c in calls if c["method"] == "views.open")
    assert opened["ok"] and "token" not in opened["args"]


async def test_a_file_is_attached_and_shown(slack: Playground, page: Page) -> None:
    form = aiohttp.FormData({"as": ADA})
    form.add_field("file", b"<script>", filename="../../etc/passwd.html")
    async with page.session.post(page.url + "/page/upload", data=form) as response:
        file = (await response.json())["file"]
    await page.post("/page/say", **{"as": ADA}, channel="C0GENERAL", text="", files=[file["id"]])
    assert slack.messages("general")[-1]["files"][0]["id"] == file["id"]
    async with page.session.get(f"{page.url}/files/{file['id']}/x") as response:
        assert await response.read() == b"<script>"
        assert response.headers["content-security-policy"] == "sandbox"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:3333"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_other_pages_are_kept_out(page: Page, headers: dict[str, str]) -> None:
    """DNS rebinding changes the Host, a cross-site request has an Origin; the API's tokens are well known."""
    for path in ("/page/state", "/page/say", "/api/auth.test", "/page/ws"):
        async with page.session.post(page.url + path, json={}, headers=headers) as response:
            assert response.status == 403, path


async def test_links_from_elsewhere_may_be_followed(page: Page) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    for path, status in (("/", 200), ("/page/state", 403), ("/page/home", 403)):
        async with page.session.get(page.url + path, headers=headers) as response:
            assert response.status == status


async def test_nonsense_is_answered(page: Page) -> None:
    assert (await page.post("/page/say"))["error"] == "missing: channel"
    assert (await page.get("/page/home", **{"as": "nobody"}))["error"] == "user_not_found"
    for body, error in (("[1]", "an object is wanted"), ("{", "not JSON")):
        headers = {"content-type": "application/json"}
        async with page.session.post(page.url + "/page/say", data=body, headers=headers) as response:
            assert (await response.json()) == {"ok": False, "error": error}


async def test_a_form_of_another_page_is_no_json(page: Page) -> None:
    async with page.session.post(page.url + "/page/say", data="{}") as response:
        assert response.status == 415
