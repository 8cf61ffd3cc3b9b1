"""The settings that every process has, and those of a worker service: the only reader of the environment (and
of `.env`) there. Everything else is handed what it needs.

The names are fixed: outside programs use them. Each has its line in the README's table.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class CommonSettings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    data_dir: Path = Field(Path("data"), description="Where the database and files live by default")
    broker_url: str = Field("", description="RabbitMQ, as amqp://…; empty: workers run in this process")
    broker_prefix: str = Field("", description="Before the names of its queues, where two share a broker")

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
    model_seconds: float = Field(120.0, description="Time limit of one model call, in seconds", gt=0)

    host: str = Field("127.0.0.1", description="Where HTTP listens: events, health, metrics")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged")
    log_format: Literal["text", "json"] = Field("text", description="For people, or for a log collector")
    concurrency: int = Field(64, description="Tasks that run at once in one process", ge=1)
    lease_seconds: float = Field(20.0, description="A task silent for so long is handed out again", gt=0)
    otel_exporter_otlp_endpoint: str = Field("", description="Where traces go, as OTLP over HTTP")
    crash_at: str = Field("", description="Tests only: kill the process at this point, e.g. K5")

    def allowed_models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name.strip() for name in self.models.split(",") if name.strip()))


class WorkerSettings(CommonSettings):
    port: int = Field(
        0, description="The port of HOST; a worker service takes a free one unless told", ge=0, le=65535
    )
    drain_seconds: float = Field(
        8.0, description="How long a worker service finishes what it has when it is told to end", ge=0
    )


def plain(error: ValidationError) -> str:
    """By the names that stand in the environment."""
    wrong = error.errors(include_url=False, include_context=False)
    return " ".join(f"{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}." for one in wrong)
