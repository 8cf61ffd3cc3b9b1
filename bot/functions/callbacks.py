"""Where functions behind a URL post what they did not answer at once: `POST /workers/reports`.

The signature over the raw body comes first, before anything reads it. What is signed counts only for steps
of functions, whatever it says: the secret is no key to plans or to other workers' steps. One that is sent
again changes nothing, since the attempt it names is not current any more. 503: not taken, send it again.
"""

from __future__ import annotations

from typing import Protocol

import structlog
from aiohttp import web

from bot.functions.dispatch import HttpDispatch
from bot.functions.reply import LARGEST, cleaned
from bot.functions.signing import Forged, Signer
from bot.ports import StoreDown
from bot.run import Run
from workers.kit import events
from workers.kit.wire import Address, Asked, Beat, Failed, Finished, Said

log = structlog.get_logger(__name__)

PATH = "/workers/reports"
TAKEN = Beat | Said | Finished | Failed | Asked


class Load(Protocol):
    async def __call__(self, workspace: str, run_id: str, *, fresh: bool = False) -> Run | None: ...


def reports_route(signer: Signer, dispatch: HttpDispatch, load: Load) -> web.RouteDef:

    async def post(request: web.Request) -> web.Response:
        try:
            body = await _body(request)
            if body is None:
                return _refused(413, "It is too large.")
            signer.check(request.headers, body)
            said = events.loads(body).data
            if not isinstance(said, TAKEN):
                return _refused(400, "That is nothing a function says.")
            worker = await _worker_of(said, load)
            if not dispatch.takes(worker):
                return _refused(404, "No function has such a step.")
            await dispatch.posted_back(cleaned(said, worker))
        except Forged:
            return _refused(401, "The signature is not right, or too old.")
        except events.Unreadable as error:
            return _refused(400, str(error))
        except StoreDown:
            return web.Response(status=503, headers={"Retry-After": "5"})
        return web.Response(status=204)

    return web.post(PATH, post)


async def _body(request: web.Request) -> bytes | None:
    """None where there is more of it than anybody may send."""
    read = bytearray()
    async for chunk in request.content.iter_chunked(65_536):
        read += chunk
        if len(read) > LARGEST:
            return None
    return bytes(read)


async def _worker_of(said: Address, load: Load) -> str:
    """Whose step it is; empty: nobody's. What this bot remembers may be older than the step: another planned
    it, and whoever is told that there is none says it no more."""
    run = await load(said.workspace, said.run, fresh=True)
    step = run.find(said.step) if run else None
    return step.step.worker if step and step.kind == "work" else ""


def _refused(status: int, why: str) -> web.Response:
    log.warning("refused what was posted back", status=status, why=why)
    return web.Response(status=status, text=why)
