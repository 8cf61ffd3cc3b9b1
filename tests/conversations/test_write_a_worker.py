"""The README's worker, word for word: saved as a file, found, planned for, and at work in a thread."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.remote import declared
from tests.conversations.world import World, steps
from tests.test_readme import ROOT, blocks, part
from workers import discover

CHAPTER = part("Write a worker")
(WORKER,) = blocks("python", CHAPTER)
TOML, ELSEWHERE = blocks("toml", CHAPTER)


def test_workers_elsewhere_are_declared_as_the_readme_shows(tmp_path: Path) -> None:
    (tmp_path / "workers.toml").write_text(ELSEWHERE)
    secret = "whsec_" + base64.b64encode(b"s" * 32).decode()
    found = declared(tmp_path / "workers.toml", ["writer"], broker=True, secret=secret)
    assert found.problems == () and set(found.workers) == {"billing", "translate"}
    assert found.workers["billing"].effects == "external" and set(found.functions) == {"translate"}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with the README's worker and its entry point, as pip would leave it behind."""
    ((name, module),) = tomllib.loads(TOML)["project"]["entry-points"]["delegate.workers"].items()
    site = tmp_path / "site"
    file = site / f"{module.replace('.', '/')}.py"
    file.parent.mkdir(parents=True)
    file.write_text(WORKER)
    info = site / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[delegate.workers]\n{name} = {module}\n")
    monkeypatch.syspath_prepend(str(site))
    yield name
    for loaded in [m for m in sys.modules if m == module or m == module.partition(".")[0]]:
        del sys.modules[loaded]


async def test_an_installed_worker_is_switched_on_and_works_in_a_thread(world: World, installed: str) -> None:
    world.stub.plan(
        steps(
            ("draft", "writer", "Write the notice, a draft only"),
            ("translate", installed, "Translate the notice into Portuguese", ["draft"]),
            title="A notice in Portuguese",
        )
    )
    world.stub.reply("The office is closed on Monday.", match="Write the notice")
    world.stub.reply("O escritório fecha na segunda-feira.", match="into Portuguese")
    async with world.bot():
        await world.slack.command("/delegate", f"workers enable {installed}", by="ada")
        await world.slack.until(lambda: world.slack.ephemerals("ada"))
        assert f"{installed} is on, everywhere" in world.slack.ephemerals("ada")[-1]["text"]
        ts = await world.says("@delegate Write a notice that we close on Monday, in Portuguese")
        await world.sees(ts, "writer: ", f"{installed}: .*@ada", "O escritório fecha")
        await world.sees(ts, "Done", "✓ Draft", "✓ Translate")
    planning, _, asked = world.stub.requests
    assert installed in planning.workers, "the planner may choose it"
    assert discover().workers[installed].about in planning.text, "and reads its docstring"
    assert "<material>\nThe office is closed on Monday.\n</material>" in asked.text


async def test_until_then_the_planner_does_not_know_it_and_nothing_is_handed_to_it(
    world: World, installed: str
) -> None:
    world.stub.plan(steps(("translate", installed, "Translate the notice into Portuguese")))
    world.stub.plan({"answer": "Nobody here translates."})
    async with world.bot():
        ts = await world.says("@delegate Translate this notice")
        await world.sees(ts, "Nobody here translates")
    assert all(installed not in asked.workers for asked in world.stub.requests)


def test_saved_as_a_file_in_the_folder_of_workers_it_is_found(tmp_path: Path) -> None:
    saved = re.search(r"Save this as `(workers/\w+\.py)`", CHAPTER)
    assert saved
    shutil.copytree(ROOT / "workers", tmp_path / "workers", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / saved[1]).write_text(WORKER)
    script = "from workers import discover; found = discover(); print(*found.workers, *found.problems)"
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["analyst", "summarizer", Path(saved[1]).stem, "writer"]
