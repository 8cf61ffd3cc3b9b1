"""views.*: modals are opened with a trigger id, a Home tab is published to a person."""

from __future__ import annotations

from playground.errors import SlackError
from playground.methods import Call, method
from playground.state import Json


def _view(call: Call) -> Json:
    view = call.args.get("view")
    if not isinstance(view, dict):
        raise SlackError(
            "invalid_arguments", response_metadata={"messages": ["[ERROR] view must be an object"]}
        )
    return view


@method("views.open", tier=4)
def open_view(call: Call) -> Json:
    trigger = call.text("trigger_id") or call.need("interactivity_pointer")
    user_id = call.world.triggers.use(trigger)
    return {"view": call.world.views.open(user_id, _view(call))}


@method("views.push", tier=4)
def push_view(call: Call) -> Json:
    user_id = call.world.triggers.use(call.need("trigger_id"))
    return {"view": call.world.views.push(user_id, _view(call))}


@method("views.update", tier=4)
def update_view(call: Call) -> Json:
    view_id, external = call.text("view_id"), call.text("external_id")
    _, old = call.world.views.find(view_id, external)
    return {"view": call.world.views.update(old["id"], _view(call), call.text("hash") or None)}


@method("views.publish", tier=4)
def publish_view(call: Call) -> Json:
    user = call.world.state.users.get(call.need("user_id"))
    if user is None:
        raise SlackError("user_not_found")
    return {"view": call.world.views.publish(user["id"], _view(call), call.text("hash") or None)}
