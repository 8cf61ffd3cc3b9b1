"""Workers that come in packages of their own: real wheels, installed by pip into a fresh environment."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.test_readme import ROOT, blocks, part

(TRANSLATOR,) = blocks("python", part("Write a worker"))
LOOK = """
import json
from bot.registry import Registry
from workers import discover
found = discover()
registry = Registry(found.workers)
print(json.dumps({
    "packages": {name: worker.package for name, worker in found.workers.items()},
    "problems": found.problems,
    "on": list(registry.default.on),
    "runs": {name: worker.run.__module__ for name, worker in found.workers.items()},
}))
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment without this project's packages in it; they are lent to it by a path file."""

    python: Path
    wheels: Path

    def install(self, package: str, entries: Mapping[str, str], modules: Mapping[str, str]) -> None:
        file = wheel(self.wheels, package, entries, modules)
        self._pip("install", "--no-deps", "--no-index", "--no-cache-dir", str(file))

    def uninstall(self, package: str) -> None:
        self._pip("uninstall", "--yes", package)

    def look(self) -> dict[str, Any]:
        """What a bot that starts here finds."""
        found = subprocess.run(
            [str(self.python), "-c", LOOK], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return dict(json.loads(found.stdout))

    def _pip(self, *words: str) -> None:
        command = [sys.executable, "-m", "pip", "--python", str(self.python), "--quiet"]
        done = subprocess.run(
            [*command, "--disable-pip-version-check", *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def wheel(folder: Path, package: str, entries: Mapping[str, str], modules: Mapping[str, str]) -> Path:
    """A wheel is a zip with four files about itself; building it needs no tool and no network."""
    name = package.replace("-", "_")
    info = f"{name}-1.0.dist-info"
    points = "".join(f"{entry} = {target}\n" for entry, target in entries.items())
    files = {
        **modules,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[delegate.workers]\n{points}",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, content)
    return path


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    folder = tmp_path_factory.mktemp("packages")
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    show = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = subprocess.run(show, capture_output=True, text=True, check=True).stdout.strip()
    Path(site, "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    yield Environment(python, folder)


def test_a_worker_in_a_package_is_found_by_its_package_s_name_and_starts_switched_off(
    environment: Environment,
) -> None:
    before = environment.look()
    assert set(before["packages"].values()) == {""} and before["problems"] == []
    environment.install(
        "acme-workers",
        {"translator": "acme_workers.translator"},
        {"acme_workers/__init__.py": "", "acme_workers/translator.py": TRANSLATOR},
    )
    after = environment.look()
    assert after["packages"] == {**before["packages"], "translator": "acme-workers"}
    assert after["problems"] == []
    assert after["runs"]["translator"] == "acme_workers.translator"
    assert after["on"] == before["on"] == list(before["packages"]), "what is installed waits for an admin"
    environment.uninstall("acme-workers")
    assert environment.look() == before


def test_a_package_that_cannot_be_used_is_left_out_with_a_sentence_and_the_rest_go_on(
    environment: Environment,
) -> None:
    environment.install(
        "broken-workers",
        {
            "absent": "broken_workers.absent",
            "exits": "broken_workers.exits",
            "none": "broken_workers.none",
            "writer": "broken_workers.writer",
        },
        {
            "broken_workers/__init__.py": "",
            "broken_workers/exits.py": "raise SystemExit(3)\n",
            "broken_workers/none.py": "answer = 42\n",
            "broken_workers/writer.py": TRANSLATOR.replace("def translator", "def writer"),
        },
    )
    found = environment.look()
    environment.uninstall("broken-workers")
    assert list(found["packages"]) == ["analyst", "summarizer", "writer"]
    assert found["packages"]["writer"] == "", "a name that is taken stays with its first owner"
    of = "of the package broken-workers"
    assert found["problems"] == [
        f"The worker broken_workers.absent {of} is left out: ModuleNotFoundError: "
        "No module named 'broken_workers.absent'",
        f"The worker broken_workers.exits {of} is left out: SystemExit: 3",
        f"broken_workers.none {of} is left out: it should define one worker and defines 0.",
        f"broken_workers.writer {of} is left out: there is a worker named writer already.",
    ]
