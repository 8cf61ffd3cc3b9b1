from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster, cluster
from tests.kill.matrix import engines


@pytest.fixture
def machines() -> Iterator[dict[str, Any]]:
    with engines("cluster") as chosen:
        yield chosen


@pytest.fixture
async def there(machines: dict[str, Any], tmp_path: Path) -> AsyncIterator[Cluster]:
    """Two bots and three worker services, on PostgreSQL and RabbitMQ."""
    async with cluster(tmp_path, **machines) as it:
        yield it
