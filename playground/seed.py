"""The workspace as it is on the first day: four people, three channels, a conversation to summarise."""

from __future__ import annotations

from playground.ids import Ids
from playground.mentions import encode, rich_text
from playground.state import Json, State
from playground.workspace import Workspace

TEAM_ID = "T0PLAYGRND"
APP_ID = "A0PLAYGRND"
BOT_ID = "B0DELEGATE"
BOT_USER = "U0DELEGATE"
# Fixed development values, made for a server that listens on loopback only; nothing outside accepts them.
BOT_TOKEN = "xoxb-playground"  # noqa: S105
APP_TOKEN = "xapp-playground"  # noqa: S105
SIGNING_SECRET = "playground-secret"  # noqa: S105
VERIFICATION_TOKEN = "playground-verification"  # noqa: S105

SCOPES = (
    "agent:write app_mentions:read assistant:write channels:history channels:join channels:read chat:write"
    " chat:write.customize chat:write.public commands files:read files:write groups:history groups:read"
    " im:history im:read im:write mpim:history mpim:read reactions:read reactions:write team:read users:read"
)

# Zones that are not whole hours apart, one with and one without daylight saving, to be tripped over early.
PEOPLE: tuple[tuple[str, str, str, str, int, str, Json], ...] = (
    ("U0ADA", "ada", "Ada Okafor", "Europe/Berlin", 3600, "e96699", {"is_admin": True, "is_owner": True}),
    ("U0BEN", "ben", "Ben Whitfield", "America/New_York", -18000, "4bbe2e", {}),
    ("U0CHEN", "chen", "Chen Li", "Asia/Shanghai", 28800, "9f69e7", {}),
    ("U0GWEN", "gwen", "Gwen Sharma (guest)", "Asia/Kolkata", 19800, "3c989f", {"is_restricted": True}),
)

CHANNELS = (
    ("C0GENERAL", "general", ("U0ADA", "U0BEN", "U0CHEN", "U0GWEN", BOT_USER), "Company-wide news"),
    ("C0SUPPORT", "support", ("U0ADA", "U0BEN", "U0CHEN", "U0GWEN", BOT_USER), "Questions from customers"),
    ("C0RANDOM", "random", ("U0ADA", "U0BEN", "U0CHEN"), "Anything else"),
)

SUPPORT = (
    (
        190,
        "ben",
        "Third ticket today about CSV exports: the download stops at 10,000 rows. Northwind is waiting.",
    ),
    (182, "chen", "I can reproduce it. The export endpoint times out after 30 s, it is not a row limit."),
    (171, "ada", "Until the fix is out, please offer people the weekly e-mail export instead."),
    (
        95,
        "ben",
        "Invoice question from Larkspur: they were billed twice in October. I opened a refund, 480 EUR.",
    ),
    (64, "chen", "Export fix is merged: it streams now. It goes out with release 4.12 on Thursday."),
    (51, "gwen", "Login with SSO fails for two of our people, the page says “state mismatch”."),
    (
        40,
        "ben",
        "@gwen please try a private window; an old cookie is the usual cause. I'll keep the ticket open.",
    ),
    (22, "gwen", "That worked for one of them, thank you. The other one still sees it."),
    (9, "ada", "Summary for the week would be good before Monday's call: exports, billing, SSO."),
)


def plant(state: State, ids: Ids, scopes: str = SCOPES) -> None:
    """Fills an empty state; leaves one that was loaded alone, except for what the app may do."""
    if not len(state.team):
        domain = "playground"
        state.team.put(TEAM_ID, {"id": TEAM_ID, "name": "Playground", "domain": domain, "email_domain": ""})
        for person in PEOPLE:
            state.users.put(person[0], _user(person))
        bot = _user((BOT_USER, "delegate", "Delegate", "Etc/UTC", 0, "2b6cb0", {"is_bot": True}))
        bot["profile"] |= {"bot_id": BOT_ID, "api_app_id": APP_ID}
        state.users.put(BOT_USER, bot)
        for channel in CHANNELS:
            state.channels.put(channel[0], _channel(*channel))
        _conversation(state, ids)
    state.tokens.put(BOT_TOKEN, {"kind": "bot", "user": BOT_USER, "scopes": scopes.split()})
    state.tokens.put(APP_TOKEN, {"kind": "app", "user": BOT_USER, "scopes": ["connections:write"]})


def _user(person: tuple[str, str, str, str, int, str, Json]) -> Json:
    user_id, name, real_name, tz, offset, color, flags = person
    profile = {"real_name": real_name, "display_name": name, "image_72": "", "team": TEAM_ID}
    return {
        "id": user_id,
        "team_id": TEAM_ID,
        "name": name,
        "real_name": real_name,
        "deleted": False,
        "color": color,
        "tz": tz,
        "tz_label": tz.rsplit("/", maxsplit=1)[-1].replace("_", " "),
        "tz_offset": offset,
        "profile": profile,
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": bool(flags.get("is_owner")),
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": False,
        "is_app_user": False,
        "updated": 0,
        **flags,
    }


def _channel(channel_id: str, name: str, members: tuple[str, ...], topic: str) -> Json:
    return {
        "id": channel_id,
        "name": name,
        "name_normalized": name,
        "created": 1_700_000_000,
        "creator": "U0ADA",
        "is_channel": True,
        "is_group": False,
        "is_im": False,
        "is_mpim": False,
        "is_private": False,
        "is_archived": False,
        "is_general": name == "general",
        "is_shared": False,
        "is_ext_shared": False,
        "is_org_shared": False,
        "context_team_id": TEAM_ID,
        "topic": {"value": topic, "creator": "U0ADA", "last_set": 1_700_000_000},
        "purpose": {"value": topic, "creator": "U0ADA", "last_set": 1_700_000_000},
        "members": list(members),
    }


def _conversation(state: State, ids: Ids) -> None:
    """Older messages: posted before anyone listens, so they are nobody's events."""
    workspace = Workspace(state, ids)
    support = workspace.channel("support")
    now = ids.now()
    for minutes, name, typed in SUPPORT:
        text = encode(typed, state.users, ())
        author = workspace.user(name)["id"]
        fields = {
            "user": author,
            "text": text,
            "client_msg_id": ids.uuid(),
            "blocks": rich_text(text, ids.new("", 5)),
        }
        workspace.post(support, fields, at=now - minutes * 60)
    for person in PEOPLE:
        workspace.im(person[0])
