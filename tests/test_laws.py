"""The laws of the house, kept by reading imports: who may know whom."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUTER = ("slack_bolt", "slack_sdk", "sqlmodel", "sqlalchemy", "taskiq", "litellm", "aiohttp", "apscheduler")
CORE = ("plan", "run", "decide", "settling", "messages", "render", "team", "waiting")
PURE = [f"bot/{name}.py" for name in CORE]
WORKERS = [str(p.relative_to(ROOT)) for p in (ROOT / "workers").glob("*.py") if not p.name.startswith("__")]


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (ROOT / folder).rglob("*.py")


def offenders(paths: Iterator[Path], *packages: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in paths
        for name in sorted(imports(path))
        if any(name == p or name.startswith(f"{p}.") for p in packages)
    ]


def test_workers_never_import_the_bot_so_that_a_worker_service_ships_without_it() -> None:
    assert offenders(files("workers"), "bot") == []


@pytest.mark.parametrize("path", PURE)
def test_the_core_knows_no_slack_no_sql_no_queue_and_no_model(path: str) -> None:
    assert (
        offenders(iter([ROOT / path]), *OUTER, "bot.slack", "bot.store", "bot.tables", "asyncio", "time")
        == []
    )


@pytest.mark.parametrize("path", WORKERS)
def test_a_worker_knows_the_contract_alone(path: str) -> None:
    assert (
        offenders(
            iter([ROOT / path]), *OUTER, "workers.kit.transport", "workers.kit.service", "workers.kit.model"
        )
        == []
    )


def test_only_the_composition_root_brings_adapters_together() -> None:
    """`app.py`, its two sides and the command line may import everything; nobody else imports them."""
    roots = ("app", "app_slack", "app_workers", "__main__")
    others = (p for p in files("bot") if p.stem not in roots)
    assert offenders(others, *(f"bot.{root}" for root in roots)) == []
    core = (ROOT / "bot" / name for name in ("orchestrator.py", "planner.py", "registry.py", "ports.py"))
    assert offenders(core, *OUTER, "bot.slack", "bot.store", "bot.tables", "bot.settings") == []


def test_only_settings_read_the_environment() -> None:
    reads = re.compile(r"os\.(environ\b(?!\[\"LITELLM_)|getenv)")
    found = [
        str(path.relative_to(ROOT))
        for path in files("bot", "workers", "migrations", "playground")
        if path.name != "settings.py" and reads.search(path.read_text())
    ]
    assert found == []


def test_nothing_but_tests_and_benches_imports_the_playground() -> None:
    assert offenders(files("bot", "workers", "migrations"), "playground", "tests", "bench") == []


def test_the_playground_knows_neither_bot_nor_workers() -> None:
    assert offenders(files("playground"), "bot", "workers") == []


def test_no_commit_names_an_index_or_a_machine() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        assert "://" not in text and "index-url" not in text and "@ file" not in text
        assert "--hash=sha256:" in text
