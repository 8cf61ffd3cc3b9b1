"""Both databases, as for the tests of the store."""

from __future__ import annotations

from tests.store.conftest import now, postgres, sqlite_file, sqlite_url, store, url

__all__ = ["now", "postgres", "sqlite_file", "sqlite_url", "store", "url"]
