"""files.*: upload in three steps, look up, download. Also how a person's upload becomes a file.

[src: slack_sdk files_upload_v2] getUploadURLExternal, POST of the bytes, completeUploadExternal.
"""

from __future__ import annotations

import mimetypes
from pathlib import PurePosixPath

from aiohttp import web

from playground.api_chat import author
from playground.errors import SlackError
from playground.methods import Call, method
from playground.state import Json
from playground.world import World

LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body>Sign in</body></html>"
MOST_BYTES = 1024**3  # [doc: working-with-files] 1 GB


def new_file(world: World, name: str, size: int, user_id: str) -> Json:
    """A file's row, before its bytes are there. The name is what was given: never a path on this machine."""
    file_id = world.ids.new("F")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    now = int(world.ids.now())
    quoted = name.replace("/", "_").replace("?", "_").replace("#", "_").replace("%", "_") or "file"
    private = f"{world.base_url}/files-pri/{world.workspace.team_id}-{file_id}"
    row = {
        "id": file_id,
        "created": now,
        "timestamp": now,
        "name": name,
        "title": name,
        "mimetype": kind,
        "filetype": PurePosixPath(name).suffix.lstrip(".").lower() or "text",
        "pretty_type": kind,
        "user": user_id,
        "size": size,
        "mode": "hosted",
        "is_external": False,
        "is_public": True,
        "file_access": "visible",
        "url_private": f"{private}/{quoted}",
        "url_private_download": f"{private}/download/{quoted}",
        "permalink": f"{world.base_url}/files/{file_id}/{quoted}",
        "channels": [],
        "uploaded": False,
    }
    return world.state.files.put(file_id, row)


def keep(world: World, row: Json, content: bytes) -> Json:
    world.state.keep_blob(row["id"], content)
    row |= {"uploaded": True, "size": len(content)}
    return world.state.files.put(row["id"], row)


@method("files.getUploadURLExternal", "files:write", tier=4)
def get_upload_url(call: Call) -> Json:
    size = call.number("length", 0)
    if size <= 0:
        call.need("length")
        raise SlackError("invalid_arguments")
    if size > MOST_BYTES:
        raise SlackError("file_upload_size_restricted")
    row = new_file(call.world, call.need("filename"), size, call.token["user"])
    row["alt_txt"] = call.text("alt_txt")
    return {"upload_url": f"{call.world.base_url}/upload/v1/{row['id']}", "file_id": row["id"]}


@method("files.completeUploadExternal", "files:write", tier=4)
def complete_upload(call: Call) -> Json:
    given = call.args.get("files")
    if not isinstance(given, list) or not given:
        call.need("files")
        raise SlackError("invalid_arguments")
    rows = []
    for one in given:
        row = call.world.state.files.get(str(one.get("id")))
        if row is None or not row["uploaded"]:
            raise SlackError("file_not_found")
        row["title"] = one.get("title") or row["name"]
        rows.append(call.world.state.files.put(row["id"], row))
    for channel_id in filter(None, [call.text("channel_id"), *call.text("channels").split(",")]):
        channel = call.world.workspace.channel(channel_id)
        if channel["is_archived"]:
            raise SlackError("is_archived")
        if not call.member(channel):
            raise SlackError("not_in_channel")
        for row in rows:
            row["channels"] = sorted({*row["channels"], channel["id"]})
        fields = {
            **author(call),
            "subtype": "file_share",
            "text": call.text("initial_comment"),
            "files": rows,
        }
        call.world.workspace.post(channel, fields, call.text("thread_ts") or None)
    return {"files": rows}


@method("files.info", "files:read", tier=4)
def files_info(call: Call) -> Json:
    row = call.world.state.files.get(call.need("file"))
    if row is None:
        raise SlackError("file_not_found")
    return {"file": row, "comments": [], "response_metadata": {"next_cursor": ""}}


@method("files.delete", "files:write")
def files_delete(call: Call) -> Json:
    if call.world.state.files.drop(call.need("file")) is None:
        raise SlackError("file_not_found")
    return {}


class FileRoutes:
    """The addresses that are not `/api/`: the upload URL, and private downloads."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def upload(self, request: web.Request) -> web.Response:
        row = self._world.state.files.get(request.match_info["id"])
        if row is None or row["uploaded"]:
            raise web.HTTPNotFound(text="no such upload")
        if request.content_type == "multipart/form-data":
            form = await request.post()
            part = next((v for v in form.values() if isinstance(v, web.FileField)), None)
            content = part.file.read() if part else b""
        else:
            content = await request.read()
        keep(self._world, row, content)
        return web.Response(text=f"OK - {len(content)}")

    async def download(self, request: web.Request) -> web.Response:
        """[seen] without a token that may, Slack shows its login page, with status 200."""
        secret = request.headers.get("authorization", "").removeprefix("Bearer ")
        token = self._world.state.tokens.get(secret)
        if token is None or token.get("revoked") or "files:read" not in token["scopes"]:
            return web.Response(text=LOGIN_PAGE, content_type="text/html")
        return self._content(request.match_info["id"])

    async def shown(self, request: web.Request) -> web.Response:
        """For the page only, which has no token."""
        return self._content(request.match_info["id"])

    def _content(self, file_id: str) -> web.Response:
        row, content = self._world.state.files.get(file_id), self._world.state.blob(file_id)
        if row is None or content is None:
            raise web.HTTPNotFound(text="no such file")
        # Whatever somebody uploaded must not become a page of this origin.
        headers = {"content-security-policy": "sandbox", "x-content-type-options": "nosniff"}
        return web.Response(body=content, content_type=row["mimetype"], headers=headers)
