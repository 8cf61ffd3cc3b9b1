"""Files by content: whatever a name says, bytes land in the folder and nowhere else."""

from pathlib import Path

import pytest

from workers import File, WorkerError
from workers.kit.files import FileStore, plain_name


def everything(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file()]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("sales.csv", "sales.csv"),
        ("../../etc/passwd.csv", "passwd.csv"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/etc/shadow", "shadow"),
        ("..", "file"),
        ("", "file"),
        ("a\x00b\u202e.csv\n", "ab.csv"),
        ("x" * 300 + ".csv", "x" * 116 + ".csv"),
    ],
)
def test_a_name_is_shown_and_never_a_path(tmp_path: Path, name: str, shown: str) -> None:
    store = FileStore(tmp_path / "files")
    file = store.put(b"a,b\n1,2\n", name, "text/csv")
    assert file.name == plain_name(name) == shown
    assert (file.size, file.mimetype) == (8, "text/csv")
    assert store.read(file) == b"a,b\n1,2\n"
    assert [p.name for p in everything(tmp_path)] == [file.id]


def test_the_same_bytes_are_stored_once(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    one, two = store.put(b"same", "a.txt"), store.put(b"same", "b.txt")
    assert one.id == two.id
    assert len(everything(tmp_path)) == 1


def test_an_id_is_never_a_path_either(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    store = FileStore(tmp_path / "files")
    for id in ("../secret", "", "A" * 64, "a" * 63, "a" * 64 + "/../secret"):
        with pytest.raises(WorkerError, match="was not fetched"):
            store.path(File(name="n.csv", id=id))


def test_what_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"n\.csv is not stored any more"):
        FileStore(tmp_path).path(File(name="n.csv", id="a" * 64))


def test_too_much_is_refused_before_it_is_written(tmp_path: Path) -> None:
    store = FileStore(tmp_path, largest=10)
    with pytest.raises(WorkerError, match="larger than"):
        store.put(b"x" * 11, "big.bin")
    assert everything(tmp_path) == []
