"""How Alembic reaches the database: `python -m alembic upgrade head`, with the database from
`-x url=…`, from whoever calls (`bot/schema.py`), or from the settings. It configures no logging: that
would switch off the loggers of the process it runs in.
"""

from typing import Literal

from alembic import context
from sqlalchemy import Connection

from bot.schema import in_transaction
from bot.tables import METADATA, Words


def url() -> str:
    given = context.get_x_argument(as_dictionary=True).get("url") or context.config.attributes.get("url")
    if given:
        return str(given)
    from bot.settings import Settings

    return Settings().database()


def rendered(kind: str, item: object, _: object) -> str | Literal[False]:
    """A migration must not change when the code's own types do."""
    return "sa.Text()" if kind == "type" and isinstance(item, Words) else False


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,  # SQLite can: our engine begins the transaction, not the driver
        render_item=rendered,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Migrations run against a database; there is no offline mode.")
in_transaction(url(), migrate)
