"""One suite, both databases: `url` is a migrated, empty database, `store` a store on it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import database
from bot.database import open_database
from bot.store import Store
from bot.tables import METADATA
from tests.services import postgres_database


@dataclass
class Now:
    """A clock that stands still until a test moves it."""

    at: float = 1_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with postgres_database() as url:
        database.upgrade(url)
        yield url


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "delegate.db"
    database.upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(sqlite_file: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_file, tmp_path / 'delegate.db')}"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres"))


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
async def store(url: str, now: Now) -> AsyncIterator[Store]:
    if url.startswith("postgres"):
        await emptied(url)
    store = Store(url, now, lease_seconds=60)
    yield store
    await store.close()


async def emptied(url: str) -> None:
    to_empty = open_database(url)
    for table in METADATA.sorted_tables:
        await to_empty.write(lambda c, table=table: c.execute(table.delete()))  # type: ignore[misc]
    await to_empty.close()
