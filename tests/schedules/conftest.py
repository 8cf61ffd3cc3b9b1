"""Both databases, as for the tests of the store, and a service on it, an hour before nine on a Monday."""

from __future__ import annotations

import pytest

from bot.store import Store
from tests.schedules.fakes import NINE, Desk
from tests.store.conftest import Now, now, postgres, sqlite_file, sqlite_url, store, url

__all__ = ["now", "postgres", "sqlite_file", "sqlite_url", "store", "url"]


@pytest.fixture
def desk(store: Store, now: Now) -> Desk:
    now.at = NINE - 3600
    return Desk(store, now)
