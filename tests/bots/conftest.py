"""The store's fixtures, for what two bots do on one database."""

from tests.store.conftest import now, postgres, sqlite_file, sqlite_url, store, url

__all__ = ["now", "postgres", "sqlite_file", "sqlite_url", "store", "url"]
