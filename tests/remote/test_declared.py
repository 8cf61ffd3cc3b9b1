"""The file that says which workers are elsewhere: who is in it, and what is said of who cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.registry import Registry
from bot.remote import USUAL, Declared, declared
from tests.remote.function import SECRET
from workers import Sample, Task, WorkerError

BOTH = """
[billing]
about = "Answers questions about invoices."
emoji = ":receipt:"
effects = "external"
reads = ["thread"]
seconds = 120
sample = "What is open?"

[translate]
about = "Translates text."
url = "https://functions.example.com:8443/a/path?code=geheim"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "workers.toml"


def read(file: Path, text: str, *, broker: bool = True, secret: str = SECRET) -> Declared:
    file.write_text(text)
    return declared(file, ["writer"], broker=broker, secret=secret)


async def test_one_behind_a_queue_and_one_behind_a_url_stand_beside_the_others_switched_off(
    file: Path,
) -> None:
    found = read(file, BOTH)
    assert found.problems == ()
    billing, translate = found.workers["billing"], found.workers["translate"]
    assert (billing.emoji, billing.effects, billing.reads) == (":receipt:", "external", ("thread",))
    assert (billing.seconds, billing.sample) == (120, Sample(text="What is open?"))
    assert (translate.effects, translate.reads, translate.seconds) == ("none", (), 300)
    assert list(found.functions) == ["translate"]
    registry = Registry(found.workers, home="in a worker service")
    assert registry.default.on == {}, "an admin switches them on"
    places = {seat.worker.name: seat.place for seat in await registry.seats("T1", 0)}
    assert places == {
        "billing": "on the queue worker.billing",
        "translate": "at https://functions.example.com:8443",  # a path or a query may hold a key
    }


async def test_its_code_is_never_run_here(file: Path) -> None:
    async def nothing(*_: object, **__: object) -> str:
        raise AssertionError

    task = Task("", "", nothing, nothing, lambda *_: None)  # type: ignore[arg-type]
    with pytest.raises(WorkerError, match="runs elsewhere"):
        await read(file, BOTH).workers["billing"].run(task)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ('url = "https://a.b/c"', "it needs `about`"),
        ('about = ""', "`about`: string should have at least 1 character"),
        ('about = "One."\nabuot = "Two."', "`abuot` is nothing that a worker has"),
        ('about = "One."\neffects = "some"', "`effects`: input should be 'none' or 'external'"),
        ('about = "One."\nreads = ["mail"]', "`reads`: input should be 'thread', 'channel' or 'files'"),
        ('about = "One."\nseconds = 0', "`seconds`: input should be greater than or equal to 1"),
        ('about = "One."\nurl = "ftp://a.b"', "`url`: it is no address that begins with https://"),
        ('about = "One."\nurl = "https://"', "`url`: it is no address that begins with https://"),
        ('about = "One."\nurl = "https://[::"', "`url`: it is no address"),
        ('about = "One."\nurl = "https://a:99999/"', "`url`: it is no address"),
        ('about = "One."\nurl = "https://me:pw@a.b/"', "`url`: leave name and password out of it"),
        (
            'about = "One."\nurl = "http://a.b/"',
            "`url`: it has to begin with https://, but for a private address",
        ),
        (
            'about = "One."\nurl = "http://169.254.169.254/"',
            "`url`: it has to begin with https://, but for a private address",
        ),
    ],
)
def test_a_bad_entry_is_left_out_with_a_sentence_and_the_others_go_on(
    file: Path, entry: str, why: str
) -> None:
    found = read(file, f"[bad]\n{entry}\n{BOTH}")
    assert list(found.workers) == ["billing", "translate"]
    assert found.problems == (f"The worker bad in workers.toml is left out: {why}.",)


@pytest.mark.parametrize("host", ["localhost:8099", "127.0.0.1", "[::1]:80", "10.1.2.3", "192.168.0.9:8000"])
def test_a_private_address_needs_no_certificate(file: Path, host: str) -> None:
    assert read(file, f'[near]\nabout = "One."\nurl = "http://{host}/x"').problems == ()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("writer", "that name is taken"),
        ("model", "that name is taken"),
        ("Upper", "a name has up to 40 small letters, digits and “_”, a letter first"),
        ('"~plan"', "a name has up to 40 small letters, digits and “_”, a letter first"),
    ],
)
def test_a_name_that_is_taken_stays_with_its_first_owner(file: Path, name: str, why: str) -> None:
    found = read(file, f'[{name}]\nabout = "One."')
    assert found.workers == {} and found.problems[0].endswith(f"is left out: {why}.")


def test_what_cannot_be_reached_is_left_out(file: Path) -> None:
    no_queue, no_secret = read(file, BOTH, broker=False), read(file, BOTH, secret="")
    assert list(no_queue.workers) == ["translate"]
    assert no_queue.problems[0].endswith("it has no url, and without BROKER_URL there are no queues.")
    assert list(no_secret.workers) == ["billing"]
    assert no_secret.problems[0].endswith("is left out: WORKER_SECRET is not set.")
    assert "shorter than 24 bytes" in str(read(file, BOTH, secret="whsec_aGFsbG8=").problems)
    assert "not “whsec_” and base64" in str(read(file, BOTH, secret="correct horse battery").problems)


def test_no_file_declares_nobody_unless_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert declared(USUAL, [], broker=True) == Declared({})
    named = declared(tmp_path / "mine.toml", [], broker=True)
    assert named.problems == (f"WORKERS_FILE names {tmp_path}/mine.toml, and there is no such file.",)


@pytest.mark.parametrize("text", ["[billing", "about = 3", "\x00", "[a]\nabout = 'x'\n[a]"])
def test_a_file_that_is_no_toml_is_one_problem(file: Path, text: str) -> None:
    found = read(file, text)
    assert found.workers == {} and len(found.problems) == 1


def test_a_folder_or_binary_in_its_place_is_one_problem(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe[")
    for path in (tmp_path, tmp_path / "binary"):
        assert len(declared(path, [], broker=True).problems) == 1


@given(st.dictionaries(st.sampled_from(["about", "url", "emoji", "reads", "x"]), st.text() | st.integers()))
def test_whatever_an_entry_says_it_is_a_worker_or_a_sentence(entry: dict[str, object]) -> None:
    from bot.remote import _remote  # its input is what TOML can say

    made = _remote("odd", entry, "workers.toml", "")
    assert made if isinstance(made, str) else made.about
