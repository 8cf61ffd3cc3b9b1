"""The documents against what they speak of: files, commands, settings, the tree of the house.

The worker that the README shows runs in `tests/conversations/test_write_a_worker.py`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.settings import Settings
from workers.kit.settings import WorkerSettings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
ENV_EXAMPLE = ROOT / ".env.example"
SETTINGS = WorkerSettings.model_fields | Settings.model_fields


def part(heading: str) -> str:
    """What stands under a heading of the README."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"the README has no part “{heading}”"
    return found[1]


def blocks(language: str, text: str = README) -> list[str]:
    """The code blocks of one language, without the indentation of a list they may stand in."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", code, flags=re.MULTILINE) for indent, code in found]


def tree() -> Iterator[tuple[str, str]]:
    """(path or pattern, comment) of each name in the tree; a folder's ends with a slash."""
    folders: list[str] = []
    for row in blocks("", part("The house"))[0].splitlines():
        depth = (len(row) - len(row.lstrip())) // 2
        names, _, comment = row.strip().partition("  ")
        del folders[depth:]
        for name in names.split(", "):
            yield "".join(folders) + name, comment.strip()
        if names.endswith("/"):
            folders.append(names)


# -- links and commands


@pytest.mark.parametrize("document", [README, CHANGELOG], ids=["readme", "changelog"])
def test_each_link_to_a_file_leads_to_one(document: str) -> None:
    targets = re.findall(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)\)", document)
    missing = [t for t in targets if not t.startswith("https://") and not (ROOT / t).exists()]
    assert missing == []


def test_files_and_folders_that_are_named_are_there() -> None:
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    named = re.findall(r"`((?:tests|bot|workers|playground|\.ci)/[\w./-]+|Procfile|app\.yaml)`", prose)
    yours = "workers/translator.py"  # the reader writes this one
    assert yours in named
    assert [name for name in named if name != yours and not (ROOT / name).exists()] == []


def test_the_picture_is_there_and_has_words_for_those_who_cannot_see_it() -> None:
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", README)
    assert pictures and all(len(words) > 40 for words, _ in pictures)
    assert [path for _, path in pictures if not (ROOT / path).exists()] == []


def test_each_command_of_the_bot_that_is_named_exists() -> None:
    named = set(re.findall(r"python -m bot ([\w-]+)", README + CHANGELOG + ENV_EXAMPLE.read_text()))
    helped = subprocess.run(
        [sys.executable, "-m", "bot", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    listed = set(re.findall(r"^\W*([\w-]+)", helped.partition("Commands")[2], re.MULTILINE))
    assert {"serve", "doctor", "migrate", "playground", "audit", "dead-letters"} == named <= listed


def test_each_make_target_that_is_named_exists_and_each_is_named() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(blocks("sh")))) <= targets
    row = next(comment for name, comment in tree() if name == "Makefile")
    assert set(row.split(", ")) == targets


def test_each_slack_word_that_is_named_is_in_the_manifest() -> None:
    manifest = (ROOT / "app.yaml").read_text()
    assert "`/delegate" in README and "command: /delegate" in manifest
    assert "*Delegate this message*" in README and "name: Delegate this message" in manifest


# -- settings


def shown(value: object) -> str:
    """A default as the table shows it."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{str(value).replace(str(Path.home()), '~')}`"


def test_the_table_of_settings_has_each_once_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ?(.*?) \| (.+) \|$", part("Settings"), re.MULTILINE)
    assert sorted((name, default.strip()) for name, default, _ in rows) == sorted(
        (name.upper(), shown(field.default)) for name, field in SETTINGS.items()
    )
    assert all(meaning[0].isupper() or meaning[0] == "`" for _, _, meaning in rows)


def test_the_example_of_an_env_file_names_settings_only_and_changes_nothing_until_it_is_filled_in() -> None:
    names = re.findall(r"^(\w+)=", ENV_EXAMPLE.read_text(), re.MULTILINE)
    assert {name.lower() for name in names} <= set(SETTINGS) and len(names) == len(set(names))
    assert {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "MODEL", "MODEL_API_KEY"} <= set(names)
    assert Settings(_env_file=ENV_EXAMPLE) == Settings(_env_file=None)


def test_what_looks_like_a_setting_in_the_documents_is_one() -> None:
    others = {"REQUIRE_SERVICES", "TEST_POSTGRES_URL", "TEST_RABBITMQ_URL"}  # of the tests
    text = re.sub(r"xox\S*", "", README + CHANGELOG + ENV_EXAMPLE.read_text())
    named = set(re.findall(r"\b(?:[A-Z]+_[A-Z_]+)\b", text)) - others
    assert {name.lower() for name in named} <= set(SETTINGS)


# -- the tree of the house


def test_each_line_of_the_tree_is_there_and_says_something() -> None:
    for path, comment in tree():
        assert comment, f"{path} has no comment"
        assert list(ROOT.glob(path.rstrip("/"))), f"{path} is in the README and nowhere else"
        assert not path.endswith("/") or (ROOT / path).is_dir()


def test_each_module_is_in_the_tree() -> None:
    """By its own name, or by its folder's where the tree does not look into that. A folder's line speaks
    for its `__init__` too."""
    paths = [path for path, _ in tree()]
    folders = {path for path in paths if path.endswith("/")}
    closed = tuple(f for f in folders if not any(p.startswith(f) and p != f for p in paths))
    named = {str(found.relative_to(ROOT)) for path in paths for found in ROOT.glob(path.rstrip("/"))}
    missing = []
    for top in ("bot", "workers", "migrations", "bench"):
        for module in sorted((ROOT / top).rglob("*.py")):
            name = str(module.relative_to(ROOT))
            known = f"{module.parent.relative_to(ROOT)}/" in folders and module.name == "__init__.py"
            if not (known or name in named or name.startswith(closed)):
                missing.append(name)
    assert missing == [], "a new module wants its line in the README's tree"


# -- numbers that the text repeats


def test_numbers_in_the_text_are_those_in_the_code() -> None:
    from bot.app import DRAIN_SECONDS
    from bot.decide import ASK_DAYS, MAX_LOSSES
    from bot.local import MAX_STEPS
    from bot.slack.asking import MAX_CHARS
    from bot.slack.files import MESSAGES
    from tests.kill.matrix import POINTS  # K17 has a test of its own
    from workers import Worker
    from workers.kit.files import LARGEST
    from workers.kit.local.sources import QWEN

    said = " ".join(README.split())
    assert f"for {DRAIN_SECONDS:g} seconds" in said
    assert f"up to {ASK_DAYS:g} days" in said
    assert MAX_LOSSES == 3 and "lost three times" in said
    assert f"newest {MESSAGES} messages" in said
    assert f"files of {LARGEST // 1024**2} MB" in said
    assert f"{MAX_CHARS:,} characters" in said
    assert len(POINTS) == 16 and "seventeen named points" in said
    seconds = next(f.default for f in Worker.__dataclass_fields__.values() if f.name == "seconds")
    assert f"{seconds} unless told" in said
    assert f"({MAX_STEPS} with the embedded model)" in said
    assert f"{QWEN.size / 1e9:.1f} GB" in said


def test_the_changelog_knows_this_version() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version and f"## [{version[1]}] - 20" in CHANGELOG
