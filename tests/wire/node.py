"""The worker in `examples/node-worker`, installed as its lock file says, and running."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.cluster.queues import RABBITMQ
from tests.services import missing

EXAMPLE = Path(__file__).parents[2] / "examples" / "node-worker"


def install(folder: Path) -> None:
    npm = shutil.which("npm") or missing("No npm here (apt-get install npm)")
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    if done.returncode:
        missing(f"npm could not install the example's one package: {done.stderr[-300:]}")


@asynccontextmanager
async def counter(
    folder: Path, prefix: str, *, ready: bool = True
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The worker's process, from when it is ready."""
    node = shutil.which("node") or missing("No node here (apt-get install nodejs)")
    process = await asyncio.create_subprocess_exec(
        node,
        "worker.mjs",
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "BROKER_URL": RABBITMQ, "BROKER_PREFIX": prefix},
    )
    try:
        assert process.stdout is not None
        if ready:
            assert await asyncio.wait_for(process.stdout.readline(), 20) == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
