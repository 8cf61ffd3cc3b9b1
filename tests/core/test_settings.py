"""Settings that nothing could work with are refused at the start, by the names people set."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bot.settings import Settings
from workers.kit.settings import WorkerSettings, plain


@pytest.mark.parametrize(
    ("name", "value"),
    [("WINDOW", "0"), ("LEASE_SECONDS", "0"), ("SWEEP_SECONDS", "0"), ("MAX_STEPS", "0"), ("PORT", "99999")],
)
def test_what_would_let_everything_wait_for_ever_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refused:
        Settings(_env_file=None)
    assert plain(refused.value).startswith(f"{name}: Input should be ")


def test_a_public_url_is_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "bots.example.com")
    with pytest.raises(ValidationError) as refused:
        Settings(_env_file=None)
    assert plain(refused.value).startswith("PUBLIC_URL: ")
    monkeypatch.setenv("PUBLIC_URL", "http://10.0.0.4:3000/delegate/")
    assert Settings(_env_file=None).public_url.endswith("/delegate/")


def test_a_worker_service_says_what_is_wrong_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAIN_SECONDS", "-1")
    monkeypatch.setenv("CONCURRENCY", "0")
    with pytest.raises(ValidationError) as refused:
        WorkerSettings(_env_file=None)
    said = plain(refused.value)
    assert "DRAIN_SECONDS: " in said and "CONCURRENCY: " in said and "\n" not in said
