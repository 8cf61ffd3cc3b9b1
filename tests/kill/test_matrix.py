"""Real processes, killed for real at each point, one of them alone or as two bots and three worker services,
once and twice: every acknowledged request ends, its result is right, and each message is visible once."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.cluster.cluster import Cluster, cluster
from tests.kill import matrix
from tests.kill.matrix import Case, engines, play


@pytest.fixture(scope="module")
def setup(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    with engines(str(request.param)) as chosen:
        yield chosen


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there(setup: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """Up for all cases: who is killed in one is there again for the next."""
    async with cluster(tmp_path_factory.mktemp("kill"), **setup) as it:
        yield it


def named(case: Case) -> Any:
    marks = () if case.quick else (pytest.mark.chaos,)
    return pytest.param(case.setup, case, id=f"{case.setup}-{case.point}-{case.crashes}", marks=marks)


@pytest.mark.timeout(400)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("setup, case", list(map(named, matrix.cases())), indirect=["setup"], scope="module")
async def test_killed_there_and_started_again_nothing_is_lost_or_said_twice(
    case: Case, there: Cluster
) -> None:
    try:
        outcome = await play(there, case)
        assert not outcome.wrong, "\n".join(outcome.wrong)
    except BaseException:
        sys.stderr.write(there.logs(6000))
        raise
