"""The only reader of the environment (and of `.env`). Everything else is handed what it needs.

The names are fixed: outside programs use them. Each has its line in the README's table, and a test holds
the two against each other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

SLACK_API = "https://slack.com/api/"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    data_dir: Path = Field(Path("data"), description="Where the database and files live by default")
    database_url: str = Field(
        "", description="SQLite or PostgreSQL, e.g. postgresql://…; empty: a file in DATA_DIR"
    )
    broker_url: str = Field("", description="RabbitMQ, as amqp://…; empty: workers run in this process")
    broker_prefix: str = Field("", description="Before the names of its queues, where two share a broker")
    public_url: str = Field("", description="Where workers on other machines reach this bot over HTTP")
    worker_secret: SecretStr = Field(SecretStr(""), description="Signs what goes to workers behind a URL")
    workers_file: Path = Field(Path("workers.toml"), description="Workers whose code is not here")

    model: str = Field("", description="Any model litellm knows, e.g. anthropic/…; empty: the embedded one")
    model_api_base: str = Field("", description="Where an OpenAI-compatible server of yours listens")
    model_api_key: SecretStr = Field(SecretStr(""), description="The model provider's key")
    models: str = Field("", description="Models admins may choose for a worker, like MODEL; commas between")
    cache_dir: Path = Field(
        Path.home() / ".cache" / "delegate", description="Where the embedded model is kept"
    )
    model_file: Path | None = Field(
        None, description="A GGUF file for the embedded model, instead of fetching"
    )
    model_url: str = Field("", description="Where to fetch the embedded model from, instead of the default")
    model_seconds: float = Field(120.0, description="Time limit of one model call, in seconds")

    slack_bot_token: SecretStr = Field(SecretStr(""), description="xoxb-…, from “Install App”")
    slack_app_token: SecretStr = Field(SecretStr(""), description="xapp-…; set: Socket Mode, empty: HTTP")
    slack_signing_secret: SecretStr = Field(SecretStr(""), description="Needed for HTTP")
    slack_client_id: str = Field("", description="For installing into several workspaces (not yet used)")
    slack_client_secret: SecretStr = Field(SecretStr(""), description="As above")
    slack_api_url: str = Field(SLACK_API, description="Slack's own, or a local Slack")

    host: str = Field("127.0.0.1", description="Where HTTP listens: events, health, metrics")
    port: int = Field(3000, description="The port of HOST")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged")
    log_format: Literal["text", "json"] = Field("text", description="For people, or for a log collector")
    max_steps: int = Field(20, description="The most steps a plan may have")
    concurrency: int = Field(64, description="Tasks that run at once in one process")
    window: int = Field(64, description="Tasks of one worker that are with workers at once")
    open_per_person: int = Field(20, description="Requests of one person that may be open at once")
    schedules_per_person: int = Field(20, description="Schedules of one person that may be active at once")
    lease_seconds: float = Field(20.0, description="A task silent for so long is handed out again")
    sweep_seconds: float = Field(1.0, description="How often to look for what was left behind")
    settle_seconds: float = Field(
        60.0, description="How long a post of unknown fate may still show up before it is sent again"
    )
    slack_paced: bool = Field(True, description="Keep to Slack's rate limits; off only for load tests")
    otel_exporter_otlp_endpoint: str = Field("", description="Where traces go, as OTLP over HTTP")
    honcho_process_name: str = Field("", description="Set by honcho: `migrate` then stays until the end")
    crash_at: str = Field("", description="Tests only: kill the process at this point, e.g. K5")

    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'delegate.db'}"

    def allowed_models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name.strip() for name in self.models.split(",") if name.strip()))
