"""The only reader of the environment (and of `.env`) in the bot. Everything else is handed what it needs.

The names are fixed: outside programs use them. Each has its line in the README's table, and a test holds
the two against each other. Those that a worker service has too are in `workers/kit/settings.py`.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from workers.kit.settings import CommonSettings

SLACK_API = "https://slack.com/api/"


class Settings(CommonSettings):
    database_url: str = Field(
        "", description="SQLite or PostgreSQL, e.g. postgresql://…; empty: a file in DATA_DIR"
    )
    public_url: str = Field(
        "",
        description="Where workers on other machines reach this bot over HTTP",
        pattern=r"^(https?://[^/\s]+\S*)?$",
    )
    worker_secret: SecretStr = Field(SecretStr(""), description="Signs what goes to workers behind a URL")
    workers_file: Path = Field(Path("workers.toml"), description="Workers whose code is not here")

    slack_bot_token: SecretStr = Field(SecretStr(""), description="xoxb-…, from “Install App”")
    slack_app_token: SecretStr = Field(SecretStr(""), description="xapp-…; set: Socket Mode, empty: HTTP")
    slack_signing_secret: SecretStr = Field(SecretStr(""), description="Needed for HTTP")
    slack_client_id: str = Field("", description="For installing into several workspaces (not yet used)")
    slack_client_secret: SecretStr = Field(SecretStr(""), description="As above")
    slack_api_url: str = Field(SLACK_API, description="Slack's own, or a local Slack")

    port: int = Field(3000, description="The port of HOST", ge=0, le=65535)

    max_steps: int = Field(20, description="The most steps a plan may have", ge=1)
    window: int = Field(64, description="Tasks of one worker that are with workers at once", ge=1)
    open_per_person: int = Field(20, description="Requests of one person that may be open at once", ge=1)
    schedules_per_person: int = Field(
        20, description="Schedules of one person that may be active at once", ge=0
    )
    sweep_seconds: float = Field(1.0, description="How often to look for what was left behind", gt=0)
    settle_seconds: float = Field(
        60.0, description="How long a post of unknown fate may still show up before it is sent again", ge=0
    )
    slack_paced: bool = Field(True, description="Keep to Slack's rate limits; off only for load tests")
    honcho_process_name: str = Field("", description="Set by honcho: `migrate` then stays until the end")

    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'delegate.db'}"
