"""Takes away what this process will not need, before it reads the first byte of anybody's file.

Every step is best effort, because systems differ (a container may forbid namespaces, macOS ignores a
limit on address space); what DuckDB itself forbids (see `sql`) does not depend on any of it. POSIX only.
Knows nothing of tables. Must run before a second thread exists: a user namespace wants a single one.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from contextlib import suppress

from workers.kit.tables.limits import Limits

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38


def lock_down(limits: Limits, parent: int) -> bool:
    """Returns whether this process is without a network now."""
    offline = _leave_network()
    # after the namespace: entering one clears the death signal
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before the line above
        os._exit(1)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_SET_DUMPABLE, 0)
    _limit(resource.RLIMIT_AS, limits.memory_bytes)
    _limit(resource.RLIMIT_CPU, limits.cpu_seconds)
    _limit(resource.RLIMIT_FSIZE, limits.write_bytes)
    _limit(resource.RLIMIT_NOFILE, 64)
    _limit(resource.RLIMIT_CORE, 0)
    return offline


def no_more_processes() -> None:
    """Neither threads nor children from here on (root is exempt: the kernel does not count it)."""
    if hasattr(resource, "RLIMIT_NPROC"):
        _limit(resource.RLIMIT_NPROC, 0)


def _leave_network() -> bool:
    """A user namespace first: in it, being root outside no longer counts."""
    libc = _libc()
    if libc is None or not hasattr(libc, "unshare"):
        return False
    return any(libc.unshare(flags) == 0 for flags in (CLONE_NEWUSER | CLONE_NEWNET, CLONE_NEWNET))


def _prctl(option: int, value: int) -> None:
    libc = _libc()
    if libc is not None and hasattr(libc, "prctl"):
        libc.prctl(option, value, 0, 0, 0)


def _libc() -> ctypes.CDLL | None:
    with suppress(OSError):
        return ctypes.CDLL(None, use_errno=True)
    return None


def _limit(what: int, most: int) -> None:
    with suppress(ValueError, OSError):  # never above what the system allows already
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
