"""What is signed is believed for five minutes, and nothing else ever."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from bot.functions.signing import Forged, Signer, unfit
from tests.remote.function import SECRET

OTHER = "whsec_" + base64.b64encode(b"another secret of the same sort!").decode()


@given(st.text(min_size=1, max_size=60), st.text())
def test_what_one_side_signs_the_other_believes(id: str, text: str) -> None:
    body = text.encode("utf-8", "replace")
    headers = Signer(SECRET).headers(id, body)
    Signer(SECRET).check(headers, body)
    assert all(value.isascii() and value.isprintable() for value in headers.values())
    assert "." not in headers["webhook-id"]


def test_a_plain_name_is_its_own_id() -> None:
    assert Signer(SECRET).headers("T1/r1/s1/2", b"")["webhook-id"] == "T1/r1/s1/2"


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,ä"},
        {"webhook-signature": "v1,AAAA v1,BBBB"},
        {"webhook-id": "other"},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "1e999"},
        {"webhook-timestamp": "0"},
    ],
)
def test_a_header_that_was_changed_is_forged(change: dict[str, str]) -> None:
    with pytest.raises(Forged):
        Signer(SECRET).check(Signer(SECRET).headers("id", b"{}") | change, b"{}")


@pytest.mark.parametrize("body", [b"{ }", b"\xff", b""])
def test_a_body_that_was_changed_is_forged(body: bytes) -> None:
    with pytest.raises(Forged):
        Signer(SECRET).check(Signer(SECRET).headers("id", b"{}"), body)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_one_of_another_time_is_forged(minutes: int) -> None:
    then = datetime.now(UTC) + timedelta(minutes=minutes)
    headers = {
        "webhook-id": "id",
        "webhook-timestamp": str(int(then.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("id", then, "{}"),
    }
    with pytest.raises(Forged):
        Signer(SECRET).check(headers, b"{}")


def test_a_secret_is_changed_while_both_are_accepted() -> None:
    both = Signer(f"{OTHER} {SECRET}")
    Signer(SECRET).check(both.headers("id", b"{}"), b"{}")
    both.check(Signer(SECRET).headers("id", b"{}"), b"{}")
    with pytest.raises(Forged):
        Signer(OTHER).check(Signer(SECRET).headers("id", b"{}"), b"{}")


def test_without_a_secret_everything_is_forged() -> None:
    with pytest.raises(Forged):
        Signer("").check(Signer(SECRET).headers("id", b"{}"), b"{}")
    with pytest.raises(ValueError, match="shorter"):
        Signer("whsec_aGFsbG8=")
    assert unfit(SECRET) == unfit(f"{SECRET} {OTHER}") == ""
