"""Servers and browsers that tests use when they are there. Without one its tests are skipped and say why;
with REQUIRE_SERVICES=1 (CI) they fail instead."""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import asyncpg
import pytest

from workers.kit.local.sources import QWEN

CACHE = Path.home() / ".cache" / "delegate"
POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/test")


def missing(what: str) -> NoReturn:
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(what)
    pytest.skip(what)


CHROMIUM_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-proxy-server"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def find_chromium() -> str | None:
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def chromium() -> str:
    """The path of a browser for Playwright."""
    return find_chromium() or missing("No chromium here (install it, or set CHROMIUM to its path)")


def embedded_model() -> Path:
    """Its file in the usual cache. No file is a skip, on CI too: `.ci/run` does not fetch its 1.1 GB."""
    pytest.importorskip("xllamacpp")
    if not (CACHE / QWEN.name).exists():
        pytest.skip(f"the model's file is not in {CACHE}; `make run` fetches it")
    return CACHE / QWEN.name


async def _execute(*statements: str) -> None:
    connection = await asyncpg.connect(POSTGRES, timeout=3)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def postgres_database() -> Iterator[str]:
    """The URL of an empty database of one's own, dropped at the end."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    try:
        asyncio.run(_execute(f'CREATE DATABASE "{name}"'))
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        missing(f"No PostgreSQL at {POSTGRES}: {error}")
    try:
        yield POSTGRES.rpartition("/")[0] + f"/{name}"
    finally:
        asyncio.run(_execute(f'DROP DATABASE "{name}" WITH (FORCE)'))
