"""The command line of a worker service: `python -m workers --only billing,faq --concurrency 8`.

It takes tasks from the broker, runs them and reports: broker and model credentials are all it has, no
database and no Slack token, and it runs where the bot's package is not. Settings are read here, once.
"""

from __future__ import annotations

import typer
from pydantic import ValidationError

from workers.kit import logs, process
from workers.kit.serve import CannotServe, serve
from workers.kit.settings import WorkerSettings, plain


def main(
    only: str = typer.Option(
        "", help="These workers alone, with commas between. Model calls it always takes."
    ),
    concurrency: int = typer.Option(None, min=1, help="Tasks at once; otherwise CONCURRENCY."),
    port: int = typer.Option(None, min=0, help="For health and metrics; otherwise PORT, or a free one."),
) -> None:
    """Run workers for bots that share this broker (BROKER_URL)."""
    try:
        settings = WorkerSettings()
    except ValidationError as error:
        typer.echo(f"The settings cannot be used. {plain(error)}", err=True)
        raise typer.Exit(1) from None
    told = {"concurrency": concurrency, "port": port}
    settings = settings.model_copy(update={name: value for name, value in told.items() if value is not None})
    logs.configure(settings.log_level, settings.log_format)
    try:
        work = serve(settings, [name.strip() for name in only.split(",") if name.strip()])
        process.run(work, last=True)
    except CannotServe as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)
