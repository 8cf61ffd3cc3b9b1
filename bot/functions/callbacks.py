"""Where functions behind a URL post what they did not answer at once: `POST /workers/reports`.

The signature over the raw body comes first, before anything reads it. What is signed counts only for steps
of functions, whatever it says: the secret is no key to plans or to other workers' steps. One that is sent
again changes nothing, since the attempt it names is not current any more. 503: not taken, send it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

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

Load = Callable[[str, str], Awaitable[Run | None]]


def reports_route(signer: Signer, dispatch: HttpDispatch, load: Load) -> web.RouteDef:
    """`load`: the run of (workspace, id)."""

    async def post(request: web.Request) -> web.Response:
        try:
            body = await _body(request)
            if body is None:
                return _refused(413, "It is too large.")
            signer.check(request.headers, body)
            said = events.loads(body).data
            if not isinstance(said, TAKEN):
                return _refused(400, "That is nothing a function says.")
            if not await _is_a_functions(said, dispatch, load):
                return _refused(404, "No function has such a step.")
            await dispatch.posted_back(cleaned(said))
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


async def _is_a_functions(said: Address, dispatch: HttpDispatch, load: Load) -> bool:
    run = await load(said.workspace, said.run)
    step = run.find(said.step) if run else None
    return step is not None and step.kind == "work" and dispatch.takes(step.step.worker)


def _refused(status: int, why: str) -> web.Response:
    log.warning("refused what was posted back", status=status, why=why)
    return web.Response(status=status, text=why)
