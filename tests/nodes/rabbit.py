"""A RabbitMQ node of a test's own: everything it has is in one folder, and it may be killed at any moment.

It knows nothing of queues. The machine's own RabbitMQ is never touched: this one has another node name, other
ports and another cookie; only `epmd`, the list of node names, is shared.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aio_pika

from tests.services import missing

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_SECONDS = 90.0  # it takes 4; a busy machine more
YOUNG = 1.5  # seconds; see `settle`

CONFIG = """\
listeners.tcp.default = 127.0.0.1:{port}
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.absolute = 512MB
raft.wal_max_size_bytes = 16000000
log.file.level = warning
log.console = false
"""


class RabbitNode:
    """`kill` is a SIGKILL of the whole node; `wipe` deletes what it had on disk while it is down."""

    def __init__(self, folder: Path) -> None:
        if not SERVER.exists():
            missing(f"No RabbitMQ to start a node of: {SERVER} is not there")
        self.folder = folder
        self.name = f"t{uuid.uuid4().hex[:12]}@localhost"
        self.port, self._link_port = free_ports(2)
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        self._process: asyncio.subprocess.Process | None = None
        self._make_folder()

    def _make_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "rabbitmq.conf").write_text(CONFIG.format(port=self.port))
        (self.folder / "enabled_plugins").write_text("[].\n")
        (self.folder / "env.conf").write_text("")  # or the machine's own would name the node

    def _environment(self) -> dict[str, str]:
        folder = str(self.folder)
        return {
            "PATH": os.environ["PATH"],
            "HOME": folder,  # the cookie is made here
            "RABBITMQ_HOME": "/usr/lib/rabbitmq/lib/rabbitmq_server",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/env.conf",
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_DIST_PORT": str(self._link_port),
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{folder}/generated",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_FLAGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }

    async def start(self) -> None:
        """Returns when it takes connections."""
        assert self._process is None, "it runs already"
        self._process = await asyncio.create_subprocess_exec(
            SERVER,
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        async with asyncio.timeout(START_SECONDS):
            while not await self._answers():
                assert self._process.returncode is None, f"it ended at its start; see {self.folder}/log"
                await asyncio.sleep(0.1)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        try:
            connection = await aio_pika.connect(self.url, timeout=5)
        except (OSError, TimeoutError, aio_pika.exceptions.AMQPError):
            return False
        await connection.close()
        return True

    async def settle(self) -> None:
        """After declaring, before a kill: RabbitMQ writes the list of its quorum queues down every half
        second. One that is not on it when the node is killed is stuck for good afterwards (seen with 3.10.8):
        it can be declared, and takes and gives nothing until an operator deletes it."""
        await asyncio.sleep(YOUNG)

    async def kill(self) -> None:
        """As a power cut: nothing is written any more."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Ends it if it runs. Its data stay."""
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        if (process := self._process) is None:
            return
        self._process = None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)  # a session of its own: the shell, the beam and its helpers
        try:
            await asyncio.wait_for(process.wait(), 20)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    async def wipe(self) -> None:
        """A node that starts after this has never heard of a queue."""
        assert self._process is None, "it still runs"
        await asyncio.to_thread(shutil.rmtree, self.folder / "data", ignore_errors=True)


@asynccontextmanager
async def rabbit_node(folder: Path) -> AsyncIterator[RabbitNode]:
    """A node that runs, and is gone at the end."""
    node = RabbitNode(folder)
    try:
        await node.start()
        yield node
    finally:
        await node.kill()


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports
