from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.queues import rabbit_prefix
from tests.wire.node import install


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the worker in Node, with its one package."""
    folder = tmp_path_factory.mktemp("node") / "worker"
    install(folder)
    return folder


@pytest.fixture
def own_queues() -> Iterator[str]:
    """A prefix for the names of queues; they are gone at the end."""
    with rabbit_prefix(["counter", "writer", "summarizer", "analyst"]) as (_, prefix):
        yield prefix
