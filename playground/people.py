"""What a person does in Slack's client: say, edit, click, fill in a form, use a command or a shortcut.

The page and the tests act through this. It makes the payloads the app receives, and shows its answers.
"""

from __future__ import annotations

from playground import interactions, response_urls
from playground.errors import NotAcked, Refused, SlackError
from playground.mentions import encode, labelled, named, rich_text
from playground.state import Json
from playground.world import World

# [memory] what Slack's client says.
NOT_IN_THREADS = "{command} is not supported in threads. Sorry!"
NOT_A_COMMAND = "{command} is not a valid command."
FAILED = "{command} failed with the error “{error}”"


class People:
    def __init__(self, world: World) -> None:
        self._world = world

    def say(
        self, channel: str, text: str, by: str, thread_ts: str | None = None, files: list[str] | None = None
    ) -> Json:
        """A message in a channel, a DM or a thread."""
        workspace = self._world.workspace
        place, person = workspace.channel(channel), workspace.user(by)
        if person["id"] not in place["members"]:
            raise Refused(f"{person['name']} is not in this channel")
        if place["is_archived"]:
            raise Refused("this channel is archived")
        ids = self._world.ids
        typed = encode(text, self._world.state.users, self._world.state.channels)
        fields: Json = {"user": person["id"], "text": typed, "client_msg_id": ids.uuid()}
        if typed:
            fields["blocks"] = rich_text(typed, ids.new("", 5))
        if files:
            attached = [self._world.state.files.get(f) for f in files]
            fields |= {"subtype": "file_share", "files": [f for f in attached if f], "upload": False}
        return workspace.post(place, fields, thread_ts)

    def edit(self, channel: str, ts: str, text: str, by: str) -> Json:
        place, person = self._own(channel, ts, by)
        typed = encode(text, self._world.state.users, self._world.state.channels)
        fields = {"text": typed, "blocks": rich_text(typed, self._world.ids.new("", 5))}
        return self._world.workspace.edit(place, ts, fields, by=person["id"])

    def delete(self, channel: str, ts: str, by: str) -> None:
        place, _ = self._own(channel, ts, by)
        self._world.workspace.delete(place, ts)

    def _own(self, channel: str, ts: str, by: str) -> tuple[Json, Json]:
        place, person = self._world.workspace.channel(channel), self._world.workspace.user(by)
        message = self._world.workspace.message(place["id"], ts)
        if message is None or message.get("user") != person["id"]:
            raise Refused("only its author can do that")
        return place, person

    async def command(
        self, command: str, text: str, channel: str, by: str, thread_ts: str | None = None
    ) -> None:
        """A slash command. Slack has none in threads [doc: slash-commands]."""
        if command in ("/invite", "/remove") and not thread_ts:
            self._membership(command, text, channel)
            return
        if thread_ts:
            raise Refused(NOT_IN_THREADS.format(command=command))
        known = next((c for c in self._world.commands if c["command"] == command), None)
        if known is None:
            raise Refused(NOT_A_COMMAND.format(command=command))
        place, person = self._world.workspace.channel(channel), self._world.workspace.user(by)
        # [doc: slash-commands] people and channels come as names, unless the app wants them escaped.
        users, channels = self._world.state.users, self._world.state.channels
        text = labelled(text, users, channels) if known.get("should_escape") else named(text, users, channels)
        payload = interactions.command(self._world, command, text, place, person)
        try:
            answer = await self._world.delivery.ask("slash_commands", payload)
        except NotAcked as lost:
            error = "operation_timeout" if lost.reason in ("timeout", "http_timeout") else "dispatch_failed"
            self._whisper(place, person, FAILED.format(command=command, error=error))
            return
        if answer.get("text") or answer.get("blocks"):
            row = {"channel": place["id"], "user": person["id"], "ts": None}
            response_urls.answer(self._world, row, answer)

    def _membership(self, command: str, text: str, channel: str) -> None:
        """Two of Slack's own commands: `/invite @delegate`, `/remove @delegate`."""
        workspace = self._world.workspace
        encoded = encode(text.strip(), self._world.state.users, ())
        place, whom = workspace.channel(channel), workspace.user(encoded.strip("<@>"))
        if command == "/invite":
            workspace.join(place, whom["id"])
        else:
            workspace.leave(place, whom["id"])

    def _whisper(self, place: Json, person: Json, text: str) -> None:
        self._world.workspace.ephemeral(place, person["id"], {"user": "USLACKBOT", "text": text})

    async def action(self, by: str, block_id: str, action_id: str, chosen: Json, **where: str) -> None:
        """A click on an element of a message (`channel`, `ts`) or of a view (`view_id`)."""
        person = self._world.workspace.user(by)
        payload = interactions.block_action(
            self._world, person, block_id=block_id, action_id=action_id, chosen=chosen, where=where
        )
        await self._ask("interactive", payload)

    async def shortcut(self, callback_id: str, channel: str, ts: str, by: str) -> None:
        """A message shortcut, from the menu of a message."""
        place, person = self._world.workspace.channel(channel), self._world.workspace.user(by)
        message = self._world.workspace.message(place["id"], ts)
        if message is None:
            raise SlackError("message_not_found")
        await self._ask(
            "interactive", interactions.shortcut(self._world, callback_id, place, message, person)
        )

    async def submit(self, by: str, view_id: str, values: Json) -> Json:
        """The form's button. {} or the errors the app answered with, by block."""
        person = self._world.workspace.user(by)
        _, view = self._world.views.find(view_id)
        view["state"] = {"values": values}
        answer = await self._ask("interactive", interactions.submission(self._world, view, person))
        return self._answered(person["id"], view, answer)

    def _answered(self, user_id: str, view: Json, answer: Json) -> Json:
        """[doc: surfaces/modals#interactions] response_action: errors, update, push, clear; none closes."""
        action = answer.get("response_action")
        if action == "errors":
            return dict(answer.get("errors") or {})
        if action == "update":
            self._world.views.update(view["id"], answer["view"])
        elif action == "push":
            self._world.views.push(user_id, answer["view"])
        else:
            self._world.views.close(user_id, view["id"], all_of_them=action == "clear")
        return {}

    async def close_view(self, by: str, view_id: str, all_of_them: bool = False) -> None:
        person = self._world.workspace.user(by)
        _, view = self._world.views.find(view_id)
        self._world.views.close(person["id"], view_id, all_of_them or view["clear_on_close"])
        if view["notify_on_close"]:
            await self._ask("interactive", interactions.closed(self._world, view, person, all_of_them))

    def open_home(self, by: str, tab: str = "home") -> Json | None:
        """Opening the app's Home (or its messages): an event; what is published, if anything is."""
        person = self._world.workspace.user(by)
        channel = self._world.workspace.im(person["id"])
        view = self._world.state.homes.get(person["id"])
        event = {"type": "app_home_opened", "user": person["id"], "channel": channel["id"], "tab": tab}
        if tab == "home" and view:
            event["view"] = view
        self._world.events.send(event)
        return view

    def react(self, channel: str, ts: str, name: str, by: str, add: bool = True) -> None:
        workspace = self._world.workspace
        workspace.react(workspace.channel(channel), ts, name, workspace.user(by)["id"], add)

    def stop_session(self, channel: str, thread_ts: str, by: str) -> None:
        """The native stop button of an agent's session [doc: events/agent_session_stopped]."""
        workspace = self._world.workspace
        place, person = workspace.channel(channel), workspace.user(by)
        streams = [m for m in workspace.replies(place["id"], thread_ts) if m.get("stream")]
        for message in streams:  # Slack stops them itself, the app only hears of it
            workspace.edit(place, message["ts"], {"stream": None, "streaming_state": "stopped_by_user"})
        event = {"type": "agent_session_stopped", "channel": place["id"], "thread_ts": thread_ts}
        stopped = [m["ts"] for m in streams]
        self._world.events.send({**event, "user": person["id"], "streaming_message_ts": stopped})

    async def _ask(self, kind: str, payload: Json) -> Json:
        try:
            return await self._world.delivery.ask(kind, payload)
        except NotAcked as lost:
            raise Refused(f"the app did not answer ({lost.reason})") from None
